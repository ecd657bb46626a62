"""What a model makes of the whole world: vectors of photos in, likely cells and densities out."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geotagger.earth.distance import EARTH_RADIUS_M, unit_vectors
from geotagger.earth.partition import Partition
from geotagger.errors import ModelError
from geotagger.models.cell_table import CellTable
from geotagger.models.weights import load_tensors, tensor_shapes

_ROWS = 256
_PLACES = 512
_HALF_OF_GAUSS = 1.177410022515475
"""In a round Gaussian half of the mass lies within this many standard deviations."""
_LEAST_SIGMA_M = 10_000.0
"""No cell is sharper than this: GeoCLIP's finest detail is some 80 km wide."""
_SQUARE_KM = (EARTH_RADIUS_M / 1000.0) ** 2


class WorldHead(Protocol):
    """What turns vectors into log-probabilities of classes."""

    @property
    def size(self) -> int:
        """How many classes there are."""
        ...

    @property
    def log_prior(self) -> NDArray[np.float32]:
        """The logarithm of each class's share of all photos (C)."""
        ...

    def log_probabilities(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return log-probabilities (N, C) for unit rows (N, D)."""
        ...


class TopCells(NamedTuple):
    """The compact form of guesses at N photos.

    ``classes`` (N, k) int32 are the likeliest first, ``log_p`` (N, k) float32 their
    log-probabilities, ``log_rest`` (N,) float32 the logarithm of what all others share.
    """

    classes: NDArray[np.int32]
    log_p: NDArray[np.float32]
    log_rest: NDArray[np.float32]


class ReadsAlbums(Protocol):
    """What sees the photos of an album together; `geotagger.models.album.reading` has one."""

    def top_cells(
        self, embeddings: NDArray[np.float32], seconds: NDArray[np.float64], k: int
    ) -> TopCells:
        """Return the likeliest cells of photos (N, D) taken at seconds (N)."""
        ...


class GalleryHead:
    """Classes as sums over a gallery's places in a geo space; nothing of it is trained per class.

    Parameters
    ----------
    table
        The gallery's places by class.
    temperature
        Divides the logits; see `geotagger.models.cell_table.fit_temperature`.
    """

    def __init__(self, table: CellTable, temperature: float = 1.0) -> None:
        self._table = table
        self._temperature = temperature

    @property
    def size(self) -> int:
        """How many classes there are."""
        return self._table.size

    @property
    def log_prior(self) -> NDArray[np.float32]:
        """The logarithm of each class's share of the gallery (C)."""
        return self._table.log_prior

    def log_probabilities(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return log-probabilities (N, C) for unit rows (N, D)."""
        return self._table.log_probabilities(embeddings, temperature=self._temperature)


class LinearHead:
    """A softmax over classes, as the papers train it (PlaNet, section 3; Vo et al., section 3).

    Parameters
    ----------
    weight, bias
        Of shape (C, D) and (C); they take unit rows, as they are kept in the catalog.
    log_prior
        The logarithm of each class's share of the training photos (C).
    """

    def __init__(
        self,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        log_prior: NDArray[np.float32],
    ) -> None:
        if weight.ndim != 2 or bias.shape != weight.shape[:1] or log_prior.shape != bias.shape:
            raise ValueError(
                f"weights {weight.shape}, biases {bias.shape} and priors {log_prior.shape} "
                "do not fit together"
            )
        self._weight, self._bias, self._log_prior = weight, bias, log_prior

    @classmethod
    def load(cls, path: Path, counts: ArrayLike) -> LinearHead:
        """Return the head of a safetensors file with ``head.weight`` and ``head.bias``.

        ``counts`` (C) are the training photos of each class of the partition that belongs to it.

        Raises
        ------
        ModelError
            The file is damaged, or made for another number of classes.
        """
        number = np.asarray(counts, np.float64)
        shape = tensor_shapes(path).get("head.weight", ())
        if len(shape) == 2 and shape[0] != len(number):
            raise ModelError(
                f"The model's head tells {shape[0]} classes apart, its partition has "
                f"{len(number)}.",
                path=path,
                remedy="Install the model again.",
            )
        width = shape[1] if len(shape) == 2 else 1
        needed = {"head.weight": (len(number), width), "head.bias": (len(number),)}
        tensors = load_tensors(path, needed)
        with np.errstate(divide="ignore"):
            prior = np.log(number / max(number.sum(), 1.0)).astype(np.float32)
        return cls(tensors["head.weight"].numpy(), tensors["head.bias"].numpy(), prior)

    @property
    def size(self) -> int:
        """How many classes there are."""
        return len(self._bias)

    @property
    def dimension(self) -> int:
        """The length of the vectors that it takes."""
        return int(self._weight.shape[1])

    @property
    def log_prior(self) -> NDArray[np.float32]:
        """The logarithm of each class's share of the training photos (C)."""
        return self._log_prior

    def log_probabilities(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return log-probabilities (N, C) for unit rows (N, D)."""
        if embeddings.ndim != 2 or embeddings.shape[1] != self._weight.shape[1]:
            raise ValueError(
                f"expected vectors of shape (N, {self._weight.shape[1]}), found {embeddings.shape}"
            )
        logits = (embeddings @ self._weight.T + self._bias).astype(np.float64)
        return np.asarray(logits - _log_sum(logits)[:, None], np.float32)


class WorldModel:
    """Where on earth photos may be, from their vectors.

    Parameters
    ----------
    partition
        The cells that classes stand for.
    head
        Vectors to classes of that partition.
    key
        Names model and partition; guesses of different keys cannot be compared.

    Attributes
    ----------
    album_key
        Names the album model that reads whole albums for it, "" where there is none.
    album
        That model.

    Raises
    ------
    ValueError
        Head and partition differ in their number of classes.
    """

    def __init__(self, partition: Partition, head: WorldHead, key: str) -> None:
        if head.size != partition.size:
            raise ValueError(f"expected {partition.size} classes, found a head for {head.size}")
        self.partition = partition
        self.key = key
        self.album_key = ""
        self.album: ReadsAlbums | None = None
        self._head = head
        self.log_prior = np.asarray(head.log_prior, np.float64)
        self._prior = np.exp(self.log_prior)
        self._at = unit_vectors(partition.mean_lat, partition.mean_lon)
        sigma = np.asarray(partition.radius_m, np.float64) / _HALF_OF_GAUSS
        self._kappa = (EARTH_RADIUS_M / np.maximum(sigma, _LEAST_SIGMA_M)) ** 2

    def log_probabilities(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return log-probabilities (N, C) for unit rows (N, D)."""
        return self._head.log_probabilities(embeddings)

    def top_cells(self, embeddings: NDArray[np.float32], k: int = 32) -> TopCells:
        """Return the ``k`` likeliest cells of each photo, and what is left for all others.

        Memory beyond the result does not grow with N. Where there are fewer than ``k`` classes,
        all are given.

        Raises
        ------
        ValueError
            ``k`` is below 1, or the vectors do not fit the head.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, found {k}")
        k = min(k, self.partition.size)
        count = len(embeddings)
        classes = np.empty((count, k), np.int32)
        log_p = np.empty((count, k), np.float32)
        log_rest = np.empty(count, np.float32)
        for start in range(0, count, _ROWS):
            rows = slice(start, start + _ROWS)
            all_p = self._head.log_probabilities(embeddings[rows])
            order = np.argpartition(-all_p, k - 1, axis=1)
            best = order[:, :k]
            best_p = np.take_along_axis(all_p, best, axis=1)
            # Equal ones by their number, so that a guess is the same each time.
            ranked = np.lexsort((best, -best_p), axis=1)
            classes[rows] = np.take_along_axis(best, ranked, axis=1)
            log_p[rows] = np.take_along_axis(best_p, ranked, axis=1)
            log_rest[rows] = _log_sum(np.take_along_axis(all_p, order[:, k:], axis=1))
        return TopCells(classes, log_p, log_rest)

    def album_cells(
        self, embeddings: NDArray[np.float32], seconds: NDArray[np.float64], k: int
    ) -> TopCells:
        """Return the likeliest cells of an album's photos (N, D), seen together in time (N).

        Without an album model that is what is believed of each photo alone.
        """
        if self.album is None:
            return self.top_cells(embeddings, k)
        return self.album.top_cells(embeddings, seconds, k)

    def log_density(self, lat: ArrayLike, lon: ArrayLike, guesses: TopCells) -> NDArray[np.float64]:
        """Return the log-density per square kilometre (N, P) of guesses at places (P) in degrees.

        Each cell is a bell on the sphere (von Mises–Fisher) about its mean place, as wide as its
        photos lie; what is left for other cells is shared among them by their priors. The density
        over the whole earth is that of one photo.
        """
        places = unit_vectors(lat, lon)
        found = np.empty((len(guesses.classes), len(places)))
        for start in range(0, len(places), _PLACES):
            part = slice(start, start + _PLACES)
            bells = np.exp(self._log_bells(places[part]))
            everywhere = bells @ self._prior
            for row in range(len(guesses.classes)):
                classes = guesses.classes[row]
                top, prior = bells[:, classes], self._prior[classes]
                likely = top @ np.exp(guesses.log_p[row].astype(np.float64))
                others = np.maximum(everywhere - top @ prior, 0.0)
                left = max(1.0 - float(prior.sum()), 1e-12)
                found[row, part] = likely + others * (np.exp(float(guesses.log_rest[row])) / left)
        return np.asarray(np.log(np.maximum(found, 1e-300) / _SQUARE_KM))

    def prior_log_density(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float64]:
        """Return the log-density per square kilometre (P) of photos anywhere at places (P)."""
        places = unit_vectors(lat, lon)
        found = np.empty(len(places))
        for start in range(0, len(places), _PLACES):
            part = slice(start, start + _PLACES)
            found[part] = np.exp(self._log_bells(places[part])) @ self._prior
        return np.asarray(np.log(np.maximum(found, 1e-300) / _SQUARE_KM))

    def _log_bells(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-densities (P, C) of the cells' bells, per steradian."""
        kappa = self._kappa
        height = np.log(kappa / (2.0 * np.pi)) - np.log1p(-np.exp(-2.0 * kappa))
        return np.asarray(height + kappa * (np.minimum(places @ self._at.T, 1.0) - 1.0))


def _log_sum(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return log Σ exp of each row (N, C); −∞ for rows of none."""
    if values.shape[1] == 0:
        return np.full(len(values), -np.inf)
    top = values.max(axis=1, keepdims=True).astype(np.float64)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(values - safe).sum(axis=1)) + safe[:, 0])
