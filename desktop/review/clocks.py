"""Clocks of cameras: what is found, what the user says, its undo, and the suggestions that follow.

Times are never changed in a file: a correction only says how suggestions read them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from desktop.engine import Engine
from desktop.review.undo import DecisionCommand
from desktop.work import DECIDING, INTERACTIVE, Work
from geotagger.errors import GeotaggerError
from geotagger.library.clocks import ClockChange, ClockDecision, ClockKind, ClockRow
from geotagger.suggest.clock_words import camera_name, in_words, sentence


class ClocksController(QObject):
    """Holds the clocks of the open folder and carries out what the user says about them."""

    changed = Signal()
    """The rows are new."""
    failed = Signal(object)

    def __init__(
        self,
        engine: Engine,
        work: Work,
        undo_stack: QUndoStack,
        suggest_again: Callable[[str, Collection[int]], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._work = work
        self._undo_stack = undo_stack
        self._suggest_again = suggest_again
        self._root: Path | None = None
        self.rows: list[ClockRow] = []

    def open(self, root: Path) -> None:
        """Forget the clocks of the folder before; those of this one come with `refresh`."""
        self._root = root
        self._show([])

    def refresh(self) -> None:
        """Ask the catalog for the clocks as they are now."""
        root = self._root
        if root is not None:
            self._work.latest(
                "clocks",
                INTERACTIVE,
                lambda _context: self._engine.clocks(root),
                owner=self,
                done=self._show,
                failed=self._on_failed,
            )

    @property
    def asking(self) -> list[ClockRow]:
        """The clocks that the user has not been heard on, those that are sure first."""
        return sorted((row for row in self.rows if row.open), key=lambda row: not row.applied)

    def decide(self, row: ClockRow, decision: ClockDecision | None) -> None:
        """Store what the user says of one clock, None to leave it to the estimate."""
        if decision == row.decision:
            return

        def done(change: ClockChange) -> None:
            text = f"Clock of {camera_name(row.camera)}"
            self._undo_stack.push(DecisionCommand(text, [change], self._apply))
            self._follow([change])

        self._work.start(
            DECIDING,
            lambda _context: self._engine.decide_clock(row.album, row.camera, decision),
            name="clock",
            done=done,
            failed=self._on_failed,
            owner=self,
        )

    def _apply(self, changes: list[ClockChange], back: bool) -> None:
        """Take decisions back or make them again: called by the undo stack."""

        def function(_context: object) -> None:
            (self._engine.revert_clocks if back else self._engine.reapply_clocks)(changes)

        self._work.start(
            DECIDING,
            function,
            name="undo",
            done=lambda _none: self._follow(changes),
            failed=self._on_failed,
            owner=self,
        )

    def _follow(self, changes: list[ClockChange]) -> None:
        self.refresh()
        told: dict[str, set[int]] = {}
        for change in changes:
            told.setdefault(change.album, set()).update(change.told)
        for album in sorted(told):
            self._suggest_again(album, told[album])

    def _show(self, rows: list[ClockRow]) -> None:
        self.rows = rows
        self.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, GeotaggerError):
            self.failed.emit(error)
        else:
            self._work.failed_unheard.emit(error)


def notice_text(asking: list[ClockRow]) -> str:
    """Return the line that asks for a person's word on clocks; empty if there is nothing to ask."""
    if not asking or asking[0].found is None:
        return ""
    first = asking[0]
    what = f"{sentence(asking[0].found)}. "
    what += "Suggestions correct it." if first.applied else "Suggestions do not correct it yet."
    more = len(asking) - 1
    return f"{what} And {more} more." if more else what


def state_text(row: ClockRow) -> str:
    """Return what holds for a clock, in words."""
    if row.decision is not None and row.decision.kind is ClockKind.LEAVE:
        return "Left as it is, on your word"
    if row.decision is not None:
        return f"Corrected by {in_words(row.applied)}, on your word"
    if row.applied:
        return f"Corrected by {in_words(row.applied)}, as it is sure"
    if row.open:
        return "Not corrected: it is not sure enough without your word"
    return "Taken as it is"


def found_text(row: ClockRow) -> str:
    """Return what was found of a clock, in words."""
    if row.found is not None:
        return sentence(row.found)
    others = "Nothing to compare it with, or it is the clock that others are compared with"
    return f"{camera_name(row.camera)}: {others[0].lower()}{others[1:]}"
