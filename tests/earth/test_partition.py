from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import s2sphere
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geotagger.earth.distance import haversine_m, spherical_mean
from geotagger.earth.hierarchy import Hierarchy
from geotagger.earth.partition import Limits, Partition
from geotagger.earth.partition_build import build_hierarchy, build_partition
from geotagger.earth.partition_file import load, save
from geotagger.earth.scheme import LATLON, S2, Scheme, scheme_of
from geotagger.errors import PartitionError
from geotagger.progress import CancelledError, CancelToken, Progress

SCHEMES = pytest.mark.parametrize("scheme", ["s2", "latlon"])
LEAF_M = 0.05


def clustered(seed: int, count: int) -> np.ndarray:
    """Points about a few places, as photos are, some on top of each other."""
    rng = np.random.default_rng(seed)
    middles = rng.uniform((-80, -180), (80, 180), (12, 2))
    spread = rng.choice([0.0, 0.001, 0.1, 5.0, 40.0], count)[:, None]
    points = middles[rng.integers(0, 12, count)] + rng.normal(0, 1, (count, 2)) * spread
    points[:, 1] = (points[:, 1] + 180) % 360 - 180
    return np.clip(points, (-90, -180), (90, 180))


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return clustered(1, 6000)


def plain_s2(points: np.ndarray, limits: Limits) -> dict[int, int]:
    """PlaNet's recursion in plain words: cell to count, every cell asked of s2sphere."""
    leaves = [
        s2sphere.CellId.from_lat_lng(s2sphere.LatLng.from_degrees(lat, lon))
        for lat, lon in points.tolist()
    ]
    found: dict[int, int] = {}
    open_cells = {None: leaves}
    for level in range(31):
        inside: dict[int, list[s2sphere.CellId]] = {}
        for group in open_cells.values():
            for leaf in group:
                inside.setdefault(leaf.parent(level).id(), []).append(leaf)
        open_cells = {}
        for cell, group in inside.items():
            deepest = 30 if limits.max_level is None else limits.max_level
            if level < deepest and (len(group) > limits.max_count or level < limits.min_level):
                open_cells[cell] = group
            elif len(group) >= limits.min_count:
                found[cell] = len(group)
    return found


def plain_boxes(points: np.ndarray, limits: Limits) -> list[tuple[float, ...]]:
    """Vo et al.'s halving in plain words: south, west, north, east and count."""
    done = []
    todo = [(-90.0, -180.0, 90.0, 180.0, points)]
    while todo:
        south, west, north, east, inside = todo.pop()
        if len(inside) <= limits.max_count:
            if len(inside) >= max(limits.min_count, 1):
                done.append((south, west, north, east, len(inside)))
            continue
        if east - west > north - south:
            middle = (west + east) / 2
            left = inside[:, 1] < middle
            todo.append((south, west, north, middle, inside[left]))
            todo.append((south, middle, north, east, inside[~left]))
        else:
            middle = (south + north) / 2
            below = inside[:, 0] < middle
            todo.append((south, west, middle, east, inside[below]))
            todo.append((middle, west, north, east, inside[~below]))
    return sorted(done)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(200, 5),
        Limits(37, 1),
        Limits(500, 20, min_level=4),
        Limits(50, 3, max_level=9),
        Limits(10**9, 1, min_level=4, max_level=4),
    ],
)
def test_an_s2_partition_is_that_of_the_plain_recursion(points: np.ndarray, limits: Limits) -> None:
    one = build_partition(points, limits)
    expected = plain_s2(points, limits)
    assert dict(zip(one.ids.tolist(), one.counts.tolist(), strict=True)) == expected
    assert one.dropped_points == len(points) - sum(expected.values())


@pytest.mark.parametrize("limits", [Limits(200, 5), Limits(30, 1), Limits(10**9, 1)])
def test_a_latlon_partition_is_that_of_the_plain_halving(limits: Limits) -> None:
    # No two points at one place: halving those would not end.
    points = np.random.default_rng(4).normal((10, 20), (20, 50), (3000, 2))
    points = points[(np.abs(points) < (90, 180)).all(axis=1)]
    one = build_partition(points, limits, scheme="latlon")
    corners = one.outlines(np.arange(one.size))
    boxes = sorted(
        (*around.min(axis=0), *around.max(axis=0), count)
        for around, count in zip(corners, one.counts.tolist(), strict=True)
    )
    expected = plain_boxes(points, limits)
    assert len(boxes) == len(expected)
    assert np.allclose(boxes, expected, rtol=0, atol=1e-9)


