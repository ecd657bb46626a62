"""What stands in place of the grid when there is nothing in it, and the quiet bar above it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop import wording
from desktop.library.activity import Activity, Phase
from desktop.library.snapshot import Snapshot
from geotagger.errors import printable


class EmptyState(QWidget):
    """One sentence and one button, in the middle."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        font = QFont(self.title.font())
        font.setPointSizeF(font.pointSizeF() * 1.25)
        self.title.setFont(font)
        self.text = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.button = QPushButton()
        self._action: Callable[[], object] | None = None
        self.button.clicked.connect(lambda: self._action and self._action())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(48, 16, 48, 16)
        layout.setSpacing(16)
        layout.addStretch(2)
        layout.addWidget(self.title)
        layout.addWidget(self.text)
        layout.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(3)

    def say(self, title: str, text: str, button: str, action: Callable[[], object] | None) -> None:
        """Show a title, a sentence, and a button if there is something to do."""
        self.title.setText(title)
        self.text.setText(text)
        self.text.setVisible(bool(text))
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self._action = action


class Banner(QFrame):
    """A quiet line with one button that can be put away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAutoFillBackground(True)
        self.text = QLabel(wordWrap=True)
        self.button = QPushButton()
        self.close_button = QToolButton(text="✕", autoRaise=True)
        self.close_button.setAccessibleName("Put this notice away")
        self.close_button.clicked.connect(self._dismiss)
        self._action: Callable[[], object] | None = None
        self._said = ""
        self._dismissed: set[str] = set()
        self.button.clicked.connect(lambda: self._action and self._action())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 8, 8, 8)
        layout.setSpacing(16)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.button)
        layout.addWidget(self.close_button)
        self.hide()

    def say(self, text: str, button: str = "", action: Callable[[], object] | None = None) -> None:
        """Show a line unless it was put away before; an empty one hides the bar."""
        self._said = text
        self.text.setText(text)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self._action = action
        self.setVisible(bool(text) and text not in self._dismissed)

    def _dismiss(self) -> None:
        self._dismissed.add(self._said)
        self.hide()


def describe_empty(
    state: EmptyState,
    snapshot: Snapshot | None,
    activity: Activity,
    *,
    open_folder: Callable[[], object],
    show_all: Callable[[], object],
) -> bool:
    """Say why the grid is empty; return False if it is not."""
    if snapshot is None:
        if activity.phase is Phase.IDLE:
            state.say(
                "Open a folder of photos",
                "You see on a map where each photo was probably taken, and say yes with one key. "
                "Nothing leaves this computer.",
                "Open folder…",
                open_folder,
            )
        else:
            state.say("Reading the folder", "", "", None)
        return True
    if snapshot.rows:
        return False
    query = snapshot.query
    if not snapshot.empty:
        state.say(
            "No photo matches",
            f"{wording.photos(wording.total(snapshot.all_counts))} of this folder "
            "are hidden by the filter, the album or the search.",
            "Show all photos",
            show_all,
        )
    elif activity.phase is Phase.SCANNING:
        state.say("Reading the folder", "Photos appear here as they are found.", "", None)
    else:
        state.say(
            "No photos in this folder",
            f"{printable(query.root)} holds no photo that can be read: JPEG, HEIC, AVIF, TIFF, "
            "PNG, WebP or RAW.",
            "Open another folder…",
            open_folder,
        )
    return True
