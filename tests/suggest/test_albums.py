from __future__ import annotations

from geotagger.suggest.albums import split
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


def test_no_photos_and_no_times() -> None:
    assert split([]) == []
    assert _names(split([photo("b", None), photo("a", None)])) == [["b", "a"]]
