"""Which engine runs a model: told, or the best that works here."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import cast

from geotagger.errors import ModelError
from geotagger.models.engines.base import Engine, Features, Images
from geotagger.models.engines.onnx_cache import EngineCache
from geotagger.models.engines.onnx_engine import cpu_engine
from geotagger.models.engines.torch_engine import TorchNetwork
from geotagger.models.registry import ModelConfig, Network, backbone_of

DEVICES = ("auto", "cpu", "cuda", "torch")
"""auto: CUDA where it works, else the CPU; cpu: ONNX Runtime; torch: plain torch on the CPU."""
ENVIRONMENT = "GEOTAGGER_DEVICE"
"""Environment variable that names the device where no command or setting does."""


def choose_engine(
    weights: Path,
    config: ModelConfig,
    *,
    device: str | None = None,
    threads: int | None = None,
    precision: str = "fp32",
    cache: EngineCache | None = None,
) -> Engine:
    """Return the engine that runs the weights of a model.

    Parameters
    ----------
    weights
        Its ``model.safetensors``, the checksum verified.
    device
        One of `DEVICES`; None takes ``GEOTAGGER_DEVICE``, else "auto".
    threads
        CPU threads; None for all cores that may be used.
    precision
        "fp32" or "int8", for the CPU; a card computes in bf16.

    Raises
    ------
    ModelError
        The weights do not fit, or CUDA was asked for and does not work here.
    ValueError
        The device or the precision is unknown.
    """
    device = device or os.environ.get(ENVIRONMENT) or "auto"
    if device not in DEVICES:
        raise ValueError(f"expected a device of {', '.join(DEVICES)}, found {device!r}")
    if precision not in ("fp32", "int8"):
        raise ValueError(f"expected the precision fp32 or int8, found {precision!r}")
    backbone = backbone_of(config.kind, weights.parent)

    def load() -> Network:
        import torch

        if threads is not None:
            torch.set_num_threads(threads)
        return backbone.load(weights, config, device="cpu")

    if device == "cuda" and not cuda_works():
        raise ModelError(
            "No CUDA device works here.",
            path=weights.parent,
            remedy="Choose the device auto or cpu; a card needs its driver and a torch for CUDA.",
        )
    if device == "torch":
        return as_engine(load())
    if device == "cuda" or (device == "auto" and cuda_works()):
        network = load()
        if isinstance(network, TorchNetwork):
            from geotagger.models.engines.cuda_engine import CudaEngine

            return CudaEngine(network)
        return as_engine(network)
    return as_engine(cpu_engine(config, load, threads=threads, precision=precision, cache=cache))


def as_engine(network: Network) -> Engine:
    """Return a network as an engine; one that can only ``run`` gets the rest."""
    return cast("Engine", network) if hasattr(network, "stream") else _Wrapped(network)


class _Wrapped:
    """A network of a backbone that does not hand out its torch module."""

    label, device, batch, note = "torch, fp32, cpu", "cpu", 16, "run as its backbone runs it"

    def __init__(self, network: Network) -> None:
        self.run = network.run

    def stream(self, batches: Iterable[Images]) -> Iterator[Features]:
        """Yield the rows of each batch in turn."""
        return map(self.run, batches)


def cuda_works() -> bool:
    """Return whether torch finds a CUDA device; torch is not imported where it cannot."""
    if sys.platform == "darwin" or metadata.version("torch").endswith("+cpu"):
        return False
    import torch

    return torch.cuda.is_available()
