"""Suggesting anew after decisions: the photos nearest in time first, and never in a person's way.

Decisions and renewals share a thread, so that each renewal sees all decisions before it. A decision
therefore stops the renewals that are under way, and what they had not come to is renewed after it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from desktop.engine import Engine
from desktop.work import DECIDING, Context, Job, Work
from geotagger.library.rows import PhotoRow


class Renewals(QObject):
    """Holds which albums' suggestions are out of date, and renews them."""

    renewed = Signal(list)
    """PhotoRows with a new suggestion, part by part."""
    settled = Signal()
    """An album is renewed as far as it will be for now: counts are new."""
    failed = Signal(object)

    def __init__(self, engine: Engine, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._work = work
        self._wanted: dict[str, set[int]] = {}
        self._jobs: dict[str, Job] = {}
        self._rounds: dict[str, int] = {}
        self._count = itertools.count()

    @property
    def wanted(self) -> list[str]:
        """The albums that are not wholly renewed yet."""
        return sorted(self._wanted)

    def want(self, album: str, photo_ids: Iterable[int] = ()) -> None:
        """Renew an album, beginning with the photos nearest in time to those that were decided."""
        self._wanted.setdefault(album, set()).update(photo_ids)
        self._start(album)

    def pause(self) -> None:
        """Stop what is under way soon; `resume` goes on."""
        for job in self._jobs.values():
            job.cancel()
        self._jobs.clear()
        self._rounds.clear()

    def resume(self) -> None:
        """Go on with what was stopped."""
        for album in list(self._wanted):
            if album not in self._rounds:
                self._start(album)

    def _start(self, album: str) -> None:
        before = self._jobs.pop(album, None)
        if before is not None:
            before.cancel()
        near = frozenset(self._wanted[album])
        this = self._rounds[album] = next(self._count)

        def function(context: Context) -> None:
            for ids in self._engine.renew(album, near, cancel=context.cancel):
                context.emit(self._engine.rows_of(ids))

        def end() -> None:
            # Where it was stopped, another round is to come.
            if self._rounds.get(album) == this:
                del self._rounds[album]
                del self._wanted[album]
                self._jobs.pop(album, None)

        def done(_result: object) -> None:
            end()
            self.settled.emit()

        def failed(error: Exception) -> None:
            end()
            self.failed.emit(error)

        job = self._work.start(
            DECIDING,
            function,
            name=f"suggest {album}",
            items=self._on_items,
            done=done,
            failed=failed,
            cancelled=self.settled.emit,
            owner=self,
        )
        if not job.finished:
            self._jobs[album] = job

    def _on_items(self, parts: list[list[PhotoRow]]) -> None:
        self.renewed.emit([row for part in parts for row in part])
