"""Work on files as it goes, with a result for each: for writing and for undoing."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QWidget

from desktop import signs, wording
from desktop.bars import Bar
from desktop.dialogs import column
from desktop.tables import Line, TextTable, TextTableModel
from geotagger.errors import GeotaggerError, printable
from geotagger.library.writing import UndoResult, WriteResult
from geotagger.progress import Progress


class ResultsDialog(QDialog):
    """Shows progress and results; while work goes on its button cancels, then it closes."""

    cancel_asked = Signal()

    def __init__(
        self, title: str, total: int, done_word: str, dark: bool = False,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(800, 480)
        self._done_word = done_word
        self._icons = {
            ok: signs.icon("written" if ok else "failed", dark=dark) for ok in (True, False)
        }
        self.failures = 0
        self.successes = 0
        self.running = True
        self._not_begun = ""
        self.summary = QLabel(wordWrap=True)
        self.bar = Bar()
        self.bar.setAccessibleName("Progress")
        self.model = TextTableModel(("File", "Result", "Folder"), parent=self)
        self.table = TextTable(self.model, wide=(1,))
        self.table.setAccessibleName("Results")
        self.table.setColumnWidth(0, 240)
        self.table.setColumnWidth(2, 240)
        self.buttons = QDialogButtonBox()
        self.button = self.buttons.addButton("Cancel", QDialogButtonBox.ButtonRole.RejectRole)
        self.button.clicked.connect(self._pressed)
        layout = column(self)
        layout.addWidget(self.summary)
        layout.addWidget(self.bar)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.buttons)
        self._total = total
        self._say()

    def show_progress(self, progress: Progress) -> None:
        """Move the bar."""
        if progress.total:
            self.bar.set_value(progress.done / progress.total)

    def add(self, results: list[WriteResult | UndoResult]) -> None:
        """Add results, and count them."""
        lines = []
        for result in results:
            self.successes += bool(result.ok)
            self.failures += not result.ok
            if not result.tried:
                self._not_begun = reason(result.error)
            lines.append(
                Line(
                    (
                        _file(result),
                        self._word(result),
                        printable(result.path.parent),
                    ),
                    self._icons[bool(result.ok)],
                    result.path,
                    tip=printable(result.path),
                )
            )
        self.model.add(lines)
        self.bar.set_value((self.successes + self.failures) / max(1, self._total))
        self._say()

    def _word(self, result: WriteResult | UndoResult) -> str:
        if result.ok:
            return self._done_word
        return reason(result.error) if result.tried else "Not tried"

    def end(self, *, cancelled: bool = False, error: str = "") -> None:
        """Say that the work is over."""
        self.running = False
        self.bar.hide()
        self.button.setText("Close")
        self.button.setEnabled(True)
        self.button.setFocus()
        self._say()
        if error:
            self.summary.setText(f"{self.summary.text()} {error}".strip())
        elif cancelled:
            self.summary.setText(f"{self.summary.text()} Cancelled; the rest is as it was.")

    def reject(self) -> None:
        if self.running:
            self._ask_cancel()
        else:
            super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.running:
            self._ask_cancel()
            event.ignore()
        else:
            super().closeEvent(event)

    def _pressed(self) -> None:
        self.reject()

    def _ask_cancel(self) -> None:
        self.button.setEnabled(False)
        self.button.setText("Cancelling…")
        self.cancel_asked.emit()

    def _say(self) -> None:
        done = self.successes + self.failures
        if self.running:
            text = f"{done:,} of {wording.files(self._total)}"
        else:
            text = f"{wording.files(self.successes)}: {self._done_word.lower()}."
        if self._not_begun:
            text += f" {self._not_begun} Nothing was changed."
        elif self.failures:
            those = "that file is" if self.failures == 1 else "those files are"
            text += f" {self.failures:,} failed; {those} left alone."
        self.summary.setText(text)


def _file(result: WriteResult | UndoResult) -> str:
    """Return the photo's name, and that of the sidecar if it is about one."""
    name, goes_to = result.path.name, result.destination.name
    if goes_to.casefold().endswith(".xmp") and goes_to != name:
        name = f"{name}: {goes_to}"
    return printable(type(result.path)(name))


def reason(error: Exception | None) -> str:
    """Return why something failed, without the path, and what to do."""
    if error is None:
        return "Failed"
    if isinstance(error, GeotaggerError):
        return f"{error.message} {error.remedy}".strip()
    return str(error)
