"""Places that were used before: the last first, each once, favourites kept until they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from geotagger.library.catalog import Catalog
from geotagger.library.review import decide
from geotagger.library.rows import Decision, DecisionKind
from geotagger.library.used_places import (
    UsedPlace,
    favourites,
    keep_favourite,
    recent_places,
    used_places,
)
from tests.support.large_library import make_library

SINTRA = UsedPlace("Sintra, Portugal", 38.8, -9.39)


@pytest.fixture
def decided(catalog: Catalog, tmp_path: Path) -> Catalog:
    """Eight photos put to three places, one after the other."""
    make_library(tmp_path / "photos", catalog.path, 12, per_album=12)
    for photo, (place, lat) in enumerate(
        [("Faro", 37.0), ("Sintra, Portugal", 38.8), ("", 39.0), ("Faro", 37.01), ("Évora", 38.5)],
        start=2,
    ):
        moved = Decision(photo, DecisionKind.MOVED, lat, -9.39, 50.0, place, "by hand")
        decide(catalog, [moved])
    decide(catalog, [Decision(8, DecisionKind.REJECTED)])
    return catalog


def test_the_last_come_first_each_once_and_without_those_that_have_no_name(
    decided: Catalog,
) -> None:
    assert [(one.label, one.lat) for one in recent_places(decided)] == [
        ("Évora", 38.5), ("Faro", 37.01), ("Sintra, Portugal", 38.8),
    ]  # fmt: skip
    assert [one.label for one in recent_places(decided, 2)] == ["Évora", "Faro"]


def test_favourites_come_before_and_are_not_said_twice(decided: Catalog) -> None:
    keep_favourite(decided, UsedPlace("Zürich", 47.37, 8.54), keep=True)
    keep_favourite(decided, SINTRA, keep=True)
    keep_favourite(decided, SINTRA, keep=True)
    assert [(one.label, one.favourite) for one in used_places(decided)] == [
        ("Sintra, Portugal", True), ("Zürich", True), ("Évora", False), ("Faro", False),
    ]  # fmt: skip
    keep_favourite(decided, UsedPlace("Sintra, Portugal", 38.8002, -9.39), keep=False)
    assert [one.label for one in favourites(decided)] == ["Zürich"]
    with Catalog.open(decided.path) as again:
        assert [one.label for one in favourites(again)] == ["Zürich"]


@pytest.mark.parametrize(
    "stored", [{"a": 1}, [1, None, "x"], [["", 1, 2]], [["a", 99, 0]], [["a", "1", 0]], [["a", 1]]]
)
def test_what_is_damaged_is_left_out(catalog: Catalog, stored: object) -> None:
    catalog.set_setting("favourite_places", stored)
    assert favourites(catalog) == []
    keep_favourite(catalog, SINTRA, keep=True)
    assert [one.label for one in favourites(catalog)] == [SINTRA.label]
