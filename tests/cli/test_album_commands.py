"""``geotagger train album`` and ``geotagger evaluate album --simulated`` from the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from geotagger.cli import main
from geotagger.models.album.release import load_release
from tests.support.simulated import DIMENSION, places, random_tensors

CONFIG = f"""
[model]
hidden = 8
bidirectional = true
dimension = {DIMENSION}
[training]
steps = 3
single_steps = 2
albums = 4
[simulation]
cell_photos = 100
partition_albums = 100
deepest = 6
[simulation.world]
spots = 60
"""


@pytest.fixture
def geo(tmp_path: Path) -> Path:
    folder = tmp_path / "geo"
    folder.mkdir()
    tensors = random_tensors() | {"logit_scale": torch.tensor(3.68)}
    save_file(tensors, folder / "geo.safetensors")
    np.savetxt(folder / "gallery.csv", places(), "%.6f", ",", header="LAT,LON", comments="")
    return folder


def run(tmp_path: Path, *words: str | Path) -> int:
    catalog = tmp_path / "catalog.sqlite"
    return main([str(one) for one in (*words, "--catalog", catalog, "--quiet")])


def test_a_model_is_trained_into_a_folder_that_loads(
    tmp_path: Path, geo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = tmp_path / "small.toml", tmp_path / "out"
    config.write_text(CONFIG, encoding="utf-8")
    train = ("train", "album", "--config", config, "--geo", geo, "--out", out)
    assert run(tmp_path, *train) == 0
    assert "trained small, 5 steps" in capsys.readouterr().out
    model = load_release(out)
    assert model.config.bidirectional
    assert model.partition is not None
    # The folder holds a finished run, which is not trained again.
    assert run(tmp_path, *train) == 0
    assert run(tmp_path, *train, "--steps", "4") == 1
    assert "another configuration" in capsys.readouterr().err


def test_unknown_keys_missing_files_and_misfits_are_told_without_a_traceback(
    tmp_path: Path, geo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = tmp_path / "small.toml", tmp_path / "out"
    config.write_text(CONFIG.replace("hidden", "hiden"), encoding="utf-8")
    assert run(tmp_path, "train", "album", "--config", config, "--geo", geo, "--out", out) == 1
    assert "model.hiden is unknown" in capsys.readouterr().err
    assert run(tmp_path, "train", "album", "--config", "blstm", "--geo", geo, "--out", out) == 1
    assert f"the geo space has {DIMENSION}" in capsys.readouterr().err
    config.write_text(CONFIG.replace("60", "9999"), encoding="utf-8")
    assert run(tmp_path, "train", "album", "--config", config, "--geo", geo, "--out", out) == 1
    assert "9999 spots are wanted" in capsys.readouterr().err
    evaluate = ("evaluate", "album", "--simulated", "--geo", tmp_path / "nowhere")
    assert run(tmp_path, *evaluate) == 1
    assert run(tmp_path, *evaluate, "--seeds", "0") == 1
    assert run(tmp_path, *evaluate, "--systems", "other") == 1
    assert "There is no configuration 'other'" in capsys.readouterr().err
