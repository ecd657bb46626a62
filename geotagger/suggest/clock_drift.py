"""Clocks that gain or lose, and clocks that were set in the middle of an album.

Look-alike pairs tell the offset of a clock at many moments. If they lie on a line that is not
level, the clock runs fast or slow; if they lie on one level before a moment and on another one
after it, it was set then (or the reference went to another zone and its wall clock with it). Both
are held against one offset for the whole album, with what is usual as prior: most clocks neither
gain a second a day nor are set on a journey. The pairs of half an hour are one witness, since
whatever kept the two cameras apart kept them apart for all of these.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geotagger.suggest.clock_course import Course
from geotagger.suggest.clock_pairs import LOOK_WEIGHT, PAIR_SHARE, SAME_S, Pairs

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
LogPrior = Callable[[FloatArray], FloatArray]

STEEPEST_S = 120.0
"""No clock that is worth the name gains or loses more in a day."""

LEAST_RUN_S = 60.0
"""What a clock has to gain or lose over an album before it is told."""

_GAIN = 3.0
"""By how much the log-likelihood of a line or of steps has to beat one offset: twenty to one."""

_WORSE = 2.0
"""By how much a line with its prior may be less likely than one offset, judged by all pairs, if
those near it are sure. On made journeys true ones were at most 1.8 worse, in made albums with
right clocks and pictures minutes apart false ones 3.0 to 19."""

_DRIFTS, _STEPS = 0.05, 0.05
"""Albums in which a clock gains or loses so that it shows, and in which one is set."""

_USUAL_RUN_S = 8.0
_MOMENT_S = 1_800.0
_FEWEST_MOMENTS = 6
_FEWEST_OF_LEG = 3
_SHORTEST_S = 2 * 86_400.0
"""A line needs so many moments over so long; a leg between two settings a few."""

_CERTAIN = 5.0
"""Standard errors that a slope has to be from none."""

_LINES_FROM = 25
"""Moments between which lines are tried."""

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Run:
    """A course that was found, how probable it is against one offset, and the pairs that agree."""

    course: Course
    probability: float
    pairs: int


@dataclass(frozen=True, slots=True)
class _Try:
    """What some offsets (N,) of the photos amount to: a course and its score with prior.

    ``odds`` is the logarithm of how much likelier it is than one offset, judged by how far the
    album's own pairs scatter, which the score does not know; None where nothing tells.
    """

    course: Course
    offsets: FloatArray
    score: float
    odds: float | None = None


def course_of(
    pairs: Pairs, offsets: FloatArray, votes: FloatArray, log_prior: LogPrior
) -> Run | None:
    """Return the line or the steps that a clock's offset surely follows, None where it is one.

    Parameters
    ----------
    pairs
        The look-alikes of N photos.
    offsets
        Offsets (K,) worth a look, in seconds.
    votes
        `Pairs.votes` of each (K, N).
    log_prior
        Gives the logarithm of how usual offsets are.
    """
    moments = _moments(pairs)
    if len(np.unique(moments[(pairs.share >= PAIR_SHARE).any(axis=1)])) < _FEWEST_MOMENTS:
        return None
    weight = LOOK_WEIGHT / np.bincount(moments)[moments]
    weighted = votes * weight
    prior = log_prior(offsets)
    constant = float((weighted.sum(axis=1) + prior).max())
    tries = [
        _line(pairs, moments, weight, log_prior),
        _steps(pairs, moments, offsets, weighted, prior),
    ]
    best: tuple[float, float, _Try] | None = None
    for one in tries:
        # The odds of a line are those of the pairs near it: among many lines one runs through pairs
        # that lie well by chance, and leaves out more others than one offset does.
        if one is None or one.score < constant - _WORSE:
            continue
        odds = max(one.score - constant, -np.inf if one.odds is None else one.odds)
        if odds >= _GAIN and (best is None or one.score > best[0]):
            best = one.score, odds, one
    if best is None:
        return None
    _, odds, chosen = best
    probability = 1.0 / (1.0 + float(np.exp(-odds)))
    return Run(chosen.course, probability, int(pairs.agreeing(chosen.offsets).sum()))


def _moments(pairs: Pairs) -> IntArray:
    """Return the number of each photo's moment (N,), ascending."""
    _, moments = np.unique(np.floor(pairs.seconds / _MOMENT_S), return_inverse=True)
    return np.asarray(moments, np.intp)


