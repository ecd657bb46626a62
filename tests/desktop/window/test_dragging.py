"""Thumbnails are dragged onto the map, placed where they are let go, and that is undone."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDrag, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QWidget

from desktop.dragging import PHOTOS_MIME, dragged_photos
from desktop.window import MainWindow
from geotagger.library.rows import PhotoState
from tests.desktop.map_helpers import pixel, wait_state
from tests.desktop.window.conftest import Desk

S = PhotoState
COPY, LEFT = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
PLAIN = Qt.KeyboardModifier.NoModifier


def selected(desk: Desk, window: MainWindow, *names: str) -> list[int]:
    rows = [desk.go_to(window, names[0])]
    select = QItemSelectionModel.SelectionFlag.Select
    for name in names[1:]:
        row = desk.row(window, name)
        index = window.panes.model.index(window.panes.model.row_of(row.id))
        window.panes.grid.selectionModel().select(index, select)
        rows.append(row)
    return [row.id for row in rows]


def let_go(widget: QWidget, data: QMimeData, at: QPointF) -> bool:
    """Send what the window system sends; return whether it was taken."""
    enter = QDragEnterEvent(at.toPoint(), COPY, data, LEFT, PLAIN)
    widget.dragEnterEvent(enter)
    if not enter.isAccepted():
        return False
    drop = QDropEvent(at, COPY, data, LEFT, PLAIN)
    widget.dropEvent(drop)
    return drop.isAccepted()


def test_photos_let_go_on_the_map_are_placed_there(
    desk: Desk, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = desk.open(album)
    view, grid = window.panes.map, window.panes.grid
    ids = selected(desk, window, "DSC_0101.jpg", "DSC_0103.jpg", "IMG_0001.jpg")
    data: list[QMimeData] = []

    def exec_drag(drag: QDrag, action: Qt.DropAction) -> Qt.DropAction:
        assert action is COPY and drag.pixmap().width() > 0
        # The drag owns its data, and Qt the drag.
        copy = QMimeData()
        copy.setData(PHOTOS_MIME, drag.mimeData().data(PHOTOS_MIME))
        data.append(copy)
        return action

    monkeypatch.setattr(QDrag, "exec", exec_drag)
    grid.startDrag(COPY)
    assert sorted(dragged_photos(data[0])) == sorted(ids)
    view.fly_to(38.70, -9.15, 13)
    wait_state(desk.qtbot, view, lambda now: now["zoom"] == 13)
    place = QPointF(pixel(desk.qtbot, view, 38.71, -9.14))
    assert let_go(view, data[0], place)
    for name in ("DSC_0101.jpg", "DSC_0103.jpg"):
        desk.state(window, name, S.ACCEPTED)
        row = desk.row(window, name)
        assert (row.lat, row.lon) == pytest.approx((38.71, -9.14), abs=2e-3)
    # The place of the third is in its file, and stays.
    assert desk.row(window, "IMG_0001.jpg").state is S.HAS_GPS
    assert window.review.undo_stack.undoText() == "Place by hand (2 photos)"
    desk.key(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    desk.qtbot.waitUntil(lambda: desk.row(window, "DSC_0103.jpg").state is not S.ACCEPTED)


def test_where_nothing_can_be_placed_it_is_said(desk: Desk, album: Path) -> None:
    window = desk.open(album)
    row = desk.go_to(window, "IMG_0001.jpg")
    model = window.panes.model
    data = model.mimeData([model.index(model.row_of(row.id))])
    with desk.qtbot.waitSignal(window.review.said) as said:
        assert let_go(window.panes.map, data, QPointF(20, 20))
    assert "already in the file" in said.args[0]
    assert desk.row(window, "IMG_0001.jpg").state is S.HAS_GPS


def test_other_things_are_not_taken_by_the_map(desk: Desk, album: Path) -> None:
    window = desk.open(album)
    wait_state(desk.qtbot, window.panes.map, lambda now: now["photos"] > 0)
    for words in (b"", b"abc \xff", b"-3"):
        data = QMimeData()
        data.setData(PHOTOS_MIME, words)
        assert not let_go(window.panes.map, data, QPointF(20, 20))
    folder = QMimeData()
    folder.setUrls([QUrl.fromLocalFile(str(album))])
    assert not let_go(window.panes.map, folder, QPointF(20, 20))
    # The page below takes no drops of its own, so that they come to the map.
    assert not any(widget.acceptDrops() for widget in window.panes.map.findChildren(QWidget))
