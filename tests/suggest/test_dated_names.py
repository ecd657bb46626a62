"""Days in file names against clocks that tell of an export."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from geotagger.suggest import reasons
from geotagger.suggest.album import suggest_album
from geotagger.suggest.clocks import as_taken
from geotagger.suggest.dated_names import dated
from geotagger.suggest.types import AlbumPhoto
from tests.suggest.making import NOON, photo


def named(name: str, when: datetime | None) -> AlbumPhoto:
    return dated([replace(photo(name, 0.0), when=when)])[0]


def test_an_earlier_day_in_the_name_is_believed_and_marked_as_a_day() -> None:
    found = named("2016-03-20-3.jpg", datetime(2016, 4, 1, 11, 2, tzinfo=UTC))
    assert found.when is not None
    assert found.when.date() == datetime(2016, 3, 20).date()
    assert found.day_only
    assert found.time_is_fallback


def test_the_photos_of_a_day_keep_the_order_in_which_the_names_count_them() -> None:
    late = datetime(2016, 4, 1, 11, 2, tzinfo=UTC)
    times = [named(f"2016-03-20-{count}.jpg", late).when for count in (1, 2, 12, 400, 9000)]
    assert all(one is not None for one in times)
    assert times == sorted(times, key=lambda one: one or NOON)
    assert {one.date() for one in times if one is not None} == {datetime(2016, 3, 20).date()}


def test_a_time_in_the_name_is_taken_as_a_time() -> None:
    found = named("IMG_20190503_141523.jpg", datetime(2019, 6, 1, tzinfo=UTC))
    assert found.when == datetime(2019, 5, 3, 14, 15, 23, tzinfo=UTC)
    assert not found.day_only
    assert not found.time_is_fallback


def test_a_name_without_a_day_or_of_the_same_or_a_later_day_changes_nothing() -> None:
    when = datetime(2016, 3, 20, 9, tzinfo=UTC)
    for name in ("IMG_7369.jpg", "2016-03-20-3.jpg", "2016-03-19-3.jpg", "2016-05-01.jpg", ""):
        one = replace(photo(name, 0.0), when=when)
        assert dated([one]) == [one]


def test_a_day_in_the_name_of_the_folder_before_it_tells_of_no_export() -> None:
    """Photos of other folders are called "2016-03-20 Lisbon/IMG_7369.jpg", on any day of it."""
    when = datetime(2016, 3, 25, 9, tzinfo=UTC)
    one = replace(photo("2016-03-20 Lisbon/IMG_7369.jpg", 0.0), when=when)
    assert dated([one]) == [one]


def test_a_correction_of_the_clock_does_not_move_the_day_of_an_exported_photo() -> None:
    export = datetime(2016, 6, 1, 10, tzinfo=UTC)
    exported = replace(photo("2016-03-20-3.jpg", 0.0), when=export, camera="camera")
    (right,) = as_taken([exported], {"camera": 11 * 3600.0})
    assert right == dated([exported])[0]


def test_a_correction_is_added_before_the_name_is_compared_with_the_clock() -> None:
    """A clock a year ahead, its names written at home from the right one: no export."""
    ahead = replace(photo("2016-03-20.jpg", 0.0), when=datetime(2017, 3, 20, 9, 30, tzinfo=UTC))
    (right,) = as_taken([ahead], {"": -365 * 86_400.0})
    assert right.when == datetime(2016, 3, 20, 9, 30, tzinfo=UTC)


def test_a_photo_without_a_time_has_that_of_its_name() -> None:
    assert named("20190503_141523.jpg", None).when == datetime(2019, 5, 3, 14, 15, 23, tzinfo=UTC)


def test_exported_photos_are_placed_by_the_days_in_their_names() -> None:
    export = datetime(2022, 6, 1, 10, tzinfo=UTC)
    places = {"2022-05-01": (48.0, 11.0), "2022-05-03": (41.9, 12.5), "2022-05-05": (52.5, 13.4)}
    photos = []
    for number, (day, place) in enumerate(places.items()):
        # The export went through the folder in an order of its own.
        late = export + timedelta(seconds=2 * number)
        photos.append(replace(photo(f"{day}-1.jpg", 0.0, place), when=late))
        wrong = export + timedelta(seconds=2 * (2 - number))
        photos.append(replace(photo(f"{day}-2.jpg", 0.0), when=wrong))
    for suggestion in suggest_album(photos):
        best = suggestion.candidates[0]
        assert (best.lat, best.lon) == places[suggestion.key[:10]]
        assert best.reasons[0].startswith("on the day of ")
        assert "by the day in its name" in best.reasons[0]


def test_reasons_count_days_where_no_hour_is_known() -> None:
    late = datetime(2022, 6, 1, 10, tzinfo=UTC)
    mine = named("2022-05-01-1.jpg", late)
    theirs = named("2022-05-03-2.jpg", late)
    assert reasons.near_in_time(mine, theirs, 172_800.0).startswith("2 days before 2022-05-03-2")
