"""From pixels to unit vectors with an installed model."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.errors import ModelError
from geotagger.models.checking import check_files
from geotagger.models.engines.base import Engine, width_of
from geotagger.models.engines.choosing import choose_engine
from geotagger.models.registry import WEIGHTS_NAME, ModelConfig, read_config
from geotagger.models.self_check import CheckPairs, check_photos, check_weights


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model sees in some photos.

    Attributes
    ----------
    vectors
        Unit rows (N, D), float32.
    scenes
        Probabilities (N, 3) of indoor, natural, urban, float32; None where the model has no scene
        head.
    """

    vectors: NDArray[np.float32]
    scenes: NDArray[np.float32] | None = None


class Embedder:
    """A loaded model that gives one unit vector per photo.

    Photos whose vectors point the same way look alike. Several threads may share one embedder;
    they take turns.
    """

    def __init__(self, engine: Engine, config: ModelConfig, folder: Path | None = None) -> None:
        self._engine = engine
        self.folder = folder
        """The model folder that it was loaded from."""
        self._config = config
        self._turn = threading.Lock()

    @property
    def name(self) -> str:
        """The model's name."""
        return self._config.name

    @property
    def version(self) -> str:
        """The version of the weights; vectors of different versions cannot be compared."""
        return self._config.version

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._config.embedding_size

    @property
    def input_size(self) -> int:
        """The side in pixels of the square that `embed` takes."""
        return self._config.input_size

    @property
    def config(self) -> ModelConfig:
        """All that the model folder says of itself."""
        return self._config

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda"."""
        return self._engine.device

    @property
    def engine(self) -> Engine:
        """What runs it."""
        return self._engine

    @property
    def batch(self) -> int:
        """How many photos at once suit it best; may fall while it runs."""
        return self._engine.batch

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return unit rows (N, D), float32, for sRGB images (N, S, S, 3), uint8.

        Raises
        ------
        ValueError
            The array has another shape or type.
        """
        return self.look(images).vectors

    def look(self, images: NDArray[np.uint8]) -> Seen:
        """Return all that the model sees in images (N, S, S, 3); see `embed` for the errors."""
        self._check(images)
        if len(images) == 0:
            return self._seen(np.zeros((0, width_of(self._config)), np.float32))
        with self._turn:
            rows = self._engine.run(np.ascontiguousarray(images))
        return self._seen(rows)

    def stream(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[Seen]:
        """Yield what is seen in each batch (N, S, S, 3), N at least 1, in turn.

        Where the device can, the next batch is drawn and sent while the last one is computed. No
        other call is served until the stream is finished or closed.
        """
        with self._turn:
            for rows in self._engine.stream(self._checked(batches)):
                yield self._seen(rows)

    def _checked(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
        for images in batches:
            self._check(images)
            yield images

    def _check(self, images: NDArray[np.uint8]) -> None:
        size = self.input_size
        if images.ndim != 4 or images.shape[1:] != (size, size, 3) or images.dtype != np.uint8:
            raise ValueError(
                f"expected uint8 images of shape (N, {size}, {size}, 3), "
                f"found {images.dtype} of {images.shape}"
            )

    def _seen(self, rows: NDArray[np.float32]) -> Seen:
        features, logits = rows[:, : self.dimension], rows[:, self.dimension :]
        length = np.linalg.norm(features, axis=1, keepdims=True)
        vectors = np.asarray(features / np.maximum(length, 1e-12), np.float32)
        if not logits.shape[1]:
            return Seen(vectors)
        likely = np.exp(logits - logits.max(axis=1, keepdims=True))
        return Seen(vectors, np.asarray(likely / likely.sum(axis=1, keepdims=True), np.float32))


def load_embedder(
    model_folder: Path,
    *,
    device: str | None = None,
    threads: int | None = None,
    precision: str = "fp32",
    pairs: CheckPairs | None = None,
) -> Embedder:
    """Return the embedder of a model folder, its checksum verified.

    A model that makes claims about the world must pass its self-check.

    ``device`` is "auto", "cpu", "cuda" or "torch" (plain torch on the CPU); None takes what the
    environment says, else auto. ``threads`` sets how many CPU threads the network uses; None takes
    all cores. ``precision`` "int8" takes the model's quantised form on the CPU if there is one
    that passed its check. ``pairs`` takes the place of the program's own self-check pairs, for
    models that are not the published one.

    Raises
    ------
    ModelError
        The folder is missing, damaged, of an unknown kind or of a newer format, its self-check
        fails, or there is no such device.
    ValueError
        ``threads`` is below 1, or the device unknown.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1, found {threads}")
    config = read_config(model_folder)
    weights = model_folder / WEIGHTS_NAME
    check_files(model_folder, config)
    check_weights(model_folder, pairs=pairs)
    engine = choose_engine(weights, config, device=device, threads=threads, precision=precision)
    probe = np.full((1, config.input_size, config.input_size, 3), 127, np.uint8)
    row = engine.run(probe)
    if row.shape != (1, width_of(config)) or not np.isfinite(row).all():
        raise ModelError(
            f"The model gives vectors of shape {row.shape[1:]} where its config.json says "
            f"{config.embedding_size} finite numbers.",
            path=model_folder,
            remedy="Install the model again.",
        )
    check_photos(model_folder, engine, pairs=pairs)
    return Embedder(engine, config, model_folder)
