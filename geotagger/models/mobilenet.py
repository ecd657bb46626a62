"""MobileNetV2 in the layout of `transformers`, for look-alikes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from geotagger.models.engines.torch_engine import TorchNetwork
from geotagger.models.registry import ModelConfig, register
from geotagger.models.weights import load_tensors

if TYPE_CHECKING:
    import torch

_PREFIX = "mobilenet_v2."
_STEM = _PREFIX + "conv_stem.first_conv.convolution.weight"
_TOP = _PREFIX + "conv_1x1.convolution.weight"
_NOT_IN_FILES = "num_batches_tracked"
"""A counter that training keeps and running does not need; published files leave it out."""


@register
class MobileNetV2:
    """The width-1.0 network at 224 pixels; its embedding is the pooled last layer, 1,280 long."""

    kind = "mobilenet_v2"

    def default_config(self) -> ModelConfig:
        """Return the configuration of the ImageNet weights: inputs scaled to −1…1."""
        return ModelConfig(
            name="mobilenet-v2",
            version="imagenet-1",
            kind=self.kind,
            input_size=224,
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            crop="centre",
            embedding_size=1280,
            licence="Apache-2.0",
            origin="MobileNetV2 1.0 224, trained on ImageNet-1k",
        )

    def recognises(self, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Return whether the stem and the last layer are those of this network."""
        if "projection.weight" in shapes:
            # That is `geotagger.models.starter`, which has more behind the same layers.
            return False
        return shapes.get(_STEM) == (32, 3, 3, 3) and shapes.get(_TOP) == (1280, 320, 1, 1)

    def load(self, weights: Path, config: ModelConfig, *, device: str) -> TorchNetwork:
        """Return the network on the device."""
        import torch
        from transformers import MobileNetV2Config, MobileNetV2Model

        # The published network pads as TensorFlow does and has 1e-3 in its batch norms.
        settings = MobileNetV2Config(
            image_size=config.input_size, tf_padding=True, layer_norm_eps=1e-3
        )
        # On the meta device nothing is allocated or drawn at random before the weights come.
        with torch.device("meta"):
            module = MobileNetV2Model(settings, add_pooling_layer=True)
        state = module.state_dict()
        needed = {
            _PREFIX + name: tuple(tensor.shape)
            for name, tensor in state.items()
            if not name.endswith(_NOT_IN_FILES)
        }
        tensors = load_tensors(weights, needed)
        found = {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items()}
        for name in state:
            if name.endswith(_NOT_IN_FILES):
                found[name] = torch.zeros((), dtype=torch.long)
        module.load_state_dict(found, assign=True)
        return TorchNetwork(_pooled(module), config, device)


def _pooled(module: torch.nn.Module) -> torch.nn.Module:
    """Return a module that gives the pooled last layer (N, 1280) and nothing else."""
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = module

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            pooled: torch.Tensor = self.trunk(pixel_values=pixels).pooler_output
            return pooled

    return Pooled()
