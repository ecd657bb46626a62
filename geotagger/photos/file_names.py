"""The date and time that phones, messengers and people put into the names of photos."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_YEARS = r"(19[89]\d|20\d\d)"
_DAY_AND_TIME = re.compile(
    rf"(?<!\d){_YEARS}[-_.:]?(\d\d)[-_.:]?(\d\d)"
    r"(?:[-_. T]+(?:at |um |à |klo )?|T)(\d\d)[-_.:h ]?(\d\d)[-_.:m ]?(\d\d)"
    r"(?:[-_.]?(\d{3}))?(?!\d)",
    re.IGNORECASE,
)
_COMPACT = re.compile(rf"(?<!\d){_YEARS}(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?!\d)")
_DAY = re.compile(rf"(?<!\d){_YEARS}(?:([-_.])(\d\d)\2(\d\d)|(\d\d)(\d\d))(?!\d)")
_EPOCH_MS = re.compile(r"(?<!\d)(1\d{12})(?!\d)")
_FIRST_EPOCH = datetime(2005, 1, 1, tzinfo=UTC)
_NOON = timedelta(hours=12)


def time_in_name(name: str) -> tuple[datetime, bool] | None:
    """Return the time in a file's name and whether its zone is known, None if there is none.

    Known are the forms of IMG_20190503_141523, 20190503_141523, 2019-05-03 14.15.23,
    Screenshot_2019-05-03-14-15-23, WhatsApp Image 2019-05-03 at 14.15.23 and their like (wall
    clock), PXL_20190503_121523123 (Pixel phones write UTC), the milliseconds since 1970 of some
    messengers (UTC), and a date alone as in IMG-20190503-WA0001, which gives noon of that day.
    """
    for pattern in (_DAY_AND_TIME, _COMPACT):
        for match in pattern.finditer(name):
            parts = [int(part) for part in match.groups()[:6]]
            milli = int(match[7] or 0) if pattern is _DAY_AND_TIME else 0
            when = _datetime(parts)
            if when is not None:
                return when + timedelta(milliseconds=milli), name.upper().startswith("PXL_")
    for match in _EPOCH_MS.finditer(name):
        when = datetime.fromtimestamp(int(match[1]) / 1000, UTC)
        if when >= _FIRST_EPOCH:
            return when, True
    for match in _DAY.finditer(name):
        year, _, month, day, month2, day2 = match.groups()
        when = _datetime([int(year), int(month or month2), int(day or day2), 0, 0, 0])
        if when is not None:
            return when + _NOON, False
    return None


def _datetime(parts: list[int]) -> datetime | None:
    try:
        return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError:
        return None
