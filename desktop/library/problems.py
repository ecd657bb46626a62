"""What could not be read, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QLabel,
    QWidget,
)

from desktop import signs, wording
from desktop.dialogs import close_and, column
from desktop.tables import Line, TextTable, TextTableModel
from geotagger.errors import printable
from geotagger.library.scan import ScanEvent

_WHAT_TO_DO = "Open it in a viewer to see whether it is damaged, or get it again from its source."


class ProblemsDialog(QDialog):
    """Lists files and folders that the scan could not read."""

    again_asked = Signal()

    def __init__(
        self, problems: Sequence[ScanEvent], dark: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Files that could not be read")
        self.resize(880, 440)
        count = len(problems)
        self.text = QLabel(
            "Everything could be read."
            if not count
            else f"{wording.files(count)} could not be read. Nothing was changed; all other "
            "photos are shown.",
            wordWrap=True,
        )
        self.model = TextTableModel(("File", "Reason", "What to do"), parent=self)
        icon = signs.icon("unreadable", dark=dark)
        self.model.show([_line(event, icon) for event in problems])
        self.table = TextTable(self.model, wide=(0, 1, 2))
        self.table.setAccessibleName("Problems")
        self.buttons, (again, copy) = close_and(self, "Try again", "Copy list")
        again.setEnabled(bool(count))
        copy.setEnabled(bool(count))
        again.clicked.connect(self._again)
        copy.clicked.connect(lambda: QApplication.clipboard().setText(self.model.as_text()))
        layout = column(self)
        layout.addWidget(self.text)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.buttons)

    def _again(self) -> None:
        self.accept()
        self.again_asked.emit()


def _line(event: ScanEvent, icon: QIcon) -> Line:
    error = event.error
    message = "Cannot be read." if error is None else error.message
    remedy = (error.remedy if error is not None else "") or _WHAT_TO_DO
    where = printable(event.path)
    return Line((where, message, remedy), icon, event.path, tip=f"{where}\n{message}\n{remedy}")
