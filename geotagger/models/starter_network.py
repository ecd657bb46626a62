"""The starter's torch module: MobileNetV2, a projection of its pooled layer, a scene head.

Imports torch; `geotagger.models.starter` imports it only when a model is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

FEATURES = 1280
"""Channels of MobileNetV2's last layer at width 1.0."""

TRUNK_PREFIX = "mobilenet_v2."
_SMALLEST = 1e-8


class StarterNetwork(torch.nn.Module):
    """Pixels (N, 3, S, S) to rows (N, D + 3): an embedding, not normalised, and scene logits.

    The projection takes the square roots of the pooled features at unit length, so that a few loud
    channels do not decide alone (power normalisation: Perronnin, Sánchez and Mensink 2010).
    """

    def __init__(self, embedding_size: int, image_size: int = 224) -> None:
        from transformers import MobileNetV2Config, MobileNetV2Model

        super().__init__()
        # The published network pads as TensorFlow does and has 1e-3 in its batch norms.
        settings = MobileNetV2Config(image_size=image_size, tf_padding=True, layer_norm_eps=1e-3)
        self.trunk = MobileNetV2Model(settings, add_pooling_layer=False)
        self.projection = torch.nn.Linear(FEATURES, embedding_size)
        self.scene = torch.nn.Linear(FEATURES, 3)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the rows of scaled pixels."""
        return torch.cat(self.heads(self.pooled(pixels)), dim=1)

    def pooled(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the last layer's means (N, 1280), none of them negative."""
        rows: torch.Tensor = self.trunk.conv_stem(pixels)
        for layer in self.trunk.layer:
            rows = layer(rows)
        last: torch.Tensor = self.trunk.conv_1x1(rows)
        return last.mean(dim=(2, 3))

    def heads(self, means: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return embeddings (N, D) and scene logits (N, 3) of pooled rows."""
        roots = functional.normalize(means.clamp(min=_SMALLEST).sqrt(), dim=1)
        return self.projection(roots), self.scene(means)

    def file_tensors(self) -> dict[str, torch.Tensor]:
        """Return the tensors of ``model.safetensors`` by name, as they are in memory."""
        return {
            file_name(name): tensor
            for name, tensor in self.state_dict().items()
            if not name.endswith("num_batches_tracked")
        }


def file_name(name: str) -> str:
    """Return the name in ``model.safetensors`` of a tensor of the module.

    The trunk keeps the names of published MobileNetV2 files.
    """
    return name.replace("trunk.", TRUNK_PREFIX, 1) if name.startswith("trunk.") else name


def filled(module: StarterNetwork, tensors: Mapping[str, torch.Tensor], **more: Any) -> None:
    """Give a module the tensors of a file by name; counters that files leave out become zero."""
    state = {}
    for name in module.state_dict():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.zeros((), dtype=torch.long)
        elif file_name(name) in tensors:
            state[name] = tensors[file_name(name)]
    module.load_state_dict(state, **more)
