"""GPS that disagrees with its neighbours is reported; journeys, flights and two people are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geotagger.suggest.strays import strays
from geotagger.suggest.types import AlbumPhoto, AnchorKind
from tests.suggest.making import photo

LISBON = (38.7139, -9.1335)
VIENNA = (48.2082, 16.3738)


def walk(
    count: int, *, every: float = 5.0, start: float = 0.0, name: str = "w"
) -> list[AlbumPhoto]:
    return [
        photo(f"{name}{n}", start + every * n, (LISBON[0] + 0.001 * n, LISBON[1]))
        for n in range(count)
    ]


def keys(photos: list[AlbumPhoto]) -> list[str]:
    return [one.key for one in strays(photos)]


def test_one_photo_in_another_country_is_reported_with_the_neighbour_that_shows_it() -> None:
    photos = walk(12)
    photos[5] = photo("w5", 25.0, VIENNA)
    (found,) = strays(photos)
    assert found.key == "w5"
    assert found.words == (
        "This photo's GPS disagrees with its neighbours: 2,298 km from w4, 5 min apart in time. "
        "Its place or its clock may be wrong."
    )


def test_two_strays_beside_each_other_are_both_reported() -> None:
    photos = walk(14)
    photos[5], photos[6] = photo("w5", 25.0, VIENNA), photo("w6", 30.0, VIENNA)
    assert keys(photos) == ["w5", "w6"]


def test_the_first_and_the_last_photo_can_be_strays() -> None:
    photos = walk(8)
    photos[0], photos[-1] = photo("w0", 0.0, VIENNA), photo("w7", 35.0, VIENNA)
    assert keys(photos) == ["w0", "w7"]


def test_a_right_place_at_a_wrong_time_is_reported() -> None:
    there = [photo(f"v{n}", 1440.0 + 5.0 * n, VIENNA) for n in range(6)]
    wrong = photo("late", 1452.0, LISBON)
    assert keys([*walk(6), *there, wrong]) == ["late"]


def test_a_flight_is_no_contradiction() -> None:
    there = [photo(f"v{n}", 240.0 + 5.0 * n, VIENNA) for n in range(6)]
    assert keys([*walk(6), *there]) == []


def test_photos_from_a_fast_train_are_none() -> None:
    photos = [photo(f"t{n}", 4.0 * n, (46.0 + 0.15 * n, 5.0)) for n in range(20)]
    assert keys(photos) == []


def test_two_people_in_two_places_are_none() -> None:
    anna = [replace(one, camera="A") for one in walk(8)]
    ben = [
        replace(photo(f"b{n}", 2.0 + 5.0 * n, VIENNA), camera="B", key=f"b{n}") for n in range(8)
    ]
    assert keys([*anna, *ben]) == []


def test_an_accepted_place_is_asked_and_never_reported() -> None:
    photos = [photo(f"a{n}", 5.0 * n, LISBON, kind=AnchorKind.ACCEPTED) for n in range(6)]
    assert keys([*photos, photo("gps", 12.0, VIENNA)]) == ["gps"]
    photos[2] = photo("a2", 10.0, VIENNA, kind=AnchorKind.ACCEPTED)
    assert keys(photos) == []


def test_places_beside_the_date_line_and_the_poles_are_neighbours() -> None:
    line = [photo(f"l{n}", 5.0 * n, (-16.5, 179.99 if n % 2 else -179.99)) for n in range(8)]
    assert keys(line) == []
    pole = [photo(f"p{n}", 5.0 * n, (89.99, 45.0 * n - 180.0)) for n in range(8)]
    assert keys(pole) == []


@pytest.mark.parametrize("photos", [[], [photo("one", 0, LISBON)], [photo("none", None)] * 3])
def test_too_little_to_compare_reports_nothing(photos: list[AlbumPhoto]) -> None:
    assert strays(photos) == []


def test_photos_without_time_or_with_impossible_places_are_passed_over() -> None:
    odd = [
        photo("untimed", None, VIENNA),
        photo("copied", 12.0, VIENNA, fallback=True),
        photo("nowhere", 12.0, (np.nan, 0.0)),
        photo("beyond", 12.0, (95.0, 0.0)),
    ]
    assert keys([*walk(8), *odd]) == []


def test_album_of_contradictions_reports_no_majority_that_is_none() -> None:
    places = [LISBON, VIENNA, (-33.87, 151.21), (40.71, -74.0)]
    assert keys([photo(f"c{n}", float(n), places[n % 4]) for n in range(40)]) == []
