"""The models that look at the pictures: what is there, what can be had, install, check, remove."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QWidget,
)

from desktop.dialogs import close_and, column
from desktop.engine import Engine
from desktop.work import GENERAL, INTERACTIVE, Context, Job, Work
from geotagger.errors import GeotaggerError, printable
from geotagger.models.catalogue import ModelRow, ModelState
from geotagger.progress import Progress

_PROMISE = (
    "Nothing is fetched unless you press Install. Your photos never leave this computer: a model "
    "is fetched once and runs here."
)
_STEPS = 1000


class ModelsDialog(QDialog):
    """Lists models; an installation that is stopped goes on with the next press of Install."""

    changed = Signal()
    """A model was installed or removed."""

    def __init__(self, engine: Engine, work: Work, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Models")
        self.setMinimumSize(640, 480)
        self._engine = engine
        self._work = work
        self._job: Job | None = None
        self._selected = ""
        self.promise = QLabel(_PROMISE, wordWrap=True)
        self.list = QListWidget()
        self.list.setAccessibleName("Models")
        self.details = QLabel(wordWrap=True, alignment=Qt.AlignmentFlag.AlignTop)
        self.details.setTextFormat(Qt.TextFormat.PlainText)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details.setMinimumHeight(120)
        self.bar = QProgressBar(maximum=_STEPS, textVisible=False)
        self.status = QLabel(wordWrap=True)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.install = QPushButton("Install")
        self.stop = QPushButton("Stop")
        self.verify = QPushButton("Check files")
        self.remove = QPushButton("Remove…")
        self.from_folder = QPushButton("Install from folder…")
        self.from_file = QPushButton("Install from file…")
        layout = column(self)
        layout.addWidget(self.promise)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.details)
        layout.addLayout(_row(self.install, self.stop, self.verify, self.remove))
        layout.addLayout(_row(self.from_folder, self.from_file))
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        buttons, _ = close_and(self)
        layout.addWidget(buttons)
        self.list.currentItemChanged.connect(self._show_details)
        self.install.clicked.connect(self._install)
        self.stop.clicked.connect(self._stop)
        self.verify.clicked.connect(self._verify)
        self.remove.clicked.connect(self._ask_remove)
        self.from_folder.clicked.connect(self._ask_folder)
        self.from_file.clicked.connect(self._ask_file)
        self.finished.connect(self._leave)
        self.bar.hide()
        self._show_details()
        self._look()

    def row(self) -> ModelRow | None:
        """Return the selected model."""
        item = self.list.currentItem()
        return None if item is None else item.data(Qt.ItemDataRole.UserRole)

    def select(self, name: str) -> None:
        """Select a model by its name."""
        for number in range(self.list.count()):
            if self.list.item(number).data(Qt.ItemDataRole.UserRole).name == name:
                self.list.setCurrentRow(number)

    def install_from(self, path: Path) -> None:
        """Install from a folder or a file on this computer."""
        self._start(
            lambda context: self._engine.install_model(path, context.cancel, context.progress),
            f"Installing from {printable(path)}…",
            "Installed and checked.",
        )

    def remove_selected(self) -> None:
        """Remove the selected model, or what was fetched of it."""
        row = self.row()
        if row is not None:
            self._start(
                lambda _context: self._engine.remove_model(row.name),
                f"Removing {row.name}…",
                f"{row.name} was removed.",
            )

    def _install(self) -> None:
        row = self.row()
        if row is not None and row.can_install:
            self._start(
                lambda context: self._engine.install_known(
                    row.name, context.progress, context.cancel
                ),
                f"Asking for {row.name}…",
                f"{row.name} is installed and checked.",
            )

    def _verify(self) -> None:
        row = self.row()
        if row is not None and row.folder is not None:
            folder = row.folder
            self._start(
                lambda context: self._engine.verify_model(folder, context.cancel),
                f"Checking the files of {row.name}, and that it runs…",
                f"{row.name} is sound.",
                changes=False,
            )

    def _start(self, function: Any, text: str, after: str, *, changes: bool = True) -> None:
        if self._busy():
            return
        self.status.setText(text)
        self.bar.setRange(0, 0)
        self.bar.show()

        def end(words: str) -> None:
            self._job = None
            self.bar.hide()
            self.status.setText(words)
            self._look()

        def done(_result: object) -> None:
            end(after)
            if changes:
                self.changed.emit()

        def failed(error: Exception) -> None:
            end(str(error) if isinstance(error, GeotaggerError) else "")
            if not isinstance(error, GeotaggerError):
                self._work.failed_unheard.emit(error)

        self._job = self._work.start(
            GENERAL,
            function,
            name="models",
            done=done,
            failed=failed,
            cancelled=lambda: end("Stopped. What was fetched is kept: Install goes on."),
            progress=self._show_progress,
            owner=self,
        )
        if self._job.finished:
            self._job = None
        self._enable()

    def _show_progress(self, progress: Progress) -> None:
        if progress.total > 0:
            self.bar.setRange(0, _STEPS)
            self.bar.setValue(_STEPS * progress.done // progress.total)
        self.status.setText(progress_text(progress))

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self.status.setText("Stopping…")

    def _look(self) -> None:
        def look(_context: Context) -> list[ModelRow]:
            return self._engine.catalogue_of_models()

        self._work.latest("model rows", INTERACTIVE, look, owner=self, done=self._show)
        self._enable()

    def _show(self, rows: list[ModelRow]) -> None:
        kept = self._selected or (rows[0].name if rows else "")
        self.list.clear()
        for row in rows:
            state = row.state.value + (", in use" if row.in_use else "")
            item = QListWidgetItem(f"{row.name}  –  {state}")
            item.setData(Qt.ItemDataRole.UserRole, row)
            self.list.addItem(item)
        self.select(kept)
        if self.list.currentItem() is None and rows:
            self.list.setCurrentRow(0)
        self._show_details()

    def _show_details(self) -> None:
        row = self.row()
        if row is not None:
            self._selected = row.name
        self.details.setText("" if row is None else details_text(row))
        self._enable()

    def _enable(self) -> None:
        row, busy = self.row(), self._busy()
        state = None if row is None else row.state
        fetchable = row is not None and row.can_install and state is not ModelState.BUILT_IN
        self.install.setEnabled(fetchable and not busy)
        going_on = state is ModelState.UNFINISHED
        again = state in (ModelState.INSTALLED, ModelState.DAMAGED)
        self.install.setText(
            "Go on installing" if going_on else "Install again" if again else "Install"
        )
        self.stop.setEnabled(busy)
        self.verify.setEnabled(row is not None and row.folder is not None and not busy)
        removable = (ModelState.INSTALLED, ModelState.DAMAGED, ModelState.UNFINISHED)
        self.remove.setEnabled(state in removable and not busy)
        self.from_folder.setEnabled(not busy)
        self.from_file.setEnabled(not busy)

    def _busy(self) -> bool:
        return self._job is not None and not self._job.finished

    def _ask_remove(self) -> None:
        row = self.row()
        if row is None:
            return
        answer = QMessageBox.question(self, "Remove model", f"Remove {row.name} from the disk?")
        if answer is QMessageBox.StandardButton.Yes:
            self.remove_selected()

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Install from folder")
        if chosen:
            self.install_from(Path(chosen))

    def _ask_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Install from file", "", "Weights (*.safetensors)"
        )
        if chosen:
            self.install_from(Path(chosen))

    def _leave(self) -> None:
        if self._job is not None and not self._job.finished:
            self._job.drop()


def details_text(row: ModelRow) -> str:
    """Return what is told of a model before anything is done with it."""
    size = row.size_text
    if size and row.folder is None:
        size += " to fetch"
    told = (
        (row.purpose[:1].upper() + row.purpose[1:]) if row.purpose else "",
        f"Licence: {row.licence}" if row.licence else "",
        f"Size: {size}" if size else "",
        f"Origin: {row.origin}" if row.origin else "",
        f"Folder: {printable(row.folder)}" if row.folder is not None else "",
        f"Damaged: {row.error}" if row.error is not None else "",
    )
    return "\n".join(line for line in told if line)


def progress_text(progress: Progress) -> str:
    """Return "Fetching the model: 12 of 1,715 MB, 4.2 MB a second, 7 min left"."""
    text = f"{progress.what}: {progress.done:,} of {progress.total:,}"
    if progress.unit == "bytes":
        text = f"{progress.what}: {progress.done / 1e6:,.0f} of {progress.total / 1e6:,.0f} MB"
        if progress.rate:
            text += f", {progress.rate / 1e6:,.1f} MB a second"
    left = progress.left_s
    if left is not None:
        text += f", {left:,.0f} s left" if left < 90 else f", {left / 60:,.0f} min left"
    return text


def _row(*buttons: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for button in buttons:
        button.setAutoDefault(False)
        row.addWidget(button)
    row.addStretch(1)
    return row
