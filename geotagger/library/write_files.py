"""The files of a write, asked and changed by a bounded worker so that no dead share can block it.

A network share that stops answering blocks whoever asks it, without an error and perhaps for ever.
With a pool each request goes to a worker that is killed when its time is over. A folder that did
not answer is not asked again during the same write: its other files fail at once.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from geotagger.errors import (
    GeotaggerError,
    TaskCrashedError,
    TaskMemoryError,
    TaskTimeoutError,
    WriteError,
)
from geotagger.photos import file_tasks, worker_process
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.file_tasks import CutOff, Measure, Order, Replacing, Swapped
from geotagger.photos.record import FileStamp
from geotagger.photos.replace import Prepared, Steps, no_steps

PROBE_S = 15.0
"""Longest time for a folder to say that it is there: a sleeping disk takes ten seconds."""
SWAP_S = 60.0
"""Longest time for renames, attributes and a sync of folders, all small."""
_CHUNK = 200
_LOST = (TaskTimeoutError, TaskCrashedError, TaskMemoryError)
_AWAY = "The folder does not answer; tried again next time."

T = TypeVar("T")
R = TypeVar("R")


class Task(Protocol):
    """What a worker is to prepare; ``token`` names its temporary files."""

    @property
    def token(self) -> str:
        """Part of the names of the temporary files."""
        ...


class UnansweredError(WriteError):
    """A folder stopped answering, such as one on a network share that is gone."""


def unanswered(path: Path) -> UnansweredError:
    """Return the error of a file in a folder that does not answer; the file was left alone."""
    return UnansweredError(
        "The folder does not answer, so the file was left alone.",
        path=path,
        remedy="Connect the drive or network share again, then write again.",
    )


class Files:
    """Everything that a write asks of files and does to them.

    Parameters
    ----------
    pool
        Where the work is done. Without one it is done here, unbounded.
    steps
        Hears of every step that is done here.
    """

    def __init__(self, pool: BoundedPool | None = None, steps: Steps = no_steps) -> None:
        self._pool = pool
        self.steps = steps
        self._silent: set[Path] = set()
        self._heard: set[Path] = set()
        self._strikes: Counter[Path] = Counter()

    def is_silent(self, path: Path) -> bool:
        """Return whether the folder of a file did not answer during this write."""
        return path.parent in self._silent

    def measure(self, paths: Sequence[Path]) -> list[Measure]:
        """Return size and whether there are several hard links per path; 0 for what is away."""
        return self._survey(file_tasks.measure_all, paths, (0, False))

    def stamps(self, paths: Sequence[Path]) -> list[FileStamp | None]:
        """Return the stamp per path, None for what cannot be told."""
        return self._survey(file_tasks.stamp_all, paths, None)

    def prepare(self, function: Callable[..., Prepared], task: Task, destination: Path) -> Prepared:
        """Return the change that a task prepares beside a destination; raise what it raises."""
        if self._pool is None:
            return function(task, self.steps)
        return self.about(destination, function, task)

    def about(self, path: Path, function: Callable[..., R], *args: object) -> R:
        """Return ``function(*args)``, which asks about one file; raise if its folder is silent."""
        if self.is_silent(path):
            raise unanswered(path)
        try:
            return self._ask(None, function, *args)
        except _LOST as error:
            raise self._blamed(error, path) from None

    def swap(self, tasks: Sequence[Replacing]) -> list[Swapped]:
        """Put changes in place; what became of each is told per task."""
        if self._pool is None:
            return file_tasks.swap_all(tasks, steps=self.steps)
        # A file with several hard links is copied, anything else only renamed.
        limit = None if any(task.change.backup for task in tasks) else SWAP_S
        try:
            return self._pool.run(file_tasks.swap_all, tasks, os.getpid(), timeout_s=limit)
        except _LOST:
            for folder in dict.fromkeys(task.change.path.parent for task in tasks):
                self._listen(folder)
        # One of them hung or took the worker along; the others need not suffer for it.
        ends: list[Swapped] = []
        failed: set[Path] = set()
        for task in tasks:
            end: Swapped = (
                file_tasks.left_alone(task.change.path)
                if task.photo in failed
                else self._swap_again(task, limit)
            )
            if isinstance(end, GeotaggerError):
                failed.add(task.photo)
            ends.append(end)
        return ends

    def _swap_again(self, task: Replacing, limit: float | None) -> Swapped:
        path = task.change.path
        if self.is_silent(path):
            return unanswered(path)
        try:
            (end,) = self._ask(limit, file_tasks.swap_all, [task], os.getpid(), True)
        except _LOST as error:
            return self._blamed(error, path)
        return end

    def sync(self, folders: Iterable[Path]) -> dict[Path, WriteError]:
        """Make what was done in folders durable; return what went wrong with which."""
        wanted = list(dict.fromkeys(folders))
        try:
            return self._ask(SWAP_S, file_tasks.sync_all, wanted)
        except _LOST:
            troubles: dict[Path, WriteError] = {}
        for folder in wanted:
            try:
                troubles |= self._ask(SWAP_S, file_tasks.sync_all, [folder])
            except _LOST:
                self._silent.add(folder)
                troubles[folder] = unanswered(folder)
        return troubles

    def discard(self, leftovers: Sequence[tuple[Path, str]]) -> bool:
        """Remove the temporary files of (destination, token) pairs; return whether all answered."""
        asked = [pair for pair in leftovers if not self.is_silent(pair[0])]
        try:
            if asked:
                self._ask(PROBE_S, file_tasks.discard_all, asked)
        except _LOST:
            for folder in dict.fromkeys(path.parent for path, _ in asked):
                self._listen(folder)
            return False
        return len(asked) == len(leftovers)

    def put_in_order(self, cut: CutOff) -> tuple[Order, str]:
        """Find out which content a replacement left and tidy up; see `file_tasks.put_in_order`."""
        folder = cut.destination.parent
        if self._pool is not None and folder not in self._heard:
            self._listen(folder)
        if self.is_silent(cut.destination):
            return "away", _AWAY
        try:
            return self._ask(None, file_tasks.put_in_order, cut)
        except TaskTimeoutError:
            self._silent.add(folder)
            return "away", _AWAY
        except _LOST as error:
            return "away", error.message

    def _ask(self, timeout_s: float | None, function: Callable[..., R], *args: object) -> R:
        if self._pool is None:
            return function(*args)
        return self._pool.run(function, *args, timeout_s=timeout_s)

    def _survey(
        self, function: Callable[[Sequence[Path]], list[T]], paths: Sequence[Path], blank: T
    ) -> list[T]:
        """Ask about many files at once and, where that is not answered, folder by folder."""
        found: dict[Path, T] = {}
        for start in range(0, len(paths), _CHUNK):
            asked = [path for path in paths[start : start + _CHUNK] if not self.is_silent(path)]
            try:
                found |= zip(asked, self._ask(PROBE_S, function, asked), strict=True)
            except _LOST:
                for folder in dict.fromkeys(path.parent for path in asked):
                    those = [path for path in asked if path.parent == folder]
                    try:
                        found |= zip(those, self._ask(PROBE_S, function, those), strict=True)
                    except _LOST:
                        self._silent.add(folder)
        return [found.get(path, blank) for path in paths]

    def _blamed(self, error: GeotaggerError, path: Path) -> GeotaggerError:
        """Return the error that a lost worker means for a file: its own, or its folder's."""
        if isinstance(error, TaskTimeoutError):
            self._listen(path.parent)
        if self.is_silent(path):
            return unanswered(path)
        return type(error)(error.message, path=path, remedy=error.remedy)

    def _listen(self, folder: Path) -> None:
        """Find out whether a folder answers; one that keeps us waiting again and again does not."""
        self._strikes[folder] += 1
        if folder in self._heard and self._strikes[folder] > 2:
            self._silent.add(folder)
            return
        try:
            self._ask(PROBE_S, file_tasks.answers, folder)
            self._heard.add(folder)
        except _LOST:
            self._silent.add(folder)
        # A process that cannot even be killed may still do what it was asked to: decide nothing.
        if worker_process.any_stuck():
            self._silent.add(folder)
