"""The hidden Markov model over cells: counted priors and transitions, Viterbi, forward–backward.

PlaNet, section 4, "PlaNet HMM": class priors and transition probabilities are estimated by
counting, emissions by Bayes' rule from the single-image posterior, the most likely sequence is
found by Viterbi. Time and distance play no part; `geotagger.models.album.smoother` has them.

A transition is ``(1 − λ) · counted + λ · prior`` with λ = κ / (n + κ) for n counted steps from the
cell: a way that was never seen is possible, and a cell that was left once or twice is no trap.
Viterbi uses that form: the best predecessor is the best among the counted ones or the best of all,
which costs one pass over the counts in place of all pairs of cells; the result is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CountedHmm:
    """Priors and transitions by counting.

    Attributes
    ----------
    log_prior
        Logarithm of the cells' shares (C).
    sources, targets
        The counted transitions (K), in ascending order of the target.
    shares
        Share of each among those from its source (K).
    leaks
        λ, the weight of the prior in the transitions from each cell (C).
    """

    log_prior: FloatArray
    sources: NDArray[np.intp]
    targets: NDArray[np.intp]
    shares: FloatArray
    leaks: FloatArray

    @property
    def size(self) -> int:
        """How many cells there are, C."""
        return len(self.log_prior)

    @classmethod
    def count(
        cls, albums: Sequence[ArrayLike], size: int, *, smoothing: float = 20.0
    ) -> CountedHmm:
        """Return the model counted over albums' classes in order; -1 (no class) is skipped.

        Raises
        ------
        ValueError
            A class is out of range, or the smoothing (κ, in steps) is not positive.
        """
        if not smoothing > 0.0:
            raise ValueError(f"the smoothing must be above 0, found {smoothing}")
        seen = np.full(size, 0.5)
        pairs = []
        for album in albums:
            classes = np.asarray(album, np.int64)
            if len(classes) and (classes.min() < -1 or classes.max() >= size):
                raise ValueError(f"classes must be from -1 to {size - 1}")
            seen += np.bincount(classes[classes >= 0], minlength=size)
            both = (classes[:-1] >= 0) & (classes[1:] >= 0)
            pairs.append(classes[1:][both] * size + classes[:-1][both])
        joined = np.concatenate(pairs) if pairs else np.zeros(0, np.int64)
        key, count = np.unique(joined, return_counts=True)
        sources, targets = (key % size).astype(np.intp), (key // size).astype(np.intp)
        total = np.bincount(sources, weights=count, minlength=size)
        leaks = np.asarray(smoothing / (total + smoothing), np.float64)
        return cls(np.log(seen / seen.sum()), sources, targets, count / total[sources], leaks)

    def transitions(self) -> FloatArray:
        """Return all transition probabilities (C, C), rows from, columns to."""
        found = np.zeros((self.size, self.size))
        found[self.sources, self.targets] = self.shares
        left = 1.0 - found.sum(axis=1, keepdims=True)
        # A cell that was never left goes where the prior says.
        found += left * np.exp(self.log_prior)
        leaks = self.leaks[:, None]
        return np.asarray((1.0 - leaks) * found + leaks * np.exp(self.log_prior), np.float64)

    def emissions(self, log_posterior: ArrayLike) -> FloatArray:
        """Return log-likelihoods (N, C) of single-image log-posteriors, by Bayes' rule."""
        rows = np.asarray(log_posterior, np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.size or len(rows) == 0:
            raise ValueError(f"expected posteriors (N, {self.size}), found {rows.shape}")
        return np.asarray(rows - self.log_prior, np.float64)

    def viterbi(self, emission: FloatArray) -> NDArray[np.int64]:
        """Return the most likely cells (N) for log-likelihoods (N, C)."""
        count, size = emission.shape
        anywhere, prior = np.log(self.leaks), np.exp(self.log_prior)
        leaks = self.leaks[self.sources]
        ways = np.log((1.0 - leaks) * self.shares + leaks * prior[self.targets])
        cells, starts = np.unique(self.targets, return_index=True)
        widths = np.diff(np.append(starts, len(self.targets)))
        back = np.empty((count, size), np.int64)
        best = self.log_prior + emission[0]
        for step in range(1, count):
            widest = best + anywhere
            top = int(widest.argmax())
            score = widest[top] + self.log_prior
            back[step] = top
            if len(cells):
                through = best[self.sources] + ways
                most = np.maximum.reduceat(through, starts)
                better = most > score[cells]
                is_most = np.flatnonzero(through == np.repeat(most, widths))
                first = np.searchsorted(is_most, starts)
                score[cells[better]] = most[better]
                back[step, cells[better]] = self.sources[is_most[first[better]]]
            best = score + emission[step]
        found = np.empty(count, np.int64)
        found[-1] = best.argmax()
        for step in range(count - 1, 0, -1):
            found[step - 1] = back[step, found[step]]
        return found


def forward_backward(
    emission: FloatArray, log_prior: FloatArray, transitions: Sequence[NDArray[Any]]
) -> FloatArray:
    """Return posteriors (N, C), each row summing to 1.

    Parameters
    ----------
    emission
        Log-likelihoods (N, C).
    log_prior
        Of the first photo's cell (C).
    transitions
        For each step from a photo to the next (N − 1) the probabilities (C, C), rows from.
    """
    count, size = emission.shape
    if len(transitions) != count - 1:
        raise ValueError(f"expected {count - 1} transitions, found {len(transitions)}")
    kind = transitions[0].dtype if count > 1 else np.float64
    likely = np.exp(emission - emission.max(axis=1, keepdims=True)).astype(kind)
    forward = np.empty((count, size), kind)
    state = np.exp(log_prior).astype(kind)
    for step in range(count):
        if step:
            state = state @ transitions[step - 1]
        state = state * likely[step]
        state /= max(float(state.sum()), 1e-300)
        forward[step] = state
    back = np.ones(size, kind)
    found = np.empty((count, size))
    for step in range(count - 1, -1, -1):
        joint = forward[step].astype(np.float64) * back
        found[step] = joint / max(float(joint.sum()), 1e-300)
        if step:
            back = transitions[step - 1] @ (back * likely[step])
            back /= max(float(back.sum()), 1e-300)
    return found


def forward_backward_all(
    emissions: Sequence[FloatArray],
    kinds: Sequence[NDArray[Any]],
    log_prior: FloatArray,
    transitions: Callable[[int], NDArray[np.float32]],
) -> list[FloatArray]:
    """Return `forward_backward` of several albums at once, in single precision.

    Parameters
    ----------
    emissions
        Log-likelihoods (N, C) of each album.
    kinds
        Of each album the kind of the step that leads to each photo (N); the first is not looked
        at.
    transitions
        Gives the probabilities (C, C) of a kind of step, rows from.
    """
    lengths = np.array([len(rows) for rows in emissions])
    longest, size = int(lengths.max()), len(log_prior)
    likely = [
        np.exp(rows - rows.max(axis=1, keepdims=True)).astype(np.float32) for rows in emissions
    ]
    forward = [np.empty_like(rows) for rows in likely]
    state = np.tile(np.exp(log_prior).astype(np.float32), (len(emissions), 1))
    for step in range(longest):
        live = np.flatnonzero(lengths > step)
        if step:
            for kind, rows in _by_kind(kinds, live, step):
                state[rows] = state[rows] @ transitions(kind)
        for album in live:
            row = state[album] * likely[album][step]
            state[album] = forward[album][step] = row / max(float(row.sum()), 1e-30)
    found = [np.empty(rows.shape) for rows in likely]
    back = np.ones((len(emissions), size), np.float32)
    for step in range(longest - 1, -1, -1):
        live = np.flatnonzero(lengths > step)
        for album in live:
            joint = forward[album][step].astype(np.float64) * back[album]
            found[album][step] = joint / max(float(joint.sum()), 1e-300)
        if step:
            for album in live:
                row = back[album] * likely[album][step]
                back[album] = row / max(float(row.sum()), 1e-30)
            for kind, rows in _by_kind(kinds, live, step):
                back[rows] = back[rows] @ transitions(kind).T
    return found


def _by_kind(
    kinds: Sequence[NDArray[Any]], live: NDArray[np.intp], step: int
) -> list[tuple[int, NDArray[np.intp]]]:
    here = np.array([kinds[album][step] for album in live])
    return [(int(kind), live[here == kind]) for kind in np.unique(here)]
