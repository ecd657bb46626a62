"""The starter that comes with the program: look-alikes and scenes, no claim about the world."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from geotagger.models.engines.torch_engine import TorchNetwork
from geotagger.models.registry import ModelConfig, register
from geotagger.models.weights import load_tensors

EMBEDDING_SIZE = 256

_TOP = "mobilenet_v2.conv_1x1.convolution.weight"
_PROJECTION, _SCENE = "projection.weight", "scene.weight"


@register
class Starter:
    """MobileNetV2 with a projection for "same place" and a head for indoor, natural, urban.

    How it is trained: `geotagger.training.starter`.
    """

    kind = "starter"

    def default_config(self) -> ModelConfig:
        """Return the configuration of the shipped weights."""
        return ModelConfig(
            name="starter",
            version="1",
            kind=self.kind,
            input_size=224,
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            crop="centre",
            embedding_size=EMBEDDING_SIZE,
            licence="Apache-2.0",
            origin="MobileNetV2 1.0 224 of ImageNet-1k (Apache-2.0), top trained by this project",
            scene=True,
        )

    def recognises(self, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Return whether there are a MobileNetV2, a projection of its last layer, and scenes."""
        projection = shapes.get(_PROJECTION, ())
        return (
            shapes.get(_TOP) == (1280, 320, 1, 1)
            and projection[1:] == (1280,)
            and shapes.get(_SCENE) == (3, 1280)
        )

    def load(self, weights: Path, config: ModelConfig, *, device: str) -> TorchNetwork:
        """Return the network on the device."""
        import torch

        from geotagger.models.starter_network import StarterNetwork, filled

        # On the meta device nothing is allocated or drawn at random before the weights come.
        with torch.device("meta"):
            module = StarterNetwork(config.embedding_size, config.input_size)
        needed = {name: tuple(tensor.shape) for name, tensor in module.file_tensors().items()}
        filled(module, load_tensors(weights, needed), assign=True)
        return TorchNetwork(module, config, device)
