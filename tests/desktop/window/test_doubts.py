"""GPS that disagrees with its neighbours: the notice, the list, the sentence beside the photo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt

from desktop.review.doubts import DoubtsDialog
from geotagger.library.rows import PhotoState
from tests.desktop.window.conftest import LONG
from tests.support.albums import PHONE, Shot, make_album

FIRST = Shot("p0.jpg", "town", 1, 0.0, 38.7139, -9.1335, tagged=True, camera=PHONE)


def test_a_stray_photo_is_told_listed_and_found_again(qtbot, desk, tmp_path: Path):
    shots = [replace(FIRST, name=f"p{n}.jpg", minutes=5.0 * n, seed=n) for n in range(8)]
    shots[4] = replace(shots[4], lat=48.2, lon=16.37)
    untagged = replace(FIRST, name="none.jpg", minutes=41.0, tagged=False)
    make_album(tmp_path / "walk", (*shots, untagged), size=(160, 120))
    window = desk.open(tmp_path / "walk")
    banner = window.panes.banner
    qtbot.waitUntil(lambda: "GPS of 1 photo disagrees" in banner.text.text(), timeout=LONG)
    # Whatever is shown now, the list leads to the photo.
    window.choose_filter("no_gps")
    qtbot.waitUntil(lambda: len(window.library.snapshot.rows) == 1, timeout=LONG)
    qtbot.mouseClick(banner.button, Qt.MouseButton.LeftButton)
    dialog = desk.dialog(lambda: window.dialog, DoubtsDialog)
    (line,) = dialog.model.lines
    assert line.cells[0] == "p4.jpg"
    assert line.cells[1].endswith("apart in time")
    qtbot.mouseClick(dialog.show_button, Qt.MouseButton.LeftButton)
    desk.under_review(window, "p4.jpg")
    panel = window.panes.candidates
    assert panel.disagreement.text().startswith("This photo's GPS disagrees with its neighbours")
    assert window.review.details.row.state is PhotoState.HAS_GPS
    # Who has looked is not told again, and other photos have no such sentence.
    assert "disagrees" not in banner.text.text()
    desk.go_to(window, "p1.jpg")
    assert not panel.disagreement.isVisible()


def test_where_nothing_disagrees_nothing_is_said(qtbot, desk, album):
    window = desk.open(album)
    window.doubts.refresh()
    window.commands.actions["doubts"].trigger()
    dialog = desk.dialog(lambda: window.dialog, DoubtsDialog)
    assert dialog.model.lines == []
    assert not dialog.show_button.isEnabled()
    assert "disagrees" not in window.panes.banner.text.text()
