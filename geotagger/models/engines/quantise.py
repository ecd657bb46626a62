"""The int8 form of a network: static quantisation, kept only where it agrees with fp32.

Weights and activations become eight bits, their ranges measured on real photos (QDQ form, weights
per channel). Half of the photos calibrate; the other half, which the ranges never saw, tell how
well the vectors agree with those of the fp32 graph.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geotagger.models.engines.base import Features, Images, in_parts
from geotagger.models.engines.onnx_cache import GRAPH_NAME, EngineCache
from geotagger.models.engines.onnx_export import INPUT, cosine_distances
from geotagger.models.engines.onnx_session import OnnxSession
from geotagger.models.registry import ModelConfig

LEAST_PHOTOS = 32
LEAST_COSINE = 0.98
LEAST_SAME_NEIGHBOUR = 0.9
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well int8 agrees with fp32 on photos that did not calibrate it.

    Attributes
    ----------
    photos
        How many were compared.
    cosine
        Mean cosine of a photo's two vectors.
    same_neighbour
        Share of photos whose nearest other photo is the same by both.
    passed
        Whether both reach `LEAST_COSINE` and `LEAST_SAME_NEIGHBOUR`.
    """

    photos: int
    cosine: float
    same_neighbour: float
    passed: bool


def measure(fp32: Features, int8: Features) -> Agreement:
    """Return the agreement of rows (N, D) of the same photos, N at least 2."""
    cosine = float(1.0 - cosine_distances(fp32, int8).mean())
    same = float((_neighbours(fp32) == _neighbours(int8)).mean())
    finite = bool(np.isfinite(int8).all())
    passed = finite and cosine >= LEAST_COSINE and same >= LEAST_SAME_NEIGHBOUR
    return Agreement(len(fp32), cosine, same, passed)


def _neighbours(rows: Features) -> NDArray[np.intp]:
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return np.asarray(cosines.argmax(axis=1), np.intp)


def quantised(config: ModelConfig, images: Images, cache: EngineCache | None = None) -> Agreement:
    """Make the int8 form of a model from its cached fp32 graph; return the agreement.

    A graph that does not pass is not kept, only its agreement. One that was made before is made
    again with these photos.

    Parameters
    ----------
    images
        Real photos (N, S, S, 3), uint8, N at least `LEAST_PHOTOS`, of different subjects.

    Raises
    ------
    ValueError
        Too few photos, or the model has no cached fp32 graph.
    OSError
        The cache cannot be written.
    """
    cache = cache or EngineCache()
    if len(images) < LEAST_PHOTOS:
        raise ValueError(f"expected at least {LEAST_PHOTOS} photos, found {len(images)}")
    source = cache.find(config, "fp32")
    if source is None:
        raise ValueError("the model has no exported graph to quantise")
    calibrating, held_out = images[0::2], images[1::2]
    found: list[Agreement] = []

    def build(folder: Path) -> dict[str, Any]:
        _quantise(source / GRAPH_NAME, folder / GRAPH_NAME, calibrating)
        exact = OnnxSession(source / GRAPH_NAME, threads=None)
        small = OnnxSession(folder / GRAPH_NAME, threads=None)
        dimension = config.embedding_size
        found.append(
            measure(
                in_parts(exact.run, held_out, _BATCH)[:, :dimension],
                in_parts(small.run, held_out, _BATCH)[:, :dimension],
            )
        )
        if not found[-1].passed:
            for file in folder.iterdir():
                file.unlink()
        return asdict(found[-1])

    cache.drop(config, "int8")
    cache.publish(config, "int8", build)
    return found[-1]


class _Reader:
    """Gives the calibration its batches; the runtime asks for this form."""

    def __init__(self, images: Images) -> None:
        self._images = images
        self.rewind()

    def rewind(self) -> None:
        self._batches = iter(
            self._images[at : at + _BATCH] for at in range(0, len(self._images), _BATCH)
        )

    def get_next(self) -> dict[str, Images] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: np.ascontiguousarray(batch)}


def _quantise(source: Path, target: Path, images: Images) -> None:
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(_Reader, quantization.CalibrationDataReader):  # type: ignore[misc]
        pass

    prepared = target.with_name("prepared.onnx")
    with _quiet():
        quant_pre_process(
            str(source),
            str(prepared),
            skip_symbolic_shape=True,
            save_as_external_data=True,
            all_tensors_to_one_file=True,
        )
        quantization.quantize_static(
            str(prepared),
            str(target),
            Reader(images),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            calibrate_method=quantization.CalibrationMethod.MinMax,
            use_external_data_format=True,
        )
    for left in target.parent.glob("prepared.onnx*"):
        left.unlink()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
