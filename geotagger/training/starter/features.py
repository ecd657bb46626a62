"""What the untouched network sees in every view, computed once and kept."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from geotagger.errors import GeotaggerError
from geotagger.models.engines.onnx_cache import GRAPH_NAME
from geotagger.models.engines.onnx_export import ExportError, export
from geotagger.models.engines.onnx_session import OnnxSession
from geotagger.models.engines.torch_engine import TorchNetwork
from geotagger.models.mobilenet import MobileNetV2
from geotagger.models.starter_network import FEATURES, TRUNK_PREFIX, StarterNetwork, filled
from geotagger.models.weights import load_tensors
from geotagger.progress import CancelToken, ProgressCallback
from geotagger.training.starter.photos import PhotoTable, views_of

_BATCH = 16


@dataclass(frozen=True, slots=True)
class Features:
    """The photos that could be read, and what the trunk makes of their views.

    Attributes
    ----------
    table
        N photos.
    means
        Means of the last layer (N, V, 1280); view 0 is the one that the program shows to models.
    """

    table: PhotoTable
    means: NDArray[np.float32]

    def only(self, rows: NDArray[np.intp]) -> Features:
        """Return the features of some photos."""
        return Features(self.table.only(rows), self.means[rows])


def initial_network(weights: Path, embedding_size: int) -> StarterNetwork:
    """Return the network with ImageNet's trunk, its heads drawn by torch's generator.

    Raises
    ------
    ModelError
        The file is missing, damaged, or no MobileNetV2 of width 1.0.
    """
    module = StarterNetwork(embedding_size)
    needed = {
        name: tuple(tensor.shape)
        for name, tensor in module.file_tensors().items()
        if name.startswith(TRUNK_PREFIX)
    }
    filled(module, load_tensors(weights, needed), strict=False)
    # The published batch norms are folded to identity: they stay as they are, never re-estimated.
    return module.eval()


def compute_features(
    folder: Path,
    table: PhotoTable,
    weights: Path,
    *,
    views: int,
    seed: int,
    threads: int,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Features:
    """Return the features of all views of all photos that can be read.

    Raises
    ------
    GeotaggerError
        None of the photos can be read, or the weights do not fit.
    CancelledError
        The token was cancelled.
    """
    run = _trunk(weights, threads)
    side = MobileNetV2().default_config().input_size
    found = np.zeros((len(table), views, FEATURES), np.float32)
    readable = np.zeros(len(table), np.bool_)
    waiting: list[tuple[int, NDArray[np.uint8]]] = []

    def flush() -> None:
        if waiting:
            rows = run(np.concatenate([images for _, images in waiting]))
            split = rows.reshape(len(waiting), views, FEATURES)
            for (row, _), one in zip(waiting, split, strict=True):
                found[row] = one
            waiting.clear()

    pictures = views_of(
        folder, table, views=views, side=side, seed=seed, progress=progress, cancel=cancel
    )
    for row, images in enumerate(pictures):
        if images is None:
            continue
        readable[row] = True
        waiting.append((row, images))
        if len(waiting) * views >= _BATCH:
            flush()
    flush()
    if not readable.any():
        raise GeotaggerError("None of the photos of the table can be read.", path=folder)
    rows = np.flatnonzero(readable)
    return Features(table, found).only(rows)


def _trunk(weights: Path, threads: int) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Return the trunk as a function from images (N, S, S, 3) to pooled rows (N, 1280).

    As an ONNX graph it is several times as fast on a CPU as in eager torch.
    """
    module = initial_network(weights, 1)

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = module

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return self.network.pooled(pixels)

    config = replace(MobileNetV2().default_config(), embedding_size=FEATURES, name="starter-trunk")
    network = TorchNetwork(Pooled(), config, "cpu")
    with tempfile.TemporaryDirectory() as name:
        try:
            export(network, Path(name))
        except ExportError:
            return network.run
        session = OnnxSession(Path(name) / GRAPH_NAME, threads=threads)
    return session.run
