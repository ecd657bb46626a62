"""A torch network as an ONNX graph, checked against torch before it is used."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from geotagger.models.engines.base import Features, Images
from geotagger.models.engines.onnx_cache import GRAPH_NAME, EngineCache
from geotagger.models.engines.onnx_session import OnnxSession
from geotagger.models.engines.torch_engine import TorchNetwork

TOLERANCE = 1e-4
"""Largest cosine distance of a row of the fp32 graph from torch's."""
INPUT, OUTPUT = "images", "features"
_LARGEST_BATCH = 4096


class ExportError(Exception):
    """The network has no ONNX form, or one that gives other numbers."""


def export(network: TorchNetwork, folder: Path) -> dict[str, Any]:
    """Write the graph of a network into a folder and return its measured distance from torch.

    The graph takes any number of images. Weights lie in a file beside it, as a graph alone is
    limited to 2 GB.

    Raises
    ------
    ExportError
        The exporter failed, or the graph's rows are further than `TOLERANCE` from torch's.
    OSError
        The folder cannot be written.
    """
    import torch

    size = network.config.input_size
    example = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    some = torch.export.Dim("some", min=1, max=_LARGEST_BATCH)
    path = folder / GRAPH_NAME
    with _quiet():
        try:
            torch.onnx.export(
                network.module,
                (example,),
                path,
                dynamo=True,
                dynamic_shapes={"images": {0: some}},
                input_names=[INPUT],
                output_names=[OUTPUT],
                verbose=False,
            )
        except OSError:
            raise
        except Exception as error:
            # The exporter lets through whatever its many passes raise.
            raise ExportError(f"the export failed ({_first_line(error)})") from error
    distance = _distance(network, path)
    if not distance <= TOLERANCE:
        raise ExportError(f"the exported network differs from torch ({distance:.1e})")
    return {"cosine_distance": distance}


def exported(network: TorchNetwork, cache: EngineCache) -> Path:
    """Return the folder of the cached fp32 graph, made now; see `export` for the errors."""
    return cache.publish(network.config, "fp32", lambda folder: export(network, folder))


def cosine_distances(left: Features, right: Features) -> Features:
    """Return one minus the cosine of each pair of rows (N, D), float64 inside."""
    a, b = left.astype(np.float64), right.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray(1.0 - (a * b).sum(axis=1) / np.maximum(lengths, 1e-30), np.float32)


def probe_images(size: int, count: int = 3) -> Images:
    """Return made pictures of colour, edges and noise, the same ones each time."""
    rng = np.random.default_rng(20)
    coarse = rng.integers(0, 256, (count, 8, 8, 3)).astype(np.float32)
    blocks = np.repeat(np.repeat(coarse, -(-size // 8), axis=1), -(-size // 8), axis=2)
    noise = rng.normal(0.0, 24.0, (count, size, size, 3))
    return np.clip(blocks[:, :size, :size] + noise, 0, 255).astype(np.uint8)


def _distance(network: TorchNetwork, path: Path) -> float:
    # Not the number of images of the example, so that a frozen batch is noticed.
    images = probe_images(network.config.input_size)
    try:
        found = OnnxSession(path, threads=None).run(images)
    except Exception as error:
        # The runtime has no common base for its errors.
        raise ExportError(f"the exported network does not run ({_first_line(error)})") from error
    expected = network.run(images)
    if found.shape != expected.shape or not np.isfinite(found).all():
        raise ExportError(f"the exported network gives {found.shape}, torch {expected.shape}")
    return float(cosine_distances(found, expected).max())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200] or type(error).__name__


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's advice to its makers from the user's terminal."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    children = [
        one
        for name, one in logging.root.manager.loggerDict.items()
        if name.startswith("torch.onnx") and isinstance(one, logging.Logger)
    ]
    levels = [one.level for one in children]
    for one in (logger, *children):
        one.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
        for one, before in zip(children, levels, strict=True):
            one.setLevel(before)
