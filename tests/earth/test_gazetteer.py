from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from geotagger.earth.gazetteer import Gazetteer, KeyFlag, SpotKind, key_of
from geotagger.earth.outlines import Outlines
from geotagger.earth.zone_map import ZoneMap
from geotagger.errors import GeotaggerError

FEATURES = Path(__file__).parents[2] / "installer" / "resources" / "features.tsv"


@pytest.fixture(scope="module")
def names() -> Gazetteer:
    return Gazetteer.load()


@pytest.fixture(scope="module")
def zones() -> ZoneMap:
    return ZoneMap.load()


def first(names: Gazetteer, text: str):
    entry = names.find(key_of(text))
    assert entry is not None, text
    return max(entry.meanings, key=lambda meaning: meaning.spot.weight).spot


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Cordoue", "Córdoba, Andalusia, Spain"),
        ("Cracovie", "Kraków, Lesser Poland, Poland"),
        ("Ushuaïa", "Ushuaia, Tierra del Fuego, Argentina"),
        ("東京", "Tokyo, Japan"),
        ("Espagne", "Spain"),
        ("Tanzanie", "Tanzania"),
        ("Griechenland", "Greece"),
        ("Италия", "Italy"),
        ("Holandia", "The Netherlands"),
        ("日本", "Japan"),
        ("republique-dominicaine", "Dominican Republic"),
        ("Nova_Scotia", "Nova Scotia, Canada"),
        ("Îles Galápagos", "Galápagos Islands, Ecuador"),
        ("Bodensee", "Lake Constance"),
    ],
)
def test_names_in_many_languages_are_found(names, text, label):
    assert first(names, text).label == label


def test_a_name_keeps_all_its_meanings_with_areas_first_and_large_places_before_small(names):
    entry = names.find("santiago")
    kinds = [meaning.spot.kind for meaning in entry.meanings]
    assert kinds == sorted(kinds, key=lambda kind: kind is SpotKind.PLACE)
    places = [m.spot.weight for m in entry.meanings if m.spot.kind is SpotKind.PLACE]
    assert len(places) > 5
    assert places == sorted(places, reverse=True)
    assert len({code for meaning in entry.meanings for code in meaning.spot.codes}) > 4


def test_words_that_are_words_before_they_are_places_are_marked(names):
    assert KeyFlag.EVERYDAY in names.find("reading").flags
    assert KeyFlag.EVERYDAY in names.find("nice").flags
    assert KeyFlag.PERSON in names.find("charlotte").flags
    assert names.find("barcelona").flags == KeyFlag(0)


def test_the_longest_name_is_taken(names):
    count, entry = names.longest(["new", "orleans", "jazz"])
    assert (count, entry.key) == (2, "new orleans")
    assert names.longest(["qqqq", "paris"]) is None
    assert names.longest([]) is None


def test_what_is_not_there_is_not_found(names):
    assert names.find("") is None
    assert names.find("zzzzzzzz") is None
    assert names.find("￿￿") is None
    assert not names.begins("zzzzzzzz")


def test_letters_behind_a_comma_are_kept_apart_from_names(names):
    assert names.find("=ny").meanings[0].spot.label == "New York, United States"
    assert names.find("ny") is None or all(
        meaning.spot.kind is SpotKind.PLACE for meaning in names.find("ny").meanings
    )


def test_every_key_is_found_where_it_stands(names):
    for index in range(0, len(names), 997):
        key = names._key(index).decode("utf-8")
        assert names.find(key).key == key


def test_spots_have_places_on_earth_and_shares_of_a_world(names):
    total = 0.0
    for number in range(0, len(names._lat), 5_001):
        spot = names._spot(number)
        assert abs(spot.lat) <= 90 and abs(spot.lon) <= 180 and spot.radius_m >= 3_000
        total += spot.weight
    assert 0.0 < total < 0.01


def test_the_table_of_features_is_plausible(zones):
    """Each one on land lies in, or within a step or two of, a country that the table names."""
    outlines = Outlines.load()
    lines = FEATURES.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    assert len(rows) > 400
    assert len({row[4].split("|")[0] for row in rows}) == len(rows)
    wrong = []
    for row in rows:
        lat, lon, radius = (float(value) for value in row[:3])
        assert abs(lat) <= 90 and abs(lon) <= 180 and 1 < radius <= 3_000
        if not row[3]:
            continue
        reach = max(radius / 111.0, 0.3)
        steps = np.linspace(-reach, reach, 7)
        lats, lons = (one.ravel() for one in np.meshgrid(lat + steps, lon + steps * 1.5))
        found = set(zones.countries_at(np.clip(lats, -90, 90), lons)) - {""}
        if found and not found & set(row[3].split()):
            wrong.append((row[4], found, outlines.country_at(lat, lon)))
    assert wrong == []


def test_countries_and_zones_of_points(zones):
    lat, lon = [48.85, 40.42, -33.45, 35.68, 0.0, 64.1], [2.35, -3.7, -70.67, 139.7, -140.0, -21.9]
    assert list(zones.countries_at(lat, lon)) == ["FR", "ES", "CL", "JP", "", "IS"]
    named = [zones.names[index] if index >= 0 else "" for index in zones.zones_at(lat, lon)]
    assert named == [
        "Europe/Paris",
        "Europe/Madrid",
        "America/Santiago",
        "Asia/Tokyo",
        "",
        "Atlantic/Reykjavik",
    ]


def test_points_off_the_map_do_no_harm(zones):
    assert list(zones.countries_at([90.0, 95.0, np.nan], [180.0, 540.0, np.nan])) == ["", "", ""]
    assert len(zones.zones_at([], [])) == 0


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 broken"])
def test_a_damaged_file_is_an_error_of_ours(tmp_path, content):
    (tmp_path / "names.npz").write_bytes(content)
    with pytest.raises(GeotaggerError, match="names of places"):
        Gazetteer.load(tmp_path)
    with pytest.raises(GeotaggerError, match="time zones"):
        ZoneMap.load(tmp_path / "names.npz")


def test_names_made_for_other_places_are_refused(tmp_path):
    source = Path(__file__).parents[2] / "resources" / "places"
    (tmp_path / "names.npz").write_bytes((source / "names.npz").read_bytes())
    with zipfile.ZipFile(source / "places.npz") as archive:
        columns = dict(np.load(source / "places.npz"))
        assert "population.npy" in archive.namelist()
    columns["population"] = columns["population"] + 1
    np.savez(tmp_path / "places.npz", **columns)
    with pytest.raises(GeotaggerError, match="other places"):
        Gazetteer.load(tmp_path)
