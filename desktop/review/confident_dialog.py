"""Accept all confident: how many, which, where on the map, and only then yes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QDialog, QLabel, QSplitter, QWidget

from desktop import signs, wording
from desktop.dialogs import cancel_and, column
from desktop.map.view import MapPhoto, MapView
from desktop.tables import Line, TextTable, TextTableModel
from geotagger.library.rows import PhotoRow


class ConfidentDialog(QDialog):
    """Shows the photos whose suggestion is confident, as a list and on a map."""

    def __init__(
        self, rows: Sequence[PhotoRow], dark: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Accept all confident")
        self.resize(1040, 600)
        self._rows = [row for row in rows if row.lat is not None and row.lon is not None]
        title = QLabel(
            f"{wording.photos(len(rows))} with a confident suggestion. Nothing is written to the "
            "files yet, and you can undo this.",
            wordWrap=True,
        )
        self.model = TextTableModel(
            ("Photo", "Place", "Probability", "Radius"), right=(2, 3), parent=self
        )
        icon = signs.icon("confident", dark=dark)
        self.model.show([_line(row, icon) for row in self._rows])
        self.table = TextTable(self.model, wide=(1,))
        self.table.setAccessibleName("Photos to be accepted")
        self.table.fit()
        self.map = MapView()
        self.map.set_dark(dark)
        self.map.set_photos(
            MapPhoto(row.id, row.lat, row.lon, row.state.value, wording.name(row))
            for row in self._rows
            if row.lat is not None and row.lon is not None
        )
        self.map.fit([(one.lat, one.lon) for one in self._rows])  # type: ignore[misc]
        splitter = QSplitter()
        splitter.addWidget(self.table)
        splitter.addWidget(self.map)
        splitter.setSizes([560, 440])
        splitter.setChildrenCollapsible(False)
        self.buttons, self.ok = cancel_and(self, f"Accept {wording.photos(len(rows))}")
        layout = column(self)
        layout.addWidget(title)
        layout.addWidget(splitter, 1)
        layout.addWidget(self.buttons)
        self.table.selectionModel().currentRowChanged.connect(
            lambda now, _before: self._fly(self._rows[now.row()])
        )

    def _fly(self, row: PhotoRow) -> None:
        if row.lat is not None and row.lon is not None:
            self.map.highlight_photos([row.id])
            self.map.fly_to(row.lat, row.lon)


def _line(row: PhotoRow, icon: QIcon) -> Line:
    place = row.place or f"{row.lat:.4f}, {row.lon:.4f}"
    probability = wording.percent(row.probability or 0.0)
    return Line((wording.name(row), place, probability, wording.radius(row.radius_m)), icon, row.id)
