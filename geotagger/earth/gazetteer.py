"""What a name may mean: towns, regions, countries and natural features, in many languages.

The file `resources/places/names.npz` holds K keys, which are names as `key_of` writes them, and
what each of them may mean, its spots. Spots below N are the places of `places.npz` in its order,
whose coordinates are read from there; the M areas follow: regions, countries, natural features.

- ``keys``: UTF-8, one line each, in the order of their bytes; ``flags``: bits of `KeyFlag`;
- ``counts`` (K,): how many spots a key has; ``entries``: 2 x spot, + 1 where the key is not the
  place's own name; areas come first, then places by population;
- ``places``: N and a sum that tells whether `places.npz` is the one it was made for;
- ``area_lat``, ``area_lon``, ``area_km``, ``area_weight`` (M,): middle, radius that holds three
  quarters, and how much is photographed there; ``area_kind``, ``area_codes``, ``area_names``.
"""

from __future__ import annotations

import importlib.resources
import re
import zipfile
import zlib
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cache, cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.places import fold
from geotagger.errors import GeotaggerError

LONGEST_KEY = 6
"""Words of the longest names that are worth looking for in a text."""

_BLOCK = 64
_NOT_A_WORD = re.compile(r"[^\w\s]|_")
_TOWN_PER_KM2 = 1_500.0
"""Inhabitants per square kilometre of what people still call by the town's name."""
_LEAST_TOWN_KM = 3.0
_WEIGHT_BASE, _WEIGHT_POWER = 500.0, 0.6
"""Large towns are photographed more than small ones, but less than their size says."""
_FEATURE_WEIGHT, _FEATURE_KM = 3_000.0, 30.0
"""A famous natural feature of 30 km counts as a town of 600,000 inhabitants."""


class SpotKind(IntEnum):
    """What kind of thing a name may mean."""

    PLACE = 0
    REGION = 1
    COUNTRY = 2
    FEATURE = 3


class KeyFlag(IntFlag):
    """What a key is beside a place."""

    EVERYDAY = 1
    """One of the 50,000 most usual English words."""
    UNUSUAL = 2
    """A rarer English word."""
    STOP = 4
    """A word that names folders and files, never a place on its own."""
    PERSON = 8
    """A given name."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Something on the earth that has a name.

    ``lat``, ``lon`` in degrees; ``radius_m`` holds most of it; ``weight`` says how much is
    photographed there, as a share of the whole world; ``codes`` are ISO codes of its countries;
    ``region`` is the number of the region that a place lies in, or its own, -1 where unknown.
    """

    number: int
    kind: SpotKind
    name: str
    label: str
    lat: float
    lon: float
    radius_m: float
    weight: float
    codes: tuple[str, ...]
    region: int


