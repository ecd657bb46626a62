"""How long work tells how far it is and is told to stop; the same for CLI and window."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a piece of work is.

    Attributes
    ----------
    done, total
        Units finished and to do; ``total`` is 0 while it is unknown.
    what
        Two or three words for the user: "Reading photos".
    detail
        The file or album at hand, may be empty.
    rate
        Units finished a second of late, None where it is not told.
    unit
        What is counted where that is not plain: "bytes"; else empty.
    """

    done: int
    total: int
    what: str
    detail: str = ""
    rate: float | None = None
    unit: str = ""

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest will take at the present rate, None where it cannot be told."""
        if not self.rate or self.total <= self.done:
            return None
        return (self.total - self.done) / self.rate


ProgressCallback = Callable[[Progress], None]


class RateMeter:
    """Tells units a second over the last stretch of time, so that a pause is soon forgotten.

    Parameters
    ----------
    stretch_s
        How far back it looks, in seconds.
    clock
        Seconds from any beginning.
    """

    def __init__(
        self, stretch_s: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stretch_s = stretch_s
        self._clock = clock
        self._marks: deque[tuple[float, int]] = deque([(clock(), 0)])

    def take(self, done: int) -> float | None:
        """Note how many units are done and return the rate, None in the first second."""
        now = self._clock()
        # Marks closer than this tell nothing new: their number stays bounded.
        if now - self._marks[-1][0] >= self._stretch_s / 100:
            self._marks.append((now, done))
        while len(self._marks) > 2 and self._marks[1][0] <= now - self._stretch_s:
            self._marks.popleft()
        since, before = self._marks[0]
        return (done - before) / (now - since) if now - since >= 1.0 else None


class CancelledError(Exception):
    """The user stopped the work; what was finished is kept."""


class CancelToken:
    """A flag that one thread sets and long work in another looks at."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at the next safe point."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Wait, and raise CancelledError as soon as stopping is asked for."""
        if self._event.wait(seconds):
            raise CancelledError

    @property
    def cancelled(self) -> bool:
        """Whether stopping was asked for."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise CancelledError if stopping was asked for."""
        if self._event.is_set():
            raise CancelledError
