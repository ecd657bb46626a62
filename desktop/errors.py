"""Errors in front of the user: a clear sentence and what to do; faults with a report to copy."""

from __future__ import annotations

import logging
import platform
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType

from PySide6.QtCore import QObject, Qt, Signal, qVersion
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QWidget,
)

import geotagger
from desktop.dialogs import close_and, column
from geotagger.errors import (
    CatalogCorruptError,
    CatalogError,
    CatalogTooNewError,
    FolderError,
    GeotaggerError,
    ModelError,
    WriteError,
    printable,
)

_log = logging.getLogger(__name__)

TITLES: tuple[tuple[type[GeotaggerError], str], ...] = (
    (CatalogTooNewError, "The catalog is from a newer version"),
    (CatalogCorruptError, "The catalog is damaged"),
    (CatalogError, "The catalog cannot be used"),
    (FolderError, "The folder cannot be opened"),
    (ModelError, "The model cannot be used"),
    (WriteError, "Writing failed"),
    (GeotaggerError, "That did not work"),
)
"""From an exception to words, the most special first."""


def title_of(error: GeotaggerError) -> str:
    """Return the heading for an error."""
    return next(title for kind, title in TITLES if isinstance(error, kind))


class ErrorDialog(QDialog):
    """A heading, what went wrong and where, what to do; for faults a report."""

    def __init__(
        self, title: str, message: str, *, where: str = "", remedy: str = "", report: str = "",
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.setWindowTitle("Photo Geotagger")
        self.setMinimumWidth(480)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        layout = column(self)
        layout.setContentsMargins(24, 24, 24, 16)
        heading = QLabel(title, wordWrap=True)
        font = heading.font()
        font.setPointSizeF(font.pointSizeF() * 1.2)
        heading.setFont(font)
        layout.addWidget(heading)
        self.texts = [text for text in (message, where, remedy) if text]
        for text in self.texts:
            label = QLabel(text, wordWrap=True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            layout.addWidget(label)
        buttons, _ = close_and(self)
        self.report = report
        if report:
            text = QPlainTextEdit(report, readOnly=True)
            text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
            text.setMinimumHeight(200)
            layout.addWidget(text, 1)
            self.copy_button = buttons.addButton(
                "Copy report", QDialogButtonBox.ButtonRole.ActionRole
            )
            self.copy_button.clicked.connect(lambda: QApplication.clipboard().setText(report))
            self.resize(720, 480)
        layout.addSpacing(8)
        layout.addWidget(buttons)


def dialog_for(error: Exception, parent: QWidget | None = None) -> ErrorDialog:
    """Return the dialog that tells an error; faults of the program come with a report."""
    if isinstance(error, GeotaggerError):
        return ErrorDialog(
            title_of(error),
            error.message,
            where="" if error.path is None else printable(error.path),
            remedy=error.remedy,
            parent=parent,
        )
    return ErrorDialog(
        "Something went wrong inside the program",
        "Your photos are as they were. You can go on, but it is wiser to close the window and "
        "open it again.",
        remedy="If it happens again, please report it with this text:",
        report=report_of(error),
        parent=parent,
    )


def report_of(error: BaseException) -> str:
    """Return a fault as text to send: versions, then the traceback."""
    head = (
        f"photo-geotagger {getattr(geotagger, '__version__', '?')}, "
        f"Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}"
    )
    return f"{head}\n\n{''.join(traceback.format_exception(error))}"


class FaultCatcher(QObject):
    """Brings exceptions that nobody caught, from any thread, in front of the user."""

    caught = Signal(object)

    def __init__(self, show: Callable[[Exception], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._show = show
        self._showing = False
        self.caught.connect(self._on_caught, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """Take over the hooks for uncaught exceptions."""
        sys.excepthook = self._hook
        threading.excepthook = lambda args: self._hook(
            args.exc_type, args.exc_value, args.exc_traceback
        )

    def _hook(
        self,
        kind: type[BaseException],
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error or kind(), trace)
            return
        _log.error("Uncaught", exc_info=(kind, error or kind(), trace))
        self.caught.emit(error if error is not None else kind())

    def _on_caught(self, error: Exception) -> None:
        # One dialog at a time: a fault in painting would open hundreds.
        if self._showing:
            return
        self._showing = True
        try:
            self._show(error)
        finally:
            self._showing = False
