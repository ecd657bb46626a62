"""The grid of photos: virtual, with day headings; paints and asks for only what is visible."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QDrag,
    QFont,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

from desktop.library.delegate import PhotoDelegate
from desktop.library.layout import GAP, GridLayout
from desktop.library.model import PhotoModel
from desktop.library.thumbs import ThumbnailLoader
from geotagger.library.rows import PhotoRow

SIZES = (96, 128, 176, 240)
_DRAGGED = 72
"""Side of the picture that hangs at the pointer."""
_Action = QAbstractItemView.CursorAction
_Hint = QAbstractItemView.ScrollHint


class PhotoGrid(QAbstractItemView):
    """Shows a `PhotoModel`; `photo_changed` tells the current photo's id, or -1."""

    photo_changed = Signal(int)

    def __init__(
        self, model: PhotoModel, thumbnails: ThumbnailLoader, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._photos = model
        self._thumbnails = thumbnails
        self._grid = GridLayout()
        self._cell = SIZES[1]
        self._kept: tuple[int, int, int] | None = None
        self._kept_row = -1
        self._told = -1
        self._wanting = QTimer(self, singleShot=True, interval=20)
        self._wanting.timeout.connect(self._want_visible)
        self.setAccessibleName("Photos")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setItemDelegate(PhotoDelegate(thumbnails, self))
        self.setDragEnabled(True)
        self.setModel(model)
        model.modelAboutToBeReset.connect(self._remember)
        model.modelReset.connect(self._restore)
        thumbnails.loaded.connect(self._show_thumbnail)
        self.verticalScrollBar().valueChanged.connect(lambda _value: self._wanting.start())

    # -- what others ask

    @property
    def cell_size(self) -> int:
        """Side of a cell in pixels."""
        return self._cell

    def set_cell_size(self, size: int) -> None:
        """Show larger or smaller thumbnails; what is at the top stays there."""
        if size != self._cell:
            self._remember()
            self._cell = size
            self._restore()

    def step_cell_size(self, step: int) -> None:
        """Take the next larger or smaller of the usual sizes."""
        nearest = min(range(len(SIZES)), key=lambda at: abs(SIZES[at] - self._cell))
        self.set_cell_size(SIZES[max(0, min(len(SIZES) - 1, nearest + step))])

    def current_photo(self) -> PhotoRow | None:
        """Return the photo with the cursor."""
        return self._photos.photo(self.currentIndex().row())

    def selected_ids(self) -> list[int]:
        """Return the ids of the selected photos in chronological order."""
        rows = sorted(
            row
            for span in self.selectionModel().selection()
            for row in range(span.top(), span.bottom() + 1)
        )
        return [photo.id for row in rows if (photo := self._photos.photo(row)) is not None]

    def go_to(self, row: int) -> None:
        """Make a row the current and only selected one, and show it."""
        index = self._photos.index(row)
        if index.isValid():
            self.selectionModel().setCurrentIndex(
                index, QItemSelectionModel.SelectionFlag.ClearAndSelect
            )
            self.scrollTo(index)

    def go_to_photo(self, photo_id: int) -> bool:
        """Go to a photo; return whether it is shown."""
        row = self._photos.row_of(photo_id)
        if row is None:
            return False
        self.go_to(row)
        return True

    # -- dragging photos away

    def startDrag(self, _actions: Qt.DropAction) -> None:
        """Drag the selected photos, to be let go on the map; the first one is seen on the way."""
        chosen = sorted(self.selectionModel().selectedIndexes(), key=QModelIndex.row)
        if not chosen:
            return
        drag = QDrag(self)
        drag.setMimeData(self._photos.mimeData(chosen))
        drag.setPixmap(self._dragged(chosen))
        drag.exec(Qt.DropAction.CopyAction)

    def _dragged(self, chosen: Sequence[QModelIndex]) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap(QSize(_DRAGGED, _DRAGGED) * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(self.palette().base().color())
        photo = self._photos.photo(chosen[0].row())
        thumbnail = None if photo is None else self._thumbnails.get(photo.id)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        square = QRect(0, 0, _DRAGGED, _DRAGGED)
        if thumbnail is not None:
            side = min(thumbnail.width(), thumbnail.height())
            middle = QRect(0, 0, side, side)
            middle.moveCenter(thumbnail.rect().center())
            painter.drawPixmap(square, thumbnail, middle)
        if len(chosen) > 1:
            band = QRect(0, _DRAGGED - 24, _DRAGGED, 24)
            painter.fillRect(band, self.palette().highlight())
            painter.setPen(self.palette().highlightedText().color())
            painter.drawText(band, int(Qt.AlignmentFlag.AlignCenter), f"{len(chosen):,}")
        painter.end()
        return picture

    # -- what QAbstractItemView asks

    def visualRect(self, index: QModelIndex | QPersistentModelIndex) -> QRect:
        if not index.isValid():
            return QRect()
        return self._grid.cell_rect(index.row()).translated(0, -self.verticalOffset())

    def scrollTo(
        self, index: QModelIndex | QPersistentModelIndex, hint: _Hint = _Hint.EnsureVisible
    ) -> None:
        if not index.isValid():
            return
        rect = self._grid.cell_rect(index.row())
        bar = self.verticalScrollBar()
        top, height = bar.value(), self.viewport().height()
        if hint == _Hint.PositionAtCenter:
            bar.setValue(rect.center().y() - height // 2)
        elif hint == _Hint.PositionAtTop or rect.top() - GAP < top:
            # The heading of a day shows with its first line.
            first = any(
                section.first <= index.row() < section.first + self._grid.columns
                for at in self._grid.sections_between(rect.top(), rect.top())
                for section in (self._grid.sections[at],)
            )
            bar.setValue(rect.top() - GAP - (32 if first else 0))
        elif rect.bottom() + GAP > top + height:
            bar.setValue(rect.bottom() + 2 * GAP + 1 - height)

    def indexAt(self, point: QPoint) -> QModelIndex:
        row = self._grid.row_at(point.x(), point.y() + self.verticalOffset())
        return QModelIndex() if row is None else self._photos.index(row)

    def moveCursor(self, action: _Action, _modifiers: Qt.KeyboardModifier) -> QModelIndex:
        count = self._photos.rowCount()
        if not count:
            return QModelIndex()
        row = self.currentIndex().row()
        if row < 0:
            return self._photos.index(0)
        page = max(1, self.viewport().height() // self._grid.line)
        target = {
            _Action.MoveLeft: lambda: row - 1,
            _Action.MovePrevious: lambda: row - 1,
            _Action.MoveRight: lambda: row + 1,
            _Action.MoveNext: lambda: row + 1,
            _Action.MoveUp: lambda: self._grid.neighbour(row, -1),
            _Action.MoveDown: lambda: self._grid.neighbour(row, 1),
            _Action.MovePageUp: lambda: self._grid.neighbour(row, -page),
            _Action.MovePageDown: lambda: self._grid.neighbour(row, page),
            _Action.MoveHome: lambda: 0,
            _Action.MoveEnd: lambda: count - 1,
        }[action]()
        return self._photos.index(max(0, min(count - 1, target)))

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def isIndexHidden(self, _index: QModelIndex | QPersistentModelIndex) -> bool:
        return False

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        content = rect.normalized().translated(0, self.verticalOffset())
        start = self.selectionModel().currentIndex().row()
        corners = [content.topLeft(), content.topRight(), content.bottomRight(),
                   content.bottomLeft()]  # fmt: skip
        rows = [self._grid.row_at(point.x(), point.y()) for point in corners]
        chosen: list[tuple[int, int]] = []
        if start >= 0 and start in rows and rows[(rows.index(start) + 2) % 4] is not None:
            other = rows[(rows.index(start) + 2) % 4]
            chosen = [(min(start, other), max(start, other))]
        else:
            chosen = [
                (row, row)
                for row in self._grid.rows_between(content.top(), content.bottom())
                if self._grid.cell_rect(row).intersects(content)
            ]
        selection = QItemSelection()
        for first, last in chosen:
            selection.select(self._photos.index(first), self._photos.index(last))
        self.selectionModel().select(selection, command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        region = QRegion()
        top = self.verticalOffset()
        visible = list(self._grid.rows_between(top, top + self.viewport().height()))
        for span in selection:
            for row in visible:
                if span.top() <= row <= span.bottom():
                    region += self.visualRect(self._photos.index(row))
        return region

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        super().selectionChanged(selected, deselected)
        self.viewport().update()

    def dataChanged(
        self,
        first: QModelIndex,
        last: QModelIndex,
        _roles: list[int] | tuple[int, ...] = (),
    ) -> None:
        if self._grid.sections != self._photos.sections:
            self.updateGeometries()
        self.viewport().update()

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        super().currentChanged(current, previous)
        self.viewport().update()
        self._tell()

    def resizeEvent(self, event: QResizeEvent) -> None:
        columns = self._grid.columns
        if GridLayout((), self.viewport().width(), self._cell).columns != columns:
            self._remember()
            super().resizeEvent(event)
            self._restore()
        else:
            super().resizeEvent(event)
        self._wanting.start()

    def updateGeometries(self) -> None:
        self._grid = GridLayout(self._photos.sections, self.viewport().width(), self._cell)
        bar = self.verticalScrollBar()
        height = self.viewport().height()
        bar.setRange(0, max(0, self._grid.height - height))
        bar.setPageStep(height)
        bar.setSingleStep(self._grid.line // 2)
        super().updateGeometries()
        self._wanting.start()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.text().strip() and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()  # letters are commands here, not a search for names
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        offset = self.verticalOffset()
        area = event.rect()
        top, bottom = area.top() + offset, area.bottom() + offset
        width = self.viewport().width()
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(self.palette().text().color())
        for at in self._grid.sections_between(top, bottom):
            rect = self._grid.heading_rect(at, width).translated(0, -offset)
            if rect.intersects(area):
                title = painter.fontMetrics().elidedText(
                    self._grid.sections[at].title, Qt.TextElideMode.ElideRight, rect.width()
                )
                painter.drawText(rect, int(Qt.AlignmentFlag.AlignVCenter), title)
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        chosen = self.selectionModel()
        current = self.currentIndex()
        focused = self.hasFocus()
        for row in self._grid.rows_between(top, bottom):
            index = self._photos.index(row)
            option.rect = self.visualRect(index)
            option.state = QStyle.StateFlag.State_Enabled
            if chosen.isSelected(index):
                option.state |= QStyle.StateFlag.State_Selected
            if index == current:
                option.state |= QStyle.StateFlag.State_HasFocus
            if focused:
                option.state |= QStyle.StateFlag.State_Active
            self.itemDelegate().paint(painter, option, index)
        painter.end()

    # -- inside

    def _visible_rows(self) -> list[int]:
        top = self.verticalOffset()
        return list(self._grid.rows_between(top, top + self.viewport().height()))

    def _want_visible(self) -> None:
        photos = (self._photos.photo(row) for row in self._visible_rows())
        self._thumbnails.want(photo.id for photo in photos if photo is not None)

    def _show_thumbnail(self, photo_id: int) -> None:
        row = self._photos.row_of(photo_id)
        if row is not None:
            self.viewport().update(self.visualRect(self._photos.index(row)))

    def _remember(self) -> None:
        """Keep in mind the current photo, and which one is at the top and how far."""
        current = self.current_photo()
        visible = self._visible_rows()
        anchor = next(iter(visible), -1)
        if current is not None and (row := self._photos.row_of(current.id)) in visible:
            anchor = row if row is not None else anchor
        photo = self._photos.photo(anchor)
        from_top = self._grid.cell_rect(anchor).top() - self.verticalOffset() if photo else 0
        # Where the photo itself is gone afterwards, the row that took its place is the next best.
        self._kept = (
            photo.id if photo is not None and self.verticalOffset() > 0 else -1,
            from_top,
            current.id if current is not None else -1,
        )
        self._kept_row = self.currentIndex().row()

    def _restore(self) -> None:
        if self._kept is None:
            return
        anchor, from_top, current = self._kept
        self._kept = None
        self.updateGeometries()
        row = self._photos.row_of(anchor)
        if row is not None:
            self.verticalScrollBar().setValue(self._grid.cell_rect(row).top() - from_top)
        if self._photos.row_of(current) is None:
            count = self._photos.rowCount()
            if count:
                self.go_to(max(0, min(self._kept_row, count - 1)))
        elif not self.currentIndex().isValid():
            self.selectionModel().setCurrentIndex(
                self._photos.index(self._photos.row_of(current) or 0),
                QItemSelectionModel.SelectionFlag.ClearAndSelect,
            )
        self.viewport().update()
        self._tell()

    def _tell(self) -> None:
        photo = self.current_photo()
        now = -1 if photo is None else photo.id
        if now != self._told:
            self._told = now
            self.photo_changed.emit(now)
