"""How one photo of the grid is painted: the picture, its state's sign, the choice."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop import signs, theme, wording
from desktop.library.model import ROW
from desktop.library.thumbs import ThumbnailLoader
from geotagger.library.rows import PhotoRow, PhotoState

_ROUND = 4.0
_SIGN = 16
_FADED = frozenset({PhotoState.EXCLUDED, PhotoState.MISSING})


class PhotoDelegate(QStyledItemDelegate):
    """Paints a thumbnail that fills its cell, the sign in the lower right corner."""

    def __init__(self, thumbnails: ThumbnailLoader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails

    def sizeHint(
        self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(128, 128)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        row: PhotoRow = index.data(ROW)
        rect = QRectF(option.rect)
        colours = theme.colours(option.palette)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shape = QPainterPath()
        shape.addRoundedRect(rect, _ROUND, _ROUND)
        pixmap = self._thumbnails.get(row.id)
        painter.fillPath(shape, colours.placeholder)
        if pixmap is not None:
            painter.setClipPath(shape)
            if row.state in _FADED:
                painter.setOpacity(0.4)
            painter.drawPixmap(option.rect, pixmap, covering(pixmap, option.rect))
            painter.setOpacity(1.0)
            painter.setClipping(False)
        elif self._thumbnails.failed(row.id) or row.state is PhotoState.UNREADABLE:
            painter.setPen(colours.secondary)
            name = painter.fontMetrics().elidedText(
                wording.name(row), Qt.TextElideMode.ElideMiddle, option.rect.width() - 16
            )
            painter.drawText(option.rect, int(Qt.AlignmentFlag.AlignCenter), name)
        self._frame(painter, option, rect)
        badge = QRectF(rect.right() - _SIGN - 8, rect.bottom() - _SIGN - 8, _SIGN + 4, _SIGN + 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.base.red(), colours.base.green(), colours.base.blue(), 224))
        painter.drawRoundedRect(badge, badge.width() / 2, badge.width() / 2)
        signs.paint(painter, badge.adjusted(2, 2, -2, -2), row.state, dark=colours.dark)
        painter.restore()

    @staticmethod
    def _frame(painter: QPainter, option: QStyleOptionViewItem, rect: QRectF) -> None:
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        current = bool(option.state & QStyle.StateFlag.State_HasFocus)
        if not selected and not current:
            return
        accent = option.palette.highlight().color()
        if not option.state & QStyle.StateFlag.State_Active:
            accent.setAlpha(160)
        pen = QPen(accent, 3.0 if selected else 1.5)
        if current and not selected:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect.adjusted(-2, -2, 2, 2), _ROUND + 2, _ROUND + 2)


def covering(pixmap: QPixmap, target: QRect) -> QRect:
    """Return the middle part of a picture that has the shape of the target."""
    width, height = pixmap.width(), pixmap.height()
    wanted = target.width() / max(1, target.height())
    if width > height * wanted:
        part = round(height * wanted)
        return QRect((width - part) // 2, 0, part, height)
    part = round(width / wanted)
    return QRect(0, (height - part) // 2, width, part)
