"""An album model beside a world model: order, anchors, cells and memory, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from geotagger.earth.partition import Limits
from geotagger.earth.partition_build import build_partition
from geotagger.errors import ModelError
from geotagger.models.album.applying import WorldView
from geotagger.models.album.beliefs import beliefs
from geotagger.models.album.config import AlbumModelConfig
from geotagger.models.album.network import AlbumNetwork, CellHead
from geotagger.models.album.release import AlbumModel, load_album_model, save_release
from geotagger.models.cell_table import build_cell_table
from geotagger.models.geo_space import GeoSpace
from geotagger.models.location_encoder import LocationEncoder
from geotagger.models.world import GalleryHead, WorldModel
from geotagger.suggest.types import CellGuess
from tests.support.simulated import DIMENSION, places, random_tensors


@pytest.fixture(scope="module")
def view() -> WorldView:
    space = GeoSpace(LocationEncoder.load(random_tensors()), 12.0, places(), "made up")
    partition = build_partition(space.gallery.astype(np.float64), Limits(50, 1))
    classes = partition.classes_of(space.gallery[:, 0], space.gallery[:, 1])
    table = build_cell_table(space, classes, partition.size)
    return WorldView.of(WorldModel(partition, GalleryHead(table), "made up"), space.encoder)


@pytest.fixture(params=[True, False], ids=["beliefs", "vectors"])
def model(request: pytest.FixtureRequest, view: WorldView, tmp_path: Path) -> AlbumModel:
    torch.manual_seed(3)
    config = AlbumModelConfig(
        "m", 24, bidirectional=True, head="geo", dimension=DIMENSION, beliefs=request.param
    )
    network = AlbumNetwork(config).eval()
    network.start_memory(torch.from_numpy(view.vectors))
    cells = CellHead(torch.from_numpy(view.vectors), torch.zeros(len(view.vectors)), learned=False)
    assert view.world is not None
    save_release(tmp_path, network, cells, view.world.partition, trained_on="nothing")
    return load_album_model(tmp_path)


def photos(view: WorldView, count: int = 9) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    rows = view.vectors[rng.integers(len(view.vectors), size=count)]
    rows = rows + 0.5 * rng.standard_normal(rows.shape).astype(np.float32) / np.sqrt(DIMENSION)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows, np.float32), np.cumsum(rng.uniform(0, 900, count))


def test_the_result_is_probabilities_of_the_world_models_cells(
    model: AlbumModel, view: WorldView
) -> None:
    rows, times = photos(view)
    found = model.apply(rows, times, None, view)
    assert found.shape == (9, view.size)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1.0, atol=1e-4)


def test_photos_may_come_in_any_order(model: AlbumModel, view: WorldView) -> None:
    rows, times = photos(view)
    mixed = np.random.default_rng(5).permutation(len(rows))
    known = {4: (48.2, 16.4)}
    moved = {int(np.flatnonzero(mixed == 4)[0]): (48.2, 16.4)}
    found = model.apply(rows, times, known, view)
    again = model.apply(rows[mixed], times[mixed], moved, view)
    np.testing.assert_allclose(again, found[mixed], atol=1e-4)


def test_an_anchor_draws_its_neighbours_to_its_place(model: AlbumModel, view: WorldView) -> None:
    rows, times = photos(view)
    assert view.world is not None
    cells = view.world.partition
    place = (float(cells.mean_lat[5]), float(cells.mean_lon[5]))
    without = model.apply(rows, times, None, view)[:, 5]
    anchored = model.apply(rows, times, {4: place}, view)[:, 5]
    assert anchored[3] > without[3]
    assert anchored[5] > without[5]


def test_the_likeliest_cells_are_those_of_the_whole_distribution(
    model: AlbumModel, view: WorldView
) -> None:
    rows, times = photos(view, 300)
    whole = model.apply(rows, times, None, view)
    top = model.top_cells(rows, times, None, view, k=7)
    np.testing.assert_array_equal(top.classes[:, 0], whole.argmax(axis=1))
    np.testing.assert_allclose(
        top.log_p, np.take_along_axis(whole, top.classes.astype(np.intp), axis=1), atol=1e-5
    )
    total = np.exp(top.log_p.astype(np.float64)).sum(axis=1) + np.exp(top.log_rest)
    np.testing.assert_allclose(total, 1.0, atol=1e-4)
    everything = model.top_cells(rows[:3], times[:3], None, view, k=10_000)
    assert np.all(everything.log_rest == -np.inf)


def test_kept_guesses_of_all_cells_say_what_the_embeddings_say(
    model: AlbumModel, view: WorldView
) -> None:
    rows, times = photos(view)
    assert view.world is not None
    kept = [
        CellGuess(classes, log_p, float(rest))
        for classes, log_p, rest in zip(*view.world.top_cells(rows, view.size), strict=True)
    ]
    if not model.config.beliefs:
        with pytest.raises(ValueError, match="not guesses"):
            model.rethink(kept, times, None, view)
        return
    known = {2: (10.0, 20.0)}
    whole = model.top_cells(rows, times, known, view, k=5)
    again = model.rethink(kept, times, known, view, k=5)
    np.testing.assert_array_equal(again.classes, whole.classes)
    np.testing.assert_allclose(again.log_p, whole.log_p, atol=1e-3)


def test_few_kept_cells_of_a_guess_are_enough(model: AlbumModel, view: WorldView) -> None:
    if not model.config.beliefs:
        return
    rows, times = photos(view)
    assert view.world is not None
    alone = WorldView.of_cells(view.world.partition, view.log_prior, view.encoder)
    kept = [
        CellGuess(classes, log_p, float(rest))
        for classes, log_p, rest in zip(*view.world.top_cells(rows, 20), strict=True)
    ]
    whole = model.top_cells(rows, times, None, view, k=1)
    again = model.rethink(kept, times, None, alone, k=1)
    assert (again.classes == whole.classes).mean() > 0.7
    with pytest.raises(ValueError, match="without the world model"):
        model.apply(rows, times, None, alone)


@pytest.mark.parametrize("count", [0, 1])
def test_albums_of_no_photo_and_of_one_pass(model: AlbumModel, view: WorldView, count: int) -> None:
    rows, times = photos(view)
    assert len(model.apply(rows[:count], times[:count], {}, view)) == count


def test_all_photos_of_one_second_pass(model: AlbumModel, view: WorldView) -> None:
    rows, times = photos(view)
    assert np.isfinite(model.apply(rows, np.zeros_like(times), None, view)).all()


def test_misfits_are_refused(model: AlbumModel, view: WorldView) -> None:
    rows, times = photos(view)
    with pytest.raises(ValueError, match="numbers"):
        model.apply(rows[:, :5], times, None, view)
    with pytest.raises(ValueError, match="times"):
        model.apply(rows, times[:3], None, view)
    with pytest.raises(ValueError, match="anchors"):
        model.apply(rows, times, {9: (0.0, 0.0)}, view)
    with pytest.raises(ValueError, match="at least 1"):
        model.top_cells(rows, times, None, view, k=0)


def test_a_model_with_cells_of_its_own_is_refused(view: WorldView, tmp_path: Path) -> None:
    network = AlbumNetwork(AlbumModelConfig("own", 8, dimension=DIMENSION))
    cells = CellHead(torch.from_numpy(view.vectors), torch.zeros(len(view.vectors)), learned=True)
    assert view.world is not None
    save_release(tmp_path, network, cells, view.world.partition, trained_on="nothing")
    rows, times = photos(view)
    with pytest.raises(ModelError, match="cells of its own"):
        load_album_model(tmp_path).apply(rows, times, None, view)


def test_a_belief_is_long_where_the_world_model_is_sure(view: WorldView) -> None:
    sure = np.full((2, len(view.vectors)), -30.0, np.float32)
    sure[0, 3] = 0.0
    sure[1] = -np.log(len(view.vectors))
    found = np.linalg.norm(beliefs(sure, view.vectors), axis=1)
    assert found[0] > 0.99
    assert found[1] < 0.9
