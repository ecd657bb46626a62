"""The sheet of keys, and what the program is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QWidget,
)

import geotagger
from desktop import theme
from desktop.dialogs import close_and, column
from geotagger.earth.places import ATTRIBUTION

Section = tuple[str, list[tuple[str, str]]]


class ShortcutSheet(QDialog):
    """All keys, made of the commands."""

    def __init__(self, sections: Sequence[Section], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        columns = QHBoxLayout()
        columns.setSpacing(48)
        total = sum(len(lines) + 2 for _, lines in sections)
        self._grid = self._new_column(columns)
        height = 0
        for title, lines in sections:
            if columns.count() == 1 and height and height + len(lines) / 2 > total / 2:
                self._grid = self._new_column(columns)
            self._add_section(title, lines)
            height += len(lines) + 2
        buttons, _ = close_and(self)
        layout = column(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(16)
        layout.addLayout(columns)
        layout.addWidget(buttons)

    def _new_column(self, columns: QHBoxLayout) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        columns.addLayout(grid)
        columns.setAlignment(grid, Qt.AlignmentFlag.AlignTop)
        return grid

    def _add_section(self, title: str, lines: Sequence[tuple[str, str]]) -> None:
        grid = self._grid
        at = grid.rowCount()
        heading = QLabel(title)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        heading.setContentsMargins(0, 0 if at == 1 else 16, 0, 0)
        grid.addWidget(heading, at, 0, 1, 2)
        soft = self.palette()
        soft.setColor(soft.ColorRole.WindowText, theme.colours(soft).secondary)
        for number, (words, keys) in enumerate(lines, at + 1):
            grid.addWidget(QLabel(words), number, 0)
            key = QLabel(keys, alignment=Qt.AlignmentFlag.AlignRight)
            key.setPalette(soft)
            grid.addWidget(key, number, 1)


class AboutDialog(QDialog):
    """Version, licence, and where the data come from."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Photo Geotagger")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(440)
        layout = column(self)
        layout.setContentsMargins(24, 24, 24, 16)
        heading = QLabel(f"Photo Geotagger {getattr(geotagger, '__version__', '')}".strip())
        font = heading.font()
        font.setPointSizeF(font.pointSizeF() * 1.2)
        heading.setFont(font)
        layout.addWidget(heading)
        for text in (
            "Suggests where each photo was taken, writes GPS tags on your word, takes any write "
            "back.",
            "Nothing leaves this computer: no photo, no place, no statistics.",
            f"{ATTRIBUTION}. Base map: Natural Earth, public domain. Map: Leaflet, BSD-2-Clause. "
            "Window: Qt for Python, LGPL-3.0.",
            "Licence: Apache-2.0.",
        ):
            layout.addWidget(QLabel(text, wordWrap=True))
        buttons, _ = close_and(self)
        layout.addSpacing(8)
        layout.addWidget(buttons)
