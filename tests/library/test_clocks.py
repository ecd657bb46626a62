"""What the catalog keeps of clocks: estimates, decisions, and what holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from geotagger.library import clocks, queries, review, storing
from geotagger.library.analysing import album_photos, suggest_again
from geotagger.library.catalog import Catalog
from geotagger.library.clocks import ClockDecision, ClockKind, ClockRow
from geotagger.library.rows import Decision, DecisionKind
from geotagger.library.vectors import encode_vector
from geotagger.photos.record import PhotoRecord
from geotagger.suggest import clocks as estimating
from tests.suggest.making import NOON
from tests.suggest.test_clock_drift import journey
from tests.suggest.test_clocks import outing

MODEL = "looks/1"


@pytest.fixture
def album(catalog: Catalog, folder: Path, make_record: Callable[..., PhotoRecord]) -> str:
    """A phone with GPS, and a camera whose clock is two hours behind."""
    fill(catalog, folder, make_record, outing(12, offset_s=-7200.0))
    return os.fspath(folder)


def fill(catalog: Catalog, folder: Path, make_record, photos) -> None:
    """Store made photos with their embeddings; decisions and estimates come from the tests."""
    with catalog.writing() as connection:
        for photo in photos:
            place = None if photo.anchor is None else (photo.anchor.lat, photo.anchor.lon)
            record = make_record(folder / photo.name, gps=place)
            when = record.taken_at.when.replace(hour=12) + (photo.when - NOON)
            record = replace(
                record, camera=photo.camera, taken_at=replace(record.taken_at, when=when)
            )
            storing.store_record(connection, record, "")
            connection.execute(
                "REPLACE INTO embeddings VALUES (?, ?, ?)",
                (record.fingerprint, MODEL, encode_vector(photo.embedding)),
            )


def camera_row(catalog: Catalog, album: str) -> ClockRow:
    return next(row for row in clocks.rows_of(catalog, album) if row.camera == "camera")


def reasons_of(catalog: Catalog, album: str) -> str:
    suggest_again(catalog, album, model=MODEL)
    rows = [row for row in queries.photos(catalog, Path(album)) if row.camera == "camera"]
    found = [queries.details(catalog, row.id).candidates for row in rows]
    return str([candidate.reasons for some in found for candidate in some])


def test_a_sure_estimate_is_kept_and_applied_without_asking(catalog: Catalog, album: str) -> None:
    assert "clock corrected by +2 h" in reasons_of(catalog, album)
    row = camera_row(catalog, album)
    assert row.found is not None and row.found.sure
    assert (row.applied_s, row.open, row.photos) == (7200.0, True, 12)
    assert clocks.corrections(catalog, album) == {"camera": 7200.0}


def test_a_persons_word_beats_the_estimate_and_leave_means_never(
    catalog: Catalog, album: str
) -> None:
    reasons_of(catalog, album)
    clocks.decide(catalog, album, "camera", ClockDecision(ClockKind.LEAVE))
    assert "corrected" not in reasons_of(catalog, album)
    clocks.decide(catalog, album, "camera", ClockDecision(ClockKind.SET, 5400.0))
    assert "clock corrected by +1 h 30 min" in reasons_of(catalog, album)
    assert not camera_row(catalog, album).open
    clocks.decide(catalog, album, "camera", None)
    assert clocks.corrections(catalog, album) == {"camera": 7200.0}


@pytest.fixture
def drifting(catalog: Catalog, folder: Path, make_record: Callable[..., PhotoRecord]) -> str:
    """A phone with GPS, and a camera that is an hour ahead and gains 45 s a day, over 20 days."""
    fill(catalog, folder, make_record, journey(20, 5, offset_s=3600.0, gains_s=45.0, seed=3))
    return os.fspath(folder)


def test_a_drift_is_kept_applied_and_told_in_the_reasons(catalog: Catalog, drifting: str) -> None:
    told = reasons_of(catalog, drifting)
    row = camera_row(catalog, drifting)
    assert row.found is not None and row.found.course is not None
    assert row.applied == row.found.course and row.open
    assert row.found.course.per_day == pytest.approx(-45.0, abs=2.0)
    assert clocks.corrections(catalog, drifting) == {"camera": row.found.course}
    # An hour on the first day, a quarter of an hour more on the last.
    assert "clock corrected by −1 h" in told
    assert "clock corrected by −1 h 14 min" in told


def test_a_drift_that_a_person_took_over_stays_and_is_taken_back(
    catalog: Catalog, drifting: str
) -> None:
    clocks.estimated(catalog, drifting, album_photos(catalog, drifting, MODEL), MODEL)
    proposed = camera_row(catalog, drifting).proposed
    word = ClockDecision.to_set(proposed)
    change = clocks.decide(catalog, drifting, "camera", word)
    assert camera_row(catalog, drifting).decision == word
    assert clocks.corrections(catalog, drifting) == {"camera": proposed}
    clocks.decide(catalog, drifting, "camera", ClockDecision(ClockKind.SET, -3600.0))
    assert clocks.corrections(catalog, drifting) == {"camera": -3600.0}
    clocks.revert(catalog, [change])
    assert camera_row(catalog, drifting).decision is None


def test_a_correction_of_the_reference_moves_a_drift_compared_with_it(
    catalog: Catalog, drifting: str
) -> None:
    clocks.estimated(catalog, drifting, album_photos(catalog, drifting, MODEL), MODEL)
    course = camera_row(catalog, drifting).found.course  # type: ignore[union-attr]
    assert course is not None
    clocks.decide(catalog, drifting, "phone", ClockDecision(ClockKind.SET, 7200.0))
    applied = camera_row(catalog, drifting).applied
    assert applied == course.moved(7200.0)


def test_a_word_on_a_clock_tells_which_photos_say_something_else_to_other_folders(
    catalog: Catalog, album: str
) -> None:
    ids = {row.id: row for row in queries.photos(catalog, Path(album))}
    phone = {one for one, row in ids.items() if row.camera == "phone"}
    assert clocks.decide(catalog, album, "camera", ClockDecision(ClockKind.LEAVE)).told == set()
    assert clocks.decide(catalog, album, "phone", ClockDecision(ClockKind.SET, 60.0)).told == phone
    clocks.estimated(catalog, album, album_photos(catalog, album, MODEL), MODEL)
    placed = next(one for one, row in ids.items() if row.camera == "camera")
    review.decide(catalog, [Decision(placed, DecisionKind.ACCEPTED, 38.7, -9.1, 50.0)])
    # The camera's clock is compared with the phone's, so it moves too.
    change = clocks.decide(catalog, album, "phone", ClockDecision(ClockKind.SET, 90.0))
    assert change.told == {*phone, placed}


def test_estimates_made_in_another_way_are_made_anew(
    catalog: Catalog, album: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = album_photos(catalog, album, MODEL)
    monkeypatch.setattr(clocks, "_METHOD", 1)
    clocks.estimated(catalog, album, photos, MODEL)
    with catalog.writing() as connection:
        connection.execute("UPDATE clocks SET found_s = 60")
    monkeypatch.undo()
    assert clocks.estimated(catalog, album, photos, MODEL) == {"camera": 7200.0}


def test_a_decision_is_taken_back_and_made_again(catalog: Catalog, album: str) -> None:
    change = clocks.decide(catalog, album, "camera", ClockDecision(ClockKind.SET, 60.0))
    clocks.revert(catalog, [change])
    assert clocks.corrections(catalog, album) == {}
    clocks.reapply(catalog, [change])
    assert clocks.corrections(catalog, album) == {"camera": 60.0}


def test_an_acceptance_does_not_pay_for_the_estimate_again(
    catalog: Catalog, album: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    estimate = estimating.estimate
    monkeypatch.setattr(
        estimating, "estimate", lambda photos: calls.append(len(photos)) or estimate(photos)
    )
    suggest_again(catalog, album, model=MODEL)
    photo = next(r for r in queries.photos(catalog, Path(album)) if r.camera == "camera")
    review.decide(catalog, [Decision(photo.id, DecisionKind.ACCEPTED, 38.7, -9.1, 50.0)])
    suggest_again(catalog, album, model=MODEL)
    assert calls == [24]
    with catalog.writing() as connection:
        connection.execute("UPDATE photos SET wall_us = wall_us + 1000000 WHERE id = ?", [photo.id])
    suggest_again(catalog, album, model=MODEL)
    assert calls == [24, 24]


def test_a_new_estimate_leaves_the_persons_word(catalog: Catalog, album: str) -> None:
    clocks.decide(catalog, album, "camera", ClockDecision(ClockKind.LEAVE))
    clocks.estimated(catalog, album, album_photos(catalog, album, MODEL), MODEL)
    row = camera_row(catalog, album)
    assert row.decision == ClockDecision(ClockKind.LEAVE)
    assert row.found is not None and row.proposed == 7200.0


def test_a_correction_of_the_reference_moves_what_was_compared_with_it(
    catalog: Catalog, album: str
) -> None:
    clocks.estimated(catalog, album, album_photos(catalog, album, MODEL), MODEL)
    clocks.decide(catalog, album, "phone", ClockDecision(ClockKind.SET, 3600.0))
    assert clocks.corrections(catalog, album) == {"phone": 3600.0, "camera": 10_800.0}


def test_without_a_model_what_is_kept_holds(catalog: Catalog, album: str) -> None:
    photos = album_photos(catalog, album, None)
    assert clocks.estimated(catalog, album, photos, None) == {}
    clocks.estimated(catalog, album, album_photos(catalog, album, MODEL), MODEL)
    assert clocks.estimated(catalog, album, photos, None) == {"camera": 7200.0}


def test_an_unsure_estimate_is_proposed_and_not_applied(catalog: Catalog, album: str) -> None:
    clocks.estimated(catalog, album, album_photos(catalog, album, MODEL), MODEL)
    with catalog.writing() as connection:
        connection.execute("UPDATE clocks SET probability = 0.7")
    row = camera_row(catalog, album)
    assert (row.applied_s, row.proposed, row.open) == (0.0, 7200.0, True)
    with catalog.writing() as connection:
        connection.execute("UPDATE clocks SET probability = 0.3")
    assert not camera_row(catalog, album).open


def test_decisions_at_the_end_of_time_do_not_crash(catalog: Catalog, album: str) -> None:
    century = timedelta(days=36_000).total_seconds()
    clocks.decide(catalog, album, "camera", ClockDecision(ClockKind.SET, 90 * century))
    assert suggest_again(catalog, album, model=MODEL)
