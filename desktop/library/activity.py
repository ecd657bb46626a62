"""What the bar says of a scan or an analysis: how far, how fast, how long still."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from desktop import wording
from geotagger.progress import Progress

_FIRST_ESTIMATE_S = 2.0


class Phase(Enum):
    """What goes on in the background."""

    IDLE = "idle"
    SCANNING = "scanning"
    ANALYSING = "analysing"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Activity:
    """One moment of the background work."""

    phase: Phase = Phase.IDLE
    what: str = ""
    done: int = 0
    total: int = 0
    rate: float | None = None
    """Units a second, None while it cannot be told."""

    @property
    def text(self) -> str:
        """The work in words: "Reading photos, 120 of 1,204 · 40 a second · 30 s left"."""
        if self.phase is Phase.IDLE:
            return ""
        text = wording.progress(Progress(self.done, self.total, self.what))
        if self.phase is Phase.PAUSED:
            return f"Paused: {text[:1].lower()}{text[1:]}"
        if not self.rate:
            return text
        shown = f"{self.rate:,.0f}" if self.rate >= 1 else f"{self.rate:.1f}"
        left = ""
        if self.total > self.done:
            left = wording.time_left((self.total - self.done) / self.rate)
        return wording.joined(text, f"{shown} a second", left)


class Meter:
    """Makes an `Activity` of progress as it comes in; the rate is that of the present kind."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._what = ""
        self._since = 0.0
        self._first = 0
        self.activity = Activity()

    def begin(self, phase: Phase, what: str) -> None:
        """Start a new phase."""
        self._what = ""
        self.activity = Activity(phase, what)

    def take(self, progress: Progress) -> None:
        """Take in how far the work is."""
        now = self._clock()
        if progress.what != self._what:
            self._what, self._since, self._first = progress.what, now, progress.done
        took = now - self._since
        rate = progress.rate
        if rate is None and took >= _FIRST_ESTIMATE_S:
            rate = (progress.done - self._first) / took
        self.activity = replace(
            self.activity, what=progress.what, done=progress.done, total=progress.total, rate=rate
        )

    def pause(self) -> None:
        """Say that the phase was stopped and can go on."""
        self.activity = replace(self.activity, phase=Phase.PAUSED, rate=None)

    def end(self) -> None:
        """Say that nothing is going on."""
        self.activity = Activity()
