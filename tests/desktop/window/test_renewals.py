"""After Enter the other suggestions come anew, while the window goes on."""

from __future__ import annotations

import threading

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from geotagger.library.analysing import suggest_again
from geotagger.library.rows import PhotoState
from geotagger.progress import CancelledError
from tests.desktop.window.conftest import LONG

S = PhotoState


def accept(desk, window, name):
    desk.go_to(window, name)
    desk.key(window, Qt.Key.Key_Return)


def stored(window, name, desk):
    return window.engine.details(desk.row(window, name).id)


def known(window, album):
    """Check that what is stored is what all decisions together lead to."""
    ids = [row.id for row in window.panes.model.photos]
    found = [window.engine.details(one).candidates for one in ids]
    suggest_again(window.engine.catalog, str(album), places=window.engine.places())
    assert found == [window.engine.details(one).candidates for one in ids]


def test_an_acceptance_renews_the_rows_of_the_others_in_the_grid(qtbot, desk, album):
    window = desk.open(album)
    before = {row.id: row for row in window.panes.model.photos}
    shown = []
    window.review.renewals.renewed.connect(lambda rows: shown.extend(row.name for row in rows))
    accept(desk, window, "DSC_0101.jpg")
    desk.state(window, "DSC_0101.jpg", S.ACCEPTED)
    qtbot.waitUntil(lambda: not window.review.renewals.wanted, timeout=LONG)
    open_now = {row.name for row in window.panes.model.photos if row.probability is not None}
    assert open_now == set(shown)
    assert shown[0] == "DSC_0102.jpg"  # the nearest in time comes first
    for row in window.panes.model.photos:
        assert row == window.engine.rows_of([row.id])[0]
    assert any(before[row.id] != row for row in window.panes.model.photos if row.name in open_now)
    reasons = str(stored(window, "DSC_0102.jpg", desk).candidates)
    assert "DSC_0101.jpg, which you accepted" in reasons


def test_a_second_acceptance_stops_the_renewal_under_way_and_the_window_waits_for_neither(
    qtbot, desk, album, monkeypatch
):
    window = desk.open(album)
    renew = window.engine.renew
    begun, go_on = threading.Event(), threading.Event()
    ended, rounds = [], []

    def held(folder, near, *, cancel):
        rounds.append(set(near))
        if len(rounds) == 1:
            begun.set()
            assert go_on.wait(60)
        try:
            yield from renew(folder, near, cancel=cancel)
        except CancelledError:
            ended.append("stopped")
            raise
        ended.append("whole")

    monkeypatch.setattr(window.engine, "renew", held)
    accept(desk, window, "DSC_0101.jpg")
    qtbot.waitUntil(begun.is_set, timeout=LONG)
    # The renewal stands still; the window does not.
    desk.under_review(window, "DSC_0102.jpg")
    assert desk.row(window, "DSC_0101.jpg").state is S.ACCEPTED
    first, second = (desk.row(window, f"DSC_010{number}.jpg").id for number in (1, 2))
    desk.key(window, Qt.Key.Key_Return)
    desk.under_review(window, "DSC_0103.jpg")
    assert QApplication.activeWindow() is window
    go_on.set()
    desk.state(window, "DSC_0102.jpg", S.ACCEPTED)
    qtbot.waitUntil(lambda: not window.review.renewals.wanted, timeout=LONG)
    assert ended == ["stopped", "whole"]
    assert rounds == [{first}, {first, second}]
    known(window, album)


def test_a_decision_that_changes_nothing_lets_the_stopped_renewal_go_on(
    qtbot, desk, album, monkeypatch
):
    window = desk.open(album)
    renew = window.engine.renew
    begun, go_on = threading.Event(), threading.Event()
    rounds = []

    def held(folder, near, *, cancel):
        rounds.append(set(near))
        if len(rounds) == 1:
            begun.set()
            assert go_on.wait(60)
        yield from renew(folder, near, cancel=cancel)

    monkeypatch.setattr(window.engine, "renew", held)
    accept(desk, window, "DSC_0101.jpg")
    qtbot.waitUntil(begun.is_set, timeout=LONG)
    # A photo with GPS cannot be decided on.
    window.review.accept_all([desk.row(window, "IMG_0001.jpg").id])
    go_on.set()
    qtbot.waitUntil(lambda: not window.review.renewals.wanted, timeout=LONG)
    assert len(rounds) == 2 and rounds[0] == rounds[1]
    reasons = str(stored(window, "DSC_0102.jpg", desk).candidates)
    assert "DSC_0101.jpg, which you accepted" in reasons


def test_other_folders_of_the_outing_come_after_the_album_and_once_for_all_decisions(
    qtbot, desk, album, monkeypatch
):
    window = desk.open(album)
    engine = window.engine
    renew, around = engine.renew, engine.suggest_around
    begun, go_on = threading.Event(), threading.Event()
    told = []

    def held(folder, near, *, cancel):
        if not begun.is_set():
            begun.set()
            assert go_on.wait(60)
        yield from renew(folder, near, cancel=cancel)
        told.append("album")

    def noted(folder, near, *, cancel):
        told.append(len(near))
        yield from around(folder, near, cancel=cancel)

    monkeypatch.setattr(engine, "renew", held)
    monkeypatch.setattr(engine, "suggest_around", noted)
    accept(desk, window, "DSC_0101.jpg")
    qtbot.waitUntil(begun.is_set, timeout=LONG)
    accept(desk, window, "DSC_0102.jpg")
    go_on.set()
    qtbot.waitUntil(lambda: 2 in told, timeout=LONG)
    assert told == ["album", 2]
