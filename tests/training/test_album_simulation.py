"""Simulated albums: new with each draw, the same by seed, moving and erring as real ones."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from geotagger.earth.distance import haversine_m
from geotagger.models.location_encoder import LocationEncoder
from geotagger.training.album.albums import Simulator
from geotagger.training.album.emissions import EmissionConfig, keeping
from geotagger.training.album.motion import REAL, fit_motion, gap_class, move_class
from geotagger.training.album.narrowing import narrowed
from geotagger.training.album.trips import TripConfig, draw_trips
from geotagger.training.album.world import WorldConfig, build_world
from tests.support.simulated import DIMENSION, places, random_tensors, small_simulator


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return small_simulator()


def test_every_draw_is_new_and_the_same_seed_gives_the_same(simulator: Simulator) -> None:
    one, again, other = (simulator.draw(5, seed) for seed in ((1, 2), (1, 2), (1, 3)))
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a.photos.vectors, b.photos.vectors)
        np.testing.assert_array_equal(a.classes, b.classes)
    first = [album.photos.vectors.shape for album in one]
    assert first != [album.photos.vectors.shape for album in other]


def test_photos_are_unit_vectors_in_cells_near_their_true_place(simulator: Simulator) -> None:
    for album in simulator.draw(20, (4,)):
        norms = np.linalg.norm(album.photos.vectors, axis=1)
        np.testing.assert_allclose(norms, 1.0, atol=1e-5)
        held = album.classes >= 0
        again = simulator.partition.classes_of(album.lat[held], album.lon[held])
        np.testing.assert_array_equal(again, album.classes[held])


def test_moves_and_gaps_of_drawn_trips_have_the_shares_that_they_were_given(
    simulator: Simulator,
) -> None:
    trips = draw_trips(simulator.world, 3000, np.random.default_rng(1), TripConfig())
    rows = np.arange(len(trips.lengths))
    gaps, stayed = [], []
    for row in rows:
        length = trips.lengths[row]
        gaps.append(trips.gaps[row, 1:length])
        stayed.append(~trips.moved[row, 1:length])
    classes = gap_class(np.concatenate(gaps))
    shares = np.bincount(classes, minlength=8) / len(classes)
    # Albums differ, so the shares spread a little beyond the pooled ones.
    np.testing.assert_allclose(shares, REAL.gaps, atol=0.08)
    bursts = np.concatenate(stayed)[classes <= 1]
    assert bursts.mean() > 0.9


def test_counting_the_moves_of_simulated_albums_gives_the_model_back(
    simulator: Simulator,
) -> None:
    albums = simulator.draw(400, (9,))
    motion = fit_motion([(one.photos.seconds, one.lat, one.lon) for one in albums])
    assert abs(motion.album_spread - REAL.album_spread) < 0.4
    # What stays at the spot is drawn as such; where spots are sparse, moves go further.
    np.testing.assert_allclose(motion.moves[:2, :2].sum(axis=1), 1.0, atol=0.05)


def test_errors_are_alike_within_a_burst_and_less_so_later() -> None:
    simulator = small_simulator(emissions=EmissionConfig(kinds=(0, 0, 0, 0, 0, 1), noise=2.0))
    soon, late = [], []
    for album in simulator.draw(150, (5,)):
        rows = album.photos.vectors - album.photos.vectors.mean()
        alike = (rows[1:] * rows[:-1]).sum(axis=1) / np.linalg.norm(rows[1:], axis=1)
        soon.append(alike[album.photos.gaps[1:] < 60])
        late.append(alike[album.photos.gaps[1:] > 21_600])
    assert np.concatenate(soon).mean() > np.concatenate(late).mean() + 0.1


def test_what_scenes_share_fades_with_time_and_with_a_walk() -> None:
    kept = keeping(np.array([0.0, 60.0, 3600.0]), np.zeros(3, np.bool_))
    assert kept[0] == 1.0
    assert np.all(np.diff(kept) < 0.0)
    assert keeping(np.array([0.0]), np.ones(1, np.bool_))[0] < 1.0


def test_anchors_carry_the_exact_encoding_of_their_place() -> None:
    simulator = small_simulator(anchor_share=1.0)
    anchored = 0
    for album in simulator.draw(30, (2,)):
        at = np.flatnonzero(album.photos.anchors)
        anchored += len(at)
        if len(at):
            encoder = LocationEncoder.load(random_tensors())
            exact = encoder.encode(album.lat[at], album.lon[at])
            assert float((exact * album.photos.vectors[at]).sum(axis=1).min()) > 0.999
    assert anchored > 20


def test_spots_at_the_date_line_have_neighbours_on_both_sides(simulator: Simulator) -> None:
    world = simulator.world
    edge = np.flatnonzero(np.abs(world.lon) > 179.0)
    assert len(edge) > 0
    near = world.rings[1, edge, 0]
    metres = haversine_m(world.lat[edge], world.lon[edge], world.lat[near], world.lon[near])
    assert float(np.max(metres)) < 200e3
    assert np.any(world.lon[edge] * world.lon[near] < 0.0)


def test_a_world_larger_than_its_gallery_and_senseless_settings_are_refused() -> None:
    encoder = LocationEncoder.load(random_tensors())
    with pytest.raises(ValueError, match="spots are wanted"):
        build_world(encoder, places(50), WorldConfig(spots=100))
    with pytest.raises(ValueError, match="kinds"):
        EmissionConfig(kinds=(1.0, 2.0))
    with pytest.raises(ValueError, match="fewest"):
        TripConfig(fewest=9, most=3)


def test_albums_of_one_event_never_leave_their_spot_and_the_share_of_moves_stays(
    simulator: Simulator,
) -> None:
    drawn = {}
    for events in (0.0, 0.3):
        config = TripConfig(median_photos=20.0, spread=0.0, events=events)
        trips = draw_trips(simulator.world, 2000, np.random.default_rng(2), config)
        left = np.diff(trips.spots, axis=1) != 0
        drawn[events] = float(left.mean()), float((~left.any(axis=1)).mean())
    assert drawn[0.3][1] > drawn[0.0][1] + 0.2
    assert abs(drawn[0.3][0] - drawn[0.0][0]) < 0.04


def test_albums_differ_in_their_gaps_but_together_have_the_shares(simulator: Simulator) -> None:
    config = TripConfig(median_photos=40.0, spread=0.0)
    trips = draw_trips(simulator.world, 4000, np.random.default_rng(3), config)
    classes = gap_class(trips.gaps[:, 1:])
    shares = np.bincount(classes.ravel(), minlength=8) / classes.size
    np.testing.assert_allclose(shares, REAL.gaps, atol=0.02)
    assert float(classes.mean(axis=1).std()) > 0.6


def test_photos_that_tell_nothing_lie_near_the_mean_of_all_places() -> None:
    config = EmissionConfig(kinds=(1, 0, 0, 0, 0, 1), noise=0.0, confidence=0.2)
    simulator = small_simulator(emissions=config)
    mean = simulator.world.share @ simulator.world.vectors
    mean /= np.linalg.norm(mean)
    sharp, blind = [], []
    for album in simulator.draw(30, (6,)):
        cosine = album.photos.vectors @ mean
        sharp.append(cosine[album.kinds == 0])
        blind.append(cosine[album.kinds == 5])
    assert np.concatenate(blind).min() > np.median(np.concatenate(sharp))


def test_a_narrower_space_keeps_near_places_near() -> None:
    encoder, gallery = LocationEncoder.load(random_tensors()), places()
    narrow = narrowed(encoder, gallery, 20)
    assert narrowed(encoder, gallery, 0) is encoder
    rows, whole = (one.encode(gallery[:, 0], gallery[:, 1]) for one in (narrow, encoder))
    assert rows.shape == (len(gallery), 20)
    kept = np.square(rows).sum() / np.square(whole).sum()
    assert 20 / DIMENSION < kept <= 1.0
    with pytest.raises(ValueError, match="are wanted"):
        narrowed(encoder, gallery, DIMENSION + 1)


@pytest.mark.shared
def test_the_kept_shares_are_those_of_the_real_traces(shared: Path) -> None:
    rows: dict[str, list[tuple[float, float, float]]] = {}
    files = (shared / "photos" / "albums.csv", shared / "coords" / "album-traces.csv")
    for path in files:
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                when = datetime.fromisoformat(row["taken_at"].replace("Z", "")).timestamp()
                album = f"{path.name} {row.get('album_id', row.get('album'))}"
                place = (float(row["lat"]), float(row["lon"]))
                rows.setdefault(album, []).append((when, *place))
    traces = [tuple(np.array(sorted(one)).T) for one in rows.values()]
    found = fit_motion(traces)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.gaps, REAL.gaps, atol=0.02)
    np.testing.assert_allclose(found.moves, REAL.moves, atol=0.04)
    assert abs(found.returns - REAL.returns) < 0.05


def test_classes_of_gaps_and_distances_begin_where_the_tables_say() -> None:
    np.testing.assert_array_equal(gap_class([0.0, 10.0, 11.0, 1e9]), [0, 0, 1, 7])
    np.testing.assert_array_equal(move_class([0.0, 100.0, 101.0, 1e8]), [0, 0, 1, 5])
