"""From pixels to unit vectors with an installed model."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.errors import ModelError
from geotagger.models.registry import WEIGHTS_NAME, ModelConfig, Network, backbone_of, read_config
from geotagger.models.weights import sha256_of


class Embedder:
    """A loaded model that gives one unit vector per photo.

    Photos whose vectors point the same way look alike. Several threads may share one embedder;
    they take turns.
    """

    def __init__(self, network: Network, config: ModelConfig, device: str) -> None:
        self._network = network
        self._config = config
        self._device = device
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
        return self._device

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return unit rows (N, D), float32, for sRGB images (N, S, S, 3), uint8.

        Raises
        ------
        ValueError
            The array has another shape or type.
        """
        size = self.input_size
        if images.ndim != 4 or images.shape[1:] != (size, size, 3) or images.dtype != np.uint8:
            raise ValueError(
                f"expected uint8 images of shape (N, {size}, {size}, 3), "
                f"found {images.dtype} of {images.shape}"
            )
        if len(images) == 0:
            return np.zeros((0, self.dimension), np.float32)
        with self._turn:
            features = self._network.run(np.ascontiguousarray(images))
        length = np.linalg.norm(features, axis=1, keepdims=True)
        return np.asarray(features / np.maximum(length, 1e-12), np.float32)


def load_embedder(
    model_folder: Path, *, device: str | None = None, threads: int | None = None
) -> Embedder:
    """Return the embedder of a model folder, its checksum verified.

    ``device`` is "cpu" or "cuda"; None takes CUDA where it works. ``threads`` sets how many CPU
    threads torch uses in this process; None leaves that as it is.

    Raises
    ------
    ModelError
        The folder is missing, damaged, of an unknown kind or of a newer format.
    ValueError
        ``threads`` is below 1.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1, found {threads}")
    config = read_config(model_folder)
    backbone = backbone_of(config.kind, model_folder)
    weights = model_folder / WEIGHTS_NAME
    if sha256_of(weights) != config.sha256:
        raise ModelError(
            "The model's weights are not those that its config.json names (the checksum differs).",
            path=weights,
            remedy="Install the model again.",
        )
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    network = backbone.load(weights, config, device=chosen)
    embedder = Embedder(network, config, chosen)
    probe = np.full((1, config.input_size, config.input_size, 3), 127, np.uint8)
    vector = network.run(probe)
    if vector.shape != (1, config.embedding_size) or not np.isfinite(vector).all():
        raise ModelError(
            f"The model gives vectors of shape {vector.shape[1:]} where its config.json says "
            f"{config.embedding_size} finite numbers.",
            path=model_folder,
            remedy="Install the model again.",
        )
    return embedder
