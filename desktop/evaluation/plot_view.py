"""The plots of an evaluation, drawn anew for the size, the screen and the colours of the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from desktop import theme
from desktop.work import INTERACTIVE, Context, Work
from geotagger.evaluation.plots import DARK, LIGHT, Style

Draw = Callable[[tuple[int, int], float, Style], bytes]
"""From a size in points, pixels to the point, and colours to a PNG."""

_WAIT_MS = 60


class PlotView(QWidget):
    """Shows a picture made for exactly its size, so that letters are sharp; never waits for it."""

    def __init__(self, work: Work, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._draw: Draw | None = None
        self._image = QImage()
        self._made_for: object = None
        self._timer = QTimer(self, singleShot=True, interval=_WAIT_MS)
        self._timer.timeout.connect(self._ask)
        self.setMinimumSize(480, 220)
        self.setAccessibleName("Plots")

    @property
    def image(self) -> QImage:
        """What is shown now; null while nothing has been drawn yet."""
        return self._image

    @property
    def current(self) -> bool:
        """Whether what is shown was made for the widget as it is now."""
        return not self._image.isNull() and self._made_for == self._wanted()

    def show_plots(self, draw: Draw | None, words: str) -> None:
        """Show what a function draws, and tell it in words to those who do not see it."""
        self._draw = draw
        self._image = QImage()
        self._made_for = None
        self.setAccessibleDescription(words)
        self.update()
        self._timer.start()

    def sizeHint(self) -> QSize:
        return QSize(960, 360)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._timer.start()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._timer.start()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._timer.start()
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().base())
        if self._image.isNull():
            painter.setPen(theme.colours(self.palette()).secondary)
            words = "Drawing…" if self._draw is not None else ""
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, words)
            return
        # While the window is being dragged larger, the picture of before is shown as it fits.
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = self._image.deviceIndependentSize()
        if size.toSize() != self.size():
            size.scale(self.width(), self.height(), Qt.AspectRatioMode.KeepAspectRatio)
        painter.drawImage(QRectF(0.0, 0.0, size.width(), size.height()), self._image)

    def _wanted(self) -> tuple[tuple[int, int], float, Style]:
        palette = self.palette()
        style = replace(
            DARK if theme.colours(palette).dark else LIGHT,
            ground=palette.base().color().name(),
            ink=palette.text().color().name(),
        )
        return (self.width(), self.height()), self.devicePixelRatioF(), style

    def _ask(self) -> None:
        draw, wanted = self._draw, self._wanted()
        if draw is None or not self.isVisible() or wanted == self._made_for:
            return

        def function(_context: Context) -> bytes:
            return draw(*wanted)

        def done(data: bytes) -> None:
            self._image = QImage.fromData(data)
            self._image.setDevicePixelRatio(wanted[1])
            self._made_for = wanted
            self.update()
            if wanted != self._wanted():
                self._timer.start()

        self._work.latest("plots", INTERACTIVE, function, owner=self, done=done)

    def showEvent(self, event: QEvent) -> None:
        super().showEvent(event)
        self._timer.start()
