from __future__ import annotations

import math

import numpy as np
import pytest
import s2sphere
from hypothesis import given, settings
from hypothesis import strategies as st

from geotagger.earth import cells
from geotagger.earth.distance import EARTH_RADIUS_M

POINTS = 180_000
LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)


def plain_leaf(lat: float, lon: float) -> int:
    found: int = s2sphere.CellId.from_lat_lng(s2sphere.LatLng.from_degrees(lat, lon)).id()
    return found


def edge_places() -> np.ndarray:
    """Poles, the antimeridian, whole degrees, edges and corners of the faces, centres of cells."""
    grid = [(lat, lon) for lat in range(-90, 91, 5) for lon in range(-180, 181, 5)]
    # The faces meet where |lon| is 45 or 135 near the equator, and at tan lat = cos lon above it.
    seams = []
    for lon in np.linspace(-180, 180, 1001).tolist():
        nearest = (lon + 45) % 90 - 45
        lat = math.degrees(math.atan(math.cos(math.radians(nearest))))
        seams += [(lat, lon), (-lat, lon)]
    for lat in np.linspace(-36, 36, 501).tolist():
        seams += [(lat, lon) for lon in (-135.0, -45.0, 45.0, 135.0)]
    corner = math.degrees(math.atan(math.sqrt(0.5)))
    seams += [(sign * corner, lon) for sign in (-1, 1) for lon in (-135.0, -45.0, 45.0, 135.0)]
    odd = [(lat, lon) for lat in (0.0, -0.0, 90.0, -90.0) for lon in (0.0, -0.0, 180.0, -180.0)]
    tiny = [(x, y) for x in (5e-324, -1e-300, 1e-17) for y in (5e-324, -1e-300, 1e-17)]
    middles = [
        (
            s2sphere.CellId(one).to_lat_lng().lat().degrees,
            s2sphere.CellId(one).to_lat_lng().lng().degrees,
        )
        for face in range(6)
        for level in (0, 1, 2, 5, 29)
        for one in [s2sphere.CellId.from_face_pos_level(face, 0x123456789ABCDEF, level).id()]
    ]
    all_of_them = np.array(grid + seams + odd + tiny + middles)
    # One step of a double to each side of everything.
    near = [np.nextafter(all_of_them, towards) for towards in (-1000.0, 1000.0)]
    whole = np.concatenate((all_of_them, *near))
    return whole[np.abs(whole[:, 0]) <= 90.0]


@pytest.fixture(scope="module")
def places() -> np.ndarray:
    rng = np.random.default_rng(11)
    everywhere = np.degrees(np.arcsin(rng.uniform(-1, 1, POINTS)))
    random = np.column_stack((everywhere, rng.uniform(-180, 180, POINTS)))
    return np.concatenate((random, edge_places()))


@pytest.fixture(scope="module")
def leaves(places: np.ndarray) -> np.ndarray:
    return cells.cell_ids(places[:, 0], places[:, 1])


def test_leaves_are_those_of_s2sphere_edges_included(
    places: np.ndarray, leaves: np.ndarray
) -> None:
    expected = [plain_leaf(lat, lon) for lat, lon in places.tolist()]
    assert leaves.dtype == np.uint64
    wrong = np.flatnonzero(leaves != np.array(expected, np.uint64))
    assert len(wrong) == 0, places[wrong[:5]]


@given(lat=LATITUDES, lon=st.floats(-360, 360))
@settings(max_examples=300)
def test_any_double_has_the_leaf_of_s2sphere(lat: float, lon: float) -> None:
    assert cells.cell_ids(lat, lon)[0] == plain_leaf(lat, lon)


def test_a_place_does_not_depend_on_its_neighbours_in_the_array(places: np.ndarray) -> None:
    some = places[-3000:]
    whole = cells.cell_ids(some[:, 0], some[:, 1])
    shuffled = np.random.default_rng(0).permutation(len(some))
    assert np.array_equal(whole[shuffled], cells.cell_ids(*some[shuffled].T))
    assert np.array_equal(whole[:7], np.concatenate([cells.cell_ids(*one) for one in some[:7]]))


