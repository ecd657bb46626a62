"""Saying a place in words or numbers: offline place search, and coordinates in any notation."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QWidget,
)

from desktop import theme
from desktop.dialogs import cancel_and, column
from desktop.engine import Engine
from desktop.work import INTERACTIVE, Context, Work
from geotagger.earth import coordinates
from geotagger.earth.places import ATTRIBUTION
from geotagger.errors import GeotaggerError
from geotagger.library.used_places import UsedPlace

_SEARCH_AFTER_MS = 80
_STAR, _NO_STAR = "★", "\u2003"
_KEEP, _KEEP_NO_MORE = "Keep as favourite", "No favourite any more"
_USED = "Favourites, and places of late. Type a name to search all places."
_NONE_USED = "Type a name to search all places; those that you use are listed here later."


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
    """Finds places by name while one types, offline; before that it lists those used already.

    `chosen` is the place that was taken.
    """

    def __init__(self, engine: Engine, work: Work, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Search a place")
        self.chosen: UsedPlace | None = None
        self._engine = engine
        self._work = work
        self._found: list[UsedPlace] = []
        self.edit = QLineEdit()
        self.edit.setPlaceholderText("City, quarter or village")
        self.edit.setAccessibleName("Name of a place")
        self.edit.setClearButtonEnabled(True)
        self.results = QListWidget()
        self.results.setAccessibleName("Places")
        self.results.setMinimumHeight(240)
        self.answer = QLabel(ATTRIBUTION, wordWrap=True)
        soft = self.palette()
        soft.setColor(soft.ColorRole.WindowText, theme.colours(soft).secondary)
        self.answer.setPalette(soft)
        self.favourite = QPushButton(_KEEP)
        self.favourite.setAutoDefault(False)
        self.buttons, self.ok = cancel_and(self, "Go there")
        self.buttons.addButton(self.favourite, QDialogButtonBox.ButtonRole.ActionRole)
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
        self.favourite.clicked.connect(self._keep)
        self._choose(-1)
        self._start()

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

    def _start(self, chosen: UsedPlace | None = None) -> None:
        text = self.edit.text().strip()

        def function(_context: Context) -> list[UsedPlace]:
            used = self._engine.used_places()
            if not text:
                return used
            kept = [one for one in used if one.favourite]
            found = (
                UsedPlace(place.label, place.lat, place.lon)
                for place in self._engine.search_places(text)
            )
            return [next((two for two in kept if two.is_near(one)), one) for one in found]

        self._work.latest(
            "search",
            INTERACTIVE,
            function,
            owner=self,
            done=lambda places: self._show(text, places, chosen),
        )

    def _show(self, text: str, places: list[UsedPlace], chosen: UsedPlace | None) -> None:
        self._found = places
        self.results.clear()
        for place in places:
            item = QListWidgetItem(f"{_STAR if place.favourite else _NO_STAR} {place.label}")
            if place.favourite:
                item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{place.label}, favourite")
            else:
                item.setData(Qt.ItemDataRole.AccessibleTextRole, place.label)
            self.results.addItem(item)
        if places or not text:
            self.answer.setText(ATTRIBUTION if text else _USED if places else _NONE_USED)
        else:
            self.answer.setText("No place of this name is known.")
        rows = [at for at, one in enumerate(places) if chosen is not None and one.is_near(chosen)]
        # What was used before is offered, not taken: Enter in an empty field goes nowhere.
        first = 0 if places and text else -1
        self.results.setCurrentRow(rows[0] if rows else first)
        self._choose(self.results.currentRow())

    def _choose(self, row: int) -> None:
        self.chosen = self._found[row] if 0 <= row < len(self._found) else None
        self.ok.setEnabled(self.chosen is not None)
        self.favourite.setEnabled(self.chosen is not None)
        kept = self.chosen is not None and self.chosen.favourite
        self.favourite.setText(_KEEP_NO_MORE if kept else _KEEP)

    def _keep(self) -> None:
        place = self.chosen
        if place is None:
            return

        def failed(error: Exception) -> None:
            if isinstance(error, GeotaggerError):
                self.answer.setText(str(error))
            else:
                self._work.failed_unheard.emit(error)

        self._work.start(
            INTERACTIVE,
            lambda _context: self._engine.keep_favourite(place, not place.favourite),
            name="favourite",
            owner=self,
            done=lambda _: self._start(place),
            failed=failed,
        )
