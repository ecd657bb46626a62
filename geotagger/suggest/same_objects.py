"""Answers that were made of the same objects before: the last few are kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from operator import is_
from typing import Generic, TypeVar

T = TypeVar("T")


class SameObjects(Generic[T]):
    """Keeps what was made of some objects for as long as the very same ones are given again.

    The objects must not change. Whether they are the same is seen at a glance, while to compare or
    to hash them would cost as much as many an answer.

    Parameters
    ----------
    most
        Answers that are kept, with the objects they were made of.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: tuple[tuple[tuple[object, ...], T], ...] = ()
        self._lock = threading.Lock()

    def get(self, objects: tuple[object, ...], answer: Callable[[], T]) -> T:
        """Return the kept answer for these objects, else a new one.

        Two threads that ask at once may both find the answer; either is right.
        """
        for known, kept in self._kept:
            if len(known) == len(objects) and all(map(is_, known, objects)):
                return kept
        found = answer()
        with self._lock:
            self._kept = ((objects, found), *self._kept[: self._most - 1])
        return found
