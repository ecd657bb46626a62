"""Clocks in the window: the notice, the dialog, undo, and the reasons that follow."""

from __future__ import annotations

from PySide6.QtCore import Qt

from desktop.review.clocks_dialog import ClocksDialog
from geotagger.library.clocks import ClockDecision, ClockKind
from tests.desktop.test_clocks_dialog import NAME, REFERENCE, find
from tests.desktop.window.conftest import LONG


def test_a_notice_leads_to_the_clocks_and_a_word_changes_the_suggestions(qtbot, desk, album):
    window = desk.open(album)
    find(window.engine.catalog, album, 0.99)
    window.clocks.refresh()
    banner = window.panes.banner
    qtbot.waitUntil(lambda: "2 h behind" in banner.text.text(), timeout=LONG)
    desk.go_to(window, "DSC_0101.jpg")
    assert "corrected" not in str(window.review.details.candidates)
    qtbot.mouseClick(banner.button, Qt.MouseButton.LeftButton)
    dialog = desk.dialog(lambda: window.dialog, ClocksDialog)
    card = next(card for card in dialog.cards if card.row.camera == NAME)
    qtbot.mouseClick(card.apply, Qt.MouseButton.LeftButton)

    def told() -> bool:
        return "this photo's clock corrected by +2 h" in str(window.review.details.candidates)

    qtbot.waitUntil(told, timeout=LONG)
    qtbot.waitUntil(lambda: "2 h behind" not in banner.text.text(), timeout=LONG)
    dialog.reject()
    window.review.undo_stack.undo()
    qtbot.waitUntil(lambda: not window.clocks.rows[0].decision, timeout=LONG)
    qtbot.waitUntil(lambda: "2 h behind" in banner.text.text(), timeout=LONG)


def test_a_word_on_the_clock_of_photos_with_places_reaches_the_folders_that_hear_them(
    qtbot, desk, album, monkeypatch
):
    window = desk.open(album)
    engine = window.engine
    window.clocks.refresh()
    qtbot.waitUntil(lambda: bool(window.clocks.rows), timeout=LONG)
    around, told = engine.suggest_around, []

    def noted(folder, near, *, cancel):
        told.append((folder, {row.camera for row in engine.rows_of(sorted(near))}))
        yield from around(folder, near, cancel=cancel)

    monkeypatch.setattr(engine, "suggest_around", noted)
    phone = next(row for row in window.clocks.rows if row.camera == REFERENCE)
    window.clocks.decide(phone, ClockDecision(ClockKind.SET, 3600.0))
    qtbot.waitUntil(lambda: bool(told), timeout=LONG)
    assert told == [(str(album), {REFERENCE})]
    window.review.undo_stack.undo()
    qtbot.waitUntil(lambda: len(told) == 2, timeout=LONG)
    assert told[1] == told[0]
