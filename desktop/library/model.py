"""The photos of a snapshot as a Qt list model; rows are exchanged in place after decisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from desktop import wording
from desktop.dragging import PHOTOS_MIME, photos_data
from desktop.library.snapshot import Section, Snapshot
from geotagger.library.rows import PhotoRow

ROW = Qt.ItemDataRole.UserRole
"""Role that gives the PhotoRow."""


class PhotoModel(QAbstractListModel):
    """A list of photos; the snapshot comes from a worker and is swapped in at once."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[PhotoRow] = []
        self._row_of: dict[int, int] = {}
        self.sections: tuple[Section, ...] = ()

    def show(self, snapshot: Snapshot | None) -> None:
        """Replace everything; a snapshot with the same photos keeps selection and scrolling."""
        rows = [] if snapshot is None else snapshot.rows
        row_of = {} if snapshot is None else snapshot.row_of
        sections = () if snapshot is None else snapshot.sections
        if rows and (row_of is self._row_of or row_of == self._row_of):
            self._rows, self._row_of, self.sections = rows, row_of, sections
            self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return
        self.beginResetModel()
        self._rows, self._row_of, self.sections = rows, row_of, sections
        self.endResetModel()

    def patch(self, rows: Iterable[PhotoRow]) -> None:
        """Exchange rows that changed; those that are not shown are left out."""
        places = []
        for row in rows:
            at = self._row_of.get(row.id)
            if at is not None:
                self._rows[at] = row
                places.append(at)
        for first, last in _runs(sorted(places)):
            self.dataChanged.emit(self.index(first), self.index(last))

    def photo(self, at: int) -> PhotoRow | None:
        """Return the photo of a row, or None beyond the end."""
        return self._rows[at] if 0 <= at < len(self._rows) else None

    def row_of(self, photo_id: int) -> int | None:
        """Return the row that shows a photo, or None."""
        return self._row_of.get(photo_id)

    @property
    def photos(self) -> list[PhotoRow]:
        """All rows; not to be changed."""
        return self._rows

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:
        return [PHOTOS_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        photos = [self.photo(row) for row in sorted({index.row() for index in indexes})]
        return photos_data(photo.id for photo in photos if photo is not None)

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        row = self.photo(index.row())
        if row is None:
            return None
        if role == ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return wording.name(row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return wording.described(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(
                part
                for part in (
                    wording.name(row),
                    wording.moment(row.when, fallback=row.time_is_fallback),
                    wording.joined(wording.STATE_TEXT[row.state], row.place),
                    row.error,
                )
                if part
            )
        return None


def _runs(places: list[int]) -> Iterable[tuple[int, int]]:
    start = previous = None
    for at in places:
        if previous is not None and at != previous + 1:
            yield start, previous
            start = at
        if start is None:
            start = at
        previous = at
    if start is not None and previous is not None:
        yield start, previous