def _line(pairs: Pairs, moments: IntArray, weight: FloatArray, log_prior: LogPrior) -> _Try | None:
    days = (pairs.seconds - np.median(pairs.seconds)) / _DAY_S
    span = float(np.ptp(pairs.seconds))
    if span < _SHORTEST_S:
        return None

    def score(level: float, slope: float) -> float:
        likely = float((weight * pairs.votes(level + slope * days)).sum())
        return likely + _line_prior(level, slope, span / _DAY_S, log_prior)

    best = max(_lines(pairs, moments, days), key=lambda one: score(*one), default=None)
    if best is None:
        return None
    for _ in range(5):  # Theil and Sen's line through what agrees agrees with more
        fitted = _theil_sen(pairs, moments, days, *best)
        if fitted is None:
            return None
        best = fitted[:2]
    fitted = _theil_sen(pairs, moments, days, *best)
    if fitted is None:
        return None
    level, slope = best
    _, _, error, length, count = fitted
    runs = abs(slope) * length
    if count < _FEWEST_MOMENTS or length * _DAY_S < max(_SHORTEST_S, span / 2.0):
        return None
    if runs < LEAST_RUN_S or abs(slope) < _CERTAIN * error:
        return None
    middle = int(np.argmin(np.abs(days)))
    origin = float(pairs.walls[middle])
    course = Course(((-np.inf, level + slope * float(days[middle])),), slope, origin)
    # The odds of a regression with a slope against one without (BIC's approximation).
    times = count / 2.0 * np.log1p((slope / error) ** 2 / (count - 2))
    odds = float(times - np.log(count) / 2.0 + np.log(_DRIFTS))
    return _Try(course, level + slope * days, score(*best), odds)


def _line_prior(level: float, slope: float, days: float, log_prior: LogPrior) -> float:
    """Return the logarithm of how usual a line is, up to the resolution of pairs."""
    whole = np.round(level / 3600.0) * 3600.0
    # A clock of another zone that has run off for weeks is not a whole hour off any more.
    usual = max(
        float(log_prior(np.array([level]))[0]), float(log_prior(np.array([whole]))[0]) - np.log(60)
    )
    resolved = 2.0 * 60.0 / days
    density = 0.25 / _USUAL_RUN_S * np.exp(-abs(slope) / _USUAL_RUN_S) + 0.25 / STEEPEST_S
    return float(np.log(_DRIFTS) + usual + np.log(min(resolved * density, 1.0)))


def _lines(pairs: Pairs, moments: IntArray, days: FloatArray) -> list[tuple[float, float]]:
    """Return levels and slopes of the lines through two good pairs of different days."""
    best = pairs.share.argmax(axis=1)
    share = pairs.share.max(axis=1)
    rows = []
    for moment in np.unique(moments[share >= PAIR_SHARE]):
        of = np.flatnonzero(moments == moment)
        rows.append(int(of[share[of].argmax()]))
    if len(rows) > _LINES_FROM:
        rows = [rows[one] for one in np.linspace(0, len(rows) - 1, _LINES_FROM).astype(int)]
    at = days[rows]
    told = pairs.difference[rows, best[rows]]
    first, second = np.triu_indices(len(rows), 1)
    apart = at[second] - at[first]
    far = apart >= max(0.5, float(np.ptp(days)) / 4.0)
    first, second, apart = first[far], second[far], apart[far]
    slope = (told[second] - told[first]) / apart
    keep = np.abs(slope) <= STEEPEST_S
    level = told[first] - slope * at[first]
    return list(zip(level[keep].tolist(), slope[keep].tolist(), strict=True))


