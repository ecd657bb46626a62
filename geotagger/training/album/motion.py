"""How people move between two photos of an album: gaps and distances, fitted to real traces.

A step is a class of time gap and a class of distance. The shares below were counted over 55 real
albums and tracks with time and exact place (2,169 steps; no album counts for more than 60 of
them; steps faster than an airliner were left out as wrong clocks). `fit_motion` counts them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geotagger.earth.distance import haversine_m

FloatArray = NDArray[np.float64]
Trace = tuple[FloatArray, FloatArray, FloatArray]
"""Seconds (ascending), latitudes and longitudes (N) of one album."""

GAP_EDGES_S = np.array([10.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0, 604_800.0])
"""Where one class of gap ends and the next begins: burst, minute, …, day, week, more."""
MOVE_EDGES_M = np.array([100.0, 1e3, 1e4, 1e5, 1e6])
"""Where one class of distance ends: same spot, a walk, a town, a day trip, a flight, an ocean."""
LEAST_GAP_S, MOST_GAP_S = 1.0, 3e7

_FASTEST_M_S = 300.0
_MOST_STEPS = 60.0
_FEWEST_STEPS = 5
_RETURN_M = 500.0


@dataclass(frozen=True, slots=True)
class Motion:
    """Shares of gaps and moves.

    Attributes
    ----------
    gaps
        Share of each class of gap (8).
    moves
        Share of each class of distance, by class of gap (8, 6).
    album_spread
        Standard deviation between albums of their mean class of gap: some are made of bursts,
        others of one photo a day.
    returns
        Share of moves beyond 1 km that lead within 500 m of an earlier photo of the album.
    """

    gaps: FloatArray
    moves: FloatArray
    album_spread: float
    returns: float


REAL = Motion(
    np.array([0.045, 0.107, 0.278, 0.2, 0.123, 0.109, 0.085, 0.053]),
    np.array(
        [
            [0.911, 0.089, 0.0, 0.0, 0.0, 0.0],
            [0.978, 0.022, 0.0, 0.0, 0.0, 0.0],
            [0.486, 0.461, 0.042, 0.011, 0.0, 0.0],
            [0.198, 0.485, 0.247, 0.066, 0.004, 0.0],
            [0.118, 0.271, 0.308, 0.251, 0.046, 0.006],
            [0.056, 0.192, 0.409, 0.239, 0.097, 0.007],
            [0.022, 0.112, 0.415, 0.159, 0.265, 0.027],
            [0.0, 0.172, 0.468, 0.108, 0.252, 0.0],
        ]
    ),
    album_spread=1.16,
    returns=0.28,
)
"""What was counted over the real albums and tracks."""


def gap_class(gap_s: ArrayLike) -> NDArray[np.int64]:
    """Return the class (…) of gaps in seconds, 0 to 7."""
    return np.digitize(np.asarray(gap_s, np.float64), GAP_EDGES_S, right=True)


def move_class(distance_m: ArrayLike) -> NDArray[np.int64]:
    """Return the class (…) of distances in metres, 0 to 5."""
    return np.digitize(np.asarray(distance_m, np.float64), MOVE_EDGES_M, right=True)


def steps_of(trace: Trace) -> tuple[FloatArray, FloatArray]:
    """Return gaps in seconds and distances in metres of a trace, impossible steps left out."""
    seconds, lat, lon = trace
    gap = np.diff(seconds)
    distance = haversine_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    possible = distance < np.maximum(_FASTEST_M_S * np.maximum(gap, 1.0), MOVE_EDGES_M[0])
    return gap[possible], distance[possible]


def fit_motion(traces: Sequence[Trace]) -> Motion:
    """Return the shares counted over traces; see `Motion`.

    Raises
    ------
    ValueError
        No trace has enough steps.
    """
    counts = np.zeros(REAL.moves.shape)
    means, returned, moved = [], 0, 0
    for trace in traces:
        gap, distance = steps_of(trace)
        if len(gap) < _FEWEST_STEPS:
            continue
        classes = gap_class(gap)
        np.add.at(counts, (classes, move_class(distance)), min(1.0, _MOST_STEPS / len(gap)))
        means.append(float(classes.mean()))
        came_back, went = _returns(trace)
        returned, moved = returned + came_back, moved + went
    if not means:
        raise ValueError("no trace has enough steps")
    by_gap = counts.sum(axis=1)
    moves = (counts + 1e-9) / (by_gap[:, None] + 6e-9)
    return Motion(by_gap / by_gap.sum(), moves, float(np.std(means)), returned / max(moved, 1))


def _returns(trace: Trace) -> tuple[int, int]:
    """Return how many moves beyond 1 km led to an earlier place, and how many there were."""
    _, lat, lon = trace
    returned = moved = 0
    for step in range(2, len(lat)):
        if haversine_m(lat[step - 1], lon[step - 1], lat[step], lon[step]) > MOVE_EDGES_M[1]:
            moved += 1
            earlier = haversine_m(lat[: step - 1], lon[: step - 1], lat[step], lon[step])
            returned += bool(earlier.min() < _RETURN_M)
    return returned, moved
