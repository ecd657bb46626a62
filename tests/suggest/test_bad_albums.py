"""Albums that no camera should leave behind: none crashes, none boasts, none takes for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from geotagger.earth.distance import haversine_m
from geotagger.suggest.album import suggest_album
from geotagger.suggest.albums import split
from geotagger.suggest.clocks import estimate
from geotagger.suggest.types import AlbumPhoto, Suggestion, SuggestionState
from tests.suggest.making import look, photo

LISBON = (38.7139, -9.1335)
VIENNA = (48.2082, 16.3738)
DAY = 1440.0


def checked(photos: list[AlbumPhoto]) -> dict[str, Suggestion]:
    """Suggest, and hold every value against what a suggestion may be."""
    split(photos)
    estimate(photos)
    found = {one.key: one for one in suggest_album(photos)}
    assert set(found) == {one.key for one in photos if one.anchor is None}
    for one in found.values():
        assert (one.state is SuggestionState.INSUFFICIENT) or one.candidates
        for candidate in one.candidates:
            assert -90.0 <= candidate.lat <= 90.0
            assert -180.0 <= candidate.lon <= 180.0
            assert 0.0 <= candidate.probability <= 1.0
            assert np.isfinite(candidate.radius_m) and candidate.radius_m > 0.0
    return found


def never_confident(found: dict[str, Suggestion]) -> None:
    assert SuggestionState.CONFIDENT not in {one.state for one in found.values()}


@pytest.mark.parametrize("minutes", [None, 0.0])
@pytest.mark.parametrize("seen", [None, look(1), np.full(64, np.nan, np.float32)])
def test_an_album_of_one_photo_says_that_it_knows_nothing(minutes, seen) -> None:
    found = checked([photo("only", minutes, look=seen)])
    assert found["only"].state is SuggestionState.INSUFFICIENT
    assert found["only"].candidates == ()


def test_an_album_of_one_anchor_has_nothing_to_suggest() -> None:
    assert checked([photo("only", 0, LISBON)]) == {}


def test_an_album_without_any_anchor_says_that_it_knows_nothing() -> None:
    found = checked([photo(str(n), 3.0 * n, look=look(n)) for n in range(60)])
    assert {one.state for one in found.values()} == {SuggestionState.INSUFFICIENT}
    assert not any(one.candidates for one in found.values())


def test_photos_of_one_second_at_two_ends_of_a_continent_are_not_called_sure() -> None:
    photos = [photo(f"a{n}", 0, LISBON if n % 2 else VIENNA) for n in range(20)]
    never_confident(checked([*photos, *(photo(f"t{n}", 0) for n in range(20))]))


def test_photos_of_one_second_at_one_place_stay_at_that_place() -> None:
    photos = [photo(f"a{n}", 0, LISBON) for n in range(20)]
    found = checked([*photos, *(photo(f"t{n}", 0) for n in range(20))])
    for one in found.values():
        best = one.candidates[0]
        assert haversine_m(best.lat, best.lon, *LISBON) < 1000.0


def test_a_clock_that_was_never_set_is_no_evidence() -> None:
    unset = datetime(1970, 1, 1, tzinfo=UTC)
    anchors = [photo(f"a{n}", 60.0 * n, LISBON if n < 5 else VIENNA) for n in range(10)]
    lost = [photo(f"t{n}", float(n), start=unset) for n in range(10)]
    never_confident(checked([*anchors, *lost]))


def test_anchors_whose_clock_was_never_set_do_not_place_photos_in_time() -> None:
    unset = datetime(1970, 1, 1, tzinfo=UTC)
    anchors = [photo(f"a{n}", n, LISBON if n % 2 else VIENNA, start=unset) for n in range(10)]
    found = checked([*anchors, *(photo(f"t{n}", float(n)) for n in range(10))])
    never_confident(found)
    for one in found.values():
        assert not any(
            " before " in reason or " after " in reason
            for candidate in one.candidates
            for reason in candidate.reasons
        )


@pytest.mark.parametrize(
    "start",
    [
        datetime(2010, 1, 1, tzinfo=UTC),
        datetime(2090, 5, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ],
)
def test_photos_years_before_or_after_all_anchors_are_not_placed_by_time(start: datetime) -> None:
    anchors = [photo(f"a{n}", 60.0 * n, LISBON) for n in range(10)]
    future = [photo(f"t{n}", -float(n), start=start) for n in range(10)]
    found = checked([*anchors, *future])
    never_confident(found)
    told = [text for one in found.values() for each in one.candidates for text in each.reasons]
    assert not any("days" in text for text in told)


@pytest.mark.parametrize("year", [1, 9999])
@pytest.mark.parametrize("hours", [-14, 14])
def test_times_at_the_edges_of_the_calendar_with_a_zone_do_not_crash(year: int, hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    edge = datetime(year, 1 if year == 1 else 12, 1 if year == 1 else 31, 12, tzinfo=zone)
    odd = replace(photo("odd", 0, zone_known=True), when=edge)
    usual = [photo(f"a{n}", n, LISBON, zone_known=True) for n in range(5)]
    never_confident(checked([odd, *usual]))


def test_anchors_on_both_sides_of_the_date_line_meet_there() -> None:
    photos = [
        photo("west", 0, (-16.5, 179.95)),
        photo("between", 10),
        photo("east", 20, (-16.5, -179.95)),
    ]
    best = checked(photos)["between"].candidates[0]
    assert haversine_m(best.lat, best.lon, -16.5, 180.0) < 10_000.0


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_anchors_around_a_pole_meet_there(pole: float) -> None:
    near = pole - np.sign(pole) * 0.05
    anchors = [photo(f"a{n}", 10.0 * n, (near, 90.0 * n - 180.0)) for n in range(4)]
    found = checked([*anchors, photo("exact", 35, (pole, 0.0)), photo("t", 17)])
    best = found["t"].candidates[0]
    assert haversine_m(best.lat, best.lon, pole, 0.0) < 20_000.0


def test_anchors_that_are_no_places_on_earth_are_passed_over() -> None:
    wrong = [(np.nan, 0.0), (0.0, np.inf), (91.0, 0.0), (-1e9, 7.0)]
    photos = [photo(f"w{n}", n, place) for n, place in enumerate(wrong)]
    found = checked([*photos, photo("t", 2)])
    assert found["t"].state is SuggestionState.INSUFFICIENT


def test_anchors_that_contradict_each_other_within_seconds_are_never_sure() -> None:
    places = [LISBON, VIENNA, (-33.87, 151.21), (40.71, -74.0)]
    anchors = [photo(f"a{n}", n / 10.0, places[n % 4]) for n in range(80)]
    targets = [photo(f"t{n}", n / 10.0 + 0.05) for n in range(80)]
    never_confident(checked([*anchors, *targets]))


def test_one_stray_among_many_does_not_take_the_photos_around_it_away() -> None:
    anchors = [photo(f"a{n}", 10.0 * n, LISBON) for n in range(21)]
    anchors[10] = photo("stray", 100.0, VIENNA)
    found = checked([*anchors, *(photo(f"t{n}", 10.0 * n + 4) for n in range(20))])
    far = [n for n in range(20) if n not in (9, 10)]
    for number in far:
        best = found[f"t{number}"].candidates[0]
        assert haversine_m(best.lat, best.lon, *LISBON) < 1000.0
    # Beside the stray the nearest photo in time is not taken at its word.
    for number in (9, 10):
        one = found[f"t{number}"]
        best = one.candidates[0]
        astray = haversine_m(best.lat, best.lon, *VIENNA) < 1000.0
        assert not (astray and one.state is SuggestionState.CONFIDENT)


def test_looks_of_every_wrong_kind_do_not_crash() -> None:
    anchors = [photo(f"a{n}", n, LISBON, look=look(n)) for n in range(5)]
    odd = [
        photo("short", 1, look=look(1)[:8]),
        photo("zero", 2, look=np.zeros(64, np.float32)),
        photo("nan", 3, look=np.full(64, np.nan, np.float32)),
        photo("huge", 4, look=np.full(64, 1e30, np.float32)),
    ]
    checked([*anchors, *odd])


def test_all_photos_look_exactly_alike() -> None:
    same = look(3)
    anchors = [photo(f"a{n}", DAY * n, (10.0 * n - 40.0, 20.0 * n), look=same) for n in range(8)]
    never_confident(checked([*anchors, *(photo(f"t{n}", None, look=same) for n in range(8))]))


def test_ten_thousand_photos_in_bursts_are_all_placed_and_each_burst_as_one() -> None:
    places = [(38.7 + 0.01 * (n % 50), -9.1 + 0.01 * (n % 37)) for n in range(400)]
    anchors = [photo(f"a{n}", 45.0 * n, place) for n, place in enumerate(places)]
    bursts = [photo(f"t{n}", 9.0 * (n // 5) + (n % 5) / 60.0) for n in range(10_000)]
    found = checked([*anchors, *bursts])
    best = [found[f"t{n}"].candidates[0] for n in range(10_000)]
    lat, lon = (np.array([getattr(one, name) for one in best]) for name in ("lat", "lon"))
    first = np.arange(10_000) // 5 * 5
    assert np.median(haversine_m(lat, lon, lat[first], lon[first])) < 100.0