def test_small_areas_are_not_halved_any_further(points: np.ndarray) -> None:
    limits = Limits(10, 1, min_area_km2=2000.0)
    one = build_partition(points, limits, scheme="latlon")
    areas = LATLON.areas_m2(one.ids) / 1e6
    assert np.all((one.counts <= 10) | (areas <= 2000.0))
    # Each cell's own parent was above the threshold.
    assert areas.min() > 500.0
    assert (one.counts > 10).any()


@SCHEMES
def test_mean_places_and_radii_are_those_of_the_points(scheme: str, points: np.ndarray) -> None:
    one = build_partition(points, Limits(300, 4), scheme=scheme)
    classes = one.classes_of(*points.T)
    for number in range(one.size):
        lat, lon = points[classes == number].T
        mean = spherical_mean(lat, lon)
        assert haversine_m(*mean, one.mean_lat[number], one.mean_lon[number]) < LEAF_M
        away = np.sort(haversine_m(*mean, lat, lon))
        assert one.radius_m[number] == pytest.approx(away[(len(away) - 1) // 2], abs=LEAF_M)


def test_a_cell_with_very_many_points_is_measured_like_any_other() -> None:
    rng = np.random.default_rng(9)
    many = np.column_stack((rng.normal(48, 0.01, 150_000), rng.normal(11, 0.01, 150_000)))
    one = build_partition(many, Limits(10**6, 1, max_level=3))
    assert one.size == 1
    mean = spherical_mean(*many.T)
    assert haversine_m(*mean, one.mean_lat[0], one.mean_lon[0]) < LEAF_M
    half = np.sort(haversine_m(*mean, *many.T))[74_999]
    assert one.radius_m[0] == pytest.approx(half, abs=LEAF_M)


def test_points_that_cancel_out_have_the_middle_of_their_cell_as_mean() -> None:
    poles = np.array([[90.0, 0.0], [-90.0, 0.0]] * 4)
    one = build_partition(poles, Limits(100), scheme="latlon")
    assert (one.size, one.mean_lat[0], one.mean_lon[0]) == (1, 0.0, 0.0)
    assert np.isfinite(one.radius_m[0])


@SCHEMES
def test_chunks_arrays_and_mapped_files_give_the_same(
    scheme: str, points: np.ndarray, tmp_path: Path
) -> None:
    whole = build_partition(points, Limits(100, 5), scheme=scheme)
    mapped = np.memmap(tmp_path / "points.f64", np.float64, "w+", shape=points.shape)
    mapped[:] = points
    for source in ((part for part in np.array_split(points, 7)), mapped, iter([points])):
        other = build_partition(source, Limits(100, 5), scheme=scheme)
        assert other.digest == whole.digest
        assert np.array_equal(other.counts, whole.counts)
        assert np.array_equal(other.mean_lat, whole.mean_lat)


def test_chunks_that_outgrow_the_first_guess_are_all_kept() -> None:
    rng = np.random.default_rng(2)
    parts = [rng.uniform((-90, -180), (90, 180), (700_000, 2)) for _ in range(3)]
    one = build_partition(iter(parts), Limits(10**6, 1, min_level=2, max_level=2))
    assert one.points == int(one.counts.sum()) == 2_100_000


def test_dropped_cells_leave_points_without_class_unless_they_are_kept(
    points: np.ndarray,
) -> None:
    dropped = build_partition(points, Limits(200, 40))
    kept = build_partition(points, Limits(200, 40, keep_small=True))
    assert 0 < np.count_nonzero(dropped.classes_of(*points.T) < 0) == dropped.dropped_points
    assert kept.dropped_points == 0 and kept.classes_of(*points.T).min() == 0
    assert kept.counts.min() < 40 <= dropped.counts.min()
    assert set(dropped.ids.tolist()) < set(kept.ids.tolist())


def test_places_far_from_all_points_have_no_class() -> None:
    one = build_partition(np.array([[10.0, 10.0]] * 9), Limits(5, 1))
    found = one.classes_of([10.0, 10.0, -40.0], [10.0, 10.5, 170.0])
    assert found.tolist() == [0, -1, -1] and found.dtype == np.int32


def test_no_points_make_no_classes() -> None:
    none = build_partition(np.empty((0, 2)), Limits(10))
    assert none.size == 0 and none.classes_of([1.0], [2.0]).tolist() == [-1]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 91.0])
