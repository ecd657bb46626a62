"""A place is read whole or called incomplete; a hemisphere is never guessed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.photos.exif_read import read_block
from geotagger.photos.gps_read import read_gps
from geotagger.photos.record import Gps, GpsState
from geotagger.photos.xmp_read import gps_of_xmp, parse_coordinate
from tests.photos.making import angle, exif_bytes, place


def gps_of(directory: dict[int, Any]) -> Gps:
    return read_gps(read_block(exif_bytes(gps=directory)[6:]))[0]


@pytest.mark.parametrize(
    ("lat", "lon"), [(52.52, 13.405), (-33.8568, 151.2153), (40.6892, -74.0445), (-22.9519, -43.21)]
)
def test_all_four_quadrants_are_read(lat: float, lon: float) -> None:
    gps = gps_of(place(lat, lon))
    assert gps.state is GpsState.COMPLETE
    assert gps.source == "exif"
    assert (gps.lat, gps.lon) == (pytest.approx(lat, abs=1e-7), pytest.approx(lon, abs=1e-7))


@given(
    st.floats(-90, 90).filter(lambda value: abs(value) > 1e-4),
    st.floats(-180, 180).filter(lambda value: abs(value) > 1e-4),
)
def test_what_was_written_is_read(lat: float, lon: float) -> None:
    gps = gps_of(place(lat, lon))
    assert gps.lat == pytest.approx(lat, abs=2e-8)
    assert gps.lon == pytest.approx(lon, abs=2e-8)


def test_no_coordinates_are_no_place() -> None:
    assert gps_of({0: (2, 3, 0, 0), 29: "2019:05:03"}) == Gps()
    assert gps_of({}) == Gps()


COMPLETE = place(52.5, 13.4)


@pytest.mark.parametrize(
    "change",
    [
        {1: None},
        {3: None},
        {2: None},
        {4: None},
        {1: "X"},
        {3: "N"},
        {1: ""},
        {2: ((52, 1), (30, 1))},
        {2: ((52, 1),)},
        {2: ((91, 1), (0, 1), (0, 1))},
        {4: ((180, 1), (0, 1), (1, 1))},
        {2: ((52, 1), (61, 1), (0, 1))},
        {2: ((52, 0), (30, 1), (0, 1))},
        {2: ((52, 1), (30, 1), (0, 0))},
        {2: ((0, 1), (0, 1), (0, 1)), 4: ((0, 1), (0, 1), (0, 1))},
    ],
    ids=str,
)
def test_a_broken_place_is_incomplete_and_has_no_coordinates(change: dict[int, Any]) -> None:
    directory = {tag: value for tag, value in (COMPLETE | change).items() if value is not None}
    tags = read_block(exif_bytes(gps=directory)[6:])
    gps, notes = read_gps(tags)
    assert gps == Gps(GpsState.INCOMPLETE, source="exif")
    assert len(notes) == 1
    assert notes[0].startswith("GPS is incomplete: ")


def test_the_equator_and_the_meridian_are_places() -> None:
    assert gps_of(place(0.0, 13.4)).lat == 0.0
    assert gps_of(place(51.4779, 0.0)).lon == 0.0


def test_sixty_seconds_are_a_minute() -> None:
    gps = gps_of(COMPLETE | {2: ((52, 1), (29, 1), (60, 1))})
    assert gps.lat == pytest.approx(52.5)


def test_a_lower_case_hemisphere_counts() -> None:
    assert gps_of(place(-10.0, 20.0) | {1: "s"}).lat == pytest.approx(-10.0)


@pytest.mark.parametrize(("ref", "metres"), [(0, 120.5), (1, -120.5), (None, 120.5)])
def test_the_altitude_has_its_sign_from_the_reference(ref: int | None, metres: float) -> None:
    more = {6: (1205, 10)} | ({} if ref is None else {5: ref})
    assert gps_of(COMPLETE | more).altitude_m == pytest.approx(metres)


def test_an_impossible_altitude_is_left_out() -> None:
    assert gps_of(COMPLETE | {6: (5, 0)}).altitude_m is None
    assert gps_of(COMPLETE | {6: (4_000_000_000, 1)}).altitude_m is None


def test_the_stated_error_is_read() -> None:
    assert gps_of(COMPLETE | {31: (47, 10)}).error_m == pytest.approx(4.7)
    assert gps_of(COMPLETE | {31: (0, 1)}).error_m is None


def test_a_fix_that_the_camera_calls_void_is_told() -> None:
    assert read_gps(read_block(exif_bytes(gps=COMPLETE | {9: "V"})[6:]))[1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("49,45.188580N", 49.753143),
        ("49,45.188580S", -49.753143),
        ("49,45,11.3148N", 49.753143),
        ("0,0.0006N", 0.00001),
        ("49.753143N", 49.753143),
        (" 49,45.188580n ", 49.753143),
        ("90,0.0N", 90.0),
        ("90,0.1N", None),
        ("49,75.0N", None),
        ("49,45.188580", None),
        ("49.753143", None),
        ("49,45.188580E", None),
        ("-49,45.188580N", None),
        ("nan,0N", None),
        ("", None),
    ],
)
def test_latitudes_in_xmp(text: str, value: float | None) -> None:
    expected = None if value is None else pytest.approx(value, abs=1e-9)
    assert parse_coordinate(text, "NS", 90.0) == expected


@given(st.floats(-180, 180))
def test_xmp_coordinates_survive_the_usual_notation(lon: float) -> None:
    degrees = math.floor(abs(lon))
    text = f"{degrees},{(abs(lon) - degrees) * 60:.6f}{'W' if lon < 0 else 'E'}"
    assert parse_coordinate(text, "EW", 180.0) == pytest.approx(lon, abs=1e-8)


def test_xmp_places_follow_the_same_rules() -> None:
    whole = {
        "exif:GPSLatitude": "33,51.408S",
        "exif:GPSLongitude": "151,12.918E",
        "exif:GPSAltitude": "305/10",
        "exif:GPSAltitudeRef": "1",
    }
    assert gps_of_xmp(whole)[0] == Gps(
        GpsState.COMPLETE, pytest.approx(-33.8568), pytest.approx(151.2153), -30.5, None, "xmp"
    )
    half = {"exif:GPSLatitude": "33,51.408S"}
    assert gps_of_xmp(half)[0] == Gps(GpsState.INCOMPLETE, source="xmp")
    null = {"exif:GPSLatitude": "0,0.0N", "exif:GPSLongitude": "0,0.0E"}
    assert gps_of_xmp(null)[0].state is GpsState.INCOMPLETE
    assert gps_of_xmp({})[0] == Gps()


def test_the_angle_helper_is_exact() -> None:
    assert angle(52.5) == ((52, 1), (30, 1), (0, 10000))
