"""From accepted places to files and back: plan, preview, write, results, history, undo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog, QWidget

from desktop import theme, wording
from desktop.engine import Engine
from desktop.work import DECIDING, INTERACTIVE, SAVING, Context, Job, Work, each
from desktop.write.history import HistoryDialog
from desktop.write.preview import PreviewDialog
from desktop.write.results import ResultsDialog, reason
from geotagger.errors import GeotaggerError
from geotagger.library.writing import WriteEntry, WriteOptions, WritePlan


class WriteController(QObject):
    """Opens the dialogs of writing over a window and runs the work behind them."""

    files_changed = Signal()
    """Files were written or given back: states are new."""
    failed = Signal(object)

    def __init__(
        self, engine: Engine, work: Work, window: QWidget, options: Callable[[], WriteOptions]
    ) -> None:
        super().__init__(window)
        self._engine = engine
        self._work = work
        self._window = window
        self._options = options
        self._planning: Job | None = None
        self.dialog: QDialog | None = None
        """The dialog that is open, for whoever looks after the window."""

    @property
    def saving(self) -> bool:
        """Whether files are being written or given back now."""
        return isinstance(self.dialog, ResultsDialog) and self.dialog.running

    def preview(self, root: Path) -> None:
        """Plan the write of everything accepted below a folder and show the plan."""
        if self._busy():
            return
        options = self._options()
        # Among the decisions, so that those made a moment ago are part of the plan.
        self._planning = self._work.start(
            DECIDING,
            lambda _context: self._engine.plan(root, None, options),
            name="plan",
            done=self._show_plan,
            failed=self._on_failed,
            owner=self,
        )

    def history(self) -> None:
        """Show the history of writes."""
        if self._busy():
            return
        self._planning = self._work.start(
            INTERACTIVE,
            lambda _context: self._engine.history(),
            name="history",
            done=self._show_history,
            failed=self._on_failed,
            owner=self,
        )

    def _busy(self) -> bool:
        open_now = self.dialog is not None and self.dialog.isVisible()
        return open_now or (self._planning is not None and not self._planning.finished)

    def _show_plan(self, plan: WritePlan) -> None:
        dialog = PreviewDialog(plan, self._dark(), self._window)
        dialog.accepted.connect(lambda: self._write(plan))
        self._open(dialog)

    def _write(self, plan: WritePlan) -> None:
        going = sum(item.how != "refused" for item in plan.items)
        dialog = ResultsDialog(
            f"Write {wording.files(going)}", going, "Written", self._dark(), self._window
        )
        self._run(
            dialog,
            lambda context: each(
                self._engine.commit(plan, progress=context.progress, cancel=context.cancel),
                context,
            ),
        )

    def _show_history(self, entries: list[WriteEntry]) -> None:
        dialog = HistoryDialog(entries, self._window)
        dialog.undo_asked.connect(lambda entry: self._undo(entry, dialog))
        self._open(dialog)

    def _undo(self, entry: WriteEntry, history: QDialog) -> None:
        history.accept()
        total = entry.count - entry.failed - entry.undone
        dialog = ResultsDialog(
            "Undo a write", total, "As it was before", self._dark(), self._window
        )
        self._run(
            dialog,
            lambda context: each(
                self._engine.take_back(entry.id, progress=context.progress, cancel=context.cancel),
                context,
            ),
        )

    def _run(self, dialog: ResultsDialog, function: Callable[[Context], int]) -> None:
        def failed(error: Exception) -> None:
            dialog.end(error=reason(error))
            self.files_changed.emit()
            if not isinstance(error, GeotaggerError):
                self._work.failed_unheard.emit(error)

        def ended(cancelled: bool) -> None:
            dialog.end(cancelled=cancelled)
            self.files_changed.emit()

        job = self._work.start(
            SAVING,
            function,
            name="write",
            items=dialog.add,
            progress=dialog.show_progress,
            done=lambda _count: ended(job.token.cancelled),
            cancelled=lambda: ended(True),
            failed=failed,
            owner=dialog,
        )
        dialog.cancel_asked.connect(job.cancel)
        self._open(dialog)

    def _open(self, dialog: QDialog) -> None:
        self.dialog = dialog
        dialog.finished.connect(dialog.deleteLater)
        dialog.finished.connect(lambda _code: self._closed(dialog))
        dialog.setModal(True)
        dialog.show()

    def _closed(self, dialog: QDialog) -> None:
        if self.dialog is dialog:
            self.dialog = None

    def _dark(self) -> bool:
        return theme.current().dark

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, GeotaggerError):
            self.failed.emit(error)
        else:
            self._work.failed_unheard.emit(error)
