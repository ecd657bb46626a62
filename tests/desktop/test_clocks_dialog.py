"""The dialog of the cameras' clocks, on a real catalog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from desktop.engine import Engine
from desktop.review.clocks import ClocksController, notice_text
from desktop.review.clocks_dialog import ClockCard, ClocksDialog
from desktop.work import SynchronousWork
from geotagger.library.catalog import Catalog
from geotagger.library.scan import scan_folder
from tests.support.albums import CAMERA, LISBON, PHONE, make_album

NAME, REFERENCE = " ".join(CAMERA), " ".join(PHONE)


class Desk:
    """A dialog, what it works on, and the albums that were to be suggested anew."""

    def __init__(self, qtbot: QtBot, engine: Engine, root: Path) -> None:
        self.parent = QWidget()
        qtbot.addWidget(self.parent)
        self.engine, self.root = engine, root
        self.album = str(root)
        self.renewed: list[str] = []
        self.undo = QUndoStack(self.parent)
        self.clocks = ClocksController(
            engine, SynchronousWork(parent=self.parent), self.undo, self.renewed.append, self.parent
        )
        self.clocks.open(root)
        self.clocks.refresh()
        self.dialog = ClocksDialog(self.clocks, self.parent)
        self.dialog.show()

    @property
    def card(self) -> ClockCard:
        return next(card for card in self.dialog.cards if card.row.camera == NAME)


def find(catalog: Catalog, album: Path, probability: float) -> None:
    """Keep an estimate: the camera is two hours behind the phone."""
    with catalog.writing() as connection:
        connection.execute(
            "REPLACE INTO clocks (album, camera, reference, found_s, probability, pairs)"
            " VALUES (?, ?, ?, 7200, ?, 14)",
            (bytes(album), NAME, REFERENCE, probability),
        )


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    root = tmp_path / "photos"
    make_album(root, LISBON[:6], size=(96, 72))
    engine = Engine(Catalog.open(tmp_path / "catalog.sqlite"))
    list(scan_folder(engine.catalog, root, workers=1))
    find(engine.catalog, root, 0.99)
    yield Desk(qtbot, engine, root)
    engine.close()


def test_a_sure_finding_is_told_and_applied_and_can_be_left(desk: Desk, qtbot: QtBot) -> None:
    sentence = "The clock of Acme Camera 1 is 2 h behind that of Fairphone FP5"
    assert notice_text(desk.clocks.asking) == (
        f"{sentence} (14 look-alike pairs agree, 99 %). Suggestions correct it."
    )
    assert desk.card.found.text().startswith(sentence)
    assert desk.card.state.text() == "Corrected by +2 h, as it is sure · 3 photos"
    assert desk.card.apply.text() == "Apply +2 h"
    qtbot.mouseClick(desk.card.leave, Qt.MouseButton.LeftButton)
    assert desk.card.state.text().startswith("Left as it is, on your word")
    assert not desk.card.leave.isEnabled()
    assert desk.renewed == [desk.album]
    assert notice_text(desk.clocks.asking) == ""
    desk.undo.undo()
    assert desk.card.state.text().startswith("Corrected by +2 h, as it is sure")
    desk.undo.redo()
    assert desk.card.state.text().startswith("Left as it is")
    assert len(desk.renewed) == 3


def test_an_unsure_finding_waits_for_a_word(desk: Desk, qtbot: QtBot) -> None:
    find(desk.engine.catalog, desk.root, 0.7)
    desk.clocks.refresh()
    assert desk.card.state.text().startswith("Not corrected")
    assert notice_text(desk.clocks.asking).endswith("Suggestions do not correct it yet.")
    qtbot.mouseClick(desk.card.apply, Qt.MouseButton.LeftButton)
    assert desk.card.state.text().startswith("Corrected by +2 h, on your word")
    assert not desk.card.apply.isEnabled()


def test_what_is_typed_is_checked_as_it_is_typed_and_set_with_enter(
    desk: Desk, qtbot: QtBot
) -> None:
    hand = desk.card.hand
    assert hand.text() == "+2:00"
    hand.clear()
    assert not desk.card.set.isEnabled() and not desk.card.problem.isVisible()
    qtbot.keyClicks(hand, "-1:7")
    assert desk.card.set.isEnabled()
    qtbot.keyClicks(hand, "5")
    assert not desk.card.set.isEnabled()
    assert "+2:00 or -0:35" in desk.card.problem.text() and desk.card.problem.isVisible()
    hand.clear()
    qtbot.keyClicks(hand, "-1:15")
    qtbot.keyClick(hand, Qt.Key.Key_Return)
    assert desk.card.state.text().startswith("Corrected by −1 h 15 min, on your word")
    assert desk.dialog.isVisible()


def test_the_reference_and_albums_of_one_camera_have_nothing_to_apply(desk: Desk) -> None:
    other = next(card for card in desk.dialog.cards if card.row.camera == REFERENCE)
    assert not other.apply.isVisible()
    assert "compared with" in other.found.text()
    make_album(desk.root / "alone", LISBON[:1], size=(96, 72))
    list(scan_folder(desk.engine.catalog, desk.root, workers=1))
    desk.clocks.refresh()
    assert {card.row.album for card in desk.dialog.cards} == {desk.album}
