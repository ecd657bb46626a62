"""A thin bar that says how much of a whole."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from desktop import theme


class Bar(QWidget):
    """A thin bar, filled to a probability."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = 0.0
        self.setFixedHeight(4)

    def set_value(self, value: float) -> None:
        """Fill the bar to a part between 0 and 1."""
        self._value = min(1.0, max(0.0, value))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(80, 4)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        colours = theme.colours(self.palette())
        whole = QRectF(self.rect())
        painter.setBrush(colours.line)
        painter.drawRoundedRect(whole, 2, 2)
        if self._value > 0:
            painter.setBrush(colours.accent)
            whole.setWidth(max(4.0, whole.width() * self._value))
            painter.drawRoundedRect(whole, 2, 2)
