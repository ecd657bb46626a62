"""The installed model, run in a process of its own.

Loading it imports large libraries, which would hold up the window's own thread for hundreds of
milliseconds, seconds from a cold disk. The process starts with the first photos to be looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from geotagger.models.embedder import Embedder, Seen, load_embedder
from geotagger.models.registry import ModelConfig
from geotagger.models.world import TopCells, WorldModel
from geotagger.models.world_load import WorldOutline, load_outline, load_world_model
from geotagger.photos.bounded import BoundedPool
from geotagger.progress import CancelToken

_TIMEOUT_S = 1800.0
"""For one batch of photos; before the first one a large model is exported, which takes minutes."""
_BATCH = 16
_MEMORY = 16 << 30
"""Address space, of which the libraries reserve far more than they use."""
_MEMORY_WITH_CARD = 1 << 46
"""The same with an NVIDIA card: CUDA maps the card's memory and reserves terabytes of addresses."""
_CARDS = Path("/proc/driver/nvidia/gpus")


class ModelProcess:
    """Looks to the engine like an `Embedder`; also a context manager that ends the process."""

    def __init__(self, folder: Path, config: ModelConfig, device: str | None = None) -> None:
        self._folder = folder
        self._device = device
        self._config = config
        self._pool: BoundedPool | None = None

    def __enter__(self) -> ModelProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.close()

    @property
    def name(self) -> str:
        """The model's name."""
        return self._config.name

    @property
    def version(self) -> str:
        """The version of the weights."""
        return self._config.version

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._config.embedding_size

    @property
    def input_size(self) -> int:
        """The side in pixels of the square that `embed` takes."""
        return self._config.input_size

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return unit rows (N, D), float32, for sRGB images (N, S, S, 3), uint8.

        Raises
        ------
        ModelError
            The model is damaged.
        """
        return self._look(images).vectors

    @property
    def config(self) -> ModelConfig:
        """All that the model folder says of itself."""
        return self._config

    @property
    def batch(self) -> int:
        """How many photos at once suit it; each batch goes through a pipe to its process."""
        return _BATCH

    def stream(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[Seen]:
        """Yield what is seen in each batch (N, S, S, 3), in turn; see `embed` for the errors."""
        return map(self._look, batches)

    def world(self, cancel: CancelToken) -> WorldOfProcess | None:
        """Return what the model says of the world, None if it claims nothing; loads it.

        The first time that takes about a minute with GeoCLIP, whose places are encoded then.

        Raises
        ------
        ModelError
            The model is damaged or fails its self-check.
        CancelledError
            The token was cancelled.
        """
        if not self._config.world:
            return None
        outline = load_outline(self._folder)
        for _, outcome in self._started().map_unordered(_load_world, [self._folder], cancel):
            if isinstance(outcome, Exception):
                raise outcome
        return WorldOfProcess(outline, self._folder, self._started())

    def _started(self) -> BoundedPool:
        if self._pool is None:
            memory = _MEMORY_WITH_CARD if _CARDS.is_dir() else _MEMORY
            self._pool = BoundedPool(1, _TIMEOUT_S, memory)
        return self._pool

    def _look(self, images: NDArray[np.uint8]) -> Seen:
        return self._started().run(_look, self._folder, self._device, images)


class WorldOfProcess:
    """Looks to the engine like a `WorldModel`; the guessing is done in the model's process."""

    def __init__(self, outline: WorldOutline, folder: Path, pool: BoundedPool) -> None:
        self.key = outline.key
        self.partition = outline.partition
        self.log_prior = outline.log_prior
        self.album_key = outline.album_key
        self._folder = folder
        self._pool = pool

    def top_cells(self, embeddings: NDArray[np.float32], k: int) -> TopCells:
        """Return the likeliest cells of unit rows (N, D); see `WorldModel.top_cells`."""
        return self._pool.run(_top_cells, self._folder, embeddings, k)

    def album_cells(
        self, embeddings: NDArray[np.float32], seconds: NDArray[np.float64], k: int
    ) -> TopCells:
        """Return the likeliest cells of an album's photos; see `WorldModel.album_cells`."""
        return self._pool.run(_album_cells, self._folder, embeddings, seconds, k)


def _look(folder: Path, device: str | None, images: NDArray[np.uint8]) -> Seen:
    """Run in the process of the model."""
    return _loaded(folder, device).look(images)


def _load_world(folder: Path) -> None:
    """Load the world model ahead of its first use; run in the process of the model."""
    _loaded_world(folder)


def _top_cells(folder: Path, embeddings: NDArray[np.float32], k: int) -> TopCells:
    """Run in the process of the model."""
    return _loaded_world(folder).top_cells(embeddings, k)


def _album_cells(
    folder: Path, embeddings: NDArray[np.float32], seconds: NDArray[np.float64], k: int
) -> TopCells:
    """Run in the process of the model."""
    return _loaded_world(folder).album_cells(embeddings, seconds, k)


@lru_cache(maxsize=1)
def _loaded_world(folder: Path) -> WorldModel:
    return load_world_model(folder)


@lru_cache(maxsize=1)
def _loaded(folder: Path, device: str | None) -> Embedder:
    return load_embedder(folder, device=device)
