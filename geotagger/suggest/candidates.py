"""From a fused distribution to a few places with radius and probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geotagger.suggest.fusion import (
    Fused,
    best_places,
    first_places,
    mass_around,
)
from geotagger.suggest.honesty import Honesty
from geotagger.suggest.scene import FloatArray, IntArray

MOST_CANDIDATES = 5
LEAST_PROBABILITY = 0.02
"""A candidate below it is not worth a person's look."""

LADDER_M = np.geomspace(25.0, 300e3, 22)
"""Radii that a candidate may state; a wider one would help nobody."""

FINE_LADDER_M = np.geomspace(5.0, 2.0e7, 128)
"""Radii among which the one of a stated level is interpolated."""

_BREADTH = 0.15
"""A candidate's radius grows while doubling it adds at least a tenth to its probability."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A place chosen for a photo: its column in the table, radius and probability."""

    place: int
    radius_m: float
    probability: float


@dataclass(frozen=True, slots=True)
class Firsts:
    """The best place of each photo, and what is around it.

    ``place`` (H,) is its column, -1 where there is none; ``mass`` (H, len(LADDER_M)) the fused
    mass within the radii of the ladder, ``odds`` what it was worth elsewhere.
    """

    place: IntArray
    mass: FloatArray
    odds: FloatArray


def firsts_of(fused: Fused, honesty: Honesty) -> Firsts:
    """Return the best places of photos, those of `fusion.first_places`."""
    place = first_places(fused)
    if fused.share.shape[1] == 0:
        nothing = np.zeros((len(place), len(LADDER_M)))
        return Firsts(place, nothing, nothing)
    mass = mass_around(fused, np.maximum(place, 0), LADDER_M)
    return Firsts(place, mass, honesty.odds(fused.mode, fused.far, mass))


def radii_of(fused: Fused, firsts: Firsts, levels: Sequence[float], honesty: Honesty) -> FloatArray:
    """Return the radii (H, L) around the best places that hold the truth with given odds."""
    if fused.share.shape[1] == 0:
        return np.zeros((len(firsts.place), len(levels)))
    odds = _odds_around(fused, firsts, np.asarray(levels), honesty)
    rising = np.maximum.accumulate(odds, axis=1) + np.arange(odds.shape[1]) * 1e-12
    ladder = np.log(FINE_LADDER_M)
    found = [np.interp(levels, one, ladder) for one in rising]
    return np.exp(np.array(found).reshape(len(odds), len(levels)))


def _odds_around(fused: Fused, firsts: Firsts, levels: FloatArray, honesty: Honesty) -> FloatArray:
    """Return the odds (H, len(FINE_LADDER_M)), exact on both sides of each level.

    They rise with the radius, so most of the fine ladder need not be summed: the coarse one tells
    between which radii a level is reached, and where it does not reach so far, every `_STRIDE`-th
    step of the fine one. Elsewhere a step has the odds of one below.
    """
    places = np.maximum(firsts.place, 0)
    out = np.concatenate([np.zeros((len(places), 1)), firsts.odds], axis=1)[:, _BELOW]
    step = _steps_below(firsts.odds, levels)
    inside = np.all((step >= 0) & (step < len(LADDER_M) - 1), axis=1, keepdims=True)
    steps = np.where(inside, _BELOW_LADDER[np.maximum(step, 0)], 0)
    _make_exact(fused, places, honesty, out, np.flatnonzero(inside), steps, _WIDTH)
    beyond = np.flatnonzero(~inside)
    if len(beyond):
        coarse = np.arange(0, len(FINE_LADDER_M), _STRIDE)
        coarse = np.broadcast_to(coarse, (len(beyond), len(coarse)))
        known = _odds_at(fused, places, honesty, beyond, coarse)
        out[beyond] = np.repeat(known, _STRIDE, axis=1)[:, : out.shape[1]]
        steps[beyond] = _STRIDE * np.maximum(_steps_below(known, levels), 0)
        _make_exact(fused, places, honesty, out, beyond, steps, _STRIDE)
    return out


_STRIDE = 8
_BELOW = np.searchsorted(LADDER_M, FINE_LADDER_M, "right")
"""How many radii of the ladder are at most as large as each of the fine one."""
_BELOW_LADDER = np.searchsorted(FINE_LADDER_M, LADDER_M, "right") - 1
"""The largest step of the fine ladder that is no larger than each of the ladder."""
_WIDTH = int(np.diff(_BELOW_LADDER).max()) + 1
"""So many steps of the fine ladder lie between two of the ladder at most."""


def _steps_below(odds: FloatArray, levels: FloatArray) -> IntArray:
    """Return the last step (H, L) of a ladder at which each level is not reached, else -1."""
    reached = np.maximum.accumulate(odds, axis=1)
    return np.asarray((reached[:, :, None] < levels).sum(axis=1) - 1, np.intp)


def _make_exact(
    fused: Fused,
    places: IntArray,
    honesty: Honesty,
    odds: FloatArray,
    rows: IntArray,
    steps: IntArray,
    width: int,
) -> None:
    """Put the odds of some photos (K,) right at and after steps (H, L) of the fine ladder."""
    if len(rows) == 0:
        return
    fine = steps[rows][:, :, None] + np.arange(width + 1)
    fine = np.minimum(fine, len(FINE_LADDER_M) - 1).reshape(len(rows), -1)
    odds[rows[:, None], fine] = _odds_at(fused, places, honesty, rows, fine)


