"""What a photo's vector says of cells: probabilities made of the gallery's places inside them.

A geo space gives every place a logit. The probability of a cell is that of all its places
together: log p(c) = log Σ exp(logit), normalised over the cells, where the sum goes over the
gallery's places in the cell. With n places in it that is log n + log mean exp(logit): the prior of
the cell and how well the photo fits there. One vector per cell (the mean) would drop the first
term, and inflate cells that hold hardly a photo.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geotagger.models.geo_space import GeoSpace
from geotagger.models.vector_cache import read_vectors, write_vectors
from geotagger.progress import CancelToken, ProgressCallback

_ROWS = 64
_PLACES = 16_384
"""Photos and places at once: their logits take 4 MB, a few times that in between."""

_COLDEST, _HOTTEST = 0.05, 20.0
_GOLDEN = (5.0**0.5 - 1.0) / 2.0
_STEPS = 40


@dataclass(frozen=True, slots=True)
class CellTable:
    """The gallery's places by cell; made by `build_cell_table`.

    Attributes
    ----------
    vectors
        Unit vectors of the places (G, D), those of a cell beside each other; may be a map of a
        file.
    starts
        Where the places of each cell begin (C + 1).
    cells
        The cells' own vectors (C, D): the mean over their places, brought to length 1; zero for a
        cell without places.
    scale
        What a cosine is multiplied by.
    """

    vectors: NDArray[np.float32]
    starts: NDArray[np.int64]
    cells: NDArray[np.float32]
    scale: float

    @property
    def size(self) -> int:
        """How many cells there are."""
        return len(self.starts) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many places of the gallery lie in each cell (C)."""
        return np.diff(self.starts)

    @property
    def log_prior(self) -> NDArray[np.float32]:
        """The logarithm of each cell's share of the gallery (C), −∞ without places."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.counts / self.starts[-1]), np.float32)

    def log_probabilities(
        self,
        embeddings: NDArray[np.float32],
        *,
        temperature: float = 1.0,
        log_prior: ArrayLike | None = None,
    ) -> NDArray[np.float32]:
        """Return log-probabilities (N, C) of the cells for unit rows (N, D); each row sums to 1.

        Memory beyond the result does not grow with N or with the gallery. Cells without places
        have −∞.

        Parameters
        ----------
        temperature
            Divides the logits; see `fit_temperature`.
        log_prior
            Another prior (C) in place of the gallery's; it need not be normalised.

        Raises
        ------
        ValueError
            Shapes do not fit or the temperature is not positive.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != self.vectors.shape[1]:
            raise ValueError(
                f"expected vectors of shape (N, {self.vectors.shape[1]}), found {embeddings.shape}"
            )
        if not (temperature > 0.0 and np.isfinite(temperature)):
            raise ValueError(f"the temperature must be positive, found {temperature}")
        shift = None
        if log_prior is not None:
            prior = np.asarray(log_prior, np.float32)
            if prior.shape != (self.size,):
                raise ValueError(f"expected {self.size} log-priors, found shape {prior.shape}")
            held = self.counts > 0
            if not np.isfinite(prior[held]).any() or np.isnan(prior).any():
                raise ValueError("the prior leaves no cell possible")
            shift = np.full(self.size, -np.inf)
            shift[held] = prior[held] - np.log(self.counts[held])
        found = np.empty((len(embeddings), self.size), np.float32)
        for start in range(0, len(embeddings), _ROWS):
            rows = slice(start, start + _ROWS)
            part = self._log_sums(embeddings[rows], self.scale / temperature)
            found[rows] = _normalised(part if shift is None else part + shift)
        return found

    def _log_sums(self, embeddings: NDArray[np.float32], scale: float) -> NDArray[np.float64]:
        """Return log Σ exp(logit) over the places of each cell (R, C)."""
        scaled = np.asarray(embeddings * np.float32(scale), np.float32)
        total = np.full((len(scaled), self.size), -np.inf)
        for start in range(0, len(self.vectors), _PLACES):
            stop = min(start + _PLACES, len(self.vectors))
            logits = scaled @ self.vectors[start:stop].T
            # The cells that have places here, and where in the block each begins.
            first = int(np.searchsorted(self.starts, start, side="right")) - 1
            last = int(np.searchsorted(self.starts, stop, side="left"))
            edges = np.clip(self.starts[first : last + 1], start, stop) - start
            held = np.flatnonzero(np.diff(edges))
            begin, lengths = edges[held], np.diff(edges)[held]
            # Each cell's own greatest logit is taken out: nothing overflows or vanishes.
            top = np.maximum.reduceat(logits, begin, axis=1)
            logits -= np.repeat(top, lengths, axis=1)
            np.exp(logits, out=logits)
            sums = np.log(np.add.reduceat(logits, begin, axis=1, dtype=np.float64)) + top
            cells = first + held
            total[:, cells] = np.logaddexp(total[:, cells], sums)
        return total


