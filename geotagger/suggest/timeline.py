"""The times of an album's photos on one axis, whatever is known of their zones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from geotagger.suggest.types import AlbumPhoto

FALLBACK_DOUBT_S = 12 * 3600.0
"""Seconds added to every gap of a photo whose time is a fall-back: the right day at best."""

DAY_DOUBT_S = 4 * 3600.0
"""The same for a photo of which a name tells the day: noon, when people photograph from breakfast
to dusk."""

EARLIEST = datetime(1990, 1, 1)
"""A camera without a set clock says 1970, 1980 or its year of make; no photo is from before."""

REACH_S = 14 * 86_400.0
"""A photo further in time from every anchor is placed as if it had no time: it is of another
outing, or its clock was years off. No calibration ever saw such gaps."""

_EPOCH = datetime(1970, 1, 1)


def seconds(photos: Sequence[AlbumPhoto]) -> NDArray[np.float64]:
    """Return the times (N,) in seconds on one axis, NaN where none is known.

    If all photos that have a time have a zone too, the axis is UTC. If none has, it is the wall
    clock. In a mixture a photo without zone takes the offset of the photo with a zone whose wall
    clock is nearest: the same journey shows the same local time. Clocks that were never set
    (before 1990) count as no time.
    """
    wall, offset = _clocks(photos)
    zoned = np.flatnonzero(np.isfinite(offset))
    if len(zoned) == 0:
        return wall
    zoned = zoned[np.argsort(wall[zoned], kind="stable")]
    free = np.flatnonzero(np.isfinite(wall) & ~np.isfinite(offset))
    offset[free] = offset[zoned[nearest(wall[zoned], wall[free])]]
    return np.asarray(wall - offset, np.float64)


def _clocks(photos: Sequence[AlbumPhoto]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return wall clocks and offsets from UTC in seconds (N,), NaN where they are not known."""
    both = np.array(
        [
            _NEVER if (when := photo.when) is None else _clock(when, when.tzinfo, when.fold)
            for photo in photos
        ],
        np.float64,
    ).reshape(-1, 2)
    known = np.array([photo.zone_known for photo in photos], bool)
    return both[:, 0], np.where(known, both[:, 1], np.nan)


_NEVER = (np.nan, np.nan)


@lru_cache(maxsize=32_768)
def _clock(when: datetime, _zone: tzinfo | None, _fold: int) -> tuple[float, float]:
    """Return a photo's wall clock and offset from UTC; kept, as it is asked for again and again.

    Times of different zones may be equal, so that the zone is part of the question.
    """
    wall = when.replace(tzinfo=None)
    if wall < EARLIEST:
        return _NEVER
    shift = when.utcoffset()
    return (wall - _EPOCH).total_seconds(), 0.0 if shift is None else shift.total_seconds()


def active(photos: Sequence[AlbumPhoto], axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the times (N,) on an axis on which the night hardly passes.

    ``axis`` is what `seconds` gives. Who photographs at dusk and again after breakfast has mostly
    slept in between, so an hour of the night counts as six minutes of the day. Which hours are
    night is read from the wall clocks of the album.
    """
    shift = _clocks(photos)[0] - axis
    known = np.isfinite(shift)
    local = axis + (float(np.median(shift[known])) if known.any() else 0.0)
    days = np.floor(local / _DAY_S)
    hour = local - days * _DAY_S
    awake = np.clip(hour - _MORNING_S, 0.0, _EVENING_S - _MORNING_S)
    whole = (_EVENING_S - _MORNING_S) * (1.0 - _NIGHT_PACE)
    return np.asarray(days * whole + awake * (1.0 - _NIGHT_PACE) + local * _NIGHT_PACE, np.float64)


_DAY_S = 86_400.0
_MORNING_S, _EVENING_S = 7 * 3600.0, 23 * 3600.0
_NIGHT_PACE = 0.1
"""On 32 real albums, which of the anchors before and after is nearer follows better from such time
(area under the curve 0.90 at 200 km) than from the clock itself (0.88)."""


def doubts(photos: Sequence[AlbumPhoto]) -> NDArray[np.float64]:
    """Return by how many seconds (N,) each photo's own time may be off, beyond a few seconds."""
    day = [DAY_DOUBT_S if photo.day_only else FALLBACK_DOUBT_S for photo in photos]
    return np.where([photo.time_is_fallback for photo in photos], day, 0.0).astype(np.float64)


def nearest(ordered: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return for each value the index of the nearest of the ordered numbers (at least one)."""
    right = np.clip(np.searchsorted(ordered, values), 0, len(ordered) - 1)
    left = np.clip(right - 1, 0, None)
    take_left = np.abs(values - ordered[left]) <= np.abs(ordered[right] - values)
    return np.where(take_left, left, right)
