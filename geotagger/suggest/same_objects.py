"""Answers that were made of the same objects before: the last ones are kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from operator import is_
from typing import Any, Generic, TypeVar
from weakref import ReferenceType, ref

from numpy.typing import NDArray

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


class SameArrays(Generic[T]):
    """Keeps what was made last of some arrays, which must not change, while these are there.

    The arrays, always of one number, are not kept: they may be large.
    """

    def __init__(self) -> None:
        self._kept: tuple[tuple[ReferenceType[NDArray[Any]], ...], T] | None = None

    def get(self, arrays: tuple[NDArray[Any], ...], answer: Callable[[], T]) -> T:
        """Return the kept answer for the very same arrays, else a new one."""
        kept = self._kept
        if kept is not None and all(map(_is_still, kept[0], arrays)):
            return kept[1]
        found = answer()
        self._kept = tuple(ref(one) for one in arrays), found
        return found


def _is_still(kept: ReferenceType[NDArray[Any]], given: NDArray[Any]) -> bool:
    return kept() is given
