"""What every engine is, and the step from bytes of pixels to what a network wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from geotagger.models.registry import ModelConfig

if TYPE_CHECKING:
    import torch

SCENES = 3
"""Columns of a scene head: indoor, natural, urban."""

Features = NDArray[np.float32]
Images = NDArray[np.uint8]


class Engine(Protocol):
    """A network on a device, ready to run.

    Its rows are as wide as `width_of` says: the features, and for a network with a scene head the
    logarithms of three scene probabilities (up to a constant) behind them.
    """

    @property
    def label(self) -> str:
        """What runs, for people: "ONNX Runtime, fp32, 2 threads"."""

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda"."""

    @property
    def batch(self) -> int:
        """How many images at once suit it best; may fall while it runs."""

    @property
    def note(self) -> str:
        """Why it is not the engine that was to be expected; empty where it is."""

    def run(self, images: Images) -> Features:
        """Return rows (N, W), float32, not normalised, for images (N, S, S, 3), uint8 sRGB."""

    def stream(self, batches: Iterable[Images]) -> Iterator[Features]:
        """Yield the rows of each batch in turn; the next batch is drawn while this one runs."""


def width_of(config: ModelConfig) -> int:
    """Return the length of a row that a network of this configuration gives."""
    return config.embedding_size + (SCENES if config.scene else 0)


def in_parts(run: Callable[[Images], Features], images: Images, size: int) -> Features:
    """Return the rows of all images, run ``size`` at a time so that memory stays bounded."""
    if len(images) <= size:
        return run(images)
    return np.concatenate([run(images[at : at + size]) for at in range(0, len(images), size)])


def pixel_module(body: torch.nn.Module, config: ModelConfig) -> torch.nn.Module:
    """Return the network with the scaling of pixels in front.

    ``body`` maps float pixels (N, 3, S, S), (value / 255 − mean) / std, to rows (N, W). The result
    maps uint8 images (N, S, S, 3): a quarter of the bytes to send to a device, and one graph to
    export. The scaling is done in float32 whatever the type of the body's weights.
    """
    import torch

    class PixelModule(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = body
            mean = torch.tensor(config.mean, dtype=torch.float32)
            std = torch.tensor(config.std, dtype=torch.float32)
            shape = (1, 3, 1, 1)
            self.register_buffer("scale", (1.0 / (255.0 * std)).reshape(shape), persistent=False)
            self.register_buffer("shift", (-mean / std).reshape(shape), persistent=False)
            first = next((one.dtype for one in body.parameters()), torch.float32)
            self.body_type = first

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            # NHWC memory seen as NCHW is channels-last already.
            pixels = images.permute(0, 3, 1, 2).to(torch.float32)
            pixels = pixels * self.scale + self.shift  # type: ignore[operator]
            rows: torch.Tensor = self.body(pixels.to(self.body_type))
            return rows.to(torch.float32)

    return PixelModule().eval().requires_grad_(False)
