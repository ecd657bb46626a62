"""Names of places, offline: what lies near a point, and where a name is.

The data are a compact extract of GeoNames (see resources/places/README.md), places of 500
inhabitants and more with sections of cities among them. The file `places.npz` holds, for N places
in the same order,

- ``lat``, ``lon``: int32, differences between neighbours in ten-thousandths of a degree;
- ``population``: uint32; ``country``, ``region``: numbers of lines in the lists below;
- ``city``: 0, or 1 + the number of the city that the place is a section of;
- ``names``: UTF-8, one line for each place;
- ``other_of`` (differences of place numbers) and ``other_names`` (lines): further names;
- ``regions``, ``countries``, ``country_codes``: lists, one entry a line.
"""

from __future__ import annotations

import importlib.resources
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geotagger.earth.distance import EARTH_RADIUS_M, unit_vectors, wrap_lon
from geotagger.errors import GeotaggerError

ATTRIBUTION = "Place names: GeoNames (geonames.org), CC BY 4.0"

DEFAULT_MAX_KM = 50.0
_DEGREES_PER_UNIT = 1e-4
_KM_PER_DEGREE = EARTH_RADIUS_M / 1000.0 * np.pi / 180.0
_MOST_ASKED = 20_000
"""Answers of `PlaceNames.nearest` that are kept: album after album asks for the same points."""
_UNASKED: object = object()
_EXACT_WORTH = 20.0
_PREFIX_WORTH = 2.0
"""How much larger a place with a looser match must be to stand before one with a closer match."""