def test_a_point_that_is_no_place_is_told(wrong: float) -> None:
    with pytest.raises(PartitionError, match=r"points 0 to 1"):
        build_partition(np.array([[0.0, 0.0], [wrong, 0.0]]), Limits(1))
    with pytest.raises(PartitionError, match="shape"):
        build_partition(np.zeros((4, 3)), Limits(1))
    with pytest.raises(PartitionError, match="shape"):
        build_partition([[1.0, 2.0]], Limits(1))  # type: ignore[list-item]


@pytest.mark.parametrize(
    "limits",
    [
        Limits(0),
        Limits(5, 6),
        Limits(5, -1),
        Limits(5, min_level=-1),
        Limits(5, max_level=31),
        Limits(5, min_level=9, max_level=8),
        Limits(5, min_area_km2=float("nan")),
        Limits(5, min_area_km2=-1.0),
    ],
)
def test_limits_that_contradict_are_refused(limits: Limits) -> None:
    with pytest.raises(PartitionError, match="limits"):
        build_partition(np.zeros((3, 2)), limits)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(PartitionError, match="h3"):
        build_partition(np.zeros((3, 2)), Limits(5), scheme="h3")


def test_work_is_told_and_can_be_stopped(points: np.ndarray) -> None:
    told: list[Progress] = []
    build_partition(points, Limits(100), progress=told.append)
    assert told[0].what == "Reading points" and told[-1].done == len(points)
    stop = CancelToken()
    stop.cancel()
    with pytest.raises(CancelledError):
        build_partition(points, Limits(100), cancel=stop)


@SCHEMES
def test_parents_hold_their_children(scheme: str, points: np.ndarray) -> None:
    one = hierarchy(points, scheme)
    classes = [part.classes_of(*points.T) for part in one.partitions]
    has = classes[-1] >= 0
    paths = one.paths()
    assert paths.shape == (one.finest.size, 3)
    for column, found in enumerate(classes):
        assert np.array_equal(paths[classes[-1][has], column], found[has])


def hierarchy(points: np.ndarray, scheme: str = "s2", least: int = 6) -> Hierarchy:
    limits = [Limits(most, least) for most in (600, 240, 120)]
    return build_hierarchy(points, limits, names=["coarse", "middle", "fine"], scheme=scheme)


def test_a_coarse_partition_that_dropped_a_cell_is_refused(points: np.ndarray) -> None:
    with pytest.raises(PartitionError, match="no parent"):
        build_hierarchy(points, [Limits(600, 90), Limits(120, 6)], names=["a", "b"])


def test_a_coarse_partition_that_is_deeper_is_refused(points: np.ndarray) -> None:
    with pytest.raises(PartitionError, match="no parent"):
        build_hierarchy(points, [Limits(120, 6), Limits(600, 6)], names=["a", "b"])
    with pytest.raises(PartitionError, match="no parent"):
        build_hierarchy(points, [Limits(600, 6, min_level=12), Limits(120, 6)], names=["a", "b"])


def test_partitions_of_other_points_schemes_or_names_make_no_hierarchy(
    points: np.ndarray,
) -> None:
    one = build_partition(points, Limits(600, 6), name="a")
    other = build_partition(points[:-1], Limits(120, 6), name="b")
    shifted = build_partition(np.repeat(points[:600], 10, axis=0), Limits(120, 6), name="b")
    boxes = build_partition(points, Limits(120, 6), name="b", scheme="latlon")
    for wrong, words in (
        ([one, other], "same points"),
        ([one, shifted], "same points|no parent"),
        ([one, boxes], "schemes"),
        ([one, one], "names"),
        ([], "one partition"),
    ):
        with pytest.raises(PartitionError, match=words):
            Hierarchy.of(wrong)


def test_arrays_of_a_partition_cannot_be_changed(points: np.ndarray) -> None:
    one = build_partition(points, Limits(100))
    with pytest.raises(ValueError, match="read-only"):
        one.counts[0] = 7


