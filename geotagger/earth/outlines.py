"""In which country a point lies, from Natural Earth's outlines at 1:50 million.

The file `resources/basemap/countries.json.gz` holds ``{"scale": s, "countries": [[name, ISO
number, polygons], ...]}``; a polygon is a list of rings, the outside first; a ring is a flat list
of differences ``[x0, y0, dx1, dy1, ...]`` in units of ``scale`` degrees. Rings run on over ±180°
without a jump, so their longitudes may leave the usual range.
"""

from __future__ import annotations

import gzip
import importlib.resources
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import wrap_lon
from geotagger.errors import GeotaggerError

ATTRIBUTION = "Outlines: Natural Earth, public domain"


@dataclass(frozen=True, slots=True)
class Country:
    """A country or territory: its English name and its ISO 3166-1 number, which may be empty."""

    name: str
    iso_number: str


@dataclass(frozen=True, slots=True)
class _Polygon:
    country: Country
    rings: tuple[NDArray[np.float64], ...]
    """Each (N, 2): longitude, latitude."""


class Outlines:
    """The outlines of all countries; immutable and safe between threads."""

    def __init__(self, polygons: list[_Polygon]) -> None:
        self._polygons = polygons
        self._boxes = np.array(
            [[*one.rings[0].min(axis=0), *one.rings[0].max(axis=0)] for one in polygons]
        ).reshape(-1, 4)

    @classmethod
    def load(cls, path: Path | None = None) -> Outlines:
        """Return the outlines of the program's own file, or of ``path``; keep what it returns.

        Raises
        ------
        GeotaggerError
            If the file is missing or damaged.
        """
        source = importlib.resources.files("resources") / "basemap" / "countries.json.gz"
        with importlib.resources.as_file(source) as bundled:
            file = path or bundled
            try:
                data = json.loads(gzip.decompress(file.read_bytes()))
                return cls(
                    [
                        _Polygon(
                            Country(str(name), str(number)),
                            tuple(
                                np.cumsum(np.asarray(ring).reshape(-1, 2), axis=0) * data["scale"]
                                for ring in polygon
                            ),
                        )
                        for name, number, polygons in data["countries"]
                        for polygon in polygons
                    ]
                )
            except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
                raise GeotaggerError(
                    f"The outlines of the countries cannot be read ({error}).",
                    path=file,
                    remedy="Install the program again.",
                ) from error

    def country_at(self, lat: float, lon: float) -> Country | None:
        """Return the country at a point, None at sea; near coasts and borders, good to some km."""
        east = float(wrap_lon(lon))
        for copy in (east, east - 360.0, east + 360.0):
            west_of, south_of, east_of, north_of = self._boxes.T
            hits = (west_of <= copy) & (copy <= east_of) & (south_of <= lat) & (lat <= north_of)
            for index in np.flatnonzero(hits):
                polygon = self._polygons[index]
                # Inside the outside and not in a hole: an odd number of rings holds the point.
                if sum(_inside(ring, copy, lat) for ring in polygon.rings) % 2:
                    return polygon.country
        return None


def _inside(ring: NDArray[np.float64], x: float, y: float) -> bool:
    """Return whether a point lies in a closed ring: an odd number of edges to its east."""
    x1, y1 = ring[:, 0], ring[:, 1]
    x2, y2 = np.roll(x1, -1), np.roll(y1, -1)
    across = (y1 > y) != (y2 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = (x2 - x1) * (y - y1) / (y2 - y1) + x1
    return bool(np.count_nonzero(across & (x < crossing)) % 2)
