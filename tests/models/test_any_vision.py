from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geotagger.errors import ModelError
from geotagger.models.any_vision import AnyVision, write_model
from geotagger.models.embedder import load_embedder
from geotagger.models.registry import ModelConfig


def _trunk(kind: str) -> Any:
    from transformers import (
        Dinov2Config,
        Dinov2Model,
        ResNetConfig,
        ResNetModel,
        ViTConfig,
        ViTModel,
    )

    torch.manual_seed(1)
    sizes = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    small = {**sizes, "image_size": 32, "patch_size": 8}
    if kind == "resnet":
        return ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8, 24], depths=[1, 1]))
    if kind == "dinov2":
        return Dinov2Model(Dinov2Config(**small))
    return ViTModel(ViTConfig(**small, intermediate_size=48))


def _config() -> ModelConfig:
    from dataclasses import replace

    return replace(
        AnyVision().default_config(), name="mine", input_size=32, embedding_size=24, sha256=""
    )


@pytest.mark.parametrize(
    ("kind", "pooling"),
    [
        ("resnet", "pooler"),
        ("resnet", "mean"),
        ("vit", "first"),
        ("vit", "pooler"),
        ("dinov2", "mean"),
    ],
)
def test_vectors_are_those_of_the_model_itself(kind: str, pooling: str, tmp_path: Path) -> None:
    trunk = _trunk(kind).eval()
    config = write_model(trunk, pooling, _config(), tmp_path / "mine")
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    mean, std = (torch.tensor(value)[:, None, None] for value in (config.mean, config.std))
    pixels = (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.inference_mode():
        output = trunk(pixel_values=pixels)
    last = output.last_hidden_state
    wanted = {
        "pooler": lambda: output.pooler_output.flatten(1),
        "first": lambda: last[:, 0],
        "mean": lambda: last.mean(dim=(2, 3)) if last.ndim == 4 else last.mean(dim=1),
    }[pooling]()
    wanted = torch.nn.functional.normalize(wanted, dim=1).numpy()
    found = load_embedder(tmp_path / "mine", device="torch").embed(images)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def _rewrite(folder: Path, **changes: object) -> None:
    path = folder / "network.json"
    raw = json.loads(path.read_text())
    model = changes.pop("model", {})
    if isinstance(model, dict):
        model = {**raw["model"], **model}
    path.write_text(json.dumps({**raw, **changes, "model": model}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format_version": 2}, "newer"),
        ({"format_version": "1"}, "format_version"),
        ({"pooling": "guess"}, "pooling"),
        ({"model": "vit"}, "names no model"),
        ({"model": {"model_type": "nothing"}}, "can make"),
        ({"model": {"model_type": "bert"}}, r"no vision model|can make"),
        ({"model": {"auto_map": {"AutoModel": "evil.Model"}}}, "code of its own"),
        ({"model": {"hidden_size": 48}}, "shape"),
        ({"model": {"num_hidden_layers": 2}}, "lack"),
    ],
    ids=str,
)
def test_a_network_that_cannot_be_is_refused(
    changes: dict[str, object], words: str, tmp_path: Path
) -> None:
    config = write_model(_trunk("vit"), "first", _config(), tmp_path)
    _rewrite(tmp_path, **changes)
    with pytest.raises(ModelError, match=words):
        AnyVision().load(tmp_path / "model.safetensors", config, device="cpu")


def test_an_unknown_pooling_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pooler, first, mean"):
        write_model(_trunk("vit"), "guess", _config(), tmp_path)
