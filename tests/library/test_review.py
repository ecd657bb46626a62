from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from geotagger.library import queries, review, storing
from geotagger.library.catalog import Catalog
from geotagger.library.listing import Listing
from geotagger.library.rows import Decision, DecisionKind, PhotoState
from geotagger.photos.record import PhotoRecord
from geotagger.suggest.types import Candidate, Suggestion, SuggestionState

MakeRecord = Callable[..., PhotoRecord]


@pytest.fixture
def ids(catalog: Catalog, tmp_path: Path, make_record: MakeRecord) -> list[int]:
    with catalog.writing() as connection:
        stored = [
            storing.store_record(
                connection,
                make_record(
                    tmp_path / "trip" / f"{number}.jpg", number, (1.0, 2.0) if number == 3 else None
                ),
                "",
            )
            for number in (2, 0, 1, 3)
        ]
        for photo_id, state, probability in (
            (stored[0], "confident", 0.9),
            (stored[1], "ambiguous", 0.5),
        ):
            candidate = Candidate(10.0, 20.0, 100.0, probability, "Zürich, Switzerland", ("why",))
            made = Suggestion(str(photo_id), SuggestionState(state), (candidate,))
            storing.store_suggestions(connection, [(photo_id, made)])
    return stored


def states(catalog: Catalog, ids: list[int]) -> list[str]:
    return [row.state.value for row in queries.photos_by_id(catalog, ids)]


def test_photos_come_in_chronological_order_with_their_states(
    catalog: Catalog, tmp_path: Path, ids: list[int]
) -> None:
    rows = queries.photos(catalog, tmp_path)
    assert [row.name for row in rows] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert [row.state.value for row in rows] == ["ambiguous", "pending", "confident", "has_gps"]
    assert rows[2].place == "Zürich, Switzerland" and rows[2].probability == 0.9
    assert Listing.load(catalog, tmp_path).counts()[PhotoState.HAS_GPS] == 1
    (album,) = Listing.load(catalog, tmp_path).albums()
    assert (album.title, album.count, album.without_gps) == ("trip", 4, 3)


def test_search_ignores_case_and_accents_and_wants_every_word(
    catalog: Catalog, tmp_path: Path, ids: list[int]
) -> None:
    def found(text: str) -> list[str]:
        return [row.name for row in queries.photos(catalog, tmp_path, search=text)]

    assert found("zurich") == ["0.jpg", "2.jpg"]
    assert found("ZÜRICH 2022-05-14 acme 2.jpg") == ["2.jpg"]
    assert found("zurich nowhere") == []


def test_decisions_can_be_reverted_and_applied_again(catalog: Catalog, ids: list[int]) -> None:
    first = review.decide(
        catalog,
        [
            Decision(ids[0], DecisionKind.ACCEPTED, 10.0, 20.0, 100.0, "Zürich"),
            Decision(ids[1], DecisionKind.REJECTED),
        ],
    )
    assert states(catalog, ids) == ["accepted", "rejected", "pending", "has_gps"]
    second = review.decide(catalog, [Decision(ids[0], DecisionKind.MOVED, 11.0, 21.0)])
    review.revert(catalog, second)
    decision = queries.details(catalog, ids[0]).decision
    assert decision == Decision(ids[0], DecisionKind.ACCEPTED, 10.0, 20.0, 100.0, "Zürich")
    review.revert(catalog, first)
    assert states(catalog, ids) == ["confident", "ambiguous", "pending", "has_gps"]
    review.reapply(catalog, first)
    assert states(catalog, ids) == ["accepted", "rejected", "pending", "has_gps"]


def test_a_decision_without_a_valid_place_changes_nothing(catalog: Catalog, ids: list[int]) -> None:
    good = Decision(ids[0], DecisionKind.ACCEPTED, 10.0, 20.0)
    for bad in (
        Decision(ids[1], DecisionKind.ACCEPTED),
        Decision(ids[1], DecisionKind.MOVED, 91.0, 0.0),
        Decision(ids[1], DecisionKind.MOVED, float("nan"), 0.0),
    ):
        with pytest.raises(ValueError, match=r"place|latitude"):
            review.decide(catalog, [good, bad])
    assert queries.details(catalog, ids[0]).decision is None


def test_only_confident_photos_above_the_floor_are_offered(
    catalog: Catalog, tmp_path: Path, ids: list[int]
) -> None:
    assert review.confident(catalog, tmp_path) == [ids[0]]
    assert review.confident(catalog, tmp_path, min_probability=0.95) == []


def test_a_written_photo_that_is_moved_again_waits_to_be_written(
    catalog: Catalog, ids: list[int]
) -> None:
    review.decide(catalog, [Decision(ids[0], DecisionKind.ACCEPTED, 10.0, 20.0)])
    with catalog.writing() as connection:
        connection.execute("UPDATE photos SET written_lat = 10.0, written_lon = 20.0")
    assert states(catalog, ids[:1]) == ["written"]
    change = review.decide(catalog, [Decision(ids[0], DecisionKind.MOVED, 12.0, 20.0)])
    assert states(catalog, ids[:1]) == ["accepted"]
    review.revert(catalog, change)
    assert states(catalog, ids[:1]) == ["written"]
