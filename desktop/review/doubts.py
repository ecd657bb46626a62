"""Photos whose GPS disagrees with the photos around them: found, told, listed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QModelIndex, QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QWidget

from desktop import signs, wording
from desktop.dialogs import close_and, column
from desktop.engine import Engine
from desktop.tables import Line, TextTable, TextTableModel
from desktop.work import INTERACTIVE, Work
from geotagger.errors import GeotaggerError, printable
from geotagger.library.doubtful_gps import DoubtfulGps


class DoubtsController(QObject):
    """Holds the photos of the open folder whose GPS disagrees with their neighbours."""

    changed = Signal()
    """The rows, or what is to be said of them, are new."""
    failed = Signal(object)

    def __init__(self, engine: Engine, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._work = work
        self._root: Path | None = None
        self._seen: frozenset[int] = frozenset()
        self.rows: list[DoubtfulGps] = []

    def open(self, root: Path) -> None:
        """Forget those of the folder before; those of this one come with `refresh`."""
        self._root = root
        self._seen = frozenset()
        self._show([])

    def refresh(self) -> None:
        """Look for them in the catalog as it is now."""
        root = self._root
        if root is not None:
            self._work.latest(
                "doubts",
                INTERACTIVE,
                lambda context: self._engine.doubtful_gps(root, cancel=context.cancel),
                owner=self,
                done=self._show,
                failed=self._on_failed,
            )

    def seen(self) -> None:
        """Say no more of those that are known now: the user has looked at them."""
        self._seen = frozenset(row.photo_id for row in self.rows)
        self.changed.emit()

    @property
    def notice(self) -> str:
        """The line that tells of those not yet looked at; empty if there are none."""
        fresh = [row for row in self.rows if row.photo_id not in self._seen]
        if not fresh:
            return ""
        one = len(fresh) == 1
        return (
            f"The GPS of {wording.photos(len(fresh))} disagrees with the photos around "
            f"{'it' if one else 'them'} in time: a place or a clock may be wrong."
        )

    def _show(self, rows: list[DoubtfulGps]) -> None:
        self.rows = rows
        self.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, GeotaggerError):
            self.failed.emit(error)
        else:
            self._work.failed_unheard.emit(error)


class DoubtsDialog(QDialog):
    """Lists photos whose GPS disagrees with their neighbours, and leads to each."""

    photo_chosen = Signal(int)

    def __init__(
        self,
        rows: Sequence[DoubtfulGps],
        root: Path,
        dark: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("GPS in doubt")
        self.resize(760, 400)
        self.text = QLabel(
            "No photo's GPS disagrees with the photos around it in time."
            if not rows
            else "These places cannot be reached from those of the photos taken just before and "
            "after. A place or a clock may be wrong. Nothing was changed.",
            wordWrap=True,
        )
        self.model = TextTableModel(("Photo", "Disagreement"), parent=self)
        icon = signs.icon("ambiguous", dark=dark)
        self.model.show([_line(row, root, icon) for row in rows])
        self.table = TextTable(self.model, wide=(0, 1))
        self.table.setAccessibleName("Photos whose GPS is in doubt")
        self.table.doubleClicked.connect(self._choose)
        self.buttons, (self.show_button, copy) = close_and(self, "Show photo", "Copy list")
        self.show_button.setEnabled(bool(rows))
        copy.setEnabled(bool(rows))
        self.show_button.clicked.connect(lambda: self._choose(self.table.currentIndex()))
        copy.clicked.connect(lambda: QApplication.clipboard().setText(self.model.as_text()))
        layout = column(self)
        layout.addWidget(self.text)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.buttons)
        if rows:
            self.table.selectRow(0)

    def _choose(self, index: QModelIndex) -> None:
        if index.isValid():
            photo_id = self.model.lines[index.row()].key
            self.accept()
            self.photo_chosen.emit(photo_id)


def _line(row: DoubtfulGps, root: Path, icon: QIcon) -> Line:
    where = printable(row.path.relative_to(root))
    return Line((where, row.detail), icon, row.photo_id, tip=f"{where}\n{row.words}")
