"""All writes of the catalog, and taking one of them back."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QLabel, QWidget

from desktop import wording
from desktop.dialogs import close_and, column
from desktop.tables import Line, TextTable, TextTableModel
from geotagger.errors import printable
from geotagger.library.writing import WriteEntry


class HistoryDialog(QDialog):
    """Lists writes, newest first; `undo_asked` tells which one is to be taken back."""

    undo_asked = Signal(object)

    def __init__(self, entries: Sequence[WriteEntry], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("History of writes")
        self.resize(800, 440)
        self.text = QLabel(wordWrap=True)
        self.model = TextTableModel(
            ("When", "Written", "Failed", "Undone", "Folder"), right=(1, 2, 3), parent=self
        )
        self.table = TextTable(self.model, wide=(4,))
        self.table.setAccessibleName("Writes")
        self.buttons, (self.undo_button,) = close_and(self, "Undo this write")
        self.undo_button.clicked.connect(self._undo)
        layout = column(self)
        layout.addWidget(self.text)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.buttons)
        self.table.selectionModel().selectionChanged.connect(self._selected)
        self.show_entries(entries)

    def show_entries(self, entries: Sequence[WriteEntry]) -> None:
        """Show the writes."""
        self.model.show(
            [
                Line(
                    (
                        wording.moment(entry.when.astimezone()),
                        wording.count(entry.count - entry.failed),
                        wording.count(entry.failed) if entry.failed else "",
                        wording.count(entry.undone) if entry.undone else "",
                        printable(entry.folder) if entry.folder is not None else "",
                    ),
                    key=entry,
                )
                for entry in entries
            ]
        )
        self.table.fit()
        self.text.setText(
            "Undoing a write gives every file its former bytes back. A file that was changed by "
            "another program since is left alone, and you are told."
            if entries
            else "Nothing was written yet."
        )
        if entries:
            self.table.selectRow(0)
        self._selected()

    def _entry(self) -> WriteEntry | None:
        rows = self.table.selectionModel().selectedRows()
        if not rows:
            return None
        entry = self.model.lines[rows[0].row()].key
        return entry if isinstance(entry, WriteEntry) else None

    def _selected(self, *_: object) -> None:
        entry = self._entry()
        self.undo_button.setEnabled(entry is not None and entry.undone < entry.count - entry.failed)

    def _undo(self) -> None:
        entry = self._entry()
        if entry is not None:
            self.undo_asked.emit(entry)
