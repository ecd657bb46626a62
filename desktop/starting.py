"""From the command line to the open window, and what is told when that fails."""

from __future__ import annotations

import faulthandler
import gc
import logging
import signal
import sys
from pathlib import Path

import shiboken6
from PySide6 import QtWebEngineWidgets  # noqa: F401 - must be there before the application
from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtWidgets import QApplication

from desktop import theme, wording
from desktop.engine import Engine
from desktop.errors import ErrorDialog, FaultCatcher, dialog_for
from desktop.map.scheme import prepare_environment, register_scheme
from desktop.settings.store import Settings
from desktop.window import MainWindow
from desktop.work import GENERAL, SAVING, Work
from geotagger.errors import CatalogError, GeotaggerError, printable
from geotagger.library.catalog import Catalog
from geotagger.library.journal import Recovered


def run(folder: Path | None, catalog_path: Path | None) -> int:
    """Run the application until its window is closed; return the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # Qt's loop would not hear Ctrl+C in the terminal; all that is on disk stands an abrupt end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.stderr is not None:
        faulthandler.enable()
    # Background threads give way to the window after one millisecond instead of five.
    sys.setswitchinterval(0.001)
    prepare_environment()
    register_scheme()
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Photo Geotagger")
    application.setDesktopFileName("photo-geotagger")
    theme.apply(application, theme.SYSTEM)
    try:
        window = open_window(catalog_path)
    except GeotaggerError as error:
        dialog_for(error).exec()
        return 1
    catcher = FaultCatcher(window.show_error, application)
    catcher.install()
    window.work.failed_unheard.connect(window.show_error)
    window.show()
    # What the start made stays. To look through it for garbage again and again costs a renewal of
    # suggestions 60 ms now and then.
    gc.freeze()
    start(window, folder)
    code = application.exec()
    # The map's page has to go before its profile, and both before the application.
    shiboken6.delete(window)
    return code


def open_window(catalog_path: Path | None) -> MainWindow:
    """Open the catalog and make the window on it.

    Raises
    ------
    GeotaggerError
        The catalog cannot be opened; the error says why and what to do.
    """
    catalog = Catalog.open(catalog_path)
    settings = Settings(settings_store(catalog))
    engine = Engine(catalog)
    engine.device = settings.device
    return MainWindow(engine, Work(on_thread_end=catalog.release), settings)


def settings_store(catalog: Catalog) -> QSettings:
    """Return where the window's settings lie: beside the catalog they belong to."""
    name = catalog.path.name + ".window.ini"
    return QSettings(str(catalog.path.with_name(name)), QSettings.Format.IniFormat)


def start(window: MainWindow, folder: Path | None) -> None:
    """Mend what a crash left, then open the given folder, or that of last time."""

    def opened() -> None:
        last = window.settings.last_folder
        if folder is not None:
            window.open_folder(Path(folder).absolute())
        elif last is not None and last.is_dir():
            window.open_folder(last)

    def recovered(found: list[Recovered]) -> None:
        if found:
            recovery_dialog(found, window).show()
        opened()

    def failed(error: Exception) -> None:
        window.show_error(error)
        opened()

    window.work.start(
        SAVING,
        lambda _context: window.engine.recover(),
        name="recover",
        done=recovered,
        failed=failed,
        owner=window,
    )
    # A backup that cannot be made is told, but does not keep anyone from working.
    window.work.start(
        GENERAL,
        lambda _context: window.engine.back_up(),
        name="back up",
        failed=lambda error: _told_quietly(window, error),
        owner=window,
    )


def recovery_dialog(found: list[Recovered], window: MainWindow) -> ErrorDialog:
    """Return the dialog that says what was mended after a crash."""
    lines = [f"{printable(one.path)}: {_outcome(one)}" for one in found[:20]]
    if len(found) > 20:
        lines.append(f"… and {len(found) - 20:,} more")
    dialog = ErrorDialog(
        "The last write was interrupted",
        f"{wording.files(len(found))} had been left half-way:",
        where="\n".join(lines),
        parent=window,
    )
    dialog.setWindowModality(Qt.WindowModality.NonModal)
    return dialog


def _outcome(one: Recovered) -> str:
    if one.outcome == "unclear":
        return f"left as it is. {one.message}".strip()
    return {
        "finished": "the write had reached the file and is complete",
        "rolled back": "the file is as it was before",
    }[one.outcome]


def _told_quietly(window: MainWindow, error: Exception) -> None:
    if isinstance(error, CatalogError):
        QTimer.singleShot(0, window, lambda: window.statusBar().showMessage(str(error), 15_000))
    else:
        window.work.failed_unheard.emit(error)