@pytest.mark.parametrize("level", range(31))
def test_cells_of_every_level_are_those_of_s2sphere(
    level: int, places: np.ndarray, leaves: np.ndarray
) -> None:
    step = slice(level, None, 601)
    found = cells.cell_ids(places[step, 0], places[step, 1], level)
    plain = [s2sphere.CellId(one).parent(level) for one in leaves[step].tolist()]
    assert found.tolist() == [one.id() for one in plain]
    assert np.all(cells.cell_levels(found) == level)
    assert cells.tokens(found) == [one.to_token() for one in plain]
    assert np.array_equal(cells.from_tokens(cells.tokens(found)), found)
    first, last = cells.ranges(found)
    assert first.tolist() == [one.range_min().id() for one in plain]
    assert last.tolist() == [one.range_max().id() for one in plain]
    if level < cells.MAX_LEVEL:
        assert cells.children(found).tolist() == [[c.id() for c in one.children()] for one in plain]
    lat, lon = cells.cell_centres(found)
    corners, areas = cells.cell_vertices(found), cells.areas_m2(found)
    assert np.all((lon >= -180) & (lon < 180))
    for number, one in enumerate(plain):
        centre = one.to_lat_lng()
        assert abs(centre.lat().degrees - lat[number]) < 1e-12
        assert apart_deg(lat[number], centre.lng().degrees, lon[number]) < 1e-12
        box = s2sphere.Cell(one)
        for corner in range(4):
            place = s2sphere.LatLng.from_point(box.get_vertex(corner))
            assert abs(place.lat().degrees - corners[number, corner, 0]) < 1e-12
            assert (
                apart_deg(place.lat().degrees, place.lng().degrees, corners[number, corner, 1])
                < 1e-12
            )
        if level <= 20:
            # Further down s2sphere's own areas lose their digits.
            assert areas[number] == pytest.approx(box.exact_area() * EARTH_RADIUS_M**2, rel=1e-5)


def apart_deg(lat: float, one: float, other: float) -> float:
    """Degrees along the parallel, so that the longitude of a pole does not count."""
    return abs((one - other + 180) % 360 - 180) * math.cos(math.radians(lat))


@pytest.mark.parametrize("level", [0, 1, 2, 7, 16, 24, 29, 30])
def test_the_centre_of_a_cell_lies_in_the_cell(level: int, leaves: np.ndarray) -> None:
    found = np.unique(cells.parents(leaves[::7], level))
    lat, lon = cells.cell_centres(found)
    assert np.array_equal(cells.cell_ids(lat, lon, level), found)


@given(lat=LATITUDES, lon=LONGITUDES, fine=st.integers(0, 30), coarse=st.integers(0, 30))
def test_a_parent_of_a_parent_is_the_parent(lat: float, lon: float, fine: int, coarse: int) -> None:
    coarse, fine = sorted((coarse, fine))
    small = cells.cell_ids(lat, lon, fine)
    large = cells.parents(small, coarse)
    assert np.array_equal(large, cells.cell_ids(lat, lon, coarse))
    first, last = cells.ranges(large)
    assert first[0] <= small[0] <= last[0]


def test_the_faces_cover_the_earth() -> None:
    faces = np.array(
        [s2sphere.CellId.from_face_pos_level(face, 0, 0).id() for face in range(6)], np.uint64
    )
    assert cells.areas_m2(faces).sum() == pytest.approx(4 * math.pi * EARTH_RADIUS_M**2)
    parts = cells.children(cells.children(faces).ravel()).ravel()
    assert cells.areas_m2(parts).sum() == pytest.approx(4 * math.pi * EARTH_RADIUS_M**2)


def test_outlines_pass_through_the_corners(leaves: np.ndarray) -> None:
    some = cells.parents(leaves[:500], 5)
    around = cells.cell_outlines(some, 6)
    assert around.shape == (len(some), 24, 2)
    assert np.allclose(around[:, ::6], cells.cell_vertices(some))


def test_no_places_make_no_cells() -> None:
    none = cells.cell_ids([], [])
    assert len(none) == 0 and none.dtype == np.uint64
    assert cells.cell_centres(none)[0].shape == (0,)
    assert cells.cell_vertices(none).shape == (0, 4, 2)
    assert cells.tokens(none) == []


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        (90.1, 0.0),
        (-91.0, 0.0),
        (math.nan, 0.0),
        (0.0, math.nan),
        (0.0, math.inf),
        (0.0, 360.5),
    ],
)
def test_what_is_no_place_is_refused(lat: float, lon: float) -> None:
    with pytest.raises(ValueError, match="within"):
        cells.cell_ids([1.0, lat], [1.0, lon])


def test_shapes_levels_and_ids_are_checked() -> None:
    with pytest.raises(ValueError, match="arrays"):
        cells.cell_ids([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="levels"):
        cells.cell_ids([1.0], [1.0], 31)
    with pytest.raises(ValueError, match="coarser"):
        cells.parents(cells.cell_ids(1.0, 1.0, 4), 5)
    with pytest.raises(ValueError, match="leaf"):
        cells.children(cells.cell_ids(1.0, 1.0))
    for wrong in (0, 2, 1 << 63, 7 << 61 | 1, (1 << 64) - 1):
        expected = s2sphere.CellId(wrong).is_valid() and wrong < (1 << 64) - 1
        if expected:
            assert cells.cell_levels(np.array([wrong], np.uint64)) == s2sphere.CellId(wrong).level()
        else:
            with pytest.raises(ValueError, match="no S2 cell"):
                cells.cell_levels(np.array([wrong], np.uint64))
    with pytest.raises(ValueError, match="whole numbers"):
        cells.cell_levels([0.5])
    with pytest.raises(ValueError, match="whole numbers"):
        cells.cell_levels([-1])
    for wrong_token in ("", "x", "12345678901234567", "0"):
        with pytest.raises(ValueError, match="cell"):
            cells.from_tokens([wrong_token])
