"""A model folder with random weights in the published layout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from geotagger.models.mobilenet import MobileNetV2
from geotagger.models.store import install_from_file


@pytest.fixture(scope="session")
def tensors() -> dict[str, torch.Tensor]:
    """Random half-precision weights of MobileNetV2, with the classifier that files carry."""
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    torch.manual_seed(1)
    module = MobileNetV2ForImageClassification(MobileNetV2Config(num_labels=1001))
    for name, tensor in module.named_parameters():
        if tensor.ndim == 4:
            # The default is so small that nothing would be left of a picture after 50 layers.
            torch.nn.init.kaiming_normal_(tensor, mode="fan_in")
        elif name == "classifier.weight":
            torch.nn.init.normal_(tensor, std=0.02)
    return {
        name: tensor.to(torch.float16).contiguous()
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


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
