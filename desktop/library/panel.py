"""The pane on the left: albums above, filters with counts below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFrame,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop import signs, theme, wording
from desktop.library.filters import FILTERS
from geotagger.errors import printable
from geotagger.library.rows import AlbumRow, PhotoState

_KEY = Qt.ItemDataRole.UserRole
_COUNT = Qt.ItemDataRole.UserRole + 1
_SIGN = Qt.ItemDataRole.UserRole + 2
_LINE = 28


class _CountedDelegate(QStyledItemDelegate):
    """Text on the left, an aligned count on the right, perhaps a sign before."""

    def sizeHint(
        self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(120, _LINE)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        self.initStyleOption(option, index)
        text, option.text = option.text, ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text
        ink = option.palette.color(role)
        colours = theme.colours(option.palette)
        rect = option.rect.adjusted(8, 0, -8, 0)
        painter.save()
        state = index.data(_SIGN)
        if state is not None:
            sign = QRect(rect.left(), rect.center().y() - 7, 15, 15)
            if chosen:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colours.base)
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                painter.drawEllipse(sign.adjusted(-2, -2, 2, 2))
            signs.paint(painter, QRectF(sign), PhotoState(state), dark=colours.dark)
            rect.setLeft(rect.left() + 24)
        count = index.data(_COUNT)
        painter.setPen(ink if chosen else colours.secondary)
        painter.drawText(
            rect, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), count
        )
        rect.setRight(rect.right() - painter.fontMetrics().horizontalAdvance(count) - 8)
        painter.setPen(ink)
        painter.drawText(
            rect,
            int(Qt.AlignmentFlag.AlignVCenter),
            painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, rect.width()),
        )
        painter.restore()


class LibraryPanel(QWidget):
    """Chooses an album and a filter."""

    album_chosen = Signal(object)
    """The album's id, or None for all."""
    filter_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.albums = _list("Albums")
        self.filters = _list("Filters")
        self.splitter = QSplitter(Qt.Orientation.Vertical, self)
        self.splitter.addWidget(_titled("Albums", self.albums))
        self.splitter.addWidget(_titled("Filters", self.filters))
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        self.splitter.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter)
        for one in FILTERS:
            item = QListWidgetItem(one.text, self.filters)
            item.setData(_KEY, one.id)
            item.setData(_COUNT, "")
            item.setData(_SIGN, None if one.sign is None else one.sign.value)
        self.filters.setCurrentRow(0)
        self.filters.parentWidget().setMinimumHeight(6 * _LINE)
        self.splitter.setSizes([240, len(FILTERS) * _LINE + 48])
        self.albums.currentItemChanged.connect(self._album_changed)
        self.filters.currentItemChanged.connect(self._filter_changed)
        self._shown: tuple[AlbumRow, ...] = ()

    def show_albums(self, albums: Sequence[AlbumRow], chosen: str | None) -> None:
        """Show the albums of the open folder, all of them together first."""
        if tuple(albums) == self._shown and self.albums.count():
            return
        self._shown = tuple(albums)
        self.albums.blockSignals(True)
        self.albums.clear()
        everything = sum(album.count for album in albums)
        self._add_album("All albums", None, everything, "")
        for album in albums:
            tip = f"{printable(album.folder)}\n{wording.photos(album.count)}, "
            tip += f"{album.without_gps:,} without GPS"
            if album.first is not None and album.last is not None:
                first, last = wording.day(album.first.date()), wording.day(album.last.date())
                tip += f"\n{first}" + (f" – {last}" if last != first else "")
            self._add_album(printable(Path(album.title)), album.id, album.count, tip)
        keys = [None, *(album.id for album in albums)]
        self.albums.setCurrentRow(keys.index(chosen) if chosen in keys else 0)
        self.albums.blockSignals(False)

    def show_counts(self, counts: Mapping[PhotoState, int]) -> None:
        """Show how many photos each filter has."""
        for at, one in enumerate(FILTERS):
            number = wording.total(counts) if one.states is None else one.count(counts)
            item = self.filters.item(at)
            item.setData(_COUNT, wording.count(number))
            item.setData(
                Qt.ItemDataRole.AccessibleTextRole, f"{one.text}, {wording.photos(number)}"
            )

    def choose_filter(self, filter_id: str) -> None:
        """Make a filter the chosen one."""
        for at, one in enumerate(FILTERS):
            if one.id == filter_id:
                self.filters.setCurrentRow(at)

    def _add_album(self, title: str, key: str | None, count: int, tip: str) -> None:
        item = QListWidgetItem(title, self.albums)
        item.setData(_KEY, key)
        item.setData(_COUNT, wording.count(count))
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{title}, {wording.photos(count)}")
        item.setToolTip(tip)

    def _album_changed(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.album_chosen.emit(item.data(_KEY))

    def _filter_changed(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.filter_chosen.emit(item.data(_KEY))


def _list(name: str) -> QListWidget:
    widget = QListWidget()
    widget.setAccessibleName(name)
    widget.setFrameShape(QFrame.Shape.NoFrame)
    widget.setItemDelegate(_CountedDelegate(widget))
    widget.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    widget.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    widget.setUniformItemSizes(True)
    return widget


def _titled(title: str, widget: QWidget) -> QWidget:
    box = QWidget()
    label = QLabel(title)
    font = QFont(label.font())
    font.setWeight(QFont.Weight.DemiBold)
    label.setFont(font)
    label.setContentsMargins(8, 8, 8, 4)
    label.setBuddy(widget)
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    layout.addWidget(label)
    layout.addWidget(widget)
    return box
