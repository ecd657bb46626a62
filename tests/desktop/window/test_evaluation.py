"""From the menu to the figures in a real window, its own threads at work."""

from __future__ import annotations

from PySide6.QtCore import Qt

from desktop.evaluation.dialog import EvaluationDialog
from tests.desktop.window.conftest import LONG


def test_the_menu_leads_to_figures_and_closing_leaves_all_as_it_was(qtbot, desk, album):
    window = desk.open(album)
    menus = {menu.title(): menu for menu in (one.menu() for one in window.menuBar().actions())}
    action = next(
        one for one in menus["Review"].actions() if one.text() == "How good is it on my photos…"
    )
    qtbot.waitUntil(action.isEnabled, timeout=LONG)
    before = window.engine.listing(album).counts()
    action.trigger()
    dialog = desk.dialog(lambda: window.dialog, EvaluationDialog)
    qtbot.waitUntil(dialog.start.isEnabled, timeout=LONG)
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dialog.result.score is not None, timeout=LONG)
    assert dialog.result.headline.text().startswith("Of 18 hidden photos ")
    qtbot.waitUntil(lambda: dialog.result.plots.current, timeout=LONG)
    # Started once more and closed at once: nothing is left of it.
    dialog.start.click()
    dialog.reject()
    qtbot.waitUntil(lambda: not window.work.busy, timeout=LONG)
    assert window.engine.listing(album).counts() == before


def test_without_a_folder_there_is_nothing_to_ask(qtbot, desk):
    window = desk.open(wait=False)
    assert not window.commands.actions["evaluate"].isEnabled()