@st.composite
def point_sets(draw: st.DrawFn) -> np.ndarray:
    count = draw(st.integers(1, 200))
    if draw(st.booleans()):
        return clustered(draw(st.integers(0, 1000)), count)
    places = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
    return np.array(draw(st.lists(places, min_size=1, max_size=60)))


@st.composite
def some_limits(draw: st.DrawFn, deepest: int) -> Limits:
    most = draw(st.integers(1, 60))
    low, high = sorted((draw(st.integers(0, deepest)), draw(st.integers(0, deepest))))
    return Limits(most, draw(st.integers(0, most)), low, high, 0.0, draw(st.booleans()))


def check(one: Partition, points: np.ndarray, scheme: Scheme) -> None:
    first = one.ids - ((one.ids & (~one.ids + np.uint64(1))) - np.uint64(1))
    last = one.ids + ((one.ids & (~one.ids + np.uint64(1))) - np.uint64(1))
    assert np.all(last[:-1] < first[1:]), "cells overlap"
    leaves, classes = scheme.leaves(*points.T), one.classes_of(*points.T)
    has = classes >= 0
    mine, leaves = classes[has], leaves[has]
    assert np.all((leaves >= first[mine]) & (leaves <= last[mine]))
    counts = Counter(classes[has].tolist())
    assert [counts[number] for number in range(one.size)] == one.counts.tolist()
    assert one.points == len(points) == int(one.counts.sum()) + one.dropped_points
    # Without a bound, cells at the scheme's deepest level may hold more: the same place many times.
    deepest = scheme.max_level if one.limits.max_level is None else one.limits.max_level
    assert np.all((one.counts <= one.limits.max_count) | (one.levels == deepest))
    assert np.all(one.levels >= one.limits.min_level)
    if not one.limits.keep_small:
        assert np.all(one.counts >= one.limits.min_count)


@SCHEMES
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_holds_for_every_partition(scheme: str, data: st.DataObject) -> None:
    way = scheme_of(scheme)
    points = data.draw(point_sets())
    check(
        build_partition(points, data.draw(some_limits(way.max_level)), scheme=scheme), points, way
    )


@SCHEMES
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_one_least_count_and_falling_most_counts_always_make_a_hierarchy(
    scheme: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    points = data.draw(point_sets())
    least = data.draw(st.integers(1, 5))
    mosts = sorted(data.draw(st.lists(st.integers(5, 100), min_size=1, max_size=4)), reverse=True)
    names = [f"{number}" for number in range(len(mosts))]
    one = build_hierarchy(points, [Limits(m, least) for m in mosts], names=names, scheme=scheme)
    way = scheme_of(scheme)
    for coarse, fine, parents in zip(
        one.partitions[:-1], one.partitions[1:], one.parents, strict=True
    ):
        check(fine, points, way)
        assert np.all(coarse.levels[parents] <= fine.levels)
        assert np.all(coarse.counts[parents] >= fine.counts)
        found, small = coarse.classes_of(*points.T), fine.classes_of(*points.T)
        assert np.array_equal(parents[small[small >= 0]], found[small >= 0])
    file = tmp_path_factory.getbasetemp() / f"{scheme}.npz"
    save(one, file)
    back = load(file)
    assert isinstance(back, Hierarchy)
    assert [part.digest for part in back.partitions] == [part.digest for part in one.partitions]


def test_the_level_4_partition_of_the_earth_has_all_its_cells() -> None:
    every = S2.roots
    for _ in range(4):
        every = S2.children(every)
    lat, lon = S2.centres(every)
    one = build_partition(np.column_stack((lat, lon)), Limits(10, 1, min_level=4, max_level=4))
    assert one.size == 6 * 4**4
    assert np.array_equal(one.ids, np.sort(every))


def test_the_papers_ratios_on_the_shared_coordinates_come_near_its_class_counts(
    shared: Path,
) -> None:
    path = shared / "coords" / "geoclip_gallery_100k.csv"
    points = np.loadtxt(path, delimiter=",", skiprows=1)
    # 4.72 million photos there, so thresholds of 5,000 / 2,000 / 1,000 and 50 are 47 times less.
    one = build_hierarchy(
        points, [Limits(most, 1) for most in (106, 42, 21)], names=["coarse", "middle", "fine"]
    )
    for part, paper in zip(one.partitions, (3298, 7202, 12893), strict=True):
        assert abs(part.size / paper - 1.0) < 0.15, part.size