def build_cell_table(
    space: GeoSpace,
    classes: ArrayLike,
    size: int,
    *,
    cache: Path | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> CellTable:
    """Return the table for a partition of the space's gallery.

    Encoding 100,000 places takes about half a minute, so the vectors are kept in ``cache`` under
    what they are made of: weights, gallery and partition. A damaged file there is made anew; where
    the folder cannot be written the table just lives in memory.

    Parameters
    ----------
    classes
        The class of each place of the gallery (G), -1 for none; such places are left out.
    size
        How many classes the partition has.
    cache
        A folder; None keeps nothing.

    Raises
    ------
    ValueError
        The classes do not fit the gallery or the size, or no place has one.
    CancelledError
        The token was cancelled.
    """
    given = np.asarray(classes, np.int64)
    if given.shape != (len(space.gallery),):
        raise ValueError(f"expected {len(space.gallery)} classes, found shape {given.shape}")
    if len(given) and (given.min() < -1 or given.max() >= size):
        raise ValueError(f"classes must be from -1 to {size - 1}")
    order = np.argsort(given, kind="stable")
    order = order[np.count_nonzero(given < 0) :]
    if len(order) == 0:
        raise ValueError("no place of the gallery is in any class")
    starts = np.searchsorted(given[order], np.arange(size + 1))
    text = f"1 {space.digest} {size} ".encode() + given.astype("<i4").tobytes()
    key = hashlib.sha256(text).hexdigest()
    shape = (len(order), space.dimension)
    vectors = read_vectors(cache, key, shape) if cache is not None else None
    if vectors is None:
        places = space.gallery[order]
        vectors = space.encoder.encode(places[:, 0], places[:, 1], progress=progress, cancel=cancel)
        if cache is not None and write_vectors(cache, key, vectors):
            # A map of the file lets the system drop pages under pressure.
            kept = read_vectors(cache, key, shape)
            vectors = vectors if kept is None else kept
    return CellTable(vectors, starts.astype(np.int64), _means(vectors, starts), space.scale)


def fit_temperature(table: CellTable, embeddings: NDArray[np.float32], classes: ArrayLike) -> float:
    """Return the temperature under which held-out photos' true cells are likeliest.

    Minimises the mean negative log-probability (golden section over its logarithm, from 0.05 to
    20). Photos whose class is -1 or without places do not count.

    Raises
    ------
    ValueError
        No photo counts.
    """
    true = np.asarray(classes, np.int64)
    counted = (true >= 0) & (table.counts[np.maximum(true, 0)] > 0)
    if not counted.any():
        raise ValueError("no photo lies in a cell of the table")
    rows, true = embeddings[counted], true[counted]

    def loss(log_temperature: float) -> float:
        total = 0.0
        for start in range(0, len(rows), _ROWS):
            part = slice(start, start + _ROWS)
            log_p = table.log_probabilities(rows[part], temperature=float(np.exp(log_temperature)))
            total -= float(log_p[np.arange(len(log_p)), true[part]].sum(dtype=np.float64))
        return total

    low, high = np.log(_COLDEST), np.log(_HOTTEST)
    one, two = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    loss_one, loss_two = loss(one), loss(two)
    for _ in range(_STEPS):
        if loss_one <= loss_two:
            high, two, loss_two = two, one, loss_one
            one = high - _GOLDEN * (high - low)
            loss_one = loss(one)
        else:
            low, one, loss_one = one, two, loss_two
            two = low + _GOLDEN * (high - low)
            loss_two = loss(two)
        if high - low < 1e-3:
            break
    return float(np.exp((low + high) / 2.0))


def _means(vectors: NDArray[np.float32], starts: NDArray[np.int64]) -> NDArray[np.float32]:
    found = np.zeros((len(starts) - 1, vectors.shape[1]), np.float32)
    held = np.flatnonzero(np.diff(starts))
    sums = np.add.reduceat(vectors, starts[held], axis=0)
    found[held] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return found


def _normalised(log_sums: NDArray[np.float64]) -> NDArray[np.float32]:
    top = log_sums.max(axis=1, keepdims=True)
    total = np.log(np.exp(log_sums - top).sum(axis=1, keepdims=True)) + top
    return np.asarray(log_sums - total, np.float32)
