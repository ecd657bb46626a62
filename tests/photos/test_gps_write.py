"""The content of a GPS directory: numbers, references, what is carried and what goes."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geotagger.photos.gps_words import describe, describe_fix
from geotagger.photos.gps_write import (
    GpsFix,
    GpsTag,
    Position,
    degrees_to_rationals,
    merge,
    read_position,
)
from geotagger.photos.tiff_tags import Value
from tests.support.jpegs import rational

HALF_DIGIT = 0.5 / 10_000 / 3600 + 1e-12
LATS = st.floats(-90, 90, allow_nan=False)
LONS = st.floats(-180, 180, allow_nan=False)
ORDERS = st.sampled_from("<>")


def existing(order: str, lat: float = 48.5, lon: float = 2.25) -> dict[int, Value]:
    values = merge({}, GpsFix(lat, lon), order)
    values.update(
        {
            GpsTag.ALTITUDE_REF: Value(1, 1, b"\0"),
            GpsTag.ALTITUDE: Value(5, 1, rational(order, 350, 10)),
            GpsTag.TIME: Value(5, 3, rational(order, 10, 1, 11, 1, 12, 1)),
            GpsTag.DATE: Value(2, 11, b"2021:06:05\0"),
            GpsTag.SPEED_REF: Value(2, 2, b"K\0"),
            GpsTag.SPEED: Value(5, 1, rational(order, 5, 1)),
            GpsTag.IMG_DIRECTION_REF: Value(2, 2, b"T\0"),
            GpsTag.IMG_DIRECTION: Value(5, 1, rational(order, 271, 1)),
            0xA000: Value(7, 3, b"own"),
        }
    )
    return values


@given(LATS, LONS, ORDERS)
@example(90.0, 180.0, "<")
@example(-90.0, -180.0, ">")
@example(59.99999999999, -59.99999999999, "<")
@example(-1e-9, 1e-9, ">")
@example(10 + 59 / 60 + 59.99996 / 3600, -(10 + 59.99999999 / 60), "<")
def test_place_comes_back_in_every_quadrant(lat: float, lon: float, order: str) -> None:
    values = merge({}, GpsFix(lat, lon), order)
    place = read_position(values, order)
    if place is None:  # 0,0 is never read as a place
        assert abs(lat) <= HALF_DIGIT
        assert abs(lon) <= HALF_DIGIT
        return
    assert abs(place.lat - lat) <= HALF_DIGIT
    assert abs(place.lon - lon) <= HALF_DIGIT
    assert values[GpsTag.LAT_REF].data == (b"S\0" if lat < 0 else b"N\0")
    assert values[GpsTag.LON_REF].data == (b"W\0" if lon < 0 else b"E\0")


@given(st.floats(0, 180, allow_nan=False))
@example(math.nextafter(1, 0))
@example(179.9999999999)
@example(29 + 59 / 60 + 59.99995 / 3600)
def test_sixty_minutes_or_seconds_are_carried(angle: float) -> None:
    (degrees, _), (minutes, _), (seconds, per) = degrees_to_rationals(angle)
    assert minutes < 60
    assert seconds < 60 * per
    assert abs(degrees + minutes / 60 + seconds / per / 3600 - angle) <= HALF_DIGIT


@given(LATS, LONS, ORDERS)
def test_writing_what_is_there_keeps_the_original_rationals(
    lat: float, lon: float, order: str
) -> None:
    old = merge({}, GpsFix(lat, lon), order)
    place = read_position(old, order)
    if place is None:
        return
    old[GpsTag.LAT] = Value(5, 3, old[GpsTag.LAT].data)
    again = merge(old, GpsFix(place.lat, place.lon, radius_m=5), order)
    assert all(again[tag] == old[tag] for tag in (1, 2, 3, 4))


def test_numbers_in_another_form_are_kept_when_the_place_is_the_same() -> None:
    old = existing("<")
    old[GpsTag.LAT] = Value(5, 3, rational("<", 485, 10, 0, 1, 0, 1))
    assert merge(old, GpsFix(48.5, 2.25), "<")[GpsTag.LAT] == old[GpsTag.LAT]


@pytest.mark.parametrize("order", ["<", ">"])
def test_exact_content_of_a_new_directory(order: str) -> None:
    values = merge({}, GpsFix(-33.5, 151.25, radius_m=12.345, altitude_m=-3.5), order)
    assert values == {
        0x00: Value(1, 4, b"\2\3\0\0"),
        0x01: Value(2, 2, b"S\0"),
        0x02: Value(5, 3, rational(order, 33, 1, 30, 1, 0, 10_000)),
        0x03: Value(2, 2, b"E\0"),
        0x04: Value(5, 3, rational(order, 151, 1, 15, 1, 0, 10_000)),
        0x05: Value(1, 1, b"\1"),
        0x06: Value(5, 1, rational(order, 350, 100)),
        0x12: Value(2, 7, b"WGS-84\0"),
        0x1B: Value(7, 14, b"ASCII\0\0\0MANUAL"),
        0x1F: Value(5, 1, rational(order, 1235, 100)),
    }


def test_a_far_move_drops_what_belonged_to_the_old_place_and_keeps_the_rest() -> None:
    values = merge(existing("<"), GpsFix(40.0, -3.0), "<")
    gone = {GpsTag.ALTITUDE, GpsTag.ALTITUDE_REF, GpsTag.TIME, GpsTag.DATE, GpsTag.SPEED}
    assert not gone & values.keys()
    assert values[GpsTag.IMG_DIRECTION] == existing("<")[GpsTag.IMG_DIRECTION]
    assert values[0xA000].data == b"own"


def test_a_move_within_the_error_of_a_fix_keeps_the_altitude() -> None:
    values = merge(existing("<"), GpsFix(48.5003, 2.25), "<")
    assert values[GpsTag.ALTITUDE] == existing("<")[GpsTag.ALTITUDE]
    assert values[GpsTag.DATE].data == b"2021:06:05\0"


def test_a_known_altitude_replaces_the_stale_one() -> None:
    values = merge(existing("<"), GpsFix(40, -3, altitude_m=650), "<")
    assert values[GpsTag.ALTITUDE].data == rational("<", 65_000, 100)
    assert values[GpsTag.ALTITUDE_REF].data == b"\0"


def test_an_old_radius_does_not_survive_a_place_without_one() -> None:
    old = merge({}, GpsFix(1, 2, radius_m=30), "<")
    assert GpsTag.ERROR not in merge(old, GpsFix(1, 2.5), "<")


def test_without_a_whole_place_the_time_stays_and_the_void_status_goes() -> None:
    old = existing("<")
    del old[GpsTag.LAT_REF]
    old[GpsTag.STATUS] = Value(2, 2, b"V\0")
    values = merge(old, GpsFix(48.5, 2.25), "<")
    assert GpsTag.STATUS not in values
    assert GpsTag.ALTITUDE not in values
    assert GpsTag.TIME in values


def test_another_datum_is_never_taken_for_the_same_place() -> None:
    old = existing("<")
    old[GpsTag.MAP_DATUM] = Value(2, 6, b"TOKYO\0")
    values = merge(old, GpsFix(48.5, 2.25), "<")
    assert values[GpsTag.MAP_DATUM].data == b"WGS-84\0"
    assert GpsTag.ALTITUDE not in values


@pytest.mark.parametrize(
    "spoil",
    [
        {GpsTag.LAT_REF: None},
        {GpsTag.LON_REF: Value(2, 2, b"N\0")},
        {GpsTag.LAT: Value(5, 3, rational("<", 48, 0, 30, 1, 0, 1))},
        {GpsTag.LAT: Value(5, 3, rational("<", 91, 1, 0, 1, 0, 1))},
        {GpsTag.LON: Value(5, 3, rational("<", 2, 1, 60, 1, 0, 1))},
        {GpsTag.LON: Value(5, 2, rational("<", 2, 1, 15, 1))},
        {GpsTag.LAT: Value(5, 3, bytes(4) + b"\1\0\0\0" * 5), GpsTag.LON: None},
    ],
)
def test_broken_or_partial_places_are_incomplete(spoil: dict[int, Value | None]) -> None:
    values = {**existing("<"), **spoil}
    kept = {tag: value for tag, value in values.items() if value is not None}
    assert read_position(kept, "<") is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"lat": 90.01, "lon": 0},
        {"lat": 0, "lon": -180.5},
        {"lat": math.nan, "lon": 0},
        {"lat": 0, "lon": math.inf},
        {"lat": 0, "lon": 0, "radius_m": -1},
        {"lat": 0, "lon": 0, "altitude_m": math.nan},
        {"lat": 0, "lon": 0, "method": "Ü"},
    ],
)
def test_a_place_off_the_earth_is_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        GpsFix(**arguments)  # type: ignore[arg-type]


def test_places_in_words() -> None:
    assert describe(None, present=False) == "no place"
    assert describe(None, present=True) == "incomplete place"
    assert describe(Position(-1.5, 2.25), present=True) == "1.500000° S, 2.250000° E"
    words = describe_fix(GpsFix(1.5, -2.25, radius_m=25_000, altitude_m=-3))
    assert words == "1.500000° N, 2.250000° W, ±25 km, 3 m below sea level"
    assert describe_fix(None) == "no place"