def _theil_sen(
    pairs: Pairs, moments: IntArray, days: FloatArray, level: float, slope: float
) -> tuple[float, float, float, float, int] | None:
    """Return level, slope and its standard error through what agrees with a line.

    Besides over how many days that is, and how many moments.
    """
    line = level + slope * days
    away = pairs.difference - line[:, None]
    good = (np.abs(away) <= SAME_S) & (pairs.share >= PAIR_SHARE)
    rows = np.flatnonzero(good.any(axis=1))
    which = np.unique(moments[rows])
    if len(which) < 3:
        return None
    at, told = np.empty(len(which)), np.empty(len(which))
    for number, moment in enumerate(which):
        of = rows[moments[rows] == moment]
        at[number] = days[of].mean()
        told[number] = np.median(away[of][good[of]])
    first, second = np.triu_indices(len(which), 1)
    apart = at[second] - at[first]
    far = apart > 0.25
    if not far.any():
        return None
    slopes = (told[second] - told[first])[far] / apart[far]
    order = np.argsort(slopes)
    reach = np.cumsum(apart[far][order])
    more = float(slopes[order][np.searchsorted(reach, reach[-1] / 2.0)])
    rest = told - more * at
    shift = float(np.median(rest))
    spread = max(1.4826 * float(np.median(np.abs(rest - shift))), 10.0)
    error = spread / max(float(np.sqrt(((at - at.mean()) ** 2).sum())), 1e-9)
    return level + shift, slope + more, error, float(np.ptp(at)), len(which)


def _steps(
    pairs: Pairs,
    moments: IntArray,
    offsets: FloatArray,
    weighted: FloatArray,
    prior: FloatArray,
) -> _Try | None:
    """Return the likeliest levels with jumps between them, None if there is no jump.

    A path over offsets (K,) with one price for each jump, by dynamic programming over N photos.
    """
    count = weighted.shape[1]
    jump = float(np.log(_STEPS / max(count - 1, 1)))
    reach = prior + weighted[:, 0]
    came = np.zeros((count, len(offsets)), np.int32)
    here = np.arange(len(offsets), dtype=np.int32)
    for photo in range(1, count):
        best = int(reach.argmax())
        leap = reach[best] + jump + prior
        came[photo] = np.where(leap > reach, best, here)
        reach = np.maximum(leap, reach) + weighted[:, photo]
    path = np.empty(count, np.intp)
    path[-1] = int(reach.argmax())
    for photo in range(count - 1, 0, -1):
        path[photo - 1] = came[photo, path[photo]]
    cuts = np.flatnonzero(np.diff(path)) + 1
    if len(cuts) == 0:
        return None
    levels = [int(path[0]), *path[cuts].tolist()]
    if np.abs(np.diff(offsets[levels])).min() < SAME_S:
        return None
    cuts = _at_pauses(pairs, weighted, levels, cuts)
    bounds = [0, *cuts.tolist(), count]
    each = np.repeat(offsets[levels], np.diff(bounds))
    agreeing = pairs.agreeing(each)
    for first, last in itertools.pairwise(bounds):
        if len(np.unique(moments[first:last][agreeing[first:last]])) < _FEWEST_OF_LEG:
            return None
    since = [-np.inf, *((pairs.walls[cuts - 1] + pairs.walls[cuts]) / 2.0).tolist()]
    exact = [
        pairs.refined(float(offsets[level]), slice(first, last))
        for level, (first, last) in zip(levels, itertools.pairwise(bounds), strict=True)
    ]
    legs = tuple(zip(since, exact, strict=True))
    if any(one >= two for (one, _), (two, _) in itertools.pairwise(legs)):
        return None  # the clock says times twice: nothing tells on which side such a photo is
    score = weighted[np.repeat(levels, np.diff(bounds)), np.arange(count)].sum()
    score += prior[levels].sum() + jump * len(cuts)
    return _Try(Course(legs, 0.0, float(np.median(pairs.walls))), each, float(score))


def _at_pauses(pairs: Pairs, weighted: FloatArray, levels: list[int], cuts: IntArray) -> IntArray:
    """Return the cuts moved to the longest pause among those that are hardly worse."""
    moved = cuts.copy()
    for number, cut in enumerate(cuts.tolist()):
        low = moved[number - 1] + 1 if number else 1
        high = cuts[number + 1] if number + 1 < len(cuts) else weighted.shape[1]
        before, after = weighted[levels[number]], weighted[levels[number + 1]]
        # What a cut at each photo is better than one at the first of them.
        gain = np.cumsum((before - after)[low - 1 : high - 1])
        near = np.flatnonzero(gain >= gain[cut - low] - 1.0) + low
        pause = pairs.seconds[near] - pairs.seconds[near - 1]
        moved[number] = near[int(pause.argmax())]
    return moved
