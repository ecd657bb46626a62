"""Days that file names tell where the clock tells of an export.

Programs that edit or export photos often write the hour of the export into them, ten photos of a
journey within a second. People and programs that put a day into a file's name mean the day on which
it was taken. So where the name gives an earlier day than the clock, the name is believed; where it
gives a later one, it tells of an upload, and the clock is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

from geotagger.photos.file_names import time_in_name
from geotagger.suggest.types import AlbumPhoto

_LATER = timedelta(hours=36)
"""A clock that is later than the name by less may be in another zone, or past midnight."""

_COUNTER = re.compile(r"(?<!\d)(?:19|20)\d\d([-_.]?)\d\d\1\d\d\D{1,4}(\d{1,4})(?!\d)")
"""What counts the photos of a day: the 3 of 2016-03-20-3, the 0007 of IMG-20160320-WA0007."""

_STEP, _LONGEST = timedelta(minutes=5), timedelta(hours=11)


def dated(photos: Sequence[AlbumPhoto]) -> list[AlbumPhoto]:
    """Return the photos with the times that their names tell where the clock is not believed.

    A name that tells a day alone gives noon of it, a little later for each photo that the name
    counts, so that the order is kept; such times are marked as a day only and as uncertain.
    """
    return [_dated(photo) for photo in photos]


_told = lru_cache(maxsize=32_768)(time_in_name)
"""Kept: names are read again with every decision."""


def _dated(photo: AlbumPhoto) -> AlbumPhoto:
    # Photos of other folders are called by their folder too: the first day of a journey, maybe.
    name = photo.name.rpartition("/")[2]
    found = _told(name)
    if found is None:
        return photo
    told, zone_known = found
    if photo.when is not None:
        wall = photo.when.replace(tzinfo=told.tzinfo)
        if wall - told < _LATER:
            return photo
    day_only = (told.hour, told.minute, told.second, told.microsecond) == (12, 0, 0, 0)
    if day_only:
        counter = _COUNTER.search(name)
        told += min(_STEP * int(counter[2]), _LONGEST) if counter else timedelta()
    return replace(
        photo, when=told, zone_known=zone_known, time_is_fallback=day_only, day_only=day_only
    )
