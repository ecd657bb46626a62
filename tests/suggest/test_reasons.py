from __future__ import annotations

import pytest

from geotagger.suggest import reasons
from geotagger.suggest.album import suggest_album
from geotagger.suggest.types import AnchorKind
from tests.suggest.making import photo


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (45.0, "45 s"),
        (240.0, "4 min"),
        (-240.0, "4 min"),
        (5_000.0, "83 min"),
        (7_200.0, "2 h"),
        (100_000.0, "28 h"),
        (259_200.0, "3 days"),
    ],
)
def test_spans_are_as_exact_as_they_need_to_be(seconds: float, words: str) -> None:
    assert reasons.duration(seconds) == words


def test_before_and_after_are_seen_from_the_photo() -> None:
    x = photo("x.jpg", 0)
    anchor = photo("a.jpg", 5, (1.0, 2.0))
    assert reasons.near_in_time(x, anchor, 300.0) == "5 min before a.jpg, which has GPS"
    assert reasons.near_in_time(x, anchor, -300.0) == "5 min after a.jpg, which has GPS"
    assert reasons.near_in_time(x, anchor, 0.0) == "at the same time as a.jpg, which has GPS"


def test_uncertain_times_and_accepted_places_are_called_so() -> None:
    x = photo("x.jpg", 0, fallback=True)
    anchor = photo("a.jpg", 5, (1.0, 2.0), kind=AnchorKind.ACCEPTED)
    text = reasons.near_in_time(x, anchor, 300.0)
    assert text == "5 min before a.jpg, which you accepted (the time is uncertain)"
    assert reasons.looks_like("a.jpg", anchor.anchor) == "looks like a.jpg, which you accepted"
    assert reasons.looks_like("a.jpg", None) == "looks like a.jpg"


def test_a_candidate_is_told_only_once_how_many_photos_are_around_it() -> None:
    two_towns = [photo(f"a{n}.jpg", 60.0 * n, (41.0, 44.0 + 0.07 * (n % 2))) for n in range(12)]
    (suggestion,) = suggest_album([*two_towns, photo("x.jpg", None)])
    said = [text for text in suggestion.candidates[0].reasons if "of the album's" in text]
    assert said == ["6 of the album's 12 photos with a place were taken around here"]
