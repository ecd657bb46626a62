from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geotagger.earth.distance import haversine_m
from geotagger.earth.places import ATTRIBUTION, Place, PlaceNames, fold
from geotagger.errors import GeotaggerError


@pytest.fixture(scope="module")
def places() -> PlaceNames:
    return PlaceNames.load()


def test_the_middle_of_berlin_is_called_by_section_city_and_country(places):
    assert places.nearest(52.52, 13.405).label == "Mitte, Berlin, Germany"


@pytest.mark.parametrize(
    ("lat", "lon", "label"),
    [
        (48.1373, 11.5755, "Munich, Bavaria, Germany"),
        (38.711, -9.137, "Baixa, Lisbon, Portugal"),
        (40.758, -73.9855, "Times Square, New York City, United States"),
        (49.61, 6.13, "Luxembourg"),
    ],
)
def test_labels_say_nothing_twice(places, lat, lon, label):
    assert places.nearest(lat, lon).label == label


def test_a_region_like_the_name_is_left_out():
    place = Place("Berlin", "Berlin", "Germany", "DE", 52.5, 13.4, 3_400_000)
    assert place.label == "Berlin, Germany"
    assert Place("X", "", "Chad", "TD", 1, 1, 0).label == "X, Chad"


def test_nothing_is_near_the_middle_of_the_ocean(places):
    assert places.nearest(0, -30) is None
    assert places.nearest(0, -30, max_km=3000) is not None


@settings(max_examples=60, deadline=None)
@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(1, 2000))
def test_the_nearest_is_what_comparing_with_every_place_gives(lat, lon, max_km):
    places = _loaded()
    distances = haversine_m(lat, lon, places.lat, places.lon)
    least = float(distances.min())
    found = places.nearest(lat, lon, max_km)
    if least > max_km * 1000 + 5:
        assert found is None
    elif least < max_km * 1000 - 5:
        # Vectors are float32 (half a metre), coordinates are rounded to 11 m.
        assert haversine_m(lat, lon, found.lat, found.lon) == pytest.approx(least, abs=15)


_cache: list[PlaceNames] = []


def _loaded() -> PlaceNames:
    if not _cache:
        _cache.append(PlaceNames.load())
    return _cache[0]


def _synthetic() -> PlaceNames:
    def blob(*lines: str) -> np.ndarray:
        return np.frombuffer("\n".join(lines).encode(), np.uint8)

    lon = np.array([1_799_000, -1_799_000, 0], np.int32)
    return PlaceNames(
        {
            "lat": np.diff(np.array([0, 0, 899_000], np.int32), prepend=np.int32(0)),
            "lon": np.diff(lon, prepend=np.int32(0)),
            "population": np.array([10, 20, 30], np.uint32),
            "country": np.array([0, 0, 0], np.uint8),
            "region": np.array([0, 0, 0], np.uint16),
            "city": np.array([0, 0, 0], np.uint32),
            "names": blob("West of the line", "East of the line", "Near the pole"),
            "other_of": np.array([1], np.int32),
            "other_names": blob("Ostort"),
            "regions": blob(""),
            "countries": blob("Nowhere"),
            "country_codes": blob("XX"),
        }
    )


def test_places_across_the_date_line_and_the_pole_are_near():
    places = _synthetic()
    assert places.nearest(0, -179.98).name == "East of the line"
    assert places.nearest(0, 179.999).name == "West of the line"
    # Each side's place is 11.1 km from the line.
    assert places.nearest(0, 179.9999, max_km=11.2).name == "West of the line"
    assert places.nearest(0, -179.9999, max_km=11.2).name == "East of the line"
    assert places.nearest(0.0, 180.0, max_km=12) is not None
    assert places.nearest(0.0, 180.0, max_km=11) is None
    assert places.nearest(89.95, 170.0).name == "Near the pole"
    assert places.nearest(0, 539.9).name == "West of the line"


