"""CUDA by torch: bf16, channels-last, pinned buffers, smaller batches where memory runs out.

Written against torch's documented behaviour; what needs no card (order, overlap, backing off,
bf16's numbers) is tested on the CPU. ``python -m tests.benchmarks.gpu`` measures it on a card.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from geotagger.errors import ModelError
from geotagger.models.engines.base import Features, Images, width_of
from geotagger.models.engines.buffering import DoubleBuffer
from geotagger.models.engines.torch_engine import TorchNetwork

FIRST_BATCH = 128
"""Images at once to begin with: fills a large card with CLIP-L, fits 8 GB with smaller networks."""
_LANES = 2


class CudaEngine:
    """A network on a CUDA card.

    Weights are bf16 and channels-last; pixels are scaled in float32. One stream sends batch n + 1
    from pinned memory while another computes batch n. Where the card's memory runs out, the batch
    is halved, tried again, and stays halved.

    Parameters
    ----------
    network
        As loaded on the CPU; its weights move to the card.
    batch
        Images at once to begin with.
    compiled
        Let `torch.compile` make kernels of its own: takes a minute at the start.
    """

    def __init__(
        self, network: TorchNetwork, *, batch: int = FIRST_BATCH, compiled: bool = False
    ) -> None:
        import torch

        self.config = network.config
        self.note = ""
        self._module = half_precision(network.module).to("cuda")
        self._compiled = compiled
        run: Any = torch.compile(self._module, dynamic=False) if compiled else self._module
        copying = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        size, width = self.config.input_size, width_of(self.config)
        self._buffers = DoubleBuffer(
            [_CudaLane(run, copying, batch, size, width) for _ in range(_LANES)],
            batch,
            _is_out_of_memory,
            self._backed_off,
        )

    @property
    def label(self) -> str:
        """What runs, for people."""
        import torch

        compiled = ", compiled" if self._compiled else ""
        return f"torch, bf16, {torch.cuda.get_device_name()}{compiled}"

    @property
    def device(self) -> str:
        """Where it runs."""
        return "cuda"

    @property
    def batch(self) -> int:
        """How many images at once suit it; falls when memory runs out."""
        return self._buffers.limit

    def run(self, images: Images) -> Features:
        """Return rows (N, W) of images (N, S, S, 3), not yet normalised."""
        return next(self.stream([images]))

    def stream(self, batches: Iterable[Images]) -> Iterator[Features]:
        """Yield the rows of each batch in turn.

        Raises
        ------
        ModelError
            Not even one image fits into the card's memory.
        """
        try:
            yield from self._buffers.stream(batches)
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            raise ModelError(
                "The graphics card has too little free memory for this model.",
                remedy="Close other programs that use the card, or choose the device cpu.",
            ) from error

    def _backed_off(self, limit: int) -> None:
        import torch

        self.note = f"the card's memory holds {limit} photos at once"
        torch.cuda.empty_cache()


class _CudaLane:
    """Pinned memory and a device buffer for one batch."""

    def __init__(self, run: Any, copying: Any, batch: int, size: int, width: int) -> None:
        import torch

        self._run = run
        self._copying = copying
        shape = (batch, size, size, 3)
        self._pinned = torch.empty(shape, dtype=torch.uint8, pin_memory=True)
        self._pixels = torch.empty(shape, dtype=torch.uint8, device="cuda")
        self._rows = torch.empty((batch, width), dtype=torch.float32, pin_memory=True)
        self._sent = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._count = 0

    def submit(self, images: Images) -> None:
        import torch

        count = len(images)
        # The former batch of this lane was collected: nothing reads these buffers any more.
        self._pinned[:count].numpy()[:] = images
        with torch.cuda.stream(self._copying):
            self._pixels[:count].copy_(self._pinned[:count], non_blocking=True)
            self._sent.record()
        computing = torch.cuda.current_stream()
        computing.wait_event(self._sent)
        with torch.inference_mode():
            self._rows[:count].copy_(self._run(self._pixels[:count]), non_blocking=True)
        self._done.record(computing)
        self._count = count

    def collect(self) -> Features:
        self._done.synchronize()
        return np.array(self._rows[: self._count].numpy(), np.float32)


def half_precision(module: Any) -> Any:
    """Return a pixel module whose body computes in bf16; the scaling of pixels stays float32."""
    import torch

    module.body.to(torch.bfloat16)
    module.body_type = torch.bfloat16
    return module.to(memory_format=torch.channels_last)


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error)
    return "out of memory" in text or "ALLOC_FAILED" in text
