"""Saying a place in words or numbers: offline place search, and coordinates in any notation."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from desktop import theme
from desktop.dialogs import cancel_and, column
from desktop.work import INTERACTIVE, Work
from geotagger.earth import coordinates
from geotagger.earth.places import ATTRIBUTION, Place

_SEARCH_AFTER_MS = 80


class CoordinatesDialog(QDialog):
    """Takes coordinates as people write them; `place` is what was typed."""

    def __init__(self, parent: QWidget | None = None, text: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle("Type coordinates")
        self.place: tuple[float, float] | None = None
        self.edit = QLineEdit(text)
        self.edit.setPlaceholderText("38.7139, -9.1394")
        self.edit.setAccessibleName("Coordinates")
        self.edit.selectAll()
        hint = QLabel(
            "Decimal or degrees, minutes and seconds, with or without N, S, E, W; "
            "a geo: address or a link of a map works too.",
            wordWrap=True,
        )
        self.answer = QLabel(wordWrap=True)
        self.answer.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        self.buttons, self.ok = cancel_and(self, "Place here")
        self.setMinimumWidth(480)
        layout = column(self)
        for widget in (hint, self.edit, self.answer, self.buttons):
            layout.addWidget(widget)
        self.edit.textChanged.connect(self._read)
        self._read(text)
        self.edit.setFocus()

    def _read(self, text: str) -> None:
        self.place, said = None, ""
        if text.strip():
            try:
                self.place = coordinates.parse(text)
                said = coordinates.format_degrees(*self.place)
            except ValueError as error:
                said = str(error)
        self.answer.setText(said)
        self.ok.setEnabled(self.place is not None)


class PlaceSearchDialog(QDialog):
    """Finds places by name while one types, offline; `chosen` is the place that was taken."""

    def __init__(
        self, search: Callable[[str], list[Place]], work: Work, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Search a place")
        self.chosen: Place | None = None
        self._search = search
        self._work = work
        self._found: list[Place] = []
        self.edit = QLineEdit()
        self.edit.setPlaceholderText("City, quarter or village")
        self.edit.setAccessibleName("Name of a place")
        self.edit.setClearButtonEnabled(True)
        self.results = QListWidget()
        self.results.setAccessibleName("Places found")
        self.results.setMinimumHeight(240)
        self.answer = QLabel(ATTRIBUTION)
        soft = self.palette()
        soft.setColor(soft.ColorRole.WindowText, theme.colours(soft).secondary)
        self.answer.setPalette(soft)
        self.buttons, self.ok = cancel_and(self, "Go there")
        self.ok.setEnabled(False)
        self.setMinimumWidth(480)
        layout = column(self)
        for widget in (self.edit, self.results, self.answer, self.buttons):
            layout.addWidget(widget)
        self._later = QTimer(self, singleShot=True, interval=_SEARCH_AFTER_MS)
        self._later.timeout.connect(self._start)
        self.edit.textChanged.connect(lambda _text: self._later.start())
        self.edit.setFocus()
        self.edit.installEventFilter(self)
        self.results.currentRowChanged.connect(self._choose)
        self.results.itemActivated.connect(lambda _item: self.accept())

    def accept(self) -> None:
        if self.chosen is not None:
            super().accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and down in the text move in the list."""
        if (
            watched is self.edit
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down)
        ):
            step = 1 if event.key() == Qt.Key.Key_Down else -1
            row = self.results.currentRow() + step
            self.results.setCurrentRow(max(0, min(self.results.count() - 1, row)))
            return True
        return super().eventFilter(watched, event)

    def _start(self) -> None:
        text = self.edit.text().strip()
        if not text:
            self._show([])
            return
        self._work.latest(
            "search",
            INTERACTIVE,
            lambda _context: self._search(text),
            owner=self,
            done=self._show,
        )

    def _show(self, places: list[Place]) -> None:
        self._found = places
        self.results.clear()
        for place in places:
            item = QListWidgetItem(place.label, self.results)
            if place.population:
                item.setToolTip(f"{place.population:,} inhabitants")
        nothing = not places and bool(self.edit.text().strip())
        self.answer.setText("No place of this name is known." if nothing else ATTRIBUTION)
        self.results.setCurrentRow(0 if places else -1)
        self._choose(self.results.currentRow())

    def _choose(self, row: int) -> None:
        self.chosen = self._found[row] if 0 <= row < len(self._found) else None
        self.ok.setEnabled(self.chosen is not None)
