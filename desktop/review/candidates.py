"""The candidates of the current photo: place, probability, radius, reasons, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QFont, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop import theme, wording
from desktop.bars import Bar
from desktop.review.photo_view import sign_pixmap
from desktop.review.proposal import Proposal, Source, placeable
from geotagger.library.disagreements import disagreement
from geotagger.library.rows import PhotoDetails, PhotoState
from geotagger.suggest.types import Candidate

MOST = 5
_NO_ANCHOR = (
    "No photo near it has GPS, so there is nothing to start from. Place one photo by hand: click "
    "the map, press G to type coordinates or / to search a place. The others then follow."
)


class CandidateCard(QFrame):
    """One candidate; a click chooses it."""

    chosen = Signal(int)
    accepted = Signal(int)

    def __init__(self, index: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index = index
        self._marked = False
        self.number = QLabel(str(index + 1), alignment=Qt.AlignmentFlag.AlignCenter)
        self.place = QLabel()
        self.place.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        _weigh(self.place)
        _weigh(self.number)
        self.number.setFixedWidth(16)
        self.probability = QLabel(alignment=Qt.AlignmentFlag.AlignRight)
        self.probability.setMinimumWidth(48)
        self.radius = QLabel(alignment=Qt.AlignmentFlag.AlignRight)
        self.radius.setMinimumWidth(72)
        self.bar = Bar()
        self.reasons = QLabel(wordWrap=True)
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 8, 8, 8)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.addWidget(self.number, 0, 0)
        grid.addWidget(self.place, 0, 1)
        grid.addWidget(self.probability, 0, 2)
        grid.addWidget(self.radius, 0, 3)
        grid.addWidget(self.bar, 1, 1, 1, 3)
        grid.addWidget(self.reasons, 2, 1, 1, 3)
        grid.setColumnStretch(1, 1)

    def show_candidate(self, candidate: Candidate) -> None:
        """Fill the card."""
        place = candidate.place or f"{candidate.lat:.4f}, {candidate.lon:.4f}"
        self.place.setText(place)
        self.place.setToolTip(f"{place}\n{candidate.lat:.5f}, {candidate.lon:.5f}")
        self.probability.setText(wording.percent(candidate.probability))
        self.radius.setText(wording.radius(candidate.radius_m))
        self.bar.set_value(candidate.probability)
        self.reasons.setText("\n".join(candidate.reasons))
        self.reasons.setVisible(bool(candidate.reasons))
        soft = QApplication.palette()
        soft.setColor(soft.ColorRole.WindowText, theme.current().secondary)
        self.reasons.setPalette(soft)
        self.setAccessibleName(
            f"Candidate {self.index + 1}: {place}, {self.probability.text()}, "
            f"{self.radius.text()}. {'; '.join(candidate.reasons)}"
        )

    def mark(self, chosen: bool) -> None:
        """Show whether this is the one that Enter accepts."""
        self._marked = chosen
        self.update()

    @property
    def marked(self) -> bool:
        """Whether Enter accepts this one."""
        return self._marked

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit(self.index)
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.accepted.emit(self.index)
        event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._marked:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            accent = theme.colours(self.palette()).accent
            painter.setPen(accent)
            fill = type(accent)(accent)
            fill.setAlpha(28)
            painter.setBrush(fill)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        super().paintEvent(event)


class CandidatePanel(QWidget):
    """All candidates with the state of the photo above and the buttons below."""

    chosen = Signal(int)
    accept = Signal()
    reject = Signal()
    later = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Candidates")
        self._details: PhotoDetails | None = None
        self._doubts: Mapping[int, str] = {}
        self.sign = QLabel()
        self.sign.setFixedSize(16, 16)
        self.state = QLabel()
        _weigh(self.state)
        self.text = QLabel(wordWrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.disagreement = QLabel(wordWrap=True)
        self.cards = [CandidateCard(index) for index in range(MOST)]
        self.accept_button = QPushButton("Accept  ↵")
        self.reject_button = QPushButton("Reject  ⌫")
        self.later_button = QPushButton("Later  L")
        self.accept_button.setToolTip("Accept the chosen place and go on (Enter)")
        self.reject_button.setToolTip("None of these places (Backspace)")
        self.later_button.setToolTip("Leave the photo for later (L)")
        for button, name in (
            (self.accept_button, "Accept"),
            (self.reject_button, "Reject"),
            (self.later_button, "Later"),
        ):
            button.setAccessibleName(name)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.accept_button.clicked.connect(self.accept)
        self.reject_button.clicked.connect(self.reject)
        self.later_button.clicked.connect(self.later)
        self._lay_out()
        for card in self.cards:
            card.chosen.connect(self.chosen)
            card.accepted.connect(lambda _index: self.accept.emit())
        self.show_details(None)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.sign)
        head.addWidget(self.state, 1)
        inner = QWidget()
        stack = QVBoxLayout(inner)
        stack.setContentsMargins(8, 0, 8, 0)
        stack.setSpacing(4)
        stack.addWidget(self.text)
        stack.addWidget(self.disagreement)
        for card in self.cards:
            stack.addWidget(card)
        stack.addStretch(1)
        self.scroll = QScrollArea(widgetResizable=True)
        self.scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroll.setWidget(inner)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(8, 0, 8, 0)
        buttons.setSpacing(8)
        buttons.addWidget(self.accept_button, 2)
        buttons.addWidget(self.reject_button, 1)
        buttons.addWidget(self.later_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        head.setContentsMargins(8, 0, 8, 0)
        layout.addLayout(head)
        layout.addWidget(self.scroll, 1)
        layout.addLayout(buttons)

    def show_details(self, details: PhotoDetails | None) -> None:
        """Show the candidates of a photo."""
        self._details = details
        candidates = () if details is None else details.candidates[:MOST]
        shown = details is not None and placeable(details)
        for card in self.cards:
            card.setVisible(shown and card.index < len(candidates))
            card.mark(False)
            if card.index < len(candidates):
                card.show_candidate(candidates[card.index])
        self.state.setText("" if details is None else _state(details))
        self._show_disagreement()
        soft = QApplication.palette()
        soft.setColor(soft.ColorRole.WindowText, theme.current().secondary)
        self.disagreement.setPalette(soft)
        self.sign.setVisible(details is not None)
        if details is not None:
            self.sign.setPixmap(sign_pixmap(details.row.state, self))
        for button in (self.accept_button, self.reject_button, self.later_button):
            button.setEnabled(shown)
        self._explain(None)

    def show_doubts(self, doubts: Mapping[int, str]) -> None:
        """Tell from now on whose GPS disagrees with its neighbours: a sentence by photo."""
        self._doubts = doubts
        self._show_disagreement()

    def _show_disagreement(self) -> None:
        details = self._details
        told = []
        if details is not None:
            told = [self._doubts.get(details.row.id, ""), disagreement(details.record)]
        differs = "\n".join(one for one in told if one)
        self.disagreement.setText(differs)
        self.disagreement.setVisible(bool(differs))

    def show_proposal(self, proposal: Proposal | None) -> None:
        """Mark the candidate that Enter accepts, or say what else it accepts."""
        for card in self.cards:
            card.mark(
                proposal is not None
                and proposal.source is Source.CANDIDATE
                and proposal.index == card.index
            )
        shown = self._details is not None and placeable(self._details)
        self.accept_button.setEnabled(shown and proposal is not None)
        self._explain(proposal)

    def _explain(self, proposal: Proposal | None) -> None:
        text = "" if self._details is None else _explained(self._details, proposal)
        self.text.setText(text)
        self.text.setVisible(bool(text))


def _state(details: PhotoDetails) -> str:
    """Return the state in words; with one place only, ambiguous is how exactly it is known."""
    if details.row.state is PhotoState.AMBIGUOUS and len(details.candidates) == 1:
        return "Only the area is known"
    return wording.STATE_TEXT[details.row.state]


def _explained(details: PhotoDetails, proposal: Proposal | None) -> str:
    row = details.row
    if proposal is not None and proposal.source is Source.BY_HAND:
        where = proposal.place or "a place without a name"
        return (
            f"Placed by hand: {where} ({proposal.lat:.5f}, {proposal.lon:.5f}). Enter accepts it."
        )
    if row.state in {PhotoState.ACCEPTED, PhotoState.WRITTEN, PhotoState.HAS_GPS}:
        return wording.joined(
            row.place, _coordinates(row.lat, row.lon), wording.radius(row.radius_m)
        )
    if row.state is PhotoState.FAILED:
        return row.error
    if row.state is PhotoState.UNREADABLE:
        return row.error or "This file cannot be read."
    if row.state is PhotoState.MISSING:
        return "The file was there at an earlier scan and is not now. Its decision is kept."
    if row.state is PhotoState.EXCLUDED:
        return "Screenshots and scans get no suggestion; you can still place this one by hand."
    if row.state is PhotoState.PENDING:
        return "Its suggestion arrives when the analysis comes to its album."
    if not details.candidates:
        return _NO_ANCHOR
    return ""


def _coordinates(lat: float | None, lon: float | None) -> str:
    return "" if lat is None or lon is None else f"{lat:.5f}, {lon:.5f}"


def _weigh(label: QLabel) -> None:
    font = QFont(label.font())
    font.setWeight(QFont.Weight.DemiBold)
    label.setFont(font)