@dataclass(frozen=True, slots=True)
class Meaning:
    """One spot that a key may mean; ``other`` if the key is not its own name."""

    spot: Spot
    other: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of the gazetteer, what is known of the word, and all that it may mean."""

    key: str
    flags: KeyFlag
    meanings: tuple[Meaning, ...]


def key_of(text: str) -> str:
    """Return a name as it is looked up: folded, words apart by one space."""
    return " ".join(_NOT_A_WORD.sub(" ", fold(text)).split())


class Gazetteer:
    """All names; immutable but for a bounded cache, safe between threads.

    Parameters
    ----------
    names, places
        The content of `names.npz` and of `places.npz`.
    """

    def __init__(
        self, names: dict[str, NDArray[np.generic]], places: dict[str, NDArray[np.generic]]
    ) -> None:
        self._keys = names["keys"].tobytes()
        ends = np.flatnonzero(names["keys"] == ord("\n"))
        self._begins = np.concatenate([[0], ends + 1, [len(self._keys) + 1]])
        self._flags = names["flags"]
        self._starts = np.concatenate([[0], np.cumsum(names["counts"], dtype=np.int64)])
        self._entries = names["entries"]
        self._lat = np.cumsum(places["lat"], dtype=np.int64) * 1e-4
        self._lon = np.cumsum(places["lon"], dtype=np.int64) * 1e-4
        self._population = places["population"].astype(np.float32)
        self._country, self._region = places["country"], places["region"]
        self._place_names = places["names"]
        self._codes = _lines(places["country_codes"])
        self._regions = _lines(places["regions"])
        self._countries = dict(zip(self._codes, _lines(places["countries"]), strict=True))
        self._area = {
            name: names[f"area_{name}"] for name in ("lat", "lon", "km", "weight", "kind")
        }
        self._area_codes = _lines(names["area_codes"])
        self._area_names = _lines(names["area_names"])
        count, check = (int(value) for value in names["places"].tolist())
        total = int(places["population"].sum(dtype=np.uint64)) % 2**31
        if (count, check) != (len(self._lat), total):
            raise ValueError("the names were made for other places")
        if len(self._begins) != len(self._flags) + 1 or int(self._starts[-1]) != len(self._entries):
            raise ValueError("the columns are not of the same length")
        # A coarse index that is searched at once; the rest is a few steps within a block.
        self._every = [self._key(index) for index in range(0, len(self), _BLOCK)]
        self._weights = (self._population + _WEIGHT_BASE) ** _WEIGHT_POWER
        self._total = float(self._weights.sum())
        self._spot = lru_cache(maxsize=65_536)(self._make_spot)

    @classmethod
    def load(cls, folder: Path | None = None) -> Gazetteer:
        """Return the program's own gazetteer, or that of the files in ``folder``.

        Takes about a tenth of a second; `shared` keeps one.

        Raises
        ------
        GeotaggerError
            If a file is missing or damaged.
        """
        source = importlib.resources.files("resources") / "places"
        with importlib.resources.as_file(source) as bundled:
            base = folder or bundled
            try:
                names = _arrays(base / "names.npz", None)
                wanted = ("lat", "lon", "population", "country", "region", "names")
                lists = ("country_codes", "regions", "countries")
                return cls(names, _arrays(base / "places.npz", (*wanted, *lists)))
            except (
                OSError,
                ValueError,
                KeyError,
                EOFError,
                zipfile.BadZipFile,
                zlib.error,
            ) as error:
                raise GeotaggerError(
                    f"The names of places cannot be read ({error}).",
                    path=base / "names.npz",
                    remedy="Install the program again.",
                ) from error

    def __len__(self) -> int:
        return len(self._flags)

    def find(self, key: str) -> Entry | None:
        """Return what a key means, None if it means nothing; the key is as `key_of` writes it."""
        wanted = key.encode("utf-8")
        index = self._place_of(wanted)
        if index >= len(self) or self._key(index) != wanted:
            return None
        first, last = int(self._starts[index]), int(self._starts[index + 1])
        meanings = tuple(
            Meaning(self._spot(int(entry) // 2), bool(entry % 2))
            for entry in self._entries[first:last].tolist()
        )
        return Entry(key, KeyFlag(int(self._flags[index])), meanings)

    def begins(self, key: str) -> bool:
        """Return whether any key is this one or begins with its words."""
        wanted = key.encode("utf-8")
        index = self._place_of(wanted)
        if index >= len(self):
            return False
        # No letter of a key stands before the space, so what goes on with one follows at once.
        return self._key(index) == wanted or self._key(index).startswith(wanted + b" ")

    def longest(self, words: Iterable[str]) -> tuple[int, Entry] | None:
        """Return how many of the first words are a name, the longest, and what it means."""
        best: tuple[int, Entry] | None = None
        key = ""
        for count, word in enumerate(words, start=1):
            key = f"{key} {word}" if key else word
            if count > LONGEST_KEY or not self.begins(key):
                break
            entry = self.find(key)
            if entry is not None:
                best = count, entry
        return best

    def _key(self, index: int) -> bytes:
        return self._keys[int(self._begins[index]) : int(self._begins[index + 1]) - 1]

    def _place_of(self, wanted: bytes) -> int:
        block = bisect_left(self._every, wanted)
        low, high = max(block - 1, 0) * _BLOCK, min(block * _BLOCK, len(self))
        while low < high:
            middle = (low + high) // 2
            if self._key(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        return low

    @cached_property
    def _name_ends(self) -> NDArray[np.intp]:
        lines = np.flatnonzero(self._place_names == ord("\n"))
        return np.concatenate([[-1], lines, [len(self._place_names)]])

    def _make_spot(self, number: int) -> Spot:
        count = len(self._lat)
        if number >= count:
            return self._make_area(number, number - count)
        code = self._codes[int(self._country[number])]
        region = self._regions[int(self._region[number])]
        first, last = self._name_ends[number] + 1, self._name_ends[number + 1]
        name = self._place_names[first:last].tobytes().decode("utf-8")
        people = float(self._population[number])
        return Spot(
            number=number,
            kind=SpotKind.PLACE,
            name=name,
            label=_label(name, region, self._countries[code]),
            lat=float(self._lat[number]),
            lon=float(self._lon[number]),
            radius_m=1e3 * max(_LEAST_TOWN_KM, float(np.sqrt(people / _TOWN_PER_KM2 / np.pi))),
            weight=float(self._weights[number]) / self._total,
            codes=(code,),
            region=self._region_number.get((code, region), -1),
        )

    def _make_area(self, number: int, area: int) -> Spot:
        kind = SpotKind(int(self._area["kind"][area]))
        name, radius_km = self._area_names[area], float(self._area["km"][area])
        codes = tuple(self._area_codes[area].split())
        weight = float(self._area["weight"][area]) / self._total
        if kind is SpotKind.FEATURE:
            weight = _FEATURE_WEIGHT * float(np.sqrt(radius_km / _FEATURE_KM)) / self._total
        around = self._countries.get(codes[0], "") if len(codes) == 1 else ""
        return Spot(
            number=number,
            kind=kind,
            name=name,
            label=name if kind is SpotKind.COUNTRY else _label(name, "", around),
            lat=float(self._area["lat"][area]),
            lon=float(self._area["lon"][area]),
            radius_m=1e3 * radius_km,
            weight=weight,
            codes=codes,
            region=number if kind is SpotKind.REGION else -1,
        )

    @cached_property
    def _region_number(self) -> dict[tuple[str, str], int]:
        regions = np.flatnonzero(self._area["kind"] == SpotKind.REGION)
        return {
            (self._area_codes[area], self._area_names[area]): len(self._lat) + int(area)
            for area in regions
        }


@cache
def shared() -> Gazetteer:
    """Return the program's own gazetteer, read at the first call."""
    return Gazetteer.load()


def _label(name: str, region: str, country: str) -> str:
    return ", ".join(dict.fromkeys(part for part in (name, region, country) if part))


def _lines(utf8: NDArray[np.generic]) -> list[str]:
    return utf8.tobytes().decode("utf-8").split("\n")


def _arrays(file: Path, wanted: tuple[str, ...] | None) -> dict[str, NDArray[np.generic]]:
    """Return arrays of a file by name, all of them or those wanted."""
    # Opened here: NumPy leaves a file open that it cannot make sense of.
    with file.open("rb") as handle, zipfile.ZipFile(handle) as archive:
        columns = {}
        for name in wanted or [one.removesuffix(".npy") for one in archive.namelist()]:
            with archive.open(f"{name}.npy") as column:
                columns[name] = np.lib.format.read_array(column, allow_pickle=False)
        return columns
