"""Review by keyboard: every key does what the sheet says, and none fires while one types."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from desktop.help import ShortcutSheet
from desktop.review.confident_dialog import ConfidentDialog
from desktop.review.place_dialogs import CoordinatesDialog, PlaceSearchDialog
from desktop.review.proposal import Source
from geotagger.library.rows import PhotoState
from tests.desktop.map_helpers import state, wait_state
from tests.desktop.window.conftest import LONG

S = PhotoState
OPEN = {S.PENDING, S.CONFIDENT, S.AMBIGUOUS, S.INSUFFICIENT}
CTRL = Qt.KeyboardModifier.ControlModifier


def drawn(qtbot, view):
    """Return how many photos a map has drawn, None while its page is loading."""
    try:
        return state(qtbot, view)["photos"]
    except json.JSONDecodeError:
        return None


def test_reject_and_later_go_on_to_the_next_open_photo_and_can_be_undone(qtbot, desk, album):
    window = desk.open(album)
    desk.go_to(window, "DSC_0101.jpg")
    desk.key(window, Qt.Key.Key_Backspace)
    desk.state(window, "DSC_0101.jpg", S.REJECTED)
    desk.under_review(window, "DSC_0102.jpg")
    desk.key(window, Qt.Key.Key_L)
    desk.state(window, "DSC_0102.jpg", S.LATER)
    desk.under_review(window, "DSC_0103.jpg")
    desk.key(window, Qt.Key.Key_Z, CTRL)
    qtbot.waitUntil(lambda: desk.row(window, "DSC_0102.jpg").state in OPEN, timeout=LONG)
    desk.key(window, Qt.Key.Key_Z, CTRL)
    qtbot.waitUntil(lambda: desk.row(window, "DSC_0101.jpg").state in OPEN, timeout=LONG)
    assert not window.review.undo_stack.canUndo()


def test_a_number_chooses_a_candidate_and_enter_accepts_that_one(qtbot, desk, album):
    window = desk.open(album)
    several = next(
        row
        for row in window.panes.model.photos
        if len(window.engine.details(row.id).candidates) > 1
    )
    desk.go_to(window, several.name)
    second = window.review.details.candidates[1]
    desk.key(window, Qt.Key.Key_2)
    assert window.review.proposal.index == 1
    assert [card.marked for card in window.panes.candidates.cards[:2]] == [False, True]
    desk.key(window, Qt.Key.Key_Return)
    desk.state(window, several.name, S.ACCEPTED)
    row = desk.row(window, several.name)
    assert (row.lat, row.lon) == (second.lat, second.lon)


def test_a_number_beyond_the_candidates_changes_nothing_and_says_so(qtbot, desk, album):
    window = desk.open(album)
    desk.go_to(window, "DSC_0101.jpg")
    count = len(window.review.details.candidates)
    assert count < 5
    before = window.review.proposal
    desk.key(window, Qt.Key.Key_5)
    assert window.review.proposal == before
    assert f"{count} candidate" in window.statusBar().currentMessage()


def test_keys_do_nothing_to_photos_while_one_types_a_search(qtbot, desk, album):
    window = desk.open(album)
    desk.go_to(window, "DSC_0101.jpg")
    desk.key(window, Qt.Key.Key_F, CTRL)
    search = window.panes.top.search
    assert QApplication.focusWidget() is search
    qtbot.keyClicks(search, "ml1")
    qtbot.keyClick(search, Qt.Key.Key_Backspace)
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert search.text() == "ml"
    assert not window.review.undo_stack.canUndo()
    assert window.review.proposal.source is Source.CANDIDATE


def test_a_search_narrows_the_grid_and_escape_of_it_is_one_button(qtbot, desk, album):
    window = desk.open(album)
    search = window.panes.top.search
    qtbot.keyClicks(search, "dsc_0103")
    qtbot.waitUntil(lambda: window.panes.model.rowCount() == 1, timeout=LONG)
    search.clear()
    qtbot.keyClicks(search, "nowhere at all")
    qtbot.waitUntil(lambda: window.panes.stack.currentWidget() is window.panes.empty, timeout=LONG)
    assert window.panes.empty.title.text() == "No photo matches"
    qtbot.mouseClick(window.panes.empty.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.panes.model.rowCount() == 18, timeout=LONG)


def test_arrows_move_between_photos_and_shift_selects_a_run(qtbot, desk, album):
    window = desk.open(album)
    grid = window.panes.grid
    desk.go_to(window, "IMG_0001.jpg")
    desk.key(window, Qt.Key.Key_Right)
    desk.under_review(window, "DSC_0101.jpg")
    desk.key(window, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    names = [desk.row(window, "DSC_0101.jpg").id, desk.row(window, "DSC_0102.jpg").id]
    assert grid.selected_ids() == names
    desk.key(window, Qt.Key.Key_End)
    desk.under_review(window, "DSC_0110.jpg")
    desk.key(window, Qt.Key.Key_Home)
    desk.under_review(window, "IMG_0001.jpg")


def test_a_copied_place_is_pasted_to_all_selected_photos_as_one_step(qtbot, desk, album):
    window = desk.open(album)
    source = desk.go_to(window, "IMG_0001.jpg")
    desk.key(window, Qt.Key.Key_C)
    desk.go_to(window, "DSC_0101.jpg")
    desk.key(window, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    desk.under_review(window, "DSC_0102.jpg")
    desk.key(window, Qt.Key.Key_V)
    for name in ("DSC_0101.jpg", "DSC_0102.jpg"):
        desk.state(window, name, S.ACCEPTED)
        row = desk.row(window, name)
        assert (row.lat, row.lon) == (source.lat, source.lon)
    desk.key(window, Qt.Key.Key_Z, CTRL)
    for name in ("DSC_0101.jpg", "DSC_0102.jpg"):
        qtbot.waitUntil(lambda n=name: desk.row(window, n).state in OPEN, timeout=LONG)


def test_a_photo_with_gps_is_left_as_it_is_by_every_key(qtbot, desk, album):
    window = desk.open(album)
    desk.go_to(window, "IMG_0001.jpg")
    for key in (Qt.Key.Key_Backspace, Qt.Key.Key_L, Qt.Key.Key_M, Qt.Key.Key_1, Qt.Key.Key_V):
        desk.key(window, key)
    window.review.place_at(1.0, 2.0)
    assert window.review.proposal.source is Source.FILE
    desk.key(window, Qt.Key.Key_Return)
    desk.under_review(window, "DSC_0101.jpg")
    assert desk.row(window, "IMG_0001.jpg").state is S.HAS_GPS
    assert not window.review.undo_stack.canUndo()


def test_typed_coordinates_place_the_marker_and_enter_accepts_them(qtbot, desk, album):
    window = desk.open(album)
    desk.go_to(window, "DSC_0109.jpg")
    desk.key(window, Qt.Key.Key_G)
    dialog = desk.dialog(lambda: window.asking.dialog, CoordinatesDialog)
    dialog.edit.clear()
    qtbot.keyClicks(dialog.edit, "north of nowhere")
    assert not dialog.ok.isEnabled()
    assert dialog.answer.text()
    dialog.edit.clear()
    qtbot.keyClicks(dialog.edit, "38°46'50\"N 9°29'56\"W")
    assert dialog.ok.isEnabled()
    qtbot.keyClick(dialog.edit, Qt.Key.Key_Return)
    proposal = window.review.proposal
    assert proposal.source is Source.BY_HAND
    assert (proposal.lat, proposal.lon) == pytest.approx((38.78056, -9.49889), abs=1e-4)
    qtbot.waitUntil(lambda: window.review.proposal.place != "", timeout=LONG)
    assert "Portugal" in window.panes.candidates.text.text()
    desk.key(window, Qt.Key.Key_Return)
    desk.state(window, "DSC_0109.jpg", S.ACCEPTED)


def test_a_place_is_found_by_name_while_one_types_without_any_network(qtbot, desk, album):
    window = desk.open(album)
    desk.go_to(window, "DSC_0110.jpg")
    desk.key(window, Qt.Key.Key_Slash)
    dialog = desk.dialog(lambda: window.asking.dialog, PlaceSearchDialog)
    qtbot.keyClicks(dialog.edit, "Munich")
    qtbot.waitUntil(lambda: dialog.chosen is not None, timeout=LONG)
    assert dialog.chosen.label == "Munich, Bavaria, Germany"
    qtbot.keyClick(dialog.edit, Qt.Key.Key_Return)
    assert window.review.proposal.place == "Munich, Bavaria, Germany"
    wait_state(
        qtbot, window.panes.map, lambda now: now["center"][0] == pytest.approx(48.137, abs=0.05)
    )


def test_m_puts_the_marker_to_the_middle_of_the_map(qtbot, desk, album):
    window = desk.open(album)
    desk.go_to(window, "DSC_0101.jpg")
    window.panes.map.fly_to(10.0, 20.0, 8)
    wait_state(qtbot, window.panes.map, lambda now: now["center"][0] == pytest.approx(10, abs=0.01))
    desk.key(window, Qt.Key.Key_M)
    qtbot.waitUntil(lambda: window.review.proposal.source is Source.BY_HAND, timeout=LONG)
    proposal = window.review.proposal
    assert (proposal.lat, proposal.lon) == pytest.approx((10, 20), abs=0.01)


def test_space_gives_the_photo_the_room_and_arrows_still_move(qtbot, desk, album):
    window = desk.open(album)
    desk.go_to(window, "DSC_0101.jpg")
    desk.key(window, Qt.Key.Key_Space)
    assert not window.panes.grid.isVisible()
    assert window.commands.actions["larger"].isChecked()
    desk.key(window, Qt.Key.Key_Right)
    desk.under_review(window, "DSC_0102.jpg")
    qtbot.waitUntil(lambda: window.panes.photo.picture.has_picture, timeout=LONG)
    desk.key(window, Qt.Key.Key_Space)
    assert window.panes.grid.isVisible()
    assert QApplication.focusWidget() is window.panes.grid


def test_all_confident_are_shown_first_and_accepted_and_undone_as_one(qtbot, desk, album):
    window = desk.open(album)
    confident = window.engine.confident(album)
    assert confident
    desk.key(window, Qt.Key.Key_Return, CTRL)
    dialog = desk.dialog(lambda: window.asking.dialog, ConfidentDialog)
    assert len(dialog.model.lines) == len(confident)
    assert dialog.ok.text().startswith(f"Accept {len(confident)} photo")
    qtbot.waitUntil(lambda: drawn(qtbot, dialog.map) == len(confident), timeout=LONG)
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    for photo_id in confident:
        qtbot.waitUntil(
            lambda one=photo_id: (
                window.panes.model.photo(window.panes.model.row_of(one)).state is S.ACCEPTED
            ),
            timeout=LONG,
        )
    desk.shown(window)
    window.review.undo_stack.undo()
    qtbot.waitUntil(
        lambda: window.engine.listing(album).counts().get(S.ACCEPTED, 0) == 0,
        timeout=LONG,
    )


def test_the_sheet_of_keys_is_made_of_the_commands(qtbot, desk, tmp_path):
    window = desk.open(wait=False)
    desk.key(window, Qt.Key.Key_F1)
    sheet = window.findChild(ShortcutSheet)
    assert sheet is not None
    assert sheet.isVisible()
    said = dict(line for _, lines in window.commands.sheet() for line in lines)
    assert said["Accept and next"] == "Return"
    assert said["Redo decision"] == "Ctrl+Shift+Z"
    assert said["Marker to map centre"] == "M"
    sheet.close()