def test_many_points_give_one_answer_each_in_order(places):
    lat = [52.52, 0.0, 48.1373, 52.52]
    lon = [13.405, -30.0, 11.5755, 13.405]
    labels = [place and place.name for place in places.nearest_many(lat, lon)]
    assert labels == ["Mitte", None, "Munich", "Mitte"]
    assert places.nearest_many([], []) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("berlin", "Berlin"),
        ("BERL", "Berlin"),
        ("München", "Munich"),
        ("munchen", "Munich"),
        ("Lisbonne", "Lisbon"),
        ("Cordoue", "Córdoba"),
        ("cordoba, spain", "Córdoba"),
        ("Mailand", "Milan"),
        ("Москва", "Moscow"),
        ("東京", "Tokyo"),
        ("york", "New York City"),
        ("lodz", "Łódź"),
        ("saint  denis, reunion", "Saint-Denis"),
        ("springfield, illinois", "Springfield"),
        ("springfield, us", "Springfield"),
    ],
)
def test_places_are_found_by_name_in_several_languages(places, text, name):
    assert places.search(text)[0].name == name


def test_words_match_whole_and_names_from_their_beginning():
    places = _synthetic()
    assert [place.name for place in places.search("east of")] == ["East of the line"]
    assert {place.name for place in places.search("line")} == {
        "East of the line",
        "West of the line",
    }
    assert places.search("lin") == []
    assert places.search("ast") == []
    assert [place.name for place in places.search("osto")] == ["East of the line"]


def test_search_gives_at_most_what_was_asked_for(places):
    assert len(places.search("san", limit=7)) == 7
    assert places.search("", limit=7) == []
    assert places.search(" , ") == []
    assert places.search("xqzzy") == []
    assert places.search("(.*[") == []


def test_exact_names_come_before_larger_places_that_only_begin_so(places):
    names = [place.name for place in places.search("Lima")]
    assert names[0] == "Lima"


def test_folding_takes_accents_case_and_hyphens_away():
    assert fold("Saint-Étienne") == "saint etienne"
    assert fold("STRAẞE") == "strasse"
    assert fold("Łódź") == "lodz"


def test_every_place_is_complete_and_in_range(places):
    assert len(places) > 200_000
    assert np.all(np.abs(places.lat) <= 90)
    assert np.all(np.abs(places.lon) <= 180)
    for index in range(0, len(places), 997):
        place = places[index]
        assert place.name
        assert place.country
        assert len(place.country_code) == 2


def test_the_source_of_the_data_is_named():
    assert "GeoNames" in ATTRIBUTION
    assert "CC BY" in ATTRIBUTION


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_a_damaged_file_is_told_with_its_path(tmp_path, content):
    file = tmp_path / "places.npz"
    file.write_bytes(content)
    with pytest.raises(GeotaggerError, match=r"places\.npz"):
        PlaceNames.load(file)


def test_a_missing_file_is_told_with_its_path(tmp_path):
    with pytest.raises(GeotaggerError, match=r"gone\.npz"):
        PlaceNames.load(tmp_path / "gone.npz")


def test_a_file_with_columns_that_do_not_fit_is_refused(tmp_path):
    file = tmp_path / "places.npz"
    np.savez(file, lat=np.zeros(2, np.int32))
    with pytest.raises(GeotaggerError, match="Install the program again"):
        PlaceNames.load(file)


def test_a_label_is_no_more_exact_than_the_radius():
    mitte = Place("Mitte", "Berlin", "Germany", "DE", 52.5, 13.4, 300_000, city="Berlin")
    parked = Place("Parkdale", "Oregon", "United States", "US", 45.5, -121.6, 600)
    assert mitte.label_within(500) == "Mitte, Berlin, Germany"
    assert mitte.label_within(10_000) == "Berlin, Germany"
    assert parked.label_within(10_000) == "Parkdale, Oregon, United States"
    assert parked.label_within(100_000) == "Oregon, United States"
    assert parked.label_within(300_000) == "United States"
