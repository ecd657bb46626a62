"""A model folder with random weights in the published layout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from geotagger.models.mobilenet import MobileNetV2
from geotagger.models.store import install_from_file
from tests.support.worlds import random_weights


@pytest.fixture(scope="session")
def tensors() -> dict[str, torch.Tensor]:
    """Random half-precision weights of MobileNetV2, with the classifier that files carry."""
    return random_weights()


@pytest.fixture(scope="session")
def weights(tensors: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mobilenet.safetensors"
    save_file(tensors, path)
    return path


@pytest.fixture
def folder(weights: Path, tmp_path: Path) -> Path:
    """A freshly installed model folder that a test may damage."""
    return install_from_file(weights, tmp_path / "models").folder


@pytest.fixture(scope="session")
def kind() -> str:
    return MobileNetV2.kind
