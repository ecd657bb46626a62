"""In which country and time zone a point lies, and what clocks said there, month by month.

The file `resources/places/zones.npz` holds

- ``countries`` and ``zones``: maps of equal steps, rows from the south pole, columns from 180°
  west, of 1 + the number in the lists, 0 at sea; painted from GeoNames' places and Natural Earth's
  outlines, good to the size of a step (28 km) and to the coast;
- ``country_codes``, ``zone_names``: lists, one entry a line; ``zone_weight``: how much is
  photographed in each zone;
- ``offsets`` (Z, M): quarters of an hour east of UTC at noon of the first day of each month from
  ``first_year``, as the zone database told.
"""

from __future__ import annotations

import importlib.resources
import zipfile
import zlib
from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geotagger.earth.distance import wrap_lon
from geotagger.errors import GeotaggerError

QUARTER_S = 900


class ZoneMap:
    """The maps and offsets; immutable and safe between threads.

    Parameters
    ----------
    arrays
        The content of `zones.npz`.
    """

    def __init__(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._countries, self._zones = arrays["countries"], arrays["zones"]
        self._codes = np.array(["", *_lines(arrays["country_codes"])])
        self.names = tuple(_lines(arrays["zone_names"]))
        weight = arrays["zone_weight"].astype(np.float64)
        self.weight: NDArray[np.float64] = weight / weight.sum()
        self._offsets = arrays["offsets"].astype(np.int64)
        self._first_year = int(arrays["first_year"])
        if self._countries.shape != self._zones.shape or self._offsets.shape[0] != len(self.names):
            raise ValueError("the columns are not of the same length")

    @classmethod
    def load(cls, path: Path | None = None) -> ZoneMap:
        """Return the program's own maps, or those of the file ``path``.

        Raises
        ------
        GeotaggerError
            If the file is missing or damaged.
        """
        source = importlib.resources.files("resources") / "places" / "zones.npz"
        with importlib.resources.as_file(source) as bundled:
            file = path or bundled
            try:
                # Opened here: NumPy leaves a file open that it cannot make sense of.
                with file.open("rb") as handle, np.load(handle, allow_pickle=False) as archive:
                    return cls(dict(archive))
            except (
                OSError,
                ValueError,
                KeyError,
                IndexError,
                TypeError,
                AttributeError,
                EOFError,
                zipfile.BadZipFile,
                zlib.error,
            ) as error:
                raise GeotaggerError(
                    f"The map of time zones cannot be read ({error}).",
                    path=file,
                    remedy="Install the program again.",
                ) from error

    def countries_at(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.str_]:
        """Return the ISO codes of the countries at N points in degrees, empty at sea."""
        return np.asarray(self._codes[self._at(self._countries, lat, lon)])

    def lie_in(self, code: str, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.bool_]:
        """Return which of N points in degrees lie in the country with an ISO code."""
        number = np.flatnonzero(self._codes == code) if code else np.zeros(0, np.intp)
        return np.isin(self._at(self._countries, lat, lon), number)

    def zones_at(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.int64]:
        """Return the numbers of the zones at N points in degrees, -1 at sea."""
        return self._at(self._zones, lat, lon) - 1

    def offsets_around(self, when: datetime) -> NDArray[np.int64]:
        """Return the offsets (Z, 2) in seconds at the beginning and the end of a month.

        They differ where clocks were changed in between. Years outside the table count as its
        first or last.
        """
        years = self._offsets.shape[1] // 12
        year = min(max(when.year - self._first_year, 0), years - 1)
        first = 12 * year + when.month - 1
        last = min(first + 1, self._offsets.shape[1] - 1)
        return self._offsets[:, [first, last]] * QUARTER_S

    @staticmethod
    def _at(raster: NDArray[np.generic], lat: ArrayLike, lon: ArrayLike) -> NDArray[np.int64]:
        rows, columns = raster.shape
        lats = np.nan_to_num(np.atleast_1d(np.asarray(lat, np.float64)))
        lons = wrap_lon(np.nan_to_num(np.atleast_1d(np.asarray(lon, np.float64))))
        row = np.clip((lats + 90.0) / 180.0 * rows, 0, rows - 1).astype(np.intp)
        column = ((lons + 180.0) / 360.0 * columns).astype(np.intp) % columns
        return np.asarray(raster[row, column].astype(np.int64))


@cache
def shared() -> ZoneMap:
    """Return the program's own maps, read at the first call."""
    return ZoneMap.load()


def _lines(utf8: NDArray[np.generic]) -> list[str]:
    return utf8.tobytes().decode("utf-8").split("\n")
