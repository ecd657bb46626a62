from __future__ import annotations

import numpy as np
import pytest
import s2sphere
from hypothesis import assume, given
from hypothesis import strategies as st

from geotagger.earth.distance import (
    EARTH_RADIUS_M,
    destination,
    haversine_m,
    initial_bearing,
    interpolate,
    spherical_mean,
    to_degrees,
    unit_vectors,
    wrap_lon,
)

HALF_ROUND_M = np.pi * EARTH_RADIUS_M

lats = st.floats(-90, 90)
lons = st.floats(-180, 180, exclude_max=True)
places = st.tuples(lats, lons)


@given(places, places)
def test_distance_agrees_with_an_independent_implementation(a, b):
    expected = (
        s2sphere.LatLng.from_degrees(*a).get_distance(s2sphere.LatLng.from_degrees(*b)).radians
        * EARTH_RADIUS_M
    )
    # The other implementation loses digits near the antipode.
    tolerance = 1e-3 if expected < 0.99 * HALF_ROUND_M else 1.0
    assert haversine_m(*a, *b) == pytest.approx(expected, rel=1e-9, abs=tolerance)


def test_distance_broadcasts_rows_against_columns():
    lat = np.array([0.0, 10.0, 20.0])
    lon = np.array([0.0, 90.0])
    table = haversine_m(lat[:, None], 0.0, 0.0, lon[None, :])
    assert table.shape == (3, 2)
    assert table.dtype == np.float64
    assert table[0, 1] == pytest.approx(HALF_ROUND_M / 2)


def test_distance_of_one_metre_is_not_lost():
    assert haversine_m(52.0, 13.0, 52.0 + 1 / 111_195.08, 13.0) == pytest.approx(1.0, rel=1e-4)


def test_distance_between_antipodes_is_half_the_way_round():
    assert haversine_m(0, 0, 0, 180) == pytest.approx(HALF_ROUND_M)
    assert haversine_m(90, 12, -90, 77) == pytest.approx(HALF_ROUND_M)


@given(places, st.floats(0, 360), st.floats(0, 0.999 * HALF_ROUND_M))
def test_going_a_distance_ends_at_that_distance(start, bearing, distance):
    lat, lon = destination(*start, bearing, distance)
    assert -90 <= lat <= 90
    assert -180 <= lon < 180
    assert haversine_m(*start, lat, lon) == pytest.approx(distance, rel=1e-6, abs=1e-2)


@given(places, places, st.floats(0, 1))
def test_a_place_on_the_way_divides_it(a, b, share):
    whole = float(haversine_m(*a, *b))
    assume(whole < 0.999 * HALF_ROUND_M)
    lat, lon = interpolate(*a, *b, share)
    assert haversine_m(*a, lat, lon) == pytest.approx(share * whole, rel=1e-6, abs=0.1)
    assert haversine_m(*b, lat, lon) == pytest.approx((1 - share) * whole, rel=1e-6, abs=0.1)


def test_the_way_over_the_date_line_is_the_short_one():
    lat, lon = interpolate(0.0, 179.0, 0.0, -179.0, np.array([0.0, 0.25, 0.5, 1.0]))
    assert lat == pytest.approx([0, 0, 0, 0], abs=1e-9)
    assert lon == pytest.approx([179, 179.5, -180, -179])


def test_bearing_is_counted_from_north_over_east():
    assert initial_bearing(0, 0, 1, 0) == pytest.approx(0)
    assert initial_bearing(0, 0, 0, 1) == pytest.approx(90)
    assert initial_bearing(0, 179.5, 0, -179.5) == pytest.approx(90)
    assert initial_bearing(10, 0, 0, 0) == pytest.approx(180)


@given(st.floats(-1e6, 1e6))
def test_wrapping_gives_the_same_meridian_in_range(lon):
    wrapped = float(wrap_lon(lon))
    assert -180 <= wrapped < 180
    turns = (lon - wrapped) / 360
    assert turns == pytest.approx(round(turns), abs=1e-6)


@given(lons)
def test_wrapping_keeps_every_digit_of_what_is_in_range(lon):
    assert float(wrap_lon(lon)) == lon


@given(st.lists(st.tuples(st.floats(-89, 89), lons), min_size=1, max_size=20))
def test_vectors_are_of_unit_length_and_lead_back(points):
    lat, lon = np.array(points).T
    vectors = unit_vectors(lat, lon)
    assert vectors.shape == (len(points), 3)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(points)))
    assert haversine_m(lat, lon, *to_degrees(vectors)) == pytest.approx(0, abs=1e-3)


def test_the_mean_lies_between_over_the_date_line():
    assert spherical_mean([10, 10], [179, -177]) == pytest.approx((10.0, -179.0), abs=0.01)


def test_the_mean_follows_the_weights():
    lat, _ = spherical_mean([0.0, 1.0], [0.0, 0.0], [1.0, 3.0])
    assert lat == pytest.approx(0.75, abs=1e-3)


@pytest.mark.parametrize(
    ("lat", "lon", "weights", "words"),
    [
        ([], [], None, "no places"),
        ([0, 0], [0, 180], None, "cancel"),
        ([1, 2], [1, 2], [1], "expected 2 weights, found 1"),
        ([1, 2], [1, 2], [0, 0], "positive sum"),
    ],
)
def test_a_mean_that_does_not_exist_is_refused(lat, lon, weights, words):
    with pytest.raises(ValueError, match=words):
        spherical_mean(lat, lon, weights)
