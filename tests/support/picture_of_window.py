"""Take the picture of the window that the README shows, on drawn photos.

``QT_QPA_PLATFORM=offscreen .venv/bin/python -m tests.support.picture_of_window OUT.png [--dark]``
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import shiboken6
from PySide6 import QtWebEngineWidgets  # noqa: F401 - must be there before the application
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from desktop import theme
from desktop.map.scheme import prepare_environment, register_scheme
from desktop.starting import open_window, start
from desktop.window import MainWindow
from tests.support.albums import make_album

_WAIT_MS = 60_000
_SIZE = (1280, 800)
_SHOWN = "DSC_0103.jpg"


def main() -> None:
    """Make the album, open the window, choose a photo, save the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="geotagger-picture-"))
    try:
        make_album(folder / "Photos" / "Lisbon 2022", size=(1200, 900))
        _take(folder, options.out, options.dark)
    finally:
        shutil.rmtree(folder)


def _take(folder: Path, out: Path, dark: bool) -> None:
    prepare_environment()
    register_scheme()
    application = QApplication([])
    window = open_window(folder / "catalog.sqlite")
    window.settings.theme = theme.DARK if dark else theme.LIGHT
    window.apply_theme()
    window.panes.map.set_reduced_motion(True)
    window.resize(*_SIZE)
    window.show()
    loop = QEventLoop()
    window.library.settled.connect(loop.quit)
    QTimer.singleShot(_WAIT_MS, loop.quit)
    start(window, folder / "Photos")
    loop.exec()
    _let_it_draw(application, 3000)
    row = next(row for row in _rows(window) if row.name == _SHOWN)
    window.panes.grid.setFocus()
    window.panes.grid.go_to_photo(row.id)
    _let_it_draw(application, 3000)
    out.parent.mkdir(parents=True, exist_ok=True)
    if not window.grab().save(str(out)):
        raise SystemExit(f"{out} cannot be written")
    window.close()
    shiboken6.delete(window)  # the page before its profile, both before the application


def _rows(window: MainWindow) -> list:
    snapshot = window.library.snapshot
    assert snapshot is not None
    return list(snapshot.rows)


def _let_it_draw(application: QApplication, milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
    application.processEvents()


if __name__ == "__main__":
    main()
