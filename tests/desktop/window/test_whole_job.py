"""The whole job with real keys and clicks: open, review, write, come back, undo."""

from __future__ import annotations

import hashlib
from pathlib import Path

import piexif
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from desktop.review.proposal import Source
from desktop.write.history import HistoryDialog
from desktop.write.preview import PreviewDialog
from desktop.write.results import ResultsDialog
from geotagger.library.rows import PhotoState
from tests.desktop.map_helpers import drag, pixel, wait_state
from tests.desktop.window.conftest import LONG

S = PhotoState


def digests(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.iterdir())
    }


def place_in_file(file: Path) -> tuple[float, float] | None:
    gps = piexif.load(str(file))["GPS"]
    if piexif.GPSIFD.GPSLatitude not in gps:
        return None

    def degrees(value: tuple[tuple[int, int], ...]) -> float:
        return sum(a / b / 60**power for power, (a, b) in enumerate(value))

    lat = degrees(gps[piexif.GPSIFD.GPSLatitude])
    lon = degrees(gps[piexif.GPSIFD.GPSLongitude])
    south = gps[piexif.GPSIFD.GPSLatitudeRef] == b"S"
    west = gps[piexif.GPSIFD.GPSLongitudeRef] == b"W"
    return (-lat if south else lat), (-lon if west else lon)


def test_open_review_write_come_back_and_undo(qtbot, desk, album):
    before = digests(album)
    window = desk.open(album)
    panes = window.panes
    assert window.status.text().startswith("18 photos, 8 with GPS, 10 without")

    # A suggestion is there with its reason, and Enter accepts it.
    desk.go_to(window, "DSC_0101.jpg")
    best = window.review.details.candidates[0]
    assert best.lat == pytest.approx(38.714, abs=0.01)
    assert any("IMG_0001" in reason for reason in best.reasons)
    assert panes.candidates.cards[0].marked
    desk.key(window, Qt.Key.Key_Return)
    desk.state(window, "DSC_0101.jpg", S.ACCEPTED)
    desk.under_review(window, "DSC_0102.jpg")

    # The decision can be undone and made again.
    desk.key(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: desk.row(window, "DSC_0101.jpg").state is not S.ACCEPTED)
    redo = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    desk.key(window, Qt.Key.Key_Z, redo)
    desk.state(window, "DSC_0101.jpg", S.ACCEPTED)

    # The marker is dragged on the map, and Enter accepts where it was let go.
    desk.go_to(window, "DSC_0103.jpg")
    view = panes.map
    view.fly_to(38.7078, -9.1366, 14)
    proposal = window.review.proposal
    wait_state(
        qtbot,
        view,
        lambda now: (
            now["zoom"] == 14
            and now["marker"]
            and now["marker"]["lat"] == pytest.approx(proposal.lat, abs=1e-6)
        ),
    )
    start = pixel(qtbot, view, proposal.lat, proposal.lon) + QPoint(0, -20)
    with qtbot.waitSignal(view.marker_dragged, timeout=LONG) as dragged:
        drag(view, start, start + QPoint(60, 40))
    moved = window.review.proposal
    assert moved.source is Source.BY_HAND
    assert (moved.lat, moved.lon) == tuple(dragged.args)
    desk.key(window, Qt.Key.Key_Return)
    desk.state(window, "DSC_0103.jpg", S.ACCEPTED)
    row = desk.row(window, "DSC_0103.jpg")
    assert (row.lat, row.lon) == pytest.approx((moved.lat, moved.lon))

    # The preview tells what will be written, then it is written.
    desk.shown(window)
    qtbot.waitUntil(panes.top.write_button.isEnabled, timeout=LONG)
    assert panes.top.write_button.text() == "Write 2 photos…"
    qtbot.mouseClick(panes.top.write_button, Qt.MouseButton.LeftButton)
    preview = desk.dialog(lambda: window.writes.dialog, PreviewDialog)
    assert [line.cells[:2] for line in preview.model.lines] == [
        ("DSC_0101.jpg", "The file itself"),
        ("DSC_0103.jpg", "The file itself"),
    ]
    assert digests(album) == before
    qtbot.mouseClick(preview.write_button, Qt.MouseButton.LeftButton)
    results = desk.dialog(lambda: window.writes.dialog, ResultsDialog)
    qtbot.waitUntil(lambda: not results.running, timeout=LONG)
    assert (results.successes, results.failures) == (2, 0)
    qtbot.mouseClick(results.button, Qt.MouseButton.LeftButton)
    desk.state(window, "DSC_0101.jpg", S.WRITTEN)
    desk.state(window, "DSC_0103.jpg", S.WRITTEN)
    assert place_in_file(album / "DSC_0103.jpg") == pytest.approx((moved.lat, moved.lon), abs=1e-5)
    written = digests(album)
    assert {name for name in before if written[name] != before[name]} == {
        "DSC_0101.jpg",
        "DSC_0103.jpg",
    }
    desk.close(window)

    # Another window on the same catalog comes up with the same folder, and undoes the write.
    again = desk.open()
    assert again.library.root == album
    desk.state(again, "DSC_0103.jpg", S.WRITTEN)
    desk.key(again, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    history = desk.dialog(lambda: again.writes.dialog, HistoryDialog)
    assert history.model.lines[0].cells[1] == "2"
    qtbot.mouseClick(history.undo_button, Qt.MouseButton.LeftButton)
    undone = desk.dialog(lambda: again.writes.dialog, ResultsDialog)
    qtbot.waitUntil(lambda: not undone.running, timeout=LONG)
    assert (undone.successes, undone.failures) == (2, 0)
    qtbot.mouseClick(undone.button, Qt.MouseButton.LeftButton)
    desk.state(again, "DSC_0103.jpg", S.ACCEPTED)
    assert digests(album) == before


def test_an_undo_leaves_a_file_alone_that_changed_since_and_says_so(qtbot, desk, album):
    window = desk.open(album)
    desk.go_to(window, "DSC_0101.jpg")
    desk.key(window, Qt.Key.Key_Return)
    desk.state(window, "DSC_0101.jpg", S.ACCEPTED)
    desk.shown(window)
    window.commands.actions["write"].trigger()
    preview = desk.dialog(lambda: window.writes.dialog, PreviewDialog)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    results = desk.dialog(lambda: window.writes.dialog, ResultsDialog)
    assert not preview.isVisible()
    qtbot.waitUntil(lambda: not results.running, timeout=LONG)
    results.reject()
    file = album / "DSC_0101.jpg"
    file.write_bytes(file.read_bytes() + b"changed by another program")
    changed = digests(album)
    window.commands.actions["history"].trigger()
    history = desk.dialog(lambda: window.writes.dialog, HistoryDialog)
    qtbot.mouseClick(history.undo_button, Qt.MouseButton.LeftButton)
    undone = desk.dialog(lambda: window.writes.dialog, ResultsDialog)
    qtbot.waitUntil(lambda: not undone.running, timeout=LONG)
    assert (undone.successes, undone.failures) == (0, 1)
    assert "changed" in undone.model.lines[0].cells[1]
    undone.reject()
    assert digests(album) == changed
