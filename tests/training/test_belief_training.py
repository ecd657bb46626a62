"""Training on a world model's beliefs: it helps, goes on after a stop, and is written down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from geotagger.cli import main
from geotagger.earth.partition import Limits
from geotagger.earth.partition_build import build_partition
from geotagger.errors import ModelError
from geotagger.models.album.config import AlbumModelConfig
from geotagger.models.album.network import vectors_of
from geotagger.models.album.release import load_album_model
from geotagger.models.location_encoder import LocationEncoder
from geotagger.progress import CancelledError, CancelToken
from geotagger.training.album.belief_training import (
    SimulatedWorldModel,
    build_worlds,
    train_on_beliefs,
)
from geotagger.training.album.config import AlbumTraining, TrainingConfig
from tests.support.simulated import DIMENSION, places, random_tensors, small_config


@pytest.fixture(scope="module")
def world() -> SimulatedWorldModel:
    partition = build_partition(places().astype(np.float64), Limits(50, 1))
    return SimulatedWorldModel.of(LocationEncoder.load(random_tensors()), partition)


def configuration(steps: int = 5, **more: object) -> AlbumTraining:
    model = AlbumModelConfig(
        "beliefs", 24, bidirectional=True, head="geo", dimension=DIMENSION, beliefs=True
    )
    settings = {"steps": steps, "albums": 8, "rate": 5e-3, "keep_every": 2} | more
    simulation = replace(small_config(), anchor_share=0.5)
    return AlbumTraining(model, TrainingConfig(**settings), simulation)  # type: ignore[arg-type]


def worlds(config: AlbumTraining, count: int = 2) -> list:  # type: ignore[type-arg]
    encoder = LocationEncoder.load(random_tensors())
    return build_worlds(encoder, places(), config.simulation, count)


def test_each_world_has_spots_of_its_own() -> None:
    one, two = worlds(configuration())
    assert not np.array_equal(one.world.lat, two.world.lat)


def test_anchors_keep_their_exact_vector_and_others_become_beliefs(
    world: SimulatedWorldModel,
) -> None:
    simulator = worlds(configuration(), 1)[0]
    for album in simulator.draw(10, (1,)):
        photos, said, truth = world.read(album)
        flags = photos.anchors
        np.testing.assert_array_equal(photos.vectors[flags], album.photos.vectors[flags])
        assert np.all(np.linalg.norm(photos.vectors[~flags], axis=1) < 1.0)
        np.testing.assert_allclose(np.exp(said).sum(axis=1), 1.0, atol=1e-4)
        assert len(truth) == len(photos)


def test_the_album_makes_the_true_cells_likelier_in_a_world_that_was_not_trained_on(
    world: SimulatedWorldModel,
) -> None:
    config = configuration(60)
    network, _ = train_on_beliefs(config, worlds(config), world)
    new = replace(config.simulation, world=replace(config.simulation.world, seed=77))
    encoder = LocationEncoder.load(random_tensors())
    alone = album = 0.0
    for one in build_worlds(encoder, places(), new, 1)[0].draw(60, (3,)):
        photos, said, truth = world.read(one)
        logits = said + vectors_of(network, [photos])[0] @ world.vectors.T
        with_album = torch.log_softmax(torch.from_numpy(logits), dim=1).numpy()
        asked = np.flatnonzero((truth >= 0) & ~photos.anchors)
        alone += float(said[asked, truth[asked]].sum())
        album += float(with_album[asked, truth[asked]].sum())
    assert album > alone


def test_a_run_that_was_stopped_ends_with_the_same_weights(
    world: SimulatedWorldModel, tmp_path: Path
) -> None:
    config = configuration()
    drawn = worlds(config)
    whole, losses = train_on_beliefs(config, drawn, world)
    cancel = CancelToken()
    with pytest.raises(CancelledError):
        train_on_beliefs(
            config,
            drawn,
            world,
            out=tmp_path,
            cancel=cancel,
            progress=lambda one: cancel.cancel() if one.done == 3 else None,
        )
    resumed, again = train_on_beliefs(config, drawn, world, out=tmp_path)
    assert again == losses
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


def test_other_networks_and_no_world_are_refused(world: SimulatedWorldModel) -> None:
    config = configuration()
    plain = replace(config, model=replace(config.model, beliefs=False))
    with pytest.raises(ValueError, match="beliefs"):
        train_on_beliefs(plain, worlds(config), world)
    with pytest.raises(ValueError, match="beliefs"):
        train_on_beliefs(config, [], world)
    with pytest.raises(ValueError, match="beliefs are for"):
        AlbumModelConfig("x", beliefs=True)


def test_the_command_writes_a_model_that_loads(tmp_path: Path) -> None:
    geo, out = tmp_path / "geo", tmp_path / "out"
    geo.mkdir()
    save_file(random_tensors() | {"logit_scale": torch.tensor(3.0)}, geo / "geo.safetensors")
    np.savetxt(geo / "gallery.csv", places(), "%.6f", ",", header="LAT,LON", comments="")
    config = tmp_path / "small.toml"
    text = (
        f'[model]\nhidden = 8\nhead = "geo"\nbeliefs = true\ndimension = {DIMENSION}\n'
        "[training]\nsteps = 2\nalbums = 3\n"
        "[simulation]\npartition_albums = 50\nworld = { spots = 60 }\n"
    )
    config.write_text(text, encoding="utf-8")
    words = ["train", "album", "--config", config, "--geo", geo, "--out", out, "--quiet"]
    words += ["--catalog", tmp_path / "catalog.sqlite"]
    assert main([str(one) for one in words]) == 0
    assert load_album_model(out).config.beliefs
    config.write_text(text.replace(f"dimension = {DIMENSION}", "dimension = 7"), encoding="utf-8")
    assert main([str(one) for one in words]) == 1


def test_a_state_of_another_run_is_refused(world: SimulatedWorldModel, tmp_path: Path) -> None:
    config = configuration(2)
    train_on_beliefs(config, worlds(config), world, out=tmp_path)
    with pytest.raises(ModelError, match="another configuration"):
        train_on_beliefs(configuration(3), worlds(config), world, out=tmp_path)
