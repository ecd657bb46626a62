"""What may leave this computer, when, and what stays on it and where."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QWidget

from desktop import wording
from desktop.dialogs import close_and, column
from desktop.engine import Engine
from desktop.work import INTERACTIVE, Work
from geotagger.errors import printable
from geotagger.library.kept import Kept

_NAMES = 184
_PROMISE = (
    "No photo, no place and no name of a file ever leaves this computer. There are no statistics, "
    "no crash reports that send themselves and no search for updates."
)
_LEAVING = (
    (
        "Fetching a model",
        "When you press Install under Edit → Models…, and at no other time. The model hub, or the "
        "mirror that you name, is asked for the model by its name and learns your network address, "
        "as any website does; if you have set a token for the hub, it is sent along.",
    ),
)
_STAYING = (
    (
        "Map",
        "Drawn from outlines and names that came with the program; online maps are not offered.",
    ),
    ("Place names and search", "Looked up in a list that came with the program."),
    ("Looking at pictures", "A model runs here; pictures go into its memory and nowhere else."),
    ("Error reports", "Shown to you; they go where you paste them, and nowhere by themselves."),
)


class PrivacyDialog(QDialog):
    """The page that tells it all; nothing here has to be switched off."""

    def __init__(self, engine: Engine, work: Work, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Privacy")
        self.setMinimumWidth(680)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        self._add_heading("Leaves this computer only if you ask for it")
        for what, how in _LEAVING:
            self._add(what, how)
        self._add_heading("Never leaves this computer")
        for what, how in _STAYING:
            self._add(what, how)
        self._add_heading("Is kept on this computer")
        self.status = QLabel("Measuring…")
        self._grid.addWidget(self.status, self._grid.rowCount(), 0, 1, 2)
        layout = column(self)
        layout.setSpacing(16)
        layout.addWidget(_text(_PROMISE))
        layout.addLayout(self._grid)
        layout.addStretch(1)
        buttons, _ = close_and(self)
        layout.addWidget(buttons)
        work.latest(
            "kept",
            INTERACTIVE,
            lambda _context: engine.kept(),
            owner=self,
            done=self._show,
        )

    def _show(self, kept: list[Kept]) -> None:
        self.status.hide()
        for one in kept:
            self._add(one.what, f"{wording.size(one.size)} in {printable(one.path)}")
        self.adjustSize()

    def _add_heading(self, text: str) -> None:
        heading = QLabel(text)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        heading.setContentsMargins(0, 8, 0, 0)
        self._grid.addWidget(heading, self._grid.rowCount(), 0, 1, 2)

    def _add(self, what: str, how: str) -> None:
        row = self._grid.rowCount()
        name, text = _text(what), _text(how)
        name.setAlignment(Qt.AlignmentFlag.AlignTop)
        name.setFixedWidth(_NAMES)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        text.setAccessibleName(f"{what}: {how}")
        self._grid.addWidget(name, row, 0)
        self._grid.addWidget(text, row, 1)


def _text(words: str) -> QLabel:
    label = QLabel(words, wordWrap=True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
