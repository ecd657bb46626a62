"""Album models in folders: saved, loaded, and refused where they are damaged, newer or other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from geotagger.earth.partition import Limits, Partition
from geotagger.earth.partition_build import build_partition
from geotagger.errors import ModelError
from geotagger.models.album.config import AlbumModelConfig
from geotagger.models.album.inputs import AlbumPhotos
from geotagger.models.album.network import AlbumNetwork, CellHead, vectors_of
from geotagger.models.album.release import load_release, save_release
from geotagger.models.weights import sha256_of

SIZE = 16


@pytest.fixture(scope="module")
def partition() -> Partition:
    rng = np.random.default_rng(1)
    points = np.stack((rng.uniform(-60, 60, 500), rng.uniform(-180, 180, 500)), axis=1)
    return build_partition(points, Limits(50))


def saved(folder: Path, partition: Partition, head: str = "softmax") -> AlbumNetwork:
    torch.manual_seed(2)
    config = AlbumModelConfig("blstm", 8, bidirectional=True, head=head, dimension=SIZE)
    network = AlbumNetwork(config).eval()
    vectors, prior = torch.randn(partition.size, SIZE), torch.zeros(partition.size)
    network.start_memory(vectors)
    cells = CellHead(vectors, prior, learned=head == "softmax")
    save_release(folder, network, cells, partition, trained_on="simulated albums")
    return network


@pytest.mark.parametrize("head", ["softmax", "geo"])
def test_a_model_is_loaded_as_it_was_saved(tmp_path: Path, partition: Partition, head: str) -> None:
    network = saved(tmp_path, partition, head)
    model = load_release(tmp_path)
    assert model.config == network.config
    assert model.trained_on == "simulated albums"
    assert (model.head is None) == (model.partition is None) == (head == "geo")
    if model.partition is not None:
        assert model.partition.digest == partition.digest
    rows = np.random.default_rng(1).standard_normal((5, SIZE)).astype(np.float32)
    album = AlbumPhotos(rows, np.arange(5.0), np.zeros(5, np.bool_))
    before, after = vectors_of(network, [album])[0], vectors_of(model.network, [album])[0]
    np.testing.assert_allclose(before, after, rtol=0.02, atol=0.1)


def edit(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    about = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(about | changes), encoding="utf-8")


def test_a_newer_format_and_foreign_or_senseless_settings_are_refused(
    tmp_path: Path, partition: Partition
) -> None:
    for changes, what in (
        ({"format_version": 2}, "format 2"),
        ({"format_version": "1"}, "no version"),
        ({"kind": "starter"}, "no album model"),
        ({"cells": -1}, "number of cells"),
        ({"model": {"hidden": 8}}, "lacks settings"),
        ({"sha256": "0"}, "not those"),
    ):
        saved(tmp_path, partition)
        edit(tmp_path, **changes)
        with pytest.raises(ModelError, match=what):
            load_release(tmp_path)


def test_a_model_of_another_architecture_is_refused(tmp_path: Path, partition: Partition) -> None:
    saved(tmp_path, partition)
    about = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    for name, value in (("hidden", 9), ("dimension", SIZE + 1)):
        edit(tmp_path, model=about["model"] | {name: value})
        with pytest.raises(ModelError, match="shape"):
            load_release(tmp_path)
    edit(tmp_path, model=about["model"] | {"hidden": "8"})
    with pytest.raises(ModelError, match="type int"):
        load_release(tmp_path)


def test_weights_that_are_missing_cut_off_or_no_numbers_are_refused(
    tmp_path: Path, partition: Partition
) -> None:
    saved(tmp_path, partition)
    weights = tmp_path / "model.safetensors"
    tensors = load_file(weights)
    tensors["network.own.bias"][0] = float("nan")
    save_file(tensors, weights)
    edit(tmp_path, sha256=sha256_of(weights))
    with pytest.raises(ModelError, match="no numbers"):
        load_release(tmp_path)
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="damaged"):
        load_release(tmp_path)
    weights.unlink()
    with pytest.raises(ModelError, match="missing"):
        load_release(tmp_path)
    with pytest.raises(ModelError, match="cannot be read"):
        load_release(tmp_path / "nowhere")
