"""The sheet of keys, and what the program is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

import geotagger
from desktop import theme
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
        column, height = QVBoxLayout(), 0
        for title, lines in sections:
            if height and height + len(lines) / 2 > total / 2:
                column.addStretch(1)
                columns.addLayout(column)
                column, height = QVBoxLayout(), -total
            column.addLayout(self._section(title, lines))
            column.addSpacing(16)
            height += len(lines) + 2
        column.addStretch(1)
        columns.addLayout(column)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.addLayout(columns)
        layout.addWidget(buttons)

    def _section(self, title: str, lines: Sequence[tuple[str, str]]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(4)
        heading = QLabel(title)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        grid.addWidget(heading, 0, 0, 1, 2)
        soft = self.palette()
        soft.setColor(soft.ColorRole.WindowText, theme.colours(soft).secondary)
        for number, (words, keys) in enumerate(lines, 1):
            grid.addWidget(QLabel(words), number, 0)
            key = QLabel(keys, alignment=Qt.AlignmentFlag.AlignRight)
            key.setPalette(soft)
            grid.addWidget(key, number, 1)
        grid.setColumnStretch(0, 1)
        return grid


class AboutDialog(QDialog):
    """Version, licence, and where the data come from."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Photo Geotagger")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(440)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(8)
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
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addSpacing(8)
        layout.addWidget(buttons)
