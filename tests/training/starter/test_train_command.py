"""``geotagger train starter``: from a folder of photos to a model that loads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from geotagger.cli.train_commands import add
from geotagger.models.embedder import load_embedder
from geotagger.models.registry import read_config
from geotagger.models.starter import Starter
from geotagger.models.store import verify
from geotagger.models.weights import tensor_shapes
from geotagger.photos.decode import load_rgb


def run(*arguments: str | Path) -> int:
    import argparse

    from geotagger.cli.console import Console

    top = argparse.ArgumentParser()
    add(top.add_subparsers(required=True))
    options = top.parse_args(["train", "starter", *map(str, arguments)])
    code: int = options.run(options, Console(quiet=True, as_json=options.json))
    return code


@pytest.fixture(scope="module")
def model(photos: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "starter"
    settings = ("--views", "2", "--steps", "5", "--folds", "3", "--threads", "1")
    assert run("--photos", photos, "--weights", weights, "--out", out, *settings) == 0
    return out


def test_a_sound_model_folder_with_a_card_comes_out(model: Path) -> None:
    assert sorted(one.name for one in model.iterdir()) == [
        "MODEL_CARD.md",
        "config.json",
        "model.safetensors",
    ]
    assert verify(model) == read_config(model)
    assert Starter().recognises(tensor_shapes(model / "model.safetensors"))
    assert (model / "model.safetensors").stat().st_size < 8_000_000
    card = (model / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "24 photos of 3 public sources" in card
    assert "no claim about where in the" in card
    assert "Mean over 3 folds" in card


def test_the_model_tells_alike_from_unlike_and_gives_scenes(model: Path, photos: Path) -> None:
    embedder = load_embedder(model, device="torch", threads=1)
    pictures = np.stack([load_rgb(photos / f"0-{kind}-0.jpg", 224, square=224) for kind in (0, 3)])
    seen = embedder.look(pictures)
    assert seen.vectors.shape == (2, embedder.config.embedding_size)
    np.testing.assert_allclose(np.linalg.norm(seen.vectors, axis=1), 1.0, rtol=1e-5)
    assert seen.scenes is not None
    np.testing.assert_allclose(seen.scenes.sum(axis=1), 1.0, rtol=1e-5)
    assert not embedder.config.world


def test_something_else_in_the_way_is_left_alone(
    photos: Path, weights: Path, tmp_path: Path
) -> None:
    from geotagger.errors import GeotaggerError

    (tmp_path / "diary.txt").write_text("mine", encoding="utf-8")
    settings = ("--views", "1", "--steps", "1", "--folds", "0", "--threads", "1")
    with pytest.raises(GeotaggerError, match="in the way"):
        run("--photos", photos, "--weights", weights, "--out", tmp_path, *settings)
    assert (tmp_path / "diary.txt").read_text(encoding="utf-8") == "mine"


def test_wrong_settings_and_missing_photos_are_told_in_words(weights: Path, tmp_path: Path) -> None:
    from geotagger.errors import GeotaggerError

    with pytest.raises(GeotaggerError, match="steps must be at least 1"):
        run("--photos", tmp_path, "--weights", weights, "--out", tmp_path / "m", "--steps", "0")
    with pytest.raises(GeotaggerError, match="table of photos cannot be read"):
        run("--photos", tmp_path, "--weights", weights, "--out", tmp_path / "m")


def test_json_names_the_folder_and_the_folds(
    photos: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ("--views", "1", "--steps", "1", "--folds", "0", "--threads", "1", "--json")
    out = tmp_path / "m"
    assert run("--photos", photos, "--weights", weights, "--out", out, *settings) == 0
    assert json.loads(capsys.readouterr().out) == {"folder": str(out), "photos": 24, "folds": []}
