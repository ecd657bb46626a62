"""Which photos show the same place, and how often the nearest embedding is one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.training.starter.photos import PhotoTable

BURST_S = 120.0
"""Photos of one source within so many seconds are a burst: finding one another proves nothing."""

VAGUE_KM = 50.0
"""How far from the truth a place that only names a town may be."""

_CUTS = (1, 5)


@dataclass(frozen=True, slots=True)
class Pairs:
    """What is known of each pair of N photos, matrices (N, N).

    Attributes
    ----------
    metres
        Distance between the stated places.
    exact
        Whether both places were measured.
    burst
        Whether they may have been taken in one burst: one source, and times closer than `BURST_S`
        or unknown. Also each photo and itself.
    """

    metres: NDArray[np.float32]
    exact: NDArray[np.bool_]
    burst: NDArray[np.bool_]

    @classmethod
    def of(cls, table: PhotoTable) -> Pairs:
        """Return the pairs of a table."""
        metres = haversine_m(
            table.lat[:, None], table.lon[:, None], table.lat[None], table.lon[None]
        ).astype(np.float32)
        gap = np.abs(table.seconds[:, None] - table.seconds[None])
        one_source = table.sources[:, None] == table.sources[None]
        burst = one_source & ~(gap > BURST_S)
        np.fill_diagonal(burst, True)
        return cls(metres, table.exact[:, None] & table.exact[None], burst)

    def same(self, within_m: float) -> NDArray[np.bool_]:
        """Return where both places are exact and close, and the photos are no burst."""
        return np.asarray(self.exact & (self.metres <= within_m) & ~self.burst)

    def elsewhere(self, beyond_m: float) -> NDArray[np.bool_]:
        """Return where two photos surely show different places."""
        vague = np.where(self.exact, beyond_m, beyond_m + 1000.0 * VAGUE_KM)
        return np.asarray(self.metres > vague)


@dataclass(frozen=True, slots=True)
class Recall:
    """How often a true neighbour is among the nearest by embedding.

    Attributes
    ----------
    within_m
        What counts as the same place, in metres.
    queries
        Photos that have a true neighbour.
    at_1, at_5
        Shares of them whose nearest, or whose five nearest, hold one.
    """

    within_m: float
    queries: int
    at_1: float
    at_5: float


def recall(
    vectors: NDArray[np.float32],
    table: PhotoTable,
    pairs: Pairs,
    *,
    within_m: float,
    own_album: bool = False,
) -> Recall:
    """Return how well embeddings find the same place.

    Asked is every photo with an exact neighbour within ``within_m`` that is no burst of it. It is
    compared with all other photos of the table, or with those of its own album; left out are its
    burst and photos of which it is not known whether they show the same place.

    Parameters
    ----------
    vectors
        Unit rows (N, D).
    """
    true = pairs.same(within_m)
    allowed = true | (pairs.elsewhere(within_m) & ~pairs.burst)
    if own_album:
        one_album = table.albums[:, None] == table.albums[None]
        true, allowed = true & one_album, allowed & one_album
    asked = np.flatnonzero(true.any(axis=1))
    if len(asked) == 0:
        return Recall(within_m, 0, float("nan"), float("nan"))
    cosines = np.where(allowed[asked], vectors[asked] @ vectors.T, -np.inf)
    most = min(_CUTS[-1], cosines.shape[1])
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :most]
    hits = np.take_along_axis(true[asked], order, axis=1)
    return Recall(within_m, len(asked), float(hits[:, 0].mean()), float(hits.any(axis=1).mean()))


def scene_accuracy(logits: NDArray[np.float32], table: PhotoTable) -> tuple[float, float]:
    """Return the share of photos whose likeliest scene is that of the label, and the log loss.

    The log loss is the cross-entropy with the soft labels, in nats.

    Parameters
    ----------
    logits
        Rows (N, 3) of indoor, natural, urban.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    right = logits.argmax(axis=1) == table.scenes.argmax(axis=1)
    return float(right.mean()), float(-(table.scenes * log_p).sum(axis=1).mean())
