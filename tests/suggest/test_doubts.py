"""Anchors that disagree with their neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from geotagger.suggest.album import suggest_album
from geotagger.suggest.doubts import DOUBTED, anchor_doubts
from geotagger.suggest.types import AlbumPhoto, AnchorKind
from tests.suggest.making import photo

LISBON, VIENNA, OSLO = (38.7139, -9.1394), (48.2084, 16.3731), (59.9139, 10.7522)


def walk(count: int, **strays: tuple[float, float]) -> list[AlbumPhoto]:
    """A walk with an anchor every ten minutes; ``strays`` replace the places of some, as a3."""
    generator = np.random.default_rng(0)
    steps = np.cumsum(generator.normal(0, 0.003, (count, 2)), axis=0)
    places = {f"a{n}": (LISBON[0] + steps[n, 0], LISBON[1] + steps[n, 1]) for n in range(count)}
    return [photo(key, 10.0 * n, strays.get(key, at)) for n, (key, at) in enumerate(places.items())]


def doubted(photos: list[AlbumPhoto]) -> set[str]:
    return {key for key, value in anchor_doubts(photos).items() if value > DOUBTED}


def test_a_walk_has_no_strays() -> None:
    assert max(anchor_doubts(walk(30)).values()) < 0.2


@pytest.mark.parametrize("stray", ["a0", "a7", "a19"])
def test_a_far_stray_is_found_inside_and_at_the_ends(stray: str) -> None:
    assert doubted(walk(20, **{stray: VIENNA})) == {stray}


def test_strays_in_a_row_at_different_or_the_same_place_are_found() -> None:
    assert doubted(walk(20, a7=VIENNA, a8=OSLO)) == {"a7", "a8"}
    assert doubted(walk(20, a7=VIENNA, a8=VIENNA)) == {"a7", "a8"}


def test_a_journey_is_not_doubted() -> None:
    there = [photo(f"a{n}", 10 * n, (LISBON[0], LISBON[1] + 0.001 * n)) for n in range(10)]
    here = [photo(f"b{n}", 600 + 10 * n, (VIENNA[0], VIENNA[1] + 0.001 * n)) for n in range(10)]
    back = [photo(f"c{n}", 1200 + 10 * n, (LISBON[0], LISBON[1] + 0.001 * n)) for n in range(10)]
    assert not doubted(there + here + back)


@pytest.mark.parametrize(
    ("minutes", "km"), [(10, 2), (10, 6), (60, 6), (60, 30), (240, 30), (240, 150), (600, 1500)]
)
def test_an_outing_with_one_photo_is_no_stray(minutes: float, km: float) -> None:
    away = (LISBON[0] + km / 111.2, LISBON[1])
    photos = [photo(f"a{n}", minutes * n, away if n == 4 else LISBON) for n in range(9)]
    assert max(anchor_doubts(photos).values()) < DOUBTED / 2


@pytest.mark.parametrize(("minutes", "km"), [(1, 20), (10, 60), (30, 300), (60, 1500)])
def test_a_place_that_nobody_gets_to_and_back_from_is_a_stray(minutes: float, km: float) -> None:
    away = (LISBON[0] + km / 111.2, LISBON[1])
    photos = [photo(f"a{n}", minutes * n, away if n == 4 else LISBON) for n in range(9)]
    assert doubted(photos) == {"a4"}


def test_who_goes_back_and_forth_between_two_towns_is_believed() -> None:
    towns = LISBON, (LISBON[0], LISBON[1] + 0.07)
    assert not doubted([photo(f"a{n}", 60 * n, towns[n % 2]) for n in range(12)])


def test_what_a_person_accepted_is_never_doubted() -> None:
    photos = walk(20)
    photos[7] = photo("a7", 70, VIENNA, kind=AnchorKind.ACCEPTED)
    assert anchor_doubts(photos)["a7"] == 0.0


def test_few_or_timeless_anchors_are_not_doubted() -> None:
    assert anchor_doubts([photo("a", 0, LISBON), photo("b", 1, VIENNA)]) == {"a": 0.0, "b": 0.0}
    timeless = [photo(name, None, LISBON) for name in "abc"]
    assert set(anchor_doubts(timeless).values()) == {0.0}
    assert anchor_doubts([]) == {}


def test_strays_are_no_evidence_for_the_photos_around_them() -> None:
    photos = walk(20, a7=VIENNA)
    found = {one.key: one for one in suggest_album([*photos, photo("x", 70.2)])}
    assert set(found) == {"x"}
    best = found["x"].candidates[0]
    assert abs(best.lat - LISBON[0]) < 0.2
    assert all("a7" not in reason for reason in best.reasons)


def test_where_most_anchors_disagree_none_is_singled_out() -> None:
    places = [LISBON, VIENNA]
    photos = [photo(f"a{n}", n / 10.0, places[n % 2]) for n in range(40)]
    found = suggest_album([*photos, photo("x", 2.05)])
    assert found[0].candidates[0].probability < 0.8
