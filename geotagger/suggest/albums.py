"""A folder's photos become albums: split where nothing was taken for long."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geotagger.suggest import timeline
from geotagger.suggest.types import AlbumPhoto

LONG_GAP_S = 4 * 86_400.0
"""A pause after which a new outing is assumed; journeys rarely go so long without a photo."""


def split(photos: Sequence[AlbumPhoto], *, gap_s: float = LONG_GAP_S) -> list[list[AlbumPhoto]]:
    """Return the photos of one folder as albums, each in chronological order.

    Photos without a usable time, and those with a fall-back time far from all others, join the
    album that is largest: nothing says where else they belong. A folder that has no times at all
    is one album, in the order given.
    """
    if not photos:
        return []
    times = timeline.seconds(photos)
    firm = np.array([not photo.time_is_fallback for photo in photos]) & np.isfinite(times)
    if not firm.any():
        firm = np.isfinite(times)
    if not firm.any():
        return [list(photos)]
    order = np.flatnonzero(firm)
    order = order[np.argsort(times[order], kind="stable")]
    cuts = np.flatnonzero(np.diff(times[order]) > gap_s) + 1
    groups = [list(group) for group in np.split(order, cuts)]
    largest = max(range(len(groups)), key=lambda number: len(groups[number]))
    bounds = [(times[group[0]], times[group[-1]]) for group in groups]
    for index in np.flatnonzero(~firm):
        away = [max(first - times[index], times[index] - last, 0.0) for first, last in bounds]
        near = int(np.argmin(away)) if np.isfinite(times[index]) else largest
        groups[near if not away[near] > gap_s else largest].append(int(index))
    return [
        [photos[index] for index in sorted(group, key=lambda one: _place(float(times[one]), one))]
        for group in groups
    ]


def _place(time: float, index: int) -> tuple[bool, float, int]:
    """Sort by time, those without one last, ties as given."""
    known = bool(np.isfinite(time))
    return not known, time if known else 0.0, index
