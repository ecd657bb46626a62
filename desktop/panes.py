"""The panes of the window and how they are laid out; what they do is elsewhere."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from desktop.engine import Engine
from desktop.library.grid import PhotoGrid
from desktop.library.model import PhotoModel
from desktop.library.notices import Banner, EmptyState
from desktop.library.panel import LibraryPanel
from desktop.library.thumbs import ThumbnailLoader
from desktop.map.view import MapView
from desktop.review.candidates import CandidatePanel
from desktop.review.photo_view import PhotoView
from desktop.settings.store import Settings
from desktop.topbar import TopBar
from desktop.work import Work


class Panes(QWidget):
    """Top bar; albums and filters, grid and photo, map and candidates, with splitters between."""

    def __init__(self, engine: Engine, work: Work, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.top = TopBar()
        self.library = LibraryPanel()
        self.banner = Banner()
        self.empty = EmptyState()
        self.thumbnails = ThumbnailLoader(engine.jpeg, work, self)
        self.model = PhotoModel(self)
        self.grid = PhotoGrid(self.model, self.thumbnails)
        self.photo = PhotoView(engine.jpeg, self.thumbnails.get, work)
        self.map = MapView()
        self.candidates = CandidatePanel()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.grid)
        self.upper = QWidget()
        upper = QVBoxLayout(self.upper)
        upper.setContentsMargins(0, 0, 0, 0)
        upper.setSpacing(0)
        upper.addWidget(self.banner)
        upper.addWidget(self.stack, 1)
        self.middle = _splitter(Qt.Orientation.Vertical, (self.upper, self.photo), (420, 320))
        self.right = _splitter(Qt.Orientation.Vertical, (self.map, self.candidates), (420, 320))
        self.columns = _splitter(
            Qt.Orientation.Horizontal, (self.library, self.middle, self.right), (216, 664, 480)
        )
        for at, stretch in enumerate((0, 3, 2)):
            self.columns.setStretchFactor(at, stretch)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        line = QFrame(frameShape=QFrame.Shape.HLine, frameShadow=QFrame.Shadow.Sunken)
        layout.addWidget(self.top)
        layout.addWidget(line)
        layout.addWidget(self.columns, 1)
        self.setTabOrder(self.top.search, self.library.albums)
        self.setTabOrder(self.library.albums, self.library.filters)
        self.setTabOrder(self.library.filters, self.grid)

    def restore(self, settings: Settings) -> None:
        """Lay the panes out as they were."""
        for name, splitter in self._splitters().items():
            state = settings.blob(name)
            if not state.isEmpty():
                splitter.restoreState(state)
        self.grid.set_cell_size(settings.cell_size)

    def keep(self, settings: Settings) -> None:
        """Remember how the panes are laid out."""
        self.show_larger(False)
        for name, splitter in self._splitters().items():
            settings.set_blob(name, splitter.saveState())
        settings.cell_size = self.grid.cell_size

    def show_larger(self, larger: bool) -> None:
        """Give the photo the room of the grid and the albums, or give that back."""
        self.upper.setHidden(larger)
        self.library.setHidden(larger)
        (self.photo if larger else self.grid).setFocus()

    @property
    def larger(self) -> bool:
        """Whether the photo has the room of the grid."""
        return self.upper.isHidden()

    def _splitters(self) -> dict[str, QSplitter]:
        return {
            "columns": self.columns,
            "middle": self.middle,
            "right": self.right,
            "library": self.library.splitter,
        }


def _splitter(
    orientation: Qt.Orientation, widgets: tuple[QWidget, ...], sizes: tuple[int, ...]
) -> QSplitter:
    splitter = QSplitter(orientation)
    for widget in widgets:
        splitter.addWidget(widget)
    splitter.setSizes(list(sizes))
    splitter.setChildrenCollapsible(False)
    return splitter
