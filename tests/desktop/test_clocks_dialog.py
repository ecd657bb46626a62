"""The dialog of the cameras' clocks, on a real catalog."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from datetime import datetime
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
from geotagger.library.clocks import ClockDecision, ClockKind
from geotagger.library.scan import scan_folder
from geotagger.suggest.clock_course import Course, wall_s
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
        self.told: list[set[int]] = []
        self.undo = QUndoStack(self.parent)
        self.clocks = ClocksController(
            engine, SynchronousWork(parent=self.parent), self.undo, self.note, self.parent
        )
        self.clocks.open(root)
        self.clocks.refresh()
        self.dialog = ClocksDialog(self.clocks, self.parent)
        self.dialog.show()

    def note(self, album: str, told: Collection[int]) -> None:
        self.renewed.append(album)
        self.told.append(set(told))

    @property
    def card(self) -> ClockCard:
        return next(card for card in self.dialog.cards if card.row.camera == NAME)


def find(catalog: Catalog, album: Path, probability: float, course: Course | None = None) -> None:
    """Keep an estimate: the camera is two hours behind the phone, or as a course tells."""
    kept = None if course is None else course.to_json()
    with catalog.writing() as connection:
        connection.execute(
            "REPLACE INTO clocks"
            " (album, camera, reference, found_s, found_course, probability, pairs)"
            " VALUES (?, ?, ?, 7200, ?, ?, 14)",
            (bytes(album), NAME, REFERENCE, kept, probability),
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


def test_a_clock_that_gains_is_told_by_the_day_and_applied_as_found(
    desk: Desk, qtbot: QtBot
) -> None:
    course = Course(((-math.inf, 7200.0),), -12.0, wall_s(datetime(2022, 5, 14, 12)))
    find(desk.engine.catalog, desk.root, 0.7, course)
    desk.clocks.refresh()
    assert "runs 12 s a day fast: on 14 May 2022 it is 2 h behind" in desk.card.found.text()
    assert desk.card.state.text().startswith("Not corrected")
    assert desk.card.apply.text() == "Apply as found"
    assert desk.card.hand.text() == ""
    qtbot.mouseClick(desk.card.apply, Qt.MouseButton.LeftButton)
    assert desk.card.state.text() == (
        "Corrected by +2 h on 14 May 2022, 12 s less each day after it, on your word · 3 photos"
    )
    assert desk.card.row.applied == course
    assert not desk.card.apply.isEnabled()
    desk.undo.undo()
    assert desk.card.state.text().startswith("Not corrected")


def test_a_word_on_the_clock_of_photos_with_places_is_told_to_other_folders(desk: Desk) -> None:
    other = next(card for card in desk.dialog.cards if card.row.camera == REFERENCE)
    desk.clocks.decide(other.row, ClockDecision(ClockKind.SET, 3600.0))
    told = desk.told[-1]
    assert told
    assert {row.camera for row in desk.engine.rows_of(sorted(told))} == {REFERENCE}
    desk.undo.undo()
    assert desk.told[-1] == told


def test_the_reference_and_albums_of_one_camera_have_nothing_to_apply(desk: Desk) -> None:
    other = next(card for card in desk.dialog.cards if card.row.camera == REFERENCE)
    assert not other.apply.isVisible()
    assert "compared with" in other.found.text()
    make_album(desk.root / "alone", LISBON[:1], size=(96, 72))
    list(scan_folder(desk.engine.catalog, desk.root, workers=1))
    desk.clocks.refresh()
    assert {card.row.album for card in desk.dialog.cards} == {desk.album}
