"""Answers of the catalog that stay right for a while: the last few are kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from geotagger.library.catalog import Catalog

T = TypeVar("T")


class Recent(Generic[T]):
    """What was asked last of each open catalog, for as long as it holds.

    Parameters
    ----------
    most
        Answers kept per catalog; the one not asked for longest makes room.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: WeakKeyDictionary[Catalog, dict[Hashable, tuple[Hashable, T]]] = (
            WeakKeyDictionary()
        )
        self._lock = threading.Lock()

    def get(
        self, catalog: Catalog, question: Hashable, state: Hashable, answer: Callable[[], T]
    ) -> T:
        """Return the kept answer to a question if the state is the one of then, else a new one.

        Two threads that ask at once may both find the answer; either is right.
        """
        with self._lock:
            answers = self._kept.setdefault(catalog, {})
            kept = answers.pop(question, None)
            if kept is not None and kept[0] == state:
                answers[question] = kept
                return kept[1]
        found = answer()
        with self._lock:
            answers = self._kept.setdefault(catalog, {})
            answers[question] = state, found
            while len(answers) > self._most:
                del answers[next(iter(answers))]
        return found
