"""How the correction of a clock runs over an album: one amount, some a day more, or set anew."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_EPOCH = datetime(1970, 1, 1)
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Course:
    """What to add to a camera's times, by what the camera's clock says.

    ``legs`` are pairs (since, seconds): from the wall clock ``since`` on, seconds after the start
    of 1970, so many seconds are added; the first since ever (-inf), the others ascending. To that
    come ``per_day`` seconds for each day after the wall clock ``origin_s``, fewer before it: a
    clock that runs ten seconds a day fast has -10.
    """

    legs: tuple[tuple[float, float], ...]
    per_day: float = 0.0
    origin_s: float = 0.0

    def at(self, wall_s: float) -> float:
        """Return the seconds to add where the clock says ``wall_s``."""
        return _leg(self.legs, wall_s) + self.per_day * (wall_s - self.origin_s) / _DAY_S

    def had(self, wall_s: float) -> float:
        """Return the seconds that were added where a corrected clock says ``wall_s``."""
        for number, (since, seconds) in enumerate(self.legs):
            line = Course(((since, seconds),), self.per_day, self.origin_s)
            # Once more than is needed: a day's drift of a day's drift is nothing.
            told = wall_s - line.at(wall_s - line.at(wall_s))
            until = self.legs[number + 1][0] if number + 1 < len(self.legs) else math.inf
            if since <= told < until:
                return wall_s - told
        return self.at(wall_s)

    def moved(self, seconds: float) -> Course:
        """Return the course with some seconds more to add throughout."""
        legs = tuple((since, one + seconds) for since, one in self.legs)
        return Course(legs, self.per_day, self.origin_s)

    def to_json(self) -> str:
        """Return the course as the catalog keeps it."""
        legs = [[None if math.isinf(since) else since, seconds] for since, seconds in self.legs]
        return json.dumps({"legs": legs, "per_day": self.per_day, "origin_s": self.origin_s})

    @classmethod
    def from_json(cls, text: str) -> Course:
        """Return what `to_json` made a text of."""
        kept = json.loads(text)
        legs = tuple((-math.inf if one is None else one, seconds) for one, seconds in kept["legs"])
        return cls(legs, kept["per_day"], kept["origin_s"])


Correction = float | Course
"""Seconds to add to all times of a camera, or a course of them."""

Corrections = Mapping[str, Correction]
"""What to add to the times of which camera; nothing to those of others."""


def at(correction: Correction, when: datetime | None) -> float:
    """Return the seconds that a correction adds to a time; without one, to that of its origin."""
    if not isinstance(correction, Course):
        return correction
    return correction.at(correction.origin_s if when is None else wall_s(when))


def added(one: Correction, other: Correction) -> Correction:
    """Return the correction that adds both, the second to a clock that the first corrected.

    Of two courses the second's legs and days begin where the corrected clock says so.
    """
    if not isinstance(other, Course):
        return one.moved(other) if isinstance(one, Course) else one + other
    first = one if isinstance(one, Course) else Course(((-math.inf, one),))
    # The corrected clock says `since` where the camera's own says so much less.
    later = tuple(
        (since if math.isinf(since) else since - first.had(since), more)
        for since, more in other.legs
    )
    begins = sorted({since for since, _ in (*first.legs, *later)})
    legs = tuple((since, _leg(first.legs, since) + _leg(later, since)) for since in begins)
    # Both lines as one: so much at the first's origin, so much a day.
    shift = other.per_day * (first.origin_s - other.origin_s) / _DAY_S
    both = Course(legs, first.per_day + other.per_day, first.origin_s)
    return both.moved(shift)


def _leg(legs: tuple[tuple[float, float], ...], wall_s: float) -> float:
    seconds = legs[0][1]
    for since, later in legs[1:]:
        if wall_s >= since:
            seconds = later
    return seconds


def wall_s(when: datetime) -> float:
    """Return what a clock says, in seconds after the start of 1970, whatever its zone."""
    return (when.replace(tzinfo=None) - _EPOCH).total_seconds()
