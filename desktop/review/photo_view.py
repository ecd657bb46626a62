"""One photo, as large as there is room, with a line about it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from desktop import signs, theme, wording
from desktop.work import INTERACTIVE, Context, Work
from geotagger.library.rows import PhotoRow, PhotoState

_UNSEEN = QColor(0, 0, 0, 153)
LARGE = 1600
"""Longer side in pixels of what is loaded for this view."""


class _Picture(QWidget):
    """Paints a pixmap in its middle, scaled to fit, and a sentence where there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._pixmap: QPixmap | None = None
        self._scaled: QPixmap | None = None
        self._overlay: QImage | None = None
        self._text = ""

    @property
    def has_picture(self) -> bool:
        """Whether a photo is seen."""
        return self._pixmap is not None

    @property
    def text(self) -> str:
        """The sentence that stands where there is no picture."""
        return self._text

    def show_picture(self, pixmap: QPixmap | None, text: str = "") -> None:
        """Paint a pixmap, or a sentence."""
        self._pixmap, self._scaled, self._text = pixmap, None, text
        self.update()

    @property
    def overlay(self) -> QImage | None:
        """What is laid over the middle square of the photo."""
        return self._overlay

    def show_overlay(self, image: QImage | None) -> None:
        """Lay an image over the middle square of the photo, or none."""
        self._overlay = image
        self.update()

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 96)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._scaled = None
        super().resizeEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._pixmap is None:
            painter.setPen(theme.colours(self.palette()).secondary)
            painter.drawText(
                self.rect().adjusted(16, 16, -16, -16),
                int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap),
                self._text,
            )
            return
        ratio = self.devicePixelRatioF()
        if self._scaled is None:
            room = self.size() * ratio
            fitted = self._pixmap.size().scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
            # A small picture is shown at most at twice its size: more shows nothing more.
            fitted = fitted.boundedTo(self._pixmap.size() * max(2.0, ratio))
            self._scaled = self._pixmap.scaled(
                fitted,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            self._scaled.setDevicePixelRatio(ratio)
        size = self._scaled.deviceIndependentSize().toSize()
        corner = QPoint((self.width() - size.width()) // 2, (self.height() - size.height()) // 2)
        painter.drawPixmap(corner, self._scaled)
        if self._overlay is not None:
            photo = QRect(corner, size)
            side = min(size.width(), size.height())
            square = QRect(0, 0, side, side)
            square.moveCenter(photo.center())
            square = square.intersected(photo)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(square, self._overlay)
            # What the model was not shown says nothing either.
            painter.setClipRegion(QRegion(photo).subtracted(QRegion(square)))
            painter.fillRect(photo, _UNSEEN)


class PhotoView(QWidget):
    """The current photo: its thumbnail at once, the large picture when it is loaded."""

    toggled = Signal()
    """The picture was double-clicked: larger, or back."""
    moved = Signal(int)
    """An arrow key: so many photos on."""

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        thumbnail: Callable[[int], QPixmap | None],
        work: Work,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._read = read
        self._thumbnail = thumbnail
        self._work = work
        self._row: PhotoRow | None = None
        self.setAccessibleName("Photo")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.picture = _Picture()
        self.caption = QLabel()
        self.caption.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.caption.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 16, 8)
        layout.setSpacing(8)
        self.legend = QLabel(wordWrap=True)
        self.legend.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.legend.hide()
        layout.addWidget(self.picture, 1)
        layout.addWidget(self.legend)
        layout.addWidget(self.caption)

    @property
    def photo_id(self) -> int:
        """The photo that is shown, -1 for none."""
        return -1 if self._row is None else self._row.id

    @property
    def has_overlay(self) -> bool:
        """Whether something is laid over the photo."""
        return self.picture.overlay is not None

    def show_overlay(self, image: QImage | None, words: str) -> None:
        """Lay an image over the middle square of the photo and say what it is; or neither."""
        self.picture.show_overlay(image)
        self.legend.setText(words)
        self.legend.setVisible(bool(words))

    def show_photo(self, row: PhotoRow | None) -> None:
        """Show a photo; the same one again only renews the line about it."""
        same = row is not None and self._row is not None and row.id == self._row.id
        self._row = row
        self.caption.setText("" if row is None else caption(row))
        self.caption.setToolTip(self.caption.text())
        if same:
            return
        if row is None:
            self.picture.show_picture(None)
            return
        if row.state is PhotoState.UNREADABLE:
            self.picture.show_picture(None, row.error or "This file cannot be read.")
            return
        self.picture.show_picture(self._thumbnail(row.id))
        self._load(row.id)

    def _load(self, photo_id: int) -> None:
        def read(_context: Context) -> QImage:
            return QImage.fromData(self._read(photo_id, LARGE))

        def done(image: QImage) -> None:
            if photo_id == self.photo_id and not image.isNull():
                self.picture.show_picture(QPixmap.fromImage(image))

        def failed(error: Exception) -> None:
            if photo_id == self.photo_id:
                reason = getattr(error, "message", "The picture cannot be shown.")
                self.picture.show_picture(None, reason)

        self._work.latest("photo", INTERACTIVE, read, owner=self, done=done, failed=failed)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.toggled.emit()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Down: 1,
        }.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.moved.emit(step)


def caption(row: PhotoRow) -> str:
    """Return the line about a photo."""
    size = f"{row.width:,} × {row.height:,}" if row.width and row.height else ""
    return wording.joined(
        wording.name(row),
        wording.moment(row.when, fallback=row.time_is_fallback),
        row.camera,
        size,
        wording.files(row.companions + 1) if row.companions else "",
    )


def sign_pixmap(state: PhotoState, widget: QWidget, size: int = 16) -> QPixmap:
    """Return the sign of a state, sharp on the widget's screen."""
    dark = theme.current().dark
    return signs.pixmap(state.value, size, dark=dark, ratio=widget.devicePixelRatioF())
