"""Accept all confident: how many, which, where on the map, and only then yes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from desktop import wording
from desktop.map.view import MapPhoto, MapView
from geotagger.library.rows import PhotoRow

_COLUMNS = ("Photo", "Place", "Probability", "Radius")
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class ConfidentModel(QAbstractTableModel):
    """The photos that would be accepted."""

    def __init__(self, rows: Sequence[PhotoRow]) -> None:
        super().__init__()
        self._rows = list(rows)

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        return None

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                wording.name(row),
                row.place,
                wording.percent(row.probability or 0.0),
                wording.radius(row.radius_m),
            )[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() >= 2:
            return _RIGHT
        return None


class ConfidentDialog(QDialog):
    """Shows the photos whose suggestion is confident, as a list and on a map."""

    def __init__(
        self, rows: Sequence[PhotoRow], dark: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Accept all confident")
        self.resize(960, 560)
        title = QLabel(
            f"{wording.photos(len(rows))} with a confident suggestion. Nothing is written to the "
            "files yet; you can undo this.",
            wordWrap=True,
        )
        self.table = QTableView()
        self.model = ConfidentModel(rows)
        self.model.setParent(self)
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.map = MapView()
        self.map.set_dark(dark)
        places = [(row.lat, row.lon) for row in rows if row.lat is not None and row.lon is not None]
        self.map.set_photos(
            MapPhoto(row.id, row.lat, row.lon, row.state.value, wording.name(row))
            for row in rows
            if row.lat is not None and row.lon is not None
        )
        self.map.fit(places)
        splitter = QSplitter()
        splitter.addWidget(self.table)
        splitter.addWidget(self.map)
        splitter.setSizes([520, 420])
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.ok = self.buttons.addButton(
            f"Accept {wording.photos(len(rows))}", QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.ok.setDefault(True)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(title)
        layout.addWidget(splitter, 1)
        layout.addWidget(self.buttons)
        self.table.selectionModel().currentRowChanged.connect(
            lambda now, _before: self._fly(rows[now.row()])
        )

    def _fly(self, row: PhotoRow) -> None:
        if row.lat is not None and row.lon is not None:
            self.map.highlight_photos([row.id])
            self.map.fly_to(row.lat, row.lon)
