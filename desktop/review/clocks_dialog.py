"""The clocks of the cameras: for each what was found, what holds, and three answers."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop import wording
from desktop.dialogs import close_and, column
from desktop.review.clocks import ClocksController, found_text, state_text
from geotagger.errors import GeotaggerError, printable
from geotagger.library.clocks import ClockDecision, ClockKind, ClockRow
from geotagger.suggest.clock_course import Course
from geotagger.suggest.clock_words import camera_name, parsed, signed, typed


def _offer(row: ClockRow) -> str:
    """Return what the button says that corrects a clock as proposed."""
    if isinstance(row.proposed, Course):
        return "Apply as found"  # the sentence above says what
    return f"Apply {signed(row.proposed)}"


def _typed(row: ClockRow) -> str:
    """Return the correction that holds as it would be typed; a course cannot be."""
    return "" if isinstance(row.applied, Course) or not row.applied else typed(row.applied)


class ClocksDialog(QDialog):
    """Shows every camera of the open folder, album by album; answers hold at once."""

    def __init__(self, clocks: ClocksController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Clocks of the cameras")
        self.resize(720, 480)
        self._clocks = clocks
        self.cards: list[ClockCard] = []
        title = QLabel(
            "Where two cameras saw the same things, their times should agree. A correction only "
            "changes how suggestions read the times; no file is changed, and you can undo it.",
            wordWrap=True,
        )
        self._area = QScrollArea(widgetResizable=True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        buttons, _none = close_and(self)
        layout = column(self)
        layout.addWidget(title)
        layout.addWidget(self._area, 1)
        layout.addWidget(buttons)
        clocks.changed.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        rows = self._clocks.rows
        if [card.row for card in self.cards] == rows and self.cards:
            return
        kept = self._area.verticalScrollBar().value()
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 8, 0)
        layout.setSpacing(16)
        self.cards = []
        album = None
        for row in rows:
            if row.album != album:
                album = row.album
                heading = QLabel(printable(Path(album)))
                font = heading.font()
                font.setBold(True)
                heading.setFont(font)
                layout.addWidget(heading)
            card = ClockCard(row, self._clocks)
            self.cards.append(card)
            layout.addWidget(card)
        if not rows:
            layout.addWidget(QLabel("Open a folder with photos first."))
        layout.addStretch(1)
        before = self._area.takeWidget()
        if before is not None:
            before.deleteLater()  # a button of it may be what was just pressed
        self._area.setWidget(body)
        self._area.verticalScrollBar().setValue(kept)


class ClockCard(QWidget):
    """One camera: what was found and what holds; apply, leave, or set by hand."""

    def __init__(self, row: ClockRow, clocks: ClocksController) -> None:
        super().__init__()
        self.row = row
        self._clocks = clocks
        name = camera_name(row.camera)
        self.found = QLabel(found_text(row), wordWrap=True)
        self.state = QLabel(f"{state_text(row)} · {wording.photos(row.photos)}", wordWrap=True)
        self.apply = QPushButton(_offer(row))
        self.apply.setAccessibleName(f"Correct the clock of {name} as proposed")
        self.apply.setVisible(row.found is not None and row.found.matters)
        self.leave = QPushButton("Leave as it is")
        self.leave.setAccessibleName(f"Leave the clock of {name} as it is")
        self.hand = QLineEdit(_typed(row))
        self.hand.setPlaceholderText("+H:MM")
        self.hand.setMaximumWidth(120)
        self.hand.setAccessibleName(f"Hours and minutes to add to the clock of {name}")
        self.set = QPushButton("Set by hand")
        self.set.setAccessibleName(f"Set the correction of the clock of {name}")
        self.problem = QLabel(wordWrap=True)
        answers = QHBoxLayout()
        answers.setSpacing(8)
        for widget in (self.apply, self.leave, self.hand, self.set):
            answers.addWidget(widget)
        for button in (self.apply, self.leave, self.set):
            button.setAutoDefault(False)  # Enter in the text field sets what was typed
        answers.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.found)
        layout.addWidget(self.state)
        layout.addLayout(answers)
        layout.addWidget(self.problem)
        self.apply.setEnabled(row.decision != self._proposed())
        self.leave.setEnabled(row.decision != ClockDecision(ClockKind.LEAVE))
        self.apply.clicked.connect(lambda: clocks.decide(row, self._proposed()))
        self.leave.clicked.connect(lambda: clocks.decide(row, ClockDecision(ClockKind.LEAVE)))
        self.set.clicked.connect(self._set_by_hand)
        self.hand.returnPressed.connect(self._set_by_hand)
        self.hand.textChanged.connect(self._check)
        self._check(self.hand.text())

    def _proposed(self) -> ClockDecision:
        return ClockDecision.to_set(self.row.proposed)

    def _check(self, text: str) -> None:
        """Say what is wrong with what was typed, as it is typed."""
        problem = ""
        try:
            parsed(text)
        except GeotaggerError as error:
            problem = error.remedy or error.message
        self.set.setEnabled(not problem)
        self.problem.setText(problem if text.strip() else "")
        self.problem.setVisible(bool(problem and text.strip()))

    def _set_by_hand(self) -> None:
        if self.set.isEnabled():
            seconds = parsed(self.hand.text())
            self._clocks.decide(self.row, ClockDecision(ClockKind.SET, seconds))
