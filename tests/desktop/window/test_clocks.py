"""Clocks in the window: the notice, the dialog, undo, and the reasons that follow."""

from __future__ import annotations

from PySide6.QtCore import Qt

from desktop.review.clocks_dialog import ClocksDialog
from tests.desktop.test_clocks_dialog import NAME, find
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
