"""Opening folders of every kind: what is said, what can be stopped, what is kept."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from desktop.engine import Engine
from desktop.errors import ErrorDialog
from desktop.library.activity import Phase
from desktop.library.problems import ProblemsDialog
from geotagger.library.rows import PhotoState
from tests.desktop.window.conftest import LONG
from tests.support.albums import LISBON, make_album, make_photo

S = PhotoState


def empty_title(window) -> str:
    shown = window.panes.stack.currentWidget() is window.panes.empty
    return window.panes.empty.title.text() if shown else ""


def test_without_a_folder_one_sentence_and_one_button_say_what_to_do(qtbot, desk):
    window = desk.open(wait=False)
    assert empty_title(window) == "Open a folder of photos"
    assert window.panes.empty.button.text() == "Open folder…"
    assert window.panes.empty.button.isVisible()
    assert not window.commands.actions["accept"].isEnabled()
    assert not window.panes.top.write_button.isEnabled()


@pytest.mark.parametrize("content", [None, "notes.txt"])
def test_a_folder_without_photos_says_so_and_offers_another(qtbot, desk, tmp_path, content):
    folder = tmp_path / "nothing here"
    folder.mkdir()
    if content is not None:
        (folder / content).write_text("no picture")
    window = desk.open(folder)
    qtbot.waitUntil(lambda: empty_title(window) == "No photos in this folder", timeout=LONG)
    assert str(folder) in window.panes.empty.text.text()
    assert window.panes.empty.button.text() == "Open another folder…"


def test_a_folder_that_is_not_there_is_told_with_its_path(qtbot, desk, tmp_path):
    window = desk.open(wait=False)
    window.open_folder(tmp_path / "gone")
    qtbot.waitUntil(lambda: window.findChild(ErrorDialog) is not None, timeout=LONG)
    dialog = window.findChild(ErrorDialog)
    assert str(tmp_path / "gone") in " ".join(dialog.texts)
    assert not dialog.report
    dialog.close()


def test_a_filter_that_shows_nothing_says_so_and_is_taken_off_by_its_button(qtbot, desk, album):
    window = desk.open(album)
    window.panes.library.choose_filter("written")
    qtbot.waitUntil(lambda: empty_title(window) == "No photo matches", timeout=LONG)
    qtbot.mouseClick(window.panes.empty.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.panes.model.rowCount() == len(LISBON), timeout=LONG)
    assert empty_title(window) == ""


def test_filters_count_and_show_what_they_say(qtbot, desk, album):
    window = desk.open(album)
    panel = window.panes.library
    shown = {
        panel.filters.item(at).text(): panel.filters.item(at).data(Qt.ItemDataRole.UserRole + 1)
        for at in range(panel.filters.count())
    }
    assert shown["All photos"] == "18"
    assert shown["With GPS"] == "8"
    assert shown["Without GPS"] == "10"
    panel.choose_filter("has_gps")
    qtbot.waitUntil(lambda: window.panes.model.rowCount() == 8, timeout=LONG)
    assert {row.state for row in window.panes.model.photos} == {S.HAS_GPS}


def test_an_album_without_any_anchor_says_why_there_is_no_suggestion(qtbot, desk, tmp_path):
    folder = tmp_path / "untagged"
    make_album(folder, tuple(shot for shot in LISBON if not shot.tagged)[:4], size=(160, 120))
    window = desk.open(folder)
    qtbot.waitUntil(lambda: window.panes.banner.isVisible(), timeout=LONG)
    assert "nothing to start from" in window.panes.banner.text.text()
    desk.go_to(window, "DSC_0101.jpg")
    assert "nothing to start from" in window.panes.candidates.text.text()
    assert not window.panes.candidates.accept_button.isEnabled()
    desk.key(window, Qt.Key.Key_Return)
    assert "no place to accept" in window.statusBar().currentMessage()
    # One photo placed by hand, and the others follow.
    window.review.place_at(38.7142, -9.1331)
    desk.key(window, Qt.Key.Key_Return)
    desk.state(window, "DSC_0101.jpg", S.ACCEPTED)
    qtbot.waitUntil(lambda: desk.row(window, "DSC_0102.jpg").lat is not None, timeout=LONG)
    desk.shown(window)
    assert "nothing to start from" not in window.panes.banner.text.text()


def test_photos_stand_in_the_order_of_time_under_their_days(qtbot, desk, album):
    window = desk.open(album)
    names = [row.name for row in window.panes.model.photos]
    assert names == [shot.name for shot in LISBON]
    sections = window.panes.model.sections
    assert [(one.first, one.count) for one in sections] == [(0, 11), (11, 7)]
    assert sections[0].title.startswith("Sat 14 May 2022 · ")
    assert "Portugal" in sections[0].title


def test_only_visible_thumbnails_are_asked_for(qtbot, desk, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    first = make_photo(folder / "0000.jpg", LISBON[0], size=(64, 48))
    for number in range(1, 300):
        shutil.copy(first, folder / f"{number:04}.jpg")
    window = desk.open(folder)
    grid = window.panes.grid
    visible = [window.panes.model.photo(row).id for row in grid._visible_rows()]
    assert 0 < len(visible) < 100
    qtbot.waitUntil(
        lambda: all(window.panes.thumbnails.get(one) is not None for one in visible), timeout=LONG
    )
    last = window.panes.model.photo(299).id
    assert window.panes.thumbnails.get(last) is None
    qtbot.keyClick(grid, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: window.panes.thumbnails.get(last) is not None, timeout=LONG)


def test_files_that_cannot_be_read_are_listed_with_the_reason(qtbot, desk, album):
    (album / "one byte.jpg").write_bytes(b"\xff")
    whole = (album / "DSC_0101.jpg").read_bytes()
    (album / "cut.jpg").write_bytes(whole[:40])
    window = desk.open(album)
    qtbot.waitUntil(window.problems_button.isVisible, timeout=LONG)
    count = len(window.library.problems)
    assert window.problems_button.text().startswith(f"{count} file")
    qtbot.mouseClick(window.problems_button, Qt.MouseButton.LeftButton)
    dialog = desk.dialog(lambda: window.dialog, ProblemsDialog)
    lines = {Path(line.cells[0]).name: line.cells[1:] for line in dialog.model.lines}
    assert "one byte.jpg" in lines
    assert all(reason and remedy for reason, remedy in lines.values())
    dialog.close()
    assert window.panes.model.rowCount() >= len(LISBON)


@pytest.fixture
def go_on(monkeypatch) -> threading.Event:
    """Holds a scan after its first photos until it is set: however quick, it is under way."""
    scan, event = Engine.scan, threading.Event()

    def held(engine, root, **how):
        for one in scan(engine, root, **how):
            yield one
            assert event.wait(60)

    monkeypatch.setattr(Engine, "scan", held)
    return event


def test_a_scan_that_is_stopped_keeps_what_it_found_and_can_go_on(qtbot, desk, tmp_path, go_on):
    folder = tmp_path / "large"
    folder.mkdir()
    first = make_photo(folder / "0000.jpg", LISBON[0], size=(64, 48))
    for number in range(1, 400):
        shutil.copy(first, folder / f"{number:04}.jpg")
    window = desk.open(folder, wait=False)
    qtbot.waitUntil(lambda: window.library.activity.done > 0, timeout=LONG)
    assert window.library.activity.phase is Phase.SCANNING
    qtbot.mouseClick(window.panes.top.activity.stop_button, Qt.MouseButton.LeftButton)
    go_on.set()
    qtbot.waitUntil(lambda: window.library.activity.phase is Phase.IDLE, timeout=LONG)
    desk.shown(window)
    assert 0 < window.panes.model.rowCount() < 400
    with qtbot.waitSignal(window.library.settled, timeout=LONG):
        window.commands.actions["rescan"].trigger()
    desk.shown(window)
    qtbot.waitUntil(lambda: window.panes.model.rowCount() == 400, timeout=LONG)


def test_background_work_can_be_paused_and_resumed(qtbot, desk, album, go_on):
    window = desk.open(album, wait=False)
    bar = window.panes.top.activity
    qtbot.waitUntil(lambda: window.library.activity.phase is Phase.SCANNING, timeout=LONG)
    qtbot.mouseClick(bar.pause_button, Qt.MouseButton.LeftButton)
    assert window.library.activity.phase is Phase.PAUSED
    assert bar.text.text().startswith("Paused: ")
    go_on.set()
    with qtbot.waitSignal(window.library.settled, timeout=LONG):
        qtbot.mouseClick(bar.pause_button, Qt.MouseButton.LeftButton)
    desk.shown(window)
    qtbot.waitUntil(lambda: window.panes.model.rowCount() == len(LISBON), timeout=LONG)


def test_closing_during_work_ends_it_and_loses_nothing(qtbot, desk, tmp_path, go_on):
    folder = tmp_path / "large"
    folder.mkdir()
    first = make_photo(folder / "0000.jpg", LISBON[0], size=(64, 48))
    for number in range(1, 400):
        shutil.copy(first, folder / f"{number:04}.jpg")
    window = desk.open(folder, wait=False)
    qtbot.waitUntil(lambda: window.library.activity.done > 0, timeout=LONG)
    work = window.work
    assert work.busy
    go_on.set()
    desk.close(window)
    assert not any(thread.is_alive() for thread in work._threads)
    again = desk.open()
    assert again.library.root == folder
    qtbot.waitUntil(lambda: again.panes.model.rowCount() == 400, timeout=LONG)


def test_a_second_opening_finds_by_itself_what_was_added_renamed_and_removed(qtbot, desk, album):
    window = desk.open(album)
    desk.go_to(window, "DSC_0102.jpg")
    desk.key(window, Qt.Key.Key_L)
    desk.state(window, "DSC_0102.jpg", S.LATER)
    desk.close(window)
    (album / "DSC_0101.jpg").unlink()
    (album / "DSC_0102.jpg").rename(album / "renamed.jpg")
    make_photo(album / "NEW_0001.jpg", LISBON[1], size=(200, 150))
    window = desk.open()

    def names() -> set[str]:
        return {row.name for row in window.panes.model.photos}

    qtbot.waitUntil(lambda: {"NEW_0001.jpg", "renamed.jpg"} <= names(), timeout=LONG)
    desk.state(window, "renamed.jpg", S.LATER)
    assert not {"DSC_0101.jpg", "DSC_0102.jpg"} & names()
    window.panes.library.choose_filter("failed")
    qtbot.waitUntil(lambda: window.panes.model.rowCount() == 1, timeout=LONG)
    assert window.panes.model.photo(0).state is S.MISSING


def test_layout_filter_and_album_are_as_they_were_left(qtbot, desk, tmp_path):
    root = tmp_path / "albums"
    for name in ("One", "Two"):
        make_album(root / name, LISBON[:6], size=(160, 120))
    window = desk.open(root)
    window.panes.library.albums.setCurrentRow(2)
    window.panes.library.choose_filter("no_gps")
    window.panes.grid.set_cell_size(176)
    window.panes.middle.setSizes([200, 500])
    qtbot.waitUntil(lambda: window.panes.model.rowCount() == 3, timeout=LONG)
    upper, lower = window.panes.middle.sizes()
    assert upper < lower
    desk.close(window)
    again = desk.open()
    assert again.library.query.filter == "no_gps"
    assert again.library.query.album == os.fspath(root / "Two")
    assert again.panes.library.albums.currentItem().text() == "Two"
    assert again.panes.grid.cell_size == 176
    now = again.panes.middle.sizes()
    assert now[0] / now[1] == pytest.approx(upper / lower, abs=0.03)
    qtbot.waitUntil(lambda: again.panes.model.rowCount() == 3, timeout=LONG)


def test_a_folder_dropped_on_the_window_is_opened(qtbot, desk, album):
    window = desk.open(wait=False)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(album / "DSC_0101.jpg"))])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(100, 100), copy, data, left, none)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    with qtbot.waitSignal(window.library.settled, timeout=LONG):
        QApplication.sendEvent(window, QDropEvent(QPointF(100, 100), copy, data, left, none))
    assert window.library.root == album


def test_a_name_that_is_not_utf8_is_shown_and_reviewed_like_any_other(qtbot, desk, album):
    odd = os.fsencode(album) + b"/caf\xe9.jpg"
    try:
        os.rename(album / "DSC_0101.jpg", odd)  # noqa: PTH104 - a name in bytes
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")
    window = desk.open(album)
    row = next(row for row in window.panes.model.photos if row.name.startswith("caf"))
    assert window.panes.model.index(window.panes.model.row_of(row.id)).data() == "caf\\xe9.jpg"
    desk.go_to(window, row.name)
    assert "caf\\xe9.jpg" in window.panes.photo.caption.text()
    desk.key(window, Qt.Key.Key_Return)
    desk.state(window, row.name, S.ACCEPTED)


def test_with_a_model_photos_are_looked_at_in_a_process_of_its_own(
    qtbot, desk, album, shared, monkeypatch
):
    import sys

    from geotagger.models import store

    weights = next((shared / "weights").glob("mobilenet*.safetensors"), None)
    if weights is None:
        pytest.skip("the weights of MobileNetV2 are not there")
    monkeypatch.delenv("GEOTAGGER_MODEL")
    store.install(weights)
    loaded = "torch" in sys.modules
    window = desk.open(album)
    assert window.model_label.text() == "Model: mobilenet-v2"
    assert ("torch" in sys.modules) == loaded
    with window.engine.catalog.reading() as connection:
        rows = connection.execute("SELECT DISTINCT model FROM embeddings").fetchall()
    assert [row["model"] for row in rows] == ["mobilenet-v2/imagenet-1"]
    # What was looked at once still speaks after a decision.
    desk.go_to(window, "DSC_0101.jpg")
    desk.key(window, Qt.Key.Key_Return)
    desk.state(window, "DSC_0101.jpg", S.ACCEPTED)


def test_another_album_begins_with_its_first_photo_and_loads_what_it_shows(qtbot, desk, tmp_path):
    root = tmp_path / "albums"
    make_album(root / "One", LISBON, size=(160, 120))
    make_album(root / "Two", LISBON[:5], size=(200, 150))
    window = desk.open(root)
    window.panes.grid.go_to(30)
    window.panes.library.albums.setCurrentRow(2)
    qtbot.waitUntil(lambda: window.panes.model.rowCount() == 5, timeout=LONG)
    assert window.panes.grid.current_photo().path == root / "Two" / "IMG_0001.jpg"
    ids = [window.panes.model.photo(row).id for row in window.panes.grid._visible_rows()]
    qtbot.waitUntil(
        lambda: all(window.panes.thumbnails.get(one) is not None for one in ids), timeout=LONG
    )
