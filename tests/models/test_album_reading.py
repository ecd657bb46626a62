"""The shipped album model beside a world model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from geotagger.earth.partition import Limits
from geotagger.earth.partition_build import build_partition
from geotagger.errors import ModelError
from geotagger.models.album.config import AlbumModelConfig
from geotagger.models.album.network import AlbumNetwork, CellHead
from geotagger.models.album.reading import VARIABLE, AlbumReader, album_key
from geotagger.models.album.release import SHIPPED, save_release
from geotagger.models.cell_table import build_cell_table
from geotagger.models.geo_space import GeoSpace
from geotagger.models.location_encoder import LocationEncoder
from geotagger.models.world import GalleryHead, WorldModel
from tests.support.simulated import DIMENSION, places, random_tensors


@pytest.fixture(scope="module")
def space() -> GeoSpace:
    return GeoSpace(LocationEncoder.load(random_tensors()), 12.0, places(), "made up")


@pytest.fixture(scope="module")
def world(space: GeoSpace) -> WorldModel:
    partition = build_partition(space.gallery.astype(np.float64), Limits(50, 1))
    classes = partition.classes_of(space.gallery[:, 0], space.gallery[:, 1])
    table = build_cell_table(space, classes, partition.size)
    return WorldModel(partition, GalleryHead(table), "made up")


@pytest.fixture
def folder(tmp_path: Path, world: WorldModel, space: GeoSpace) -> Path:
    torch.manual_seed(3)
    network = AlbumNetwork(
        AlbumModelConfig("m", 24, bidirectional=True, head="geo", dimension=DIMENSION, beliefs=True)
    ).eval()
    cells = world.partition
    rows = torch.from_numpy(space.encoder.encode(cells.mean_lat, cells.mean_lon))
    network.start_memory(rows)
    head = CellHead(rows, torch.zeros(len(rows)), learned=False)
    save_release(tmp_path, network, head, cells, trained_on="nothing")
    return tmp_path


def test_the_shipped_model_is_for_the_space_of_geoclip_and_no_other() -> None:
    told = json.loads((SHIPPED / "config.json").read_text())
    assert album_key(512) == told["sha256"][:12]
    assert album_key(1280) == ""


def test_a_user_who_wants_none_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "None")
    assert album_key(512) == ""


def test_a_damaged_configuration_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"kind": "album", "format_version": 1, "sha256": 3}')
    with pytest.raises(ModelError) as told:
        album_key(512, tmp_path)
    assert told.value.path == tmp_path / "config.json"


def test_an_album_is_read_forwards_and_backwards(
    world: WorldModel, space: GeoSpace, folder: Path
) -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(6, DIMENSION)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    times = np.cumsum(rng.uniform(0, 900, 6))
    reader = AlbumReader(world, space.encoder, folder)
    found = reader.top_cells(rows, times, 5)
    assert found.classes.shape == found.log_p.shape == (6, 5)
    total = np.exp(found.log_p).sum(axis=1) + np.exp(found.log_rest)
    np.testing.assert_allclose(total, 1.0, atol=1e-4)
    changed = rows.copy()
    changed[5] = -changed[5]
    again = reader.top_cells(changed, times, 5)
    assert not np.allclose(again.log_p[0], found.log_p[0])  # what comes later is heard, too


def test_a_world_model_asks_its_album_model_or_answers_for_each_photo(
    world: WorldModel, space: GeoSpace, folder: Path
) -> None:
    rows = space.encoder.encode(world.partition.mean_lat[:4], world.partition.mean_lon[:4])
    times = np.arange(4.0) * 60.0
    alone = world.album_cells(rows, times, 5)
    np.testing.assert_array_equal(alone.classes, world.top_cells(rows, 5).classes)
    world.album = AlbumReader(world, space.encoder, folder)
    try:
        together = world.album_cells(rows, times, 5)
    finally:
        world.album = None
    assert not np.allclose(together.log_p, alone.log_p)
