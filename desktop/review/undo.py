"""A decision as a step on the undo stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtGui import QUndoCommand

Apply = Callable[[list[Any], bool], None]
"""Function (changes, back): takes changes back, or makes them again."""


class DecisionCommand(QUndoCommand):
    """Changes that were made already; pushing it does nothing, undo and redo do."""

    def __init__(self, text: str, changes: list[Any], apply: Apply) -> None:
        super().__init__(text)
        self._changes = changes
        self._apply = apply
        self._made = True

    def redo(self) -> None:
        if self._made:
            self._made = False
            return
        self._apply(self._changes, False)

    def undo(self) -> None:
        self._apply(self._changes, True)
