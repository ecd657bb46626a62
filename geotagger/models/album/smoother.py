"""A forward–backward smoother that knows how far people get in how much time.

From one photo to the next the class of distance depends on the gap alone (stay, a walk, a town, a
day trip, a flight, an ocean); within a class of distance cells are as likely as they are visited.
Emissions are any log-posteriors over the cells (single image or a network) with the prior taken
out. Photos of one scene repeat their errors, so what a photo says is worth less the sooner it
comes after the last: its weight falls from ``fresh`` to ``burst``. Weights and shares are fitted
on albums that are not tested on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geotagger.earth.distance import EARTH_RADIUS_M, unit_vectors
from geotagger.models.album.hmm import FloatArray, forward_backward_all

GAP_EDGES_S = np.array([60.0, 600.0, 3600.0, 21_600.0, 86_400.0])
"""Ends of the classes of gap; six of them."""
RING_EDGES_M = np.array([1.0, 1e3, 1e4, 1e5, 1e6])
"""Ends of the classes of distance between cells' mean places; the first is the cell itself."""

_LEAST = 1e-7
"""Of each transition this share goes to any cell by its prior: nothing is impossible."""
_BURST_S = 60.0
_SEEN = 0.5
"""Added to every count of a class of distance."""
_GRID = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.4)


@dataclass(frozen=True, slots=True)
class Weights:
    """What a photo's own evidence counts: ``fresh`` after a pause, ``burst`` within a minute."""

    fresh: float = 1.0
    burst: float = 1.0


class Smoother:
    """Cells, how far they are apart, and how far one gets in how much time.

    Parameters
    ----------
    lat, lon
        Mean places of the cells (C), degrees.
    log_prior
        Logarithm of the cells' shares (C).
    moves
        Probability of each class of distance by class of gap (6, 6); see `count_moves`.
    """

    def __init__(
        self, lat: ArrayLike, lon: ArrayLike, log_prior: ArrayLike, moves: ArrayLike
    ) -> None:
        self.log_prior = np.asarray(log_prior, np.float64)
        self._moves = np.asarray(moves, np.float64)
        shape = (len(GAP_EDGES_S) + 1, len(RING_EDGES_M) + 1)
        if self._moves.shape != shape or not np.all(self._moves >= 0.0):
            raise ValueError(f"expected shares of moves {shape}, found {self._moves.shape}")
        self._rings = rings_of(lat, lon)
        self._transitions: dict[int, NDArray[np.float32]] = {}

    @property
    def size(self) -> int:
        """How many cells there are, C."""
        return len(self.log_prior)

    def transitions(self, gap_class: int) -> NDArray[np.float32]:
        """Return the transitions (C, C) of a class of gap, rows from; each row sums to 1."""
        if gap_class not in self._transitions:
            prior = np.exp(self.log_prior)
            found = np.zeros((self.size, self.size))
            for ring, share in enumerate(self._moves[gap_class]):
                there = np.where(self._rings == ring, prior, 0.0)
                total = there.sum(axis=1, keepdims=True)
                found += np.where(total > 0.0, share * there / np.maximum(total, 1e-300), 0.0)
            # What leads to a ring without cells is shared by the others.
            found /= found.sum(axis=1, keepdims=True)
            found = (1.0 - _LEAST) * found + _LEAST * prior
            self._transitions[gap_class] = found.astype(np.float32)
        return self._transitions[gap_class]

    def smooth(
        self, log_posterior: ArrayLike, gaps: ArrayLike, weights: Weights | None = None
    ) -> FloatArray:
        """Return posteriors (N, C) of an album's photos given all of them.

        Parameters
        ----------
        log_posterior
            What is known of each photo for itself (N, C), the prior included.
        gaps
            Seconds since the photo before (N); the first is not looked at.
        """
        return self.smooth_all([log_posterior], [gaps], weights)[0]

    def smooth_all(
        self,
        log_posteriors: Sequence[ArrayLike],
        gaps: Sequence[ArrayLike],
        weights: Weights | None = None,
    ) -> list[FloatArray]:
        """Return `smooth` of several albums, which is faster than one after the other."""
        weights = weights or Weights()
        emissions, classes = [], []
        for rows, between in zip(log_posteriors, gaps, strict=True):
            given = np.asarray(rows, np.float64)
            seconds = np.asarray(between, np.float64)
            if given.ndim != 2 or given.shape[1] != self.size or seconds.shape != given.shape[:1]:
                raise ValueError(f"expected posteriors (N, {self.size}) and N gaps")
            emissions.append(weigh(given - self.log_prior, seconds, weights))
            classes.append(np.digitize(seconds, GAP_EDGES_S, right=True))
        return forward_backward_all(emissions, classes, self.log_prior, self.transitions)


def weigh(emission: FloatArray, gaps: FloatArray, weights: Weights) -> FloatArray:
    """Return log-likelihoods (N, C) times each photo's weight."""
    after = np.array(gaps, np.float64)
    after[:1] = np.inf
    each = np.where(after <= _BURST_S, weights.burst, weights.fresh)
    return np.asarray(each[:, None] * emission, np.float64)


def rings_of(lat: ArrayLike, lon: ArrayLike) -> NDArray[np.int8]:
    """Return the classes of distance (C, C) between places in degrees."""
    points = unit_vectors(lat, lon)
    metres = np.arccos(np.clip(points @ points.T, -1.0, 1.0)) * EARTH_RADIUS_M
    # A cell is in its own ring, whatever the rounding; no other cell is.
    found = np.maximum(np.digitize(metres, RING_EDGES_M, right=True), 1).astype(np.int8)
    np.fill_diagonal(found, 0)
    return found


def count_moves(
    albums: Sequence[ArrayLike], gaps: Sequence[ArrayLike], lat: ArrayLike, lon: ArrayLike
) -> FloatArray:
    """Return shares of classes of distance by class of gap (6, 6), counted over albums' cells.

    Parameters
    ----------
    albums
        Classes in order, -1 for none.
    gaps
        Seconds since the photo before, for each album.
    lat, lon
        Mean places of the cells (C), degrees.
    """
    rings = rings_of(lat, lon)
    counts = np.full((len(GAP_EDGES_S) + 1, len(RING_EDGES_M) + 1), _SEEN)
    for album, between in zip(albums, gaps, strict=True):
        classes = np.asarray(album, np.int64)
        kinds = np.digitize(np.asarray(between, np.float64), GAP_EDGES_S, right=True)
        both = (classes[:-1] >= 0) & (classes[1:] >= 0)
        ring = rings[classes[:-1][both], classes[1:][both]]
        np.add.at(counts, (kinds[1:][both], ring), 1.0)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True), np.float64)


def fit_weights(
    smoother: Smoother,
    log_posteriors: Sequence[ArrayLike],
    gaps: Sequence[ArrayLike],
    classes: Sequence[ArrayLike],
) -> Weights:
    """Return the weights under which the true cells of held-out albums are likeliest.

    One weight for all is sought first, then that of bursts; both over a grid.
    """

    def loss(weights: Weights) -> float:
        found = smoother.smooth_all(log_posteriors, gaps, weights)
        total = 0.0
        for rows, album in zip(found, classes, strict=True):
            true = np.asarray(album, np.int64)
            held = np.flatnonzero(true >= 0)
            total -= float(np.log(np.maximum(rows[held, true[held]], 1e-12)).sum())
        return total

    same = min(_GRID, key=lambda one: loss(Weights(one, one)))
    burst = min([one for one in _GRID if one <= same], key=lambda one: loss(Weights(same, one)))
    return Weights(same, burst)
