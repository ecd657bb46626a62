"""The CPU's engine: the network as an ONNX graph, exported once, in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from geotagger.models.engines.base import Features, Images, in_parts
from geotagger.models.engines.onnx_cache import GRAPH_NAME, EngineCache
from geotagger.models.engines.onnx_export import ExportError, exported
from geotagger.models.engines.onnx_session import OnnxSession
from geotagger.models.engines.torch_engine import TorchNetwork
from geotagger.models.registry import ModelConfig, Network

_BATCH = 16


class OnnxEngine:
    """A cached graph, running."""

    def __init__(
        self, folder: Path, precision: str, *, threads: int | None, note: str = ""
    ) -> None:
        self._session = OnnxSession(folder / GRAPH_NAME, threads=threads)
        self._precision = precision
        self.note = note

    @property
    def label(self) -> str:
        """What runs, for people."""
        return f"ONNX Runtime, {self._precision}, cpu, {self._session.threads} threads"

    @property
    def device(self) -> str:
        """Where it runs."""
        return "cpu"

    @property
    def batch(self) -> int:
        """How many images at once suit it."""
        return _BATCH

    def run(self, images: Images) -> Features:
        """Return rows (N, W) of images (N, S, S, 3), not yet normalised."""
        return in_parts(self._session.run, images, _BATCH)

    def stream(self, batches: Iterable[Images]) -> Iterator[Features]:
        """Yield the rows of each batch in turn."""
        return map(self.run, batches)


def cpu_engine(
    config: ModelConfig,
    load: Callable[[], Network],
    *,
    threads: int | None = None,
    precision: str = "fp32",
    cache: EngineCache | None = None,
) -> OnnxEngine | Network:
    """Return the fastest engine for the CPU that can be had.

    With an entry in the cache torch is not even imported. Without one the network is loaded and
    exported; where that fails, it is run by torch and the engine's ``note`` says why. The int8
    graph is used where `geotagger.models.engines.quantise` made one that passed its check.

    Parameters
    ----------
    load
        Gives the network in torch; called only where the cache does not serve.
    precision
        "fp32" or "int8"; where there is no int8 graph, fp32 runs and ``note`` says so.
    """
    cache = cache or EngineCache()
    note = ""
    if precision == "int8":
        folder = cache.find(config, "int8")
        if folder is not None and cache.about(config, "int8").get("passed") is True:
            return OnnxEngine(folder, "int8", threads=threads)
        note = "no int8 form of this model has passed its check"
    folder = cache.find(config, "fp32")
    if folder is None:
        network = load()
        if not isinstance(network, TorchNetwork):
            return network
        try:
            folder = exported(network, cache)
        except ExportError as error:
            network.note = f"run by plain torch: {error}"
            return network
        except OSError as error:
            network.note = f"run by plain torch: {cache.root}: {error.strerror or error}"
            return network
    return OnnxEngine(folder, "fp32", threads=threads, note=note)
