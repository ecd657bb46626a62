"""Plain torch: what every backbone loads into, and the fall-back where no faster engine will do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from geotagger.models.engines.base import Features, Images, in_parts, pixel_module
from geotagger.models.registry import ModelConfig

if TYPE_CHECKING:
    import torch

_BATCH = 16


class TorchNetwork:
    """A torch module run as it is; what `Backbone.load` returns.

    Parameters
    ----------
    body
        Maps float32 pixels (N, 3, S, S), already (value / 255 − mean) / std, to rows (N, W) of
        `geotagger.models.engines.base.width_of`.
    config
        Its mean and std are applied here, not by the body.
    device
        Where it runs, in torch's words.
    note
        Why no faster engine runs, if one was to be expected.
    """

    def __init__(
        self, body: torch.nn.Module, config: ModelConfig, device: str, note: str = ""
    ) -> None:
        import torch

        self.config = config
        module = pixel_module(body, config).to(device=device)
        self.module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.note = note
        self._device = device

    @property
    def label(self) -> str:
        """What runs, for people."""
        return f"torch, fp32, {self._device}"

    @property
    def device(self) -> str:
        """Where it runs."""
        return self._device

    @property
    def batch(self) -> int:
        """How many images at once suit it."""
        return _BATCH

    def run(self, images: Images) -> Features:
        """Return rows (N, W) of images (N, S, S, 3), not yet normalised."""
        return in_parts(self._run, images, _BATCH)

    def stream(self, batches: Iterable[Images]) -> Iterator[Features]:
        """Yield the rows of each batch in turn."""
        return map(self.run, batches)

    def _run(self, images: Images) -> Features:
        import torch

        pixels = torch.from_numpy(np.ascontiguousarray(images)).to(self._device)
        with torch.inference_mode():
            rows = self.module(pixels)
        return np.asarray(rows.cpu().numpy(), np.float32)
