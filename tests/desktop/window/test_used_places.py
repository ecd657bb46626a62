"""Places used before are listed before one types; favourites are kept by a button."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt

from desktop.review.place_dialogs import PlaceSearchDialog
from desktop.window import MainWindow
from geotagger.library.rows import PhotoState
from tests.desktop.window.conftest import Desk

K = Qt.Key


def search(desk: Desk, window: MainWindow, name: str) -> PlaceSearchDialog:
    desk.go_to(window, name)
    desk.key(window, K.Key_Slash)
    return desk.dialog(lambda: window.asking.dialog, PlaceSearchDialog)


def listed(dialog: PlaceSearchDialog) -> list[str]:
    return [dialog.results.item(row).text().strip() for row in range(dialog.results.count())]


def test_places_of_late_and_favourites_are_offered(desk: Desk, album: Path) -> None:
    window = desk.open(album)
    wait = desk.qtbot.waitUntil
    dialog = search(desk, window, "DSC_0110.jpg")
    wait(lambda: "are listed here later" in dialog.answer.text())
    assert listed(dialog) == [] and not dialog.favourite.isEnabled()
    desk.qtbot.keyClicks(dialog.edit, "Munich")
    wait(lambda: dialog.chosen is not None)
    dialog.favourite.click()
    wait(lambda: dialog.chosen is not None and dialog.chosen.favourite)
    assert dialog.favourite.text() == "No favourite any more"
    assert listed(dialog)[0] == "★ Munich, Bavaria, Germany"
    dialog.close()
    desk.go_to(window, "DSC_0101.jpg")
    desk.key(window, K.Key_Return)
    desk.state(window, "DSC_0101.jpg", PhotoState.ACCEPTED)
    used = desk.row(window, "DSC_0101.jpg").place

    # The favourite first, then what was accepted; down and Enter take it without a letter.
    dialog = search(desk, window, "DSC_0110.jpg")
    wait(lambda: listed(dialog) == ["★ Munich, Bavaria, Germany", used])
    assert dialog.chosen is None and not dialog.ok.isEnabled()
    desk.qtbot.keyClick(dialog.edit, K.Key_Down)
    desk.qtbot.keyClick(dialog.edit, K.Key_Return)
    assert window.review.proposal.place == "Munich, Bavaria, Germany"

    dialog = search(desk, window, "DSC_0110.jpg")
    wait(lambda: dialog.results.count() == 2)
    dialog.results.setCurrentRow(0)
    dialog.favourite.click()
    wait(lambda: listed(dialog) == [used])
    dialog.close()
