"""Sentences that tell the user why a place is suggested."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import lru_cache

from geotagger.suggest.clock_course import Corrections, Course, wall_s
from geotagger.suggest.clock_words import signed
from geotagger.suggest.types import AlbumPhoto, Anchor, AnchorKind

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0

_TOLD_FROM_S = 30.0
"""Corrections that differ by less changed no gap in time that is told in minutes."""


def duration(seconds: float) -> str:
    """Return a span of time in words that are as exact as they need to be: "4 min"."""
    seconds = abs(seconds)
    if seconds < 90.0:
        return f"{round(seconds)} s"
    if seconds < 90.0 * _MINUTE:
        return f"{round(seconds / _MINUTE)} min"
    if seconds < 36.0 * _HOUR:
        return f"{round(seconds / _HOUR)} h"
    return f"{round(seconds / _DAY)} days"


def _known_by(anchor: Anchor | None) -> str:
    if anchor is not None and anchor.kind is AnchorKind.ACCEPTED:
        return "which you accepted"
    return "which has GPS"


def near_in_time(photo: AlbumPhoto, anchor: AlbumPhoto, gap_s: float) -> str:
    """Return "4 min after IMG_1201.jpg, which has GPS".

    ``gap_s`` is the anchor's time less the photo's.
    """
    known = _known_by(anchor.anchor)
    if photo.day_only or anchor.day_only:
        return _by_day(photo, anchor, known)
    if abs(gap_s) < 0.5:
        text = f"at the same time as {anchor.name}, {known}"
    else:
        side = "before" if gap_s > 0.0 else "after"
        text = f"{duration(gap_s)} {side} {anchor.name}, {known}"
    if photo.time_is_fallback or anchor.time_is_fallback:
        text += " (the time is uncertain)"
    return text


def _by_day(photo: AlbumPhoto, anchor: AlbumPhoto, known: str) -> str:
    """Return "on the day of IMG_1201.jpg, which has GPS, by the day in its name"."""
    whose = "its name" if photo.day_only else "that one's name"
    if photo.when is None or anchor.when is None:
        return f"near {anchor.name} in time by {whose}, {known}"
    days = (photo.when.date() - anchor.when.date()).days
    if days == 0:
        when = "on the day of"
    else:
        when = f"{abs(days)} day{'s' if abs(days) > 1 else ''} {'after' if days > 0 else 'before'}"
    return f"{when} {anchor.name}, {known}, by the day in {whose}"


def between(first: AlbumPhoto, second: AlbumPhoto, gap_s: float) -> str:
    """Return "between IMG_1201.jpg and IMG_1210.jpg, 12 min apart"."""
    return f"between {first.name} and {second.name}, {duration(gap_s)} apart"


def by_corrected_clock(
    photo: AlbumPhoto, anchors: Sequence[AlbumPhoto], corrected: Corrections
) -> str:
    """Return " (its clock corrected by +2 h)" where a correction changed a gap in time, else "".

    ``corrected`` is what was added to the times of cameras; the photos have the corrected times.
    """
    if not corrected:
        return ""
    mine = _added(photo, corrected)
    theirs = [_added(one, corrected) for one in anchors]
    if all(abs(one - mine) < _TOLD_FROM_S for one in theirs):
        return ""
    if abs(mine) >= _TOLD_FROM_S:
        return f" (this photo's clock corrected by {_signed(round(mine))})"
    furthest = max(theirs, key=abs)
    whose = "its clock" if len(anchors) == 1 else "a clock of theirs"
    return f" ({whose} corrected by {_signed(round(furthest))})"


def _added(photo: AlbumPhoto, corrected: Corrections) -> float:
    correction, when = corrected.get(photo.camera, 0.0), photo.when
    if photo.day_only or when is None:  # the day is that of a name, no clock was corrected
        return 0.0
    return _had(correction, when, when.tzinfo) if isinstance(correction, Course) else correction


@lru_cache(maxsize=4096)
def _had(course: Course, when: datetime, _zone: tzinfo | None) -> float:
    """Return what was added; kept, as many reasons tell of the same photo.

    Times of different zones may be equal, so that the zone is part of the question.
    """
    return course.had(wall_s(when))


@lru_cache(maxsize=4096)
def _signed(seconds: int) -> str:
    return signed(seconds)


def looks_like(name: str, anchor: Anchor | None) -> str:
    """Return "looks like DSC_0042.jpg"; an accepted one is called so."""
    if anchor is not None and anchor.kind is AnchorKind.ACCEPTED:
        return f"looks like {name}, which you accepted"
    return f"looks like {name}"


def gathered(count: int) -> str:
    """Return how many look-alikes, each of another scene, are around a place."""
    return f"{count} pictures that look like it, of different moments, were taken around here"


def neighbour_points(photo: AlbumPhoto, gap_s: float) -> str:
    """Return "IMG_1202.jpg, taken 12 s after it, points here as well".

    ``gap_s`` is the neighbour's time less that of the photo.
    """
    if abs(gap_s) < 0.5:
        return f"{photo.name}, taken at the same time, points here as well"
    side = "after" if gap_s > 0.0 else "before"
    return f"{photo.name}, taken {duration(gap_s)} {side} it, points here as well"


def pixels_fit(probability: float, together: bool = False) -> str:
    """Return how much the pixels give the area around a place, alone or with the album's."""
    share = f"{100.0 * probability:.0f} %" if probability >= 0.01 else "less than 1 %"
    if together:
        return f"the album's pictures, seen together, point to this area ({share})"
    return f"the picture itself points to this area ({share})"


def crowd(count: int, total: int) -> str:
    """Return how many of the album's photos with a place are around a place."""
    return f"{count} of the album's {total} photos with a place were taken around here"