# Letters that Unicode does not split into a base and an accent.
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
    | dict.fromkeys("'’‘`ʻʼ", "")
    | dict.fromkeys("-–/", " ")
)
_MARKS = re.compile("[\u0300-\u036f]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A named place.

    ``region`` is the first-level division of the country, ``city`` the city that the place is a
    section of; both may be empty. ``lat`` and ``lon`` in degrees; ``population`` is 0 when
    unknown.
    """

    name: str
    region: str
    country: str
    country_code: str
    lat: float
    lon: float
    population: int
    city: str = ""

    @property
    def label(self) -> str:
        """The place in words, "Mitte, Berlin, Germany", nothing said twice."""
        parts = (self.name, self.city or self.region, self.country)
        return ", ".join(dict.fromkeys(part for part in parts if part))

    def label_within(self, radius_m: float) -> str:
        """Return the place in words, no more exact than a radius in metres allows.

        A part of a city is named up to 3 km, a town up to 30 km, a region up to 200 km, and beyond
        that the country.
        """
        if radius_m <= 3_000.0:
            return self.label
        if radius_m <= 30_000.0:
            parts: tuple[str, ...] = (self.city or self.name, self.region, self.country)
        elif radius_m <= 200_000.0:
            parts = (self.region, self.country)
        else:
            parts = (self.country,)
        return ", ".join(dict.fromkeys(part for part in parts if part))


def fold(text: str) -> str:
    """Return text as it is compared: no accents, no case, no apostrophes, hyphens as spaces."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text)).casefold()
    return plain.translate(_PLAIN_LETTERS)


class PlaceNames:
    """All places, to be asked by point or by name; immutable and safe between threads.

    Parameters
    ----------
    arrays
        The content of `places.npz`, see the head of this module.
    """

    def __init__(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self.lat = _degrees(arrays["lat"])
        self.lon = _degrees(arrays["lon"])
        self.population: NDArray[np.uint32] = arrays["population"].astype(np.uint32)
        self._country = arrays["country"]
        self._region = arrays["region"]
        self._city = arrays["city"]
        self._names = arrays["names"].tobytes()
        self._ends = _line_ends(arrays["names"])
        self._other_of = np.cumsum(arrays["other_of"], dtype=np.int64)
        self._other_names = arrays["other_names"]
        self._regions = arrays["regions"].tobytes().decode("utf-8").split("\n")
        self._countries = arrays["countries"].tobytes().decode("utf-8").split("\n")
        self._country_codes = arrays["country_codes"].tobytes().decode("utf-8").split("\n")
        if not len(self.lat) == len(self.lon) == len(self.population) == len(self._ends):
            raise ValueError("the columns are not of the same length")
        # Places sorted by one-degree cell; a row of cells from west to east is one slice.
        cell = _cell(self.lat, self.lon)
        self._asked: dict[tuple[float, float, float], Place | None] = {}
        self._by_cell = np.argsort(cell, kind="stable")
        self._starts = np.searchsorted(cell[self._by_cell], np.arange(180 * 360 + 1))
        self._vectors = unit_vectors(self.lat, self.lon)[self._by_cell].astype(np.float32)

    @classmethod
    def load(cls, path: Path | None = None) -> PlaceNames:
        """Return the places of the program's own extract, or of the file ``path``.

        Takes a few tenths of a second; keep what it returns.

        Raises
        ------
        GeotaggerError
            If the file is missing or damaged.
        """
        source = importlib.resources.files("resources") / "places" / "places.npz"
        with importlib.resources.as_file(source) as bundled:
            file = path or bundled
            try:
                # Opened here: NumPy leaves a file open that it cannot make sense of.
                with (
                    file.open("rb") as handle,
                    zipfile.ZipFile(handle) as archive,
                ):
                    columns = {}
                    for member in archive.namelist():
                        with archive.open(member) as column:
                            name = member.removesuffix(".npy")
                            columns[name] = np.lib.format.read_array(column, allow_pickle=False)
                return cls(columns)
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                raise GeotaggerError(
                    f"The place names cannot be read ({error}).",
                    path=file,
                    remedy="Install the program again.",
                ) from error

    def __len__(self) -> int:
        return len(self.lat)

    def __getitem__(self, index: int) -> Place:
        """Return the place with this number."""
        country = int(self._country[index])
        city = int(self._city[index])
        return Place(
            name=self._name(index),
            region=self._regions[int(self._region[index])],
            country=self._countries[country],
            country_code=self._country_codes[country],
            lat=round(float(self.lat[index]), 4),
            lon=round(float(self.lon[index]), 4),
            population=int(self.population[index]),
            city=self._name(city - 1) if city else "",
        )

    def nearest(self, lat: float, lon: float, max_km: float = DEFAULT_MAX_KM) -> Place | None:
        """Return the place nearest to a point, or None if none is within ``max_km``."""
        asked = lat, lon, max_km
        found: Any = self._asked.get(asked, _UNASKED)
        if found is _UNASKED:
            found = self.nearest_many([lat], [lon], max_km)[0]
            if len(self._asked) >= _MOST_ASKED:
                self._asked.clear()
            self._asked[asked] = found
        kept: Place | None = found
        return kept

    def nearest_many(
        self, lat: ArrayLike, lon: ArrayLike, max_km: float = DEFAULT_MAX_KM
    ) -> list[Place | None]:
        """Return the nearest place for each of N points, None where none is within ``max_km``."""
        lats = np.clip(np.atleast_1d(np.asarray(lat, np.float64)), -90.0, 90.0)
        lons = wrap_lon(np.atleast_1d(np.asarray(lon, np.float64)))
        points = unit_vectors(lats, lons).astype(np.float32)
        limit = 2.0 * np.sin(min(max_km * 1000.0 / EARTH_RADIUS_M, np.pi) / 2.0)
        found: dict[bytes, Place | None] = {}
        result: list[Place | None] = []
        for i, point in enumerate(points):
            key = point.tobytes()
            if key not in found:
                index = self._nearest_index(lats[i], lons[i], point, max_km, limit)
                found[key] = None if index is None else self[index]
            result.append(found[key])
        return result

    def search(self, text: str, limit: int = 20) -> list[Place]:
        """Return places by name, also by their names in other languages.

        A name matches if it is ``text``, begins with it or has it as a whole word, whatever the
        case and the accents; large places and close matches come first. What stands after a comma
        narrows the search to a region, city or country: "Springfield, Illinois".
        """
        wanted, *within = [" ".join(fold(part).split()) for part in text.split(",")]
        if not wanted:
            return []
        worth = self._matches(wanted)
        # Tiny and unknown populations count as a hamlet's: the kind of match decides there.
        ranked = sorted(worth, key=lambda i: (-worth[i] * max(int(self.population[i]), 50), i))
        places: list[Place] = []
        for index in ranked:
            if len(places) >= limit:
                break
            place = self[index]
            if all(_lies_in(place, part) for part in within if part):
                places.append(place)
        return places

    def _name(self, index: int) -> str:
        start = int(self._ends[index - 1]) + 1 if index else 0
        return self._names[start : int(self._ends[index])].decode("utf-8")

    def _slices(self, lat: float, lon: float, max_km: float) -> Iterator[slice]:
        """Yield the slices of the sorted places that hold all within ``max_km`` of a point."""
        reach = max_km / _KM_PER_DEGREE
        south, north = lat - reach, lat + reach
        rows = range(max(int(np.floor(south)) + 90, 0), min(int(np.floor(north)) + 90, 179) + 1)
        if south <= -90.0 or north >= 90.0:
            half = 180.0
        else:
            # The widest difference of longitude within the circle, which is not at its middle.
            ratio = np.sin(np.radians(min(reach, 90.0))) / np.cos(np.radians(lat))
            half = 180.0 if ratio >= 1.0 else float(np.degrees(np.arcsin(ratio)))
        west, east = int(np.floor(lon - half)) + 180, int(np.floor(lon + half)) + 180
        spans = [(0, 359)]
        if east - west < 359:
            west, east = west % 360, east % 360
            spans = [(west, east)] if west <= east else [(west, 359), (0, east)]
        for row in rows:
            for first, last in spans:
                start, stop = self._starts[row * 360 + first], self._starts[row * 360 + last + 1]
                if start < stop:
                    yield slice(start, stop)

    def _nearest_index(
        self, lat: float, lon: float, point: NDArray[np.float32], max_km: float, limit: float
    ) -> int | None:
        best, best_square = None, limit * limit
        for part in self._slices(lat, lon, max_km):
            # Squares of differences: a dot product in float32 would be wrong by kilometres.
            away = self._vectors[part] - point
            squares = np.einsum("ij,ij->i", away, away)
            nearest = int(np.argmin(squares))
            if squares[nearest] <= best_square:
                best, best_square = part.start + nearest, float(squares[nearest])
        return None if best is None else int(self._by_cell[best])

    @cached_property
    def _folded(self) -> tuple[tuple[str, NDArray[np.int64], NDArray[np.int64] | None], ...]:
        """Text to search in, ends of its lines, and the place of each line (None: its number)."""
        own, other = (
            fold(self._names.decode("utf-8")),
            fold(self._other_names.tobytes().decode("utf-8")),
        )
        return (own, _text_line_ends(own), None), (other, _text_line_ends(other), self._other_of)

    def _matches(self, wanted: str) -> dict[int, float]:
        """Return how well each matching place matches."""
        pattern = re.compile(r"(?:^|(?<=[ (\[]))" + re.escape(wanted), re.MULTILINE)
        worth: dict[int, float] = {}
        for text, ends, place_of in self._folded:
            for match in pattern.finditer(text):
                start, stop = match.span()
                at_start = start == 0 or text[start - 1] == "\n"
                word_ends = stop == len(text) or not text[stop].isalnum()
                if not (at_start or word_ends):
                    continue
                line_ends = stop == len(text) or text[stop] == "\n"
                value = 1.0
                if at_start:
                    value = _EXACT_WORTH if line_ends else _PREFIX_WORTH
                line = int(np.searchsorted(ends, start))
                index = line if place_of is None else int(place_of[line])
                worth[index] = max(worth.get(index, 0.0), value)
        return worth


def _degrees(differences: NDArray[np.generic]) -> NDArray[np.float64]:
    return np.cumsum(differences, dtype=np.int64).astype(np.float64) * _DEGREES_PER_UNIT


def _cell(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.int64]:
    row = np.clip(np.floor(lat) + 90, 0, 179).astype(np.int64)
    column = np.clip(np.floor(wrap_lon(lon)) + 180, 0, 359).astype(np.int64)
    return np.asarray(row * 360 + column, np.int64)


def _line_ends(utf8: NDArray[np.generic]) -> NDArray[np.int64]:
    return np.append(np.flatnonzero(utf8 == ord("\n")), len(utf8)).astype(np.int64)


def _text_line_ends(text: str) -> NDArray[np.int64]:
    return _line_ends(np.frombuffer(text.encode("utf-32-le"), np.uint32))


def _lies_in(place: Place, part: str) -> bool:
    names = (place.region, place.city, place.country)
    return part == place.country_code.casefold() or any(
        f" {fold(name)}".find(f" {part}") >= 0 for name in names if name
    )