def _odds_at(
    fused: Fused, places: IntArray, honesty: Honesty, rows: IntArray, fine: IntArray
) -> FloatArray:
    """Return the odds (K, R) of some photos (K,) at steps (K, R) of the fine ladder."""
    mass = mass_around(fused, places[rows], FINE_LADDER_M[fine], rows)
    return honesty.odds(fused.mode[rows], fused.far[rows], mass)


def picks(fused: Fused, firsts: Firsts) -> list[list[Pick]]:
    """Return up to `MOST_CANDIDATES` places per photo, best first, with disjoint discs.

    The first is that of `firsts_of`, its probability by the odds that held. The
    others share what it leaves in proportion to their mass, and follow by probability.
    """
    chosen: list[list[Pick]] = [[] for _ in fused.view.rows]
    active = fused.table.present.copy()
    left = np.ones(len(chosen))
    places = firsts.place
    for turn in range(MOST_CANDIDATES):
        rows = np.flatnonzero(places >= 0)
        if len(rows) == 0:
            break
        at = places[rows]
        ladder = np.minimum(LADDER_M, _free(fused, rows, at, chosen)[:, None])
        mass = firsts.mass[rows] if turn == 0 else _mass_on(fused, at, ladder, rows)
        odds = firsts.odds[rows] if turn == 0 else mass * left[rows, None]
        # By fused mass: odds that jump where an anchor happened to lie would invite boasting.
        worth = np.log(np.maximum(mass, 1e-9)) - _BREADTH * np.log(ladder)
        step = worth.argmax(axis=1)
        if turn == 0:
            step = _widened(fused, rows, at, ladder, odds, step)
        one = np.arange(len(rows)), step
        radius, probability = ladder[one], odds[one]
        if turn == 0:
            left[rows] = (1.0 - probability) / np.maximum(1.0 - mass[one], 1e-6)
        else:
            worthy = probability >= LEAST_PROBABILITY
            active[rows[~worthy]] = False
            rows, at = rows[worthy], at[worthy]
            radius, probability = radius[worthy], probability[worthy]
        every = (part.tolist() for part in (rows, at, radius, probability))
        for row, place, within, odd in zip(*every, strict=True):
            chosen[row].append(Pick(place, within, odd))
        active[rows] &= fused.apart_m[rows, at] > radius[:, None]
        if turn + 1 < MOST_CANDIDATES:
            places = best_places(fused, active)
    return [row[:1] + sorted(row[1:], key=lambda pick: -pick.probability) for row in chosen]


def _mass_on(fused: Fused, places: IntArray, ladder: FloatArray, rows: IntArray) -> FloatArray:
    """Return the mass (K, L) around places on ladders (K, L) that end in the same radius again."""
    free = np.searchsorted(LADDER_M, ladder[:, -1]) + 1
    order = np.argsort(free, kind="stable")
    out = np.empty(ladder.shape)
    for part in np.split(order, range(_ALIKE, len(order), _ALIKE)):
        most = min(int(free[part[-1]]), ladder.shape[1])
        out[part, :most] = mass_around(fused, places[part], ladder[part, :most], rows[part])
        out[part, most:] = out[part, most - 1, None]
    return out


_ALIKE = 96
"""Photos whose ladders are summed together: as far as the longest goes."""


def _widened(
    fused: Fused,
    rows: IntArray,
    at: IntArray,
    ladder: FloatArray,
    odds: FloatArray,
    step: IntArray,
) -> IntArray:
    """Return the steps (K,) of the ladder, farther out where the disc would be too bold.

    A small disc that is most likely wrong is no answer: it grows until it is as likely right, as
    far as it does not reach half of the way to another place that is weighed in earnest.
    """
    out = step.copy()
    numbers = np.arange(len(rows))
    for number in np.flatnonzero(odds[numbers, step] < _BOLD):
        row = rows[number]
        apart = fused.apart_m[row, at[number]]
        rival = fused.table.present[row] & (apart > ladder[number, step[number]])
        rival &= fused.share[row] >= _EARNEST * fused.share[row, at[number]]
        reach = apart[rival].min(initial=np.inf) / 2.0
        even = np.flatnonzero((odds[number] >= _EVEN) & (ladder[number] <= reach))
        if len(even):
            out[number] = max(int(even[0]), int(step[number]))
    return out


_BOLD, _EVEN = 0.4, 0.5
_EARNEST = 0.5
"""Share, against that of the best place, from which another one is a rival."""


def _free(
    fused: Fused, rows: IntArray, at: IntArray, chosen: Sequence[Sequence[Pick]]
) -> FloatArray:
    """Return the largest radii (K,) that keep a place's disc apart from those chosen before."""
    out = np.full(len(at), np.inf)
    for number, row in enumerate(rows.tolist()):
        for pick in chosen[row]:
            gap = float(fused.apart_m[row, at[number], pick.place]) - pick.radius_m
            out[number] = min(out[number], gap)
    return np.asarray(np.maximum(out, 1.0), np.float64)
