"""What the tests of the map share: asking the page, and real mouse events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.map.view import MapView


def ask(qtbot: QtBot, view: MapView, script: str) -> Any:
    """Return what a script gives that answers in JSON."""
    with qtbot.waitCallback() as answered:
        view.page().runJavaScript(script, answered)
    return json.loads(answered.args[0])


def state(qtbot: QtBot, view: MapView) -> dict[str, Any]:
    return ask(qtbot, view, "geotagger.state()")


def wait_state(
    qtbot: QtBot, view: MapView, holds: Callable[[dict[str, Any]], object]
) -> dict[str, Any]:
    """Return the page's state as soon as something holds for it."""
    last: dict[str, Any] = {}

    def check() -> bool:
        last.clear()
        last.update(state(qtbot, view))
        return bool(holds(last))

    qtbot.waitUntil(check)
    return last


def pixel(qtbot: QtBot, view: MapView, lat: float, lon: float) -> QPoint:
    """Return where on the widget a place is."""
    x, y = ask(qtbot, view, f"geotagger.pixel({lat!r}, {lon!r})")
    return QPoint(round(x), round(y))


def mouse(view: MapView, kind: QEvent.Type, at: QPoint, *, held: bool = False) -> None:
    """Send one mouse event to the page, as the window system would."""
    target = view.mouse_target()
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    button = none if kind == QEvent.Type.MouseMove else left
    position = QPointF(at)
    event = QMouseEvent(
        kind,
        position,
        QPointF(target.mapToGlobal(at)),
        button,
        left if held else none,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(target, event)


def click(view: MapView, at: QPoint) -> None:
    mouse(view, QEvent.Type.MouseMove, at)
    mouse(view, QEvent.Type.MouseButtonPress, at, held=True)
    mouse(view, QEvent.Type.MouseButtonRelease, at)


def drag(view: MapView, start: QPoint, end: QPoint, steps: int = 8) -> None:
    mouse(view, QEvent.Type.MouseMove, start)
    mouse(view, QEvent.Type.MouseButtonPress, start, held=True)
    for step in range(1, steps + 1):
        way = (QPointF(end) - QPointF(start)) * (step / steps)
        mouse(view, QEvent.Type.MouseMove, (QPointF(start) + way).toPoint(), held=True)
    mouse(view, QEvent.Type.MouseButtonRelease, end)
