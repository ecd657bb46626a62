"""The dialogs of the review: coordinates, place search, accept all confident."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QDialog

from desktop import theme
from desktop.engine import Engine
from desktop.panes import Panes
from desktop.review.confident_dialog import ConfidentDialog
from desktop.review.controller import ReviewController
from desktop.review.place_dialogs import CoordinatesDialog, PlaceSearchDialog
from desktop.work import INTERACTIVE, Work
from geotagger.errors import GeotaggerError
from geotagger.library.rows import PhotoRow

_TOWN_ZOOM = 11.0


class ReviewDialogs(QObject):
    """Opens them over a window; one at a time."""

    failed = Signal(object)

    def __init__(
        self, engine: Engine, work: Work, review: ReviewController, window: QObject
    ) -> None:
        super().__init__(window)
        self._engine = engine
        self._work = work
        self._review = review
        self._window = window
        self.dialog: QDialog | None = None

    def type_coordinates(self) -> None:
        """Ask for coordinates and put the marker there."""
        now = self._review.proposal
        dialog = CoordinatesDialog(
            self._window, "" if now is None else f"{now.lat:.6f}, {now.lon:.6f}"
        )

        def placed() -> None:
            if dialog.place is not None:
                self._review.place_at(*dialog.place)
                self._panes().map.fly_to(*dialog.place)

        dialog.accepted.connect(placed)
        self._open(dialog)

    def search_place(self) -> None:
        """Ask for a place by name, show it, and put the marker there."""
        dialog = PlaceSearchDialog(self._engine, self._work, self._window)

        def found() -> None:
            place = dialog.chosen
            if place is not None:
                self._panes().map.fly_to(place.lat, place.lon, _TOWN_ZOOM)
                if self._review.placeable:
                    self._review.place_at(place.lat, place.lon, place.label)

        dialog.accepted.connect(found)
        self._open(dialog)

    def accept_confident(self, root: Path, album: str | None) -> None:
        """Show all confident suggestions and accept them on a yes."""

        def ask(rows: list[PhotoRow]) -> None:
            if not rows:
                self._review.said.emit("There is no confident suggestion.")
                return
            dark = theme.current().dark
            dialog = ConfidentDialog(rows, dark, self._window)
            ids = [row.id for row in rows]
            dialog.accepted.connect(lambda: self._review.accept_all(ids))
            self._open(dialog)

        def failed(error: Exception) -> None:
            if isinstance(error, GeotaggerError):
                self.failed.emit(error)
            else:
                self._work.failed_unheard.emit(error)

        self._work.latest(
            "confident",
            INTERACTIVE,
            lambda _context: self._engine.rows_of(self._engine.confident(root, album)),
            owner=self,
            done=ask,
            failed=failed,
        )

    def _panes(self) -> Panes:
        return self._window.panes  # type: ignore[attr-defined]

    def _open(self, dialog: QDialog) -> None:
        self.dialog = dialog
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setModal(True)
        dialog.finished.connect(lambda _code: self._panes().grid.setFocus())
        dialog.show()
