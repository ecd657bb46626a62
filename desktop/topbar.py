"""The bar at the top: open, what goes on in the background, search, write."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop import wording
from desktop.bars import Bar
from desktop.library.activity import Activity, Phase

_SEARCH_AFTER_MS = 200


class ActivityBar(QWidget):
    """A line of words over a thin bar, with pause and stop."""

    paused = Signal()
    resumed = Signal()
    stopped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLabel()
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        # Not a QProgressBar: that paints the whole window anew, at once, for every step.
        self.bar = Bar()
        self.bar.setAccessibleName("Progress")
        self.pause_button = QToolButton(autoRaise=True)
        self.stop_button = QToolButton(autoRaise=True, text="Stop")
        self.stop_button.setToolTip("Stop; what was found so far stays (Ctrl+.)")
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self.text)
        column.addWidget(self.bar)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(column, 1)
        layout.addWidget(self.pause_button)
        layout.addWidget(self.stop_button)
        self.pause_button.clicked.connect(self._pause)
        self.stop_button.clicked.connect(self.stopped)
        self._phase = Phase.IDLE
        self.show_activity(Activity())

    def show_activity(self, activity: Activity) -> None:
        """Show what goes on; nothing when idle."""
        self._phase = activity.phase
        working = activity.phase is not Phase.IDLE
        for widget in (self.text, self.bar, self.pause_button, self.stop_button):
            widget.setVisible(working)
        self.text.setText(activity.text)
        self.text.setToolTip(activity.text)
        paused = activity.phase is Phase.PAUSED
        self.pause_button.setText("Resume" if paused else "Pause")
        self.bar.set_value(activity.done / activity.total if activity.total else 0.0)

    def _pause(self) -> None:
        (self.resumed if self._phase is Phase.PAUSED else self.paused).emit()


class TopBar(QWidget):
    """Buttons for the first and the last thing one does, and what lies between."""

    open_asked = Signal()
    write_asked = Signal()
    search_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.open_button = QPushButton("Open folder…")
        self.activity = ActivityBar()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Place, name, camera, date")
        self.search.setAccessibleName("Search photos")
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(200)
        self.search.setMaximumWidth(320)
        self.write_button = QPushButton("Write…")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(16)
        layout.addWidget(self.open_button)
        layout.addWidget(self.activity, 2)
        layout.addWidget(self.search, 1)
        layout.addWidget(self.write_button)
        self._later = QTimer(self, singleShot=True, interval=_SEARCH_AFTER_MS)
        self._later.timeout.connect(lambda: self.search_changed.emit(self.search.text().strip()))
        self.search.textChanged.connect(lambda _text: self._later.start())
        self.open_button.clicked.connect(self.open_asked)
        self.write_button.clicked.connect(self.write_asked)
        self.open_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.write_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.show_accepted(0)

    def show_accepted(self, count: int) -> None:
        """Say on the button how many photos wait to be written."""
        self.write_button.setText(f"Write {wording.photos(count)}…" if count else "Write…")
        self.write_button.setEnabled(bool(count))
