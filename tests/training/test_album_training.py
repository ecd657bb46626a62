"""Training album models: resumed runs, wrong states, configurations, and that an album helps."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

from geotagger.errors import ConfigError, GeotaggerError, ModelError
from geotagger.evaluation.album_models import NETWORKS, evaluate_albums
from geotagger.models.album.config import AlbumModelConfig
from geotagger.training.album.albums import Simulator
from geotagger.training.album.config import (
    AlbumTraining,
    TrainingConfig,
    find_config,
    read_config,
)
from geotagger.training.album.loop import STATE_NAME, train
from tests.support.simulated import DIMENSION, small_simulator


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return small_simulator()


def configuration(steps: int = 6, single: int = 4, **more: object) -> AlbumTraining:
    settings: dict[str, object] = {"name": "test", "hidden": 16, "dimension": DIMENSION}
    return AlbumTraining(
        AlbumModelConfig(**(settings | more)),  # type: ignore[arg-type]
        TrainingConfig(steps=steps, single_steps=single, albums=6, keep_every=2, rate=5e-3),
    )


@pytest.mark.parametrize("stop", [3, 4, 7])
@pytest.mark.parametrize("head", ["softmax", "geo"])
def test_a_run_that_was_stopped_ends_with_the_same_weights(
    simulator: Simulator, tmp_path: Path, stop: int, head: str
) -> None:
    config = configuration(bidirectional=True, head=head)
    whole = train(config, simulator)
    train(config, simulator, out=tmp_path, until=stop)
    resumed = train(config, simulator, out=tmp_path)
    assert resumed.losses == whole.losses
    for name, weight in whole.network.state_dict().items():
        assert torch.equal(weight, resumed.network.state_dict()[name]), name


def test_another_seed_gives_other_weights(simulator: Simulator) -> None:
    config = configuration()
    other = replace(config, training=replace(config.training, seed=1))
    assert train(config, simulator).losses != train(other, simulator).losses


def test_a_state_of_another_architecture_or_a_damaged_one_is_refused(
    simulator: Simulator, tmp_path: Path
) -> None:
    train(configuration(), simulator, out=tmp_path)
    with pytest.raises(ModelError, match="another configuration"):
        train(configuration(hidden=8), simulator, out=tmp_path)
    state = tmp_path / STATE_NAME
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(ModelError, match="damaged"):
        train(configuration(), simulator, out=tmp_path)
    state.write_bytes(b"not a state")
    with pytest.raises(ModelError, match="damaged"):
        train(configuration(), simulator, out=tmp_path)


def test_what_the_network_starts_from_is_kept_as_it_is(simulator: Simulator) -> None:
    single = train(configuration(hidden=0), simulator)
    album = train(configuration(), simulator, single=single)
    torch.testing.assert_close(album.network.own.weight, single.network.own.weight)
    assert len(album.losses) == 6


def test_a_small_blstm_beats_the_single_image_on_albums_that_it_never_saw(
    simulator: Simulator,
) -> None:
    configs = {
        "single": configuration(single=120, hidden=0),
        "blstm": configuration(steps=100, bidirectional=True),
    }
    table = evaluate_albums(simulator, configs, seeds=[0], albums=60)
    single, blstm = table.mean("single"), table.mean("blstm")
    assert all(np.array(blstm[1:]) > np.array(single[1:]))
    assert table.mean("smoother")[3] > single[3]
    assert set(table.rows) >= {"avg", "hmm", "hmm-fb", "smoother", "blstm+smoother"}
    text = table.text()
    assert "22.2 / 35.6 / 51.4 / 68.6 / 82.7" in text
    assert "blstm+smoother" in text


def test_a_system_that_reads_other_albums_has_no_place_in_the_table(simulator: Simulator) -> None:
    configs = {"single": configuration(hidden=0), "release": find_config("release")}
    with pytest.raises(GeotaggerError, match="release does not read"):
        evaluate_albums(simulator, configs, seeds=[0], albums=3)


def test_every_system_of_the_paper_has_a_configuration_of_its_own() -> None:
    models = [find_config(name).model for name in ("single", *NETWORKS, "blstm-geo")]
    assert len({replace(model, name="") for model in models}) == len(models)
    assert {model.name for model in models} == {"single", *NETWORKS, "blstm-geo"}
    folder = resources.files("resources") / "models" / "album" / "configs"
    for file in folder.iterdir():
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 15


def test_a_configuration_is_read_with_its_inner_tables(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        "[model]\nhidden = 32\n[training]\nrate = 1\n[simulation.trips]\nmost = 50\n"
        "[simulation.emissions]\nkinds = [1.0, 0, 0, 0, 0, 1]\n",
        encoding="utf-8",
    )
    config = read_config(file)
    assert config.model.name == "mine"
    assert config.training.rate == 1.0
    assert config.simulation.trips.most == 50
    assert config.simulation.emissions.kinds == (1.0, 0, 0, 0, 0, 1)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[model]\nhiden = 3\n", "model.hiden is unknown"),
        ("[other]\n", "other is unknown"),
        ("[simulation.world]\nspot = 3\n", "simulation.world.spot is unknown"),
        ("[model]\nhidden = 'many'\n", "must be of the type int"),
        ("[model]\nhidden = true\n", "must be of the type int"),
        ("[training]\nsteps = -1\n", "must not be negative"),
        ("[training]\ndevice = 'tpu'\n", "cpu or cuda"),
        ("[simulation.emissions]\nkinds = [1]\n", "kinds"),
        ("model = 3\n", "must be a table"),
        ("[model\n", "no TOML"),
    ],
)
def test_a_configuration_with_mistakes_is_refused_by_name(
    tmp_path: Path, text: str, what: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=what):
        read_config(file)


def test_a_name_that_is_no_configuration_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match="lstm-rep-25"):
        find_config("blstm-99")
    with pytest.raises(ConfigError, match="cannot be read"):
        find_config("/nowhere/x.toml")
