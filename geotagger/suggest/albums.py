"""A folder's photos become outings: split where nothing was taken for long, by its own measure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geotagger.suggest import timeline
from geotagger.suggest.dated_names import dated
from geotagger.suggest.types import AlbumPhoto

FloatArray = NDArray[np.float64]

USUAL_PAUSE_S = 4 * 86_400.0
"""A pause after which a new outing is assumed where the photos do not tell otherwise; journeys
rarely go so long without a photo."""

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 3 * 86_400.0, timeline.REACH_S
"""Three days without a photo never split a journey (the longest pause in 32 real ones is 3.0 days),
two weeks always do."""

_PAUSE_FROM_S = 6 * 3600.0
"""Shorter gaps are of one day's photographing and tell nothing about outings."""

_FEWEST = 6
"""Pauses that must be there before they are taken for two kinds."""

_APART = 2.0
"""Ashman's D of two kinds that are told apart cleanly."""

_LEAST_SPREAD = 0.25
"""Standard deviation of log pauses within one kind, at least: nights are not equally long."""


def split(photos: Sequence[AlbumPhoto], *, gap_s: float | None = None) -> list[list[AlbumPhoto]]:
    """Return the photos of one folder as outings, each in chronological order.

    Without ``gap_s`` the pause that splits is that of `pause_s`. Days in file names are believed
    where the clock tells of an export (see `dated_names`), and a day is enough. Photos without a
    usable time, and those with another fall-back time far from all others, join the outing that is
    largest: nothing says where else they belong. A folder that has no times at all is one outing,
    in the order given. The photos themselves are returned as they are.
    """
    if not photos:
        return []
    taken = dated(photos)
    times = timeline.seconds(taken)
    firm = np.isfinite(times) & [one.day_only or not one.time_is_fallback for one in taken]
    if not firm.any():
        firm = np.isfinite(times)
    if not firm.any():
        return [list(photos)]
    gap = pause_s(times[firm]) if gap_s is None else gap_s
    order = np.flatnonzero(firm)
    order = order[np.argsort(times[order], kind="stable")]
    cuts = np.flatnonzero(np.diff(times[order]) > gap) + 1
    groups = [list(group) for group in np.split(order, cuts)]
    largest = max(range(len(groups)), key=lambda number: len(groups[number]))
    bounds = np.array([(times[group[0]], times[group[-1]]) for group in groups])
    for index in np.flatnonzero(~firm):
        near, away = largest, np.inf
        if np.isfinite(times[index]):
            outside = np.maximum(bounds[:, 0] - times[index], times[index] - bounds[:, 1])
            near = int(np.argmin(outside))
            away = float(outside[near])
        groups[near if away <= gap else largest].append(int(index))
    return [
        [photos[index] for index in sorted(group, key=lambda one: _place(float(times[one]), one))]
        for group in groups
    ]


def pause_s(seconds: FloatArray) -> float:
    """Return the pause in seconds that parts outings among photos taken at these times (N,).

    The logarithms of the pauses are seen as a mixture of two kinds, those within an outing (nights)
    and those between outings. Where the two are told apart cleanly (Ashman's D, as for bimodal
    distributions), the middle of the gap between them parts; else the usual pause, or what is rare
    among the one kind there is: who takes a photo every fifth day of a journey makes no new one
    each time. The answer keeps within `SHORTEST_PAUSE_S` and `LONGEST_PAUSE_S`.
    """
    gaps = np.diff(np.sort(seconds[np.isfinite(seconds)]))
    pauses = np.sort(np.log(gaps[gaps >= _PAUSE_FROM_S]))
    if len(pauses) < _FEWEST:
        return USUAL_PAUSE_S
    parted = _parted(pauses)
    if parted is None:
        rare = float(np.exp(pauses.mean() + 3.0 * max(float(pauses.std()), _LEAST_SPREAD)))
        return float(np.clip(rare, USUAL_PAUSE_S, LONGEST_PAUSE_S))
    return float(np.clip(np.exp(parted), SHORTEST_PAUSE_S, LONGEST_PAUSE_S))


def _parted(pauses: FloatArray) -> float | None:
    """Return the logarithm that parts ascending log pauses into two kinds, None if they are one.

    The cut with the least variance within both sides (Otsu's), all cuts tried.
    """
    count = len(pauses)
    below = np.arange(1, count, dtype=np.float64)
    above = count - below
    sums, squares = np.cumsum(pauses), np.cumsum(pauses**2)
    mean_low, mean_high = sums[:-1] / below, (sums[-1] - sums[:-1]) / above
    within = squares[-1] - below * mean_low**2 - above * mean_high**2
    cut = int(within.argmin())
    low, high = pauses[: cut + 1], pauses[cut + 1 :]
    spread = np.hypot(max(low.std(), _LEAST_SPREAD), max(high.std(), _LEAST_SPREAD))
    distance = np.sqrt(2.0) * (high.mean() - low.mean()) / spread
    if distance < _APART:
        return None
    return float((low[-1] + high[0]) / 2.0)


def _place(time: float, index: int) -> tuple[bool, float, int]:
    """Sort by time, those without one last, ties as given."""
    known = bool(np.isfinite(time))
    return not known, time if known else 0.0, index
