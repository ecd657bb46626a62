"""Light and dark: palettes designed for each, the platform's own where it has them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

SYSTEM, LIGHT, DARK = "system", "light", "dark"
UNIT = 8
"""All distances are multiples of this."""

_Role = QPalette.ColorRole

_LIGHT = {
    _Role.Window: "#f4f4f2",
    _Role.WindowText: "#1d2023",
    _Role.Base: "#ffffff",
    _Role.AlternateBase: "#f7f7f6",
    _Role.Text: "#1d2023",
    _Role.PlaceholderText: "#7a7f85",
    _Role.Button: "#ececea",
    _Role.ButtonText: "#1d2023",
    _Role.BrightText: "#b3261e",
    _Role.ToolTipBase: "#ffffff",
    _Role.ToolTipText: "#1d2023",
    _Role.Highlight: "#1f6feb",
    _Role.HighlightedText: "#ffffff",
    _Role.Link: "#1a5fcc",
    _Role.LinkVisited: "#6a4fb3",
    _Role.Light: "#ffffff",
    _Role.Midlight: "#e6e6e3",
    _Role.Mid: "#c9c9c5",
    _Role.Dark: "#a7a7a2",
    _Role.Shadow: "#70706c",
}
_DARK = {
    _Role.Window: "#202326",
    _Role.WindowText: "#e6e7e8",
    _Role.Base: "#181a1c",
    _Role.AlternateBase: "#1e2123",
    _Role.Text: "#e6e7e8",
    _Role.PlaceholderText: "#8b9096",
    _Role.Button: "#2c3034",
    _Role.ButtonText: "#e6e7e8",
    _Role.BrightText: "#ff8a80",
    _Role.ToolTipBase: "#2c3034",
    _Role.ToolTipText: "#e6e7e8",
    _Role.Highlight: "#4c8df6",
    _Role.HighlightedText: "#ffffff",
    _Role.Link: "#7fb0ff",
    _Role.LinkVisited: "#b9a5f0",
    _Role.Light: "#3a3f44",
    _Role.Midlight: "#33383c",
    _Role.Mid: "#15171a",
    _Role.Dark: "#111315",
    _Role.Shadow: "#000000",
}
_DISABLED = (_Role.WindowText, _Role.Text, _Role.ButtonText)


@dataclass(frozen=True, slots=True)
class Colours:
    """The few colours beyond the palette's that painted parts need."""

    dark: bool
    base: QColor
    secondary: QColor
    placeholder: QColor
    line: QColor
    accent: QColor


def colours(palette: QPalette) -> Colours:
    """Return the colours that go with a palette."""
    return _colours(
        palette.base().color().rgba(), palette.text().color().rgba(),
        palette.highlight().color().rgba(),
    )  # fmt: skip


def current() -> Colours:
    """Return the colours that go with the application's palette now."""
    return colours(QApplication.palette())


@lru_cache(maxsize=8)
def _colours(base: int, text: int, accent: int) -> Colours:
    ground, ink = QColor(base), QColor(text)
    return Colours(
        dark=ground.lightness() < 128,
        base=ground,
        secondary=_between(ground, ink, 0.68),
        placeholder=_between(ground, ink, 0.08),
        line=_between(ground, ink, 0.16),
        accent=QColor(accent),
    )


def _between(one: QColor, other: QColor, part: float) -> QColor:
    return QColor(
        *(
            round(a + (b - a) * part)
            for a, b in zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)
        )
    )


def apply(application: QApplication, choice: str) -> bool:
    """Use the light or dark palette, or what the system says; return whether it is dark.

    Platforms with a style of their own keep it; the designed palettes are for Qt's Fusion style.
    """
    hints = QGuiApplication.styleHints()
    hints.setColorScheme(
        {LIGHT: Qt.ColorScheme.Light, DARK: Qt.ColorScheme.Dark}.get(choice, Qt.ColorScheme.Unknown)
    )
    dark = choice == DARK or (choice == SYSTEM and hints.colorScheme() == Qt.ColorScheme.Dark)
    if application.style().name().casefold() == "fusion":
        application.setPalette(palette(dark))
    return dark


def palette(dark: bool) -> QPalette:
    """Return the designed palette."""
    made = QPalette()
    for role, name in (_DARK if dark else _LIGHT).items():
        made.setColor(role, QColor(name))
    made.setColor(_Role.Accent, QColor((_DARK if dark else _LIGHT)[_Role.Highlight]))
    faint = QColor("#6c7177" if dark else "#9a9fa5")
    for role in _DISABLED:
        made.setColor(QPalette.ColorGroup.Disabled, role, faint)
    made.setColor(
        QPalette.ColorGroup.Disabled, _Role.Highlight, QColor("#3a3f44" if dark else "#c9c9c5")
    )
    return made
