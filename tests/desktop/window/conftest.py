"""Real windows on real folders: opened and closed by the tests, with no fault left unheard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.starting import open_window, start
from desktop.window import MainWindow
from geotagger.library.rows import PhotoRow, PhotoState
from tests.support.albums import make_album

LONG = 180_000


class Desk:
    """Opens main windows on one catalog and works them with keys."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot = qtbot
        self.catalog = folder / "catalog" / "catalog.sqlite"
        self.faults: list[Exception] = []
        self.windows: list[MainWindow] = []

    def open(self, folder: Path | None = None, *, wait: bool = True) -> MainWindow:
        """Open a window as the program does; wait until it has scanned and analysed."""
        window = open_window(self.catalog)
        self.windows.append(window)
        window.work.failed_unheard.connect(self.faults.append)
        window.panes.map.script_error.connect(lambda text: self.faults.append(RuntimeError(text)))
        window.panes.map.set_reduced_motion(True)
        with self.qtbot.waitExposed(window):
            window.show()
        window.activateWindow()
        self.qtbot.waitUntil(window.isActiveWindow)
        if wait:
            with self.qtbot.waitSignal(window.library.settled, timeout=LONG):
                start(window, folder)
            self.shown(window)
        else:
            start(window, folder)
        return window

    def shown(self, window: MainWindow) -> None:
        """Wait until the window shows the catalog as it is."""

        def current() -> bool:
            snapshot, query = window.library.snapshot, window.library.query
            if snapshot is None or query is None or snapshot.query != query:
                return False
            return snapshot.all_counts == window.engine.listing(query.root).counts()

        self.qtbot.waitUntil(current, timeout=LONG)

    def close(self, window: MainWindow) -> None:
        """Close a window, which ends all its work."""
        self.windows.remove(window)
        window.close()
        shiboken6.delete(window)

    def key(
        self, window: MainWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier | None = None
    ) -> None:
        """Press a key where the focus is; shortcuts want their window to be the active one."""
        if QApplication.activeWindow() is None:  # without a window system nobody does it
            window.activateWindow()
            self.qtbot.waitUntil(window.isActiveWindow, timeout=LONG)
        target = QApplication.focusWidget() or window
        self.qtbot.keyClick(target, key, modifiers or Qt.KeyboardModifier.NoModifier)

    def go_to(self, window: MainWindow, name: str) -> PhotoRow:
        """Make a photo the current one and wait until it is under review."""
        row = self.row(window, name)
        window.panes.grid.setFocus()
        assert window.panes.grid.go_to_photo(row.id)
        self.under_review(window, name)
        return row

    def under_review(self, window: MainWindow, name: str) -> None:
        """Wait until a photo is the one under review."""

        def there() -> bool:
            current, details = window.panes.grid.current_photo(), window.review.details
            return (
                current is not None
                and current.name == name
                and details is not None
                and details.row.name == name
            )

        self.qtbot.waitUntil(there, timeout=LONG)

    def row(self, window: MainWindow, name: str) -> PhotoRow:
        """Return a photo as the grid has it."""
        return next(row for row in window.panes.model.photos if row.name == name)

    def state(self, window: MainWindow, name: str, state: PhotoState) -> None:
        """Wait until the grid shows a photo in a state."""
        self.qtbot.waitUntil(lambda: self.row(window, name).state is state, timeout=LONG)

    def dialog(self, get: Callable[[], QWidget | None], kind: type) -> QWidget:
        """Wait until a dialog of a kind is open and return it."""
        self.qtbot.waitUntil(lambda: isinstance(get(), kind) and get().isVisible(), timeout=LONG)
        return get()


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("GEOTAGGER_MODELS", str(tmp_path / "models"))
    # The built-in model would look at every photo, in a process that first loads its libraries.
    monkeypatch.setenv("GEOTAGGER_MODEL", "none")
    made = Desk(qtbot, tmp_path)
    yield made
    for window in list(made.windows):
        made.close(window)
    assert made.faults == []


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder of eighteen photos around Lisbon, eight of them with GPS."""
    folder = tmp_path / "photos" / "Lisbon"
    make_album(folder, size=(320, 240))
    return folder
