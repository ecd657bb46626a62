"""Trips through the world: for each photo of an album its time, spot and exact place.

Gaps and distances follow `geotagger.training.album.motion`; where a move leads is drawn among the
spots in its ring, or back to a place where the album was before.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from geotagger.training.album.motion import (
    GAP_EDGES_S,
    LEAST_GAP_S,
    MOST_GAP_S,
    REAL,
    Motion,
)
from geotagger.training.album.world import World

_STEP_M = 30.0
"""What a photo of the same spot is away from the one before, each way."""
_WALK_M = 300.0
"""How far from the spot's middle one walks, each way."""
_WALK, _TOWN = 1, 2
"""Classes of distance: a walk about the spot; the first that leads to another spot."""


@dataclass(frozen=True, slots=True)
class TripConfig:
    """How long albums are, and how often they lead back.

    Attributes
    ----------
    median_photos, spread
        Median and log standard deviation of an album's length; real albums have 22 and 0.9.
    fewest, most
        Bounds of it.
    returns
        Share of moves to another spot that are made to lead back to an earlier one. Others do by
        chance, as neighbouring towns are liked; together they are as many as on real albums.
    events
        Share of albums that never leave their spot: a party, a museum, a garden. The others move
        the more, so that all together move as real ones do.
    """

    median_photos: float = 22.0
    spread: float = 0.9
    fewest: int = 3
    most: int = 100
    returns: float = 0.08
    events: float = 0.12

    def __post_init__(self) -> None:
        if not 1 <= self.fewest <= self.most:
            raise ValueError("albums have 1 photo or more, the fewest not above the most")
        if not (self.median_photos > 0.0 and self.spread >= 0.0):
            raise ValueError("the median length must be positive, the spread not negative")
        if not (0.0 <= self.returns <= 1.0 and 0.0 <= self.events < 1.0):
            raise ValueError("returns must be from 0 to 1, events at least 0 and below 1")


