"""From a fused distribution to a few places with radius and probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geotagger.suggest.fusion import (
    Fused,
    best_places,
    expected_hits,
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


def radii_of(
    fused: Fused, places: IntArray, levels: Sequence[float], honesty: Honesty
) -> FloatArray:
    """Return the radii (H, L) around one place per photo that hold the truth with given odds."""
    odds = _odds_around(fused, places, np.asarray(levels), honesty)
    rising = np.maximum.accumulate(odds, axis=1) + np.arange(odds.shape[1]) * 1e-12
    ladder = np.log(FINE_LADDER_M)
    found = [np.interp(levels, one, ladder) for one in rising]
    return np.exp(np.array(found).reshape(len(places), len(levels)))


def _odds_around(
    fused: Fused, places: IntArray, levels: FloatArray, honesty: Honesty
) -> FloatArray:
    """Return the odds (H, len(FINE_LADDER_M)), exact on both sides of each level.

    They rise with the radius, so most of the ladder need not be summed: every `_STRIDE`-th step
    tells between which a level is reached. Elsewhere a step has the odds of one below.
    """
    steps = len(FINE_LADDER_M)
    coarse = np.arange(0, steps, _STRIDE)
    odds = honesty.odds(fused.mode, fused.far, mass_around(fused, places, FINE_LADDER_M[coarse]))
    reached = np.maximum.accumulate(odds, axis=1)
    below = (reached[:, :, None] < levels).sum(axis=1) - 1
    between = np.arange(1, _STRIDE)
    fine = coarse[np.maximum(below, 0)][:, :, None] + between
    fine = np.minimum(fine, steps - 1).reshape(len(places), -1)
    out = np.repeat(odds, _STRIDE, axis=1)[:, :steps]
    rows = np.arange(len(places))[:, None]
    out[rows, fine] = honesty.odds(
        fused.mode, fused.far, mass_around(fused, places, FINE_LADDER_M[fine])
    )
    return out


_STRIDE = 8


def picks(fused: Fused, honesty: Honesty) -> list[list[Pick]]:
    """Return up to `MOST_CANDIDATES` places per photo, best first, with disjoint discs.

    The first is the place of `fusion.first_places`, its probability by the odds that held. The
    others share what it leaves in proportion to their mass, and follow by probability.
    """
    present = fused.table.present
    hits = expected_hits(fused)
    chosen: list[list[Pick]] = [[] for _ in fused.view.rows]
    active = present.copy()
    left = np.ones(len(chosen))
    places = first_places(fused, hits)
    for turn in range(MOST_CANDIDATES):
        rows = np.flatnonzero(places >= 0)
        if len(rows) == 0:
            break
        at = places[rows]
        ladder = np.minimum(LADDER_M, _free(fused, rows, at, chosen)[:, None])
        mass = mass_around(fused, at, ladder, rows)
        odds = (
            honesty.odds(fused.mode[rows], fused.far[rows], mass)
            if turn == 0
            else mass * left[rows, None]
        )
        # By fused mass: odds that jump where an anchor happened to lie would invite boasting.
        worth = np.log(np.maximum(mass, 1e-9)) - _BREADTH * np.log(ladder)
        step = worth.argmax(axis=1)
        if turn == 0:
            step = _widened(fused, rows, at, ladder, odds, step)
        for number, row in enumerate(rows.tolist()):
            one = number, step[number]
            radius = float(ladder[one])
            probability = float(odds[one])
            if turn == 0:
                left[row] = (1.0 - probability) / max(1.0 - float(mass[one]), 1e-6)
            elif probability < LEAST_PROBABILITY:
                active[row] = False
                continue
            chosen[row].append(Pick(int(at[number]), radius, probability))
            active[row] &= fused.apart_m[row, at[number]] > radius
        places = best_places(hits, present, active)
    return [row[:1] + sorted(row[1:], key=lambda pick: -pick.probability) for row in chosen]


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
