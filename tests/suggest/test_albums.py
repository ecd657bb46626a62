from __future__ import annotations

import numpy as np

from geotagger.suggest.albums import (
    LONGEST_PAUSE_S,
    SHORTEST_PAUSE_S,
    USUAL_PAUSE_S,
    pause_s,
    split,
)
from tests.suggest.making import photo

DAY = 1440.0


def _names(albums: list) -> list[list[str]]:
    return [[one.name for one in album] for album in albums]


def test_a_long_gap_splits_and_the_parts_are_chronological() -> None:
    photos = [photo("d", 30 * DAY + 5), photo("b", 10), photo("a", 0), photo("c", 30 * DAY)]
    assert _names(split(photos)) == [["a", "b"], ["c", "d"]]


def test_a_pause_of_a_night_does_not_split() -> None:
    assert len(split([photo("a", 0), photo("b", 0.5 * DAY), photo("c", 2 * DAY)])) == 1


def test_photos_without_time_join_the_largest_album() -> None:
    photos = [photo("x", None), photo("a", 0), photo("b", 30 * DAY), photo("c", 30 * DAY + 1)]
    assert _names(split(photos)) == [["a"], ["b", "c", "x"]]


def test_a_fall_back_time_makes_no_album_of_its_own() -> None:
    photos = [photo("a", 0), photo("b", 5), photo("x", 400 * DAY, fallback=True)]
    assert _names(split(photos)) == [["a", "b", "x"]]


def test_a_fall_back_time_near_an_album_joins_it_in_its_place() -> None:
    photos = [photo("a", 0), photo("b", 9), photo("c", 90 * DAY), photo("x", 4, fallback=True)]
    assert _names(split(photos)) == [["a", "x", "b"], ["c"]]


def test_only_fall_back_times_still_split() -> None:
    photos = [photo("a", 0, fallback=True), photo("b", 90 * DAY, fallback=True)]
    assert _names(split(photos)) == [["a"], ["b"]]


def test_days_in_names_part_outings_where_the_clock_tells_of_one_export() -> None:
    spring = [f"2022-03-{day:02}-{count}.jpg" for day in (1, 2) for count in (1, 2)]
    winter = [f"2022-01-{day:02}-1.jpg" for day in (8, 9, 10)]
    exported = [photo(name, number / 60.0) for number, name in enumerate([*spring, *winter])]
    firm = [photo("IMG_1.jpg", 5.0), photo("IMG_2.jpg", 9.0)]
    parts = split([*exported, *firm])
    assert _names(parts) == [winter, spring, ["IMG_1.jpg", "IMG_2.jpg"]]
    assert {one.when for one in parts[0]} <= {one.when for one in exported}


def test_no_photos_and_no_times() -> None:
    assert split([]) == []
    assert _names(split([photo("b", None), photo("a", None)])) == [["b", "a"]]


def _at(days: list[float]) -> np.ndarray:
    return np.array(days, np.float64) * 86_400.0


def test_a_few_pauses_tell_nothing_so_the_usual_one_parts() -> None:
    assert pause_s(_at([0.0, 0.1, 1.0, 9.0])) == USUAL_PAUSE_S
    assert pause_s(np.zeros(0)) == USUAL_PAUSE_S


def test_nights_and_weeks_are_told_apart_between_them() -> None:
    days = [7.5 * outing + 0.6 * day for outing in range(6) for day in range(3)]
    assert SHORTEST_PAUSE_S <= pause_s(_at(days)) < 6.3 * 86_400.0
    assert len(split([photo(str(day), day * DAY) for day in days])) == 6


def test_a_journey_with_a_photo_every_fifth_day_stays_one() -> None:
    days = [5.0 * number for number in range(12)]
    assert len(split([photo(str(day), day * DAY) for day in days])) == 1
    assert pause_s(_at(days)) > USUAL_PAUSE_S


def test_nights_alone_never_part_and_half_a_month_always_does() -> None:
    days = [0.5 * number for number in range(40)]
    assert pause_s(_at(days)) >= SHORTEST_PAUSE_S
    sparse = [float(10 * number) for number in range(10)]
    assert pause_s(_at(sparse)) == LONGEST_PAUSE_S
    assert len(split([photo(str(day), day * DAY) for day in [*sparse, 200.0]])) == 2
