"""Clocks in words, and as a person types them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from geotagger.errors import GeotaggerError
from geotagger.suggest.clock_course import Correction, Course, at
from geotagger.suggest.clocks import ClockOffset

_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3_600, 60

_EPOCH = datetime(1970, 1, 1)

FURTHEST_S = 100 * 366 * _DAY_S
"""No clock of a camera is a century off."""

_TYPED = re.compile(
    r"(?P<sign>[+\-\u2212]?)(?P<hours>\d{1,6})(:(?P<minutes>[0-5]?\d)(:(?P<seconds>[0-5]?\d))?)?",
    re.ASCII,
)


def amount(seconds: float) -> str:
    """Return a span of time without sign, exact to the second: "1 h 30 min"."""
    left = round(abs(seconds))
    parts = []
    for size, name in ((_DAY_S, "days"), (_HOUR_S, "h"), (_MINUTE_S, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count:,} {'day' if size == _DAY_S and count == 1 else name}")
    return " ".join(parts) or "0 s"


def signed(seconds: float) -> str:
    """Return a correction with its sign: "+2 h", "−35 min"."""
    return f"{'−' if seconds < 0.0 else '+'}{amount(seconds)}"


def typed(seconds: float) -> str:
    """Return a correction as `parsed` reads it: "+2:00", "-0:35:10"."""
    whole = round(abs(seconds))
    text = f"{'-' if seconds < 0.0 else '+'}{whole // _HOUR_S}:{whole // _MINUTE_S % 60:02}"
    return f"{text}:{whole % 60:02}" if whole % 60 else text


def parsed(text: str) -> float:
    """Return the seconds of a correction that was typed: "+2", "-0:35", "1:30:05".

    Raises
    ------
    GeotaggerError
        It is not of that form, or more than a century.
    """
    match = _TYPED.fullmatch(text.strip())
    if match is None:
        raise GeotaggerError(
            f"{text!r} is no correction of a clock.",
            remedy="Type hours and minutes, such as +2:00 or -0:35.",
        )
    seconds = (
        int(match["hours"]) * _HOUR_S
        + int(match["minutes"] or 0) * _MINUTE_S
        + int(match["seconds"] or 0)
    )
    if seconds > FURTHEST_S:
        raise GeotaggerError(f"{text!r} is more than a century.")
    return float(-seconds if match["sign"] in {"-", "\u2212"} else seconds)


def camera_name(camera: str) -> str:
    """Return how a camera is called in a sentence; one without a name is called so."""
    return camera or "the photos without a camera's name"


def sentence(found: ClockOffset) -> str:
    """Return "The clock of A is 2 h behind that of B (14 look-alike pairs agree, 99 %)".

    Of one that gains: "The clock of A runs 12 s a day fast: on 14 May 2022 it is 2 h behind …"; of
    one that was set: "The clock of A is 8 h ahead of that of B at first, and agrees with it from …
    on".
    """
    other = f"that of {camera_name(found.reference)}"
    if found.course is not None and len(found.course.legs) > 1:
        head = _by_legs(found.course, other)
    elif found.course is not None:
        day = _day(found.course.origin_s)
        runs = f"runs {amount(found.course.per_day)} a day {_pace(found.course)}"
        head = f"{runs}: on {day} it {_against(at(found.course, None), other)}"
    else:
        head = _against(found.offset_s if found.matters else 0.0, other)
    pairs = f"{found.pairs} look-alike pair{' agrees' if found.pairs == 1 else 's agree'}"
    # Rounded down: 100 % would be a boast.
    percent = min(int(100.0 * found.probability), 99)
    return f"The clock of {camera_name(found.camera)} {head} ({pairs}, {percent} %)"


def in_words(correction: Correction) -> str:
    """Return what is added: "+2 h", "+2 h on 14 May 2022, 12 s less each day after it"."""
    if not isinstance(correction, Course):
        return signed(correction)
    if len(correction.legs) > 1:
        first, *later = correction.legs
        words = [
            f"{signed(more) if abs(more) >= 0.5 else 'nothing'} from {_moment(since)} on"
            for since, more in later
        ]
        return ", ".join([f"{signed(first[1])} at first", *words])
    more = "less" if correction.per_day < 0.0 else "more"
    start = f"{signed(at(correction, None))} on {_day(correction.origin_s)}"
    return f"{start}, {amount(correction.per_day)} {more} each day after it"


def _against(offset_s: float, other: str) -> str:
    if abs(offset_s) < 0.5:
        return f"agrees with {other}"
    return f"is {amount(offset_s)} {'behind' if offset_s > 0.0 else 'ahead of'} {other}"


def _by_legs(course: Course, other: str) -> str:
    first, *later = course.legs
    words = [f"{_against(first[1], other)} at first"]
    words += [f"{_against(more, 'it')} from {_moment(since)} on" for since, more in later]
    return f"{', '.join(words[:-1])}, and {words[-1]}"


def _pace(course: Course) -> str:
    return "fast" if course.per_day < 0.0 else "slow"


def _day(wall_s: float) -> str:
    when = _EPOCH + timedelta(seconds=wall_s)
    return f"{when.day} {when:%B %Y}"


def _moment(wall_s: float) -> str:
    return f"{_day(wall_s)}, {_EPOCH + timedelta(seconds=wall_s):%H:%M}"