@dataclass(frozen=True, slots=True, eq=False)
class Trips:
    """B albums of up to T photos; what lies beyond an album's length is zero.

    Attributes
    ----------
    lengths
        Photos of each album (B).
    gaps
        Seconds since the photo before (B, T), 0 for the first.
    spots
        Which spot (B, T).
    north_m, east_m
        Metres from the spot's middle (B, T).
    moved
        Whether the photo was taken elsewhere than the one before: a walk or further (B, T).
    """

    lengths: NDArray[np.int64]
    gaps: NDArray[np.float64]
    spots: NDArray[np.intp]
    north_m: NDArray[np.float64]
    east_m: NDArray[np.float64]
    moved: NDArray[np.bool_]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Which entries (B, T) are photos."""
        return np.arange(self.gaps.shape[1])[None] < self.lengths[:, None]


def draw_trips(
    world: World,
    count: int,
    rng: np.random.Generator,
    config: TripConfig | None = None,
    motion: Motion = REAL,
) -> Trips:
    """Return trips of ``count`` albums, new with every draw, the same for the same generator."""
    config = config or TripConfig()
    drawn = np.exp(np.log(config.median_photos) + config.spread * rng.standard_normal(count))
    lengths = np.clip(np.rint(drawn), config.fewest, config.most).astype(np.int64)
    longest = int(lengths.max())
    gap_classes = _gap_classes(count, longest, motion, rng)
    gaps = _gaps(gap_classes, rng)
    moves = _moves(gap_classes, motion, rng, config.events)
    north, east = rng.normal(0.0, _WALK_M, (2, count, longest))
    jitter = rng.normal(0.0, _STEP_M, (2, count, longest))
    picks = rng.integers(world.rings.shape[2], size=(count, longest))
    back, which = rng.random((2, count, longest))
    spots = np.zeros((count, longest), np.intp)
    spots[:, 0] = world.claim(99, np.zeros(count, np.intp), rng.random(count))
    rows = np.arange(count)
    for step in range(1, longest):
        here, move = spots[:, step - 1], moves[:, step]
        stay = move == 0
        north[stay, step] = north[stay, step - 1] + jitter[0, stay, step]
        east[stay, step] = east[stay, step - 1] + jitter[1, stay, step]
        away = move >= _TOWN
        goal = world.rings[np.maximum(move - _TOWN, 0), here, picks[:, step]]
        earlier = (which[:, step] * step).astype(np.intp)
        old = spots[rows, earlier]
        returns = away & (back[:, step] < config.returns) & (old != here)
        goal = np.where(returns, old, goal)
        north[returns, step] = north[rows, earlier][returns]
        east[returns, step] = east[rows, earlier][returns]
        spots[:, step] = np.where(away, goal, here)
    gaps[:, 0] = 0.0
    moved = moves >= _WALK
    moved[:, 0] = True
    photos = np.arange(longest)[None] < lengths[:, None]
    for value in (gaps, spots, north, east, moved):
        value[~photos] = 0
    return Trips(lengths, gaps, spots, north, east, moved)


def _gap_classes(
    count: int, longest: int, motion: Motion, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return classes of gaps (B, T): the shares of `motion` tilted album by album."""
    number = np.arange(len(motion.gaps))
    variance = float((number**2 @ motion.gaps) - (number @ motion.gaps) ** 2)
    # A tilt of t moves the mean class by t times the classes' variance.
    spread = motion.album_spread / max(variance, 1e-9)
    even = spread * np.array([NormalDist().inv_cdf((one + 0.5) / 41) for one in range(41)])
    base = np.maximum(motion.gaps, 1e-12)
    for _ in range(20):
        # Tilted either way, the middle classes lose; all albums together shall have the shares.
        base = base * motion.gaps / np.maximum(_tilted(base, even).mean(axis=0), 1e-12)
        base = np.maximum(base, 1e-12) / base.sum()
    total = np.cumsum(_tilted(base, rng.normal(0.0, spread, count)), axis=1)
    found = (rng.random((count, longest))[..., None] > total[:, None]).sum(axis=-1)
    return np.asarray(np.minimum(found, len(motion.gaps) - 1), np.int64)


def _tilted(shares: NDArray[np.float64], tilt: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return shares (B, K), later classes likelier by a tilt of each album (B)."""
    logits = np.log(shares) + tilt[:, None] * np.arange(len(shares))
    chance = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(chance / chance.sum(axis=1, keepdims=True), np.float64)


def _moves(
    gap_classes: NDArray[np.int64], motion: Motion, rng: np.random.Generator, events: float
) -> NDArray[np.int64]:
    """Return classes of distance (B, T) for classes of gap; some albums never leave their spot."""
    shares = motion.moves.copy()
    shares[:, _TOWN:] /= 1.0 - events
    away = np.minimum(shares[:, _TOWN:].sum(axis=1, keepdims=True), 1.0)
    near = shares[:, :_TOWN] / np.maximum(shares[:, :_TOWN].sum(axis=1, keepdims=True), 1e-12)
    shares[:, :_TOWN] = (1.0 - away) * near
    total = np.cumsum(shares, axis=1)
    total /= total[:, -1:]
    moves = (rng.random(gap_classes.shape)[..., None] > total[gap_classes]).sum(axis=-1)
    event = rng.random((len(gap_classes), 1)) < events
    return np.asarray(np.where(event, np.minimum(moves, _WALK), moves), np.int64)


def _gaps(classes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return seconds (B, T), evenly in their logarithm within a class, whole as cameras write."""
    edges = np.log(np.concatenate(([LEAST_GAP_S], GAP_EDGES_S, [MOST_GAP_S])))
    low, high = edges[classes], edges[classes + 1]
    return np.asarray(np.rint(np.exp(low + rng.random(classes.shape) * (high - low))), np.float64)
