"""How long work tells how far it is and is told to stop; the same for CLI and window."""

from __future__ import annotations

import threading
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
    """

    done: int
    total: int
    what: str
    detail: str = ""


ProgressCallback = Callable[[Progress], None]


class CancelledError(Exception):
    """The user stopped the work; what was finished is kept."""


class CancelToken:
    """A flag that one thread sets and long work in another looks at."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at the next safe point."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether stopping was asked for."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise CancelledError if stopping was asked for."""
        if self._event.is_set():
            raise CancelledError
