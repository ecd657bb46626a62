"""What the zone of a camera's clock adds to a suggestion."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from geotagger.earth.distance import haversine_m
from geotagger.earth.zone_map import shared
from geotagger.suggest.album import suggest_album
from geotagger.suggest.clock_zones import MOST_LIFT, believed_of, lift, offset_of, written
from geotagger.suggest.types import AlbumPhoto, SuggestionState
from tests.suggest.making import photo

PARIS, TOKYO, KATHMANDU = (48.8566, 2.3522), (35.6762, 139.6503), (27.7, 85.32)
NEW_YORK, LONDON, PACIFIC = (40.71, -74.0), (51.5, -0.12), (0.0, -150.0)


def zoned(hours: float, *, month: int = 7, of: AlbumPhoto | None = None) -> AlbumPhoto:
    zone = timezone(timedelta(hours=hours))
    one = of or photo("a", 0)
    return replace(one, when=datetime(2022, month, 14, 12, tzinfo=zone), zone_known=True)


def lift_at(one: AlbumPhoto, *places: tuple[float, float], belief=None) -> np.ndarray:
    lat, lon = np.array(places).T
    return lift(one, offset_of(one), lat, lon, belief or {})


def test_an_offset_lifts_its_own_zone_and_lowers_the_others():
    lifts = lift_at(zoned(9), TOKYO, PARIS, NEW_YORK)
    assert lifts[0] > 1.0
    assert (lifts[1:] < -0.5).all()


def test_a_rare_offset_says_more_than_a_common_one():
    assert lift_at(zoned(5.75), KATHMANDU)[0] > lift_at(zoned(2), PARIS)[0] > 0.3


def test_daylight_saving_is_known_by_the_date():
    assert lift_at(zoned(2, month=7), PARIS)[0] > 0.3 > lift_at(zoned(2, month=1), PARIS)[0]
    assert lift_at(zoned(1, month=1), PARIS)[0] > 0.3 > lift_at(zoned(1, month=7), PARIS)[0]


def test_both_offsets_count_in_the_month_in_which_clocks_change():
    assert lift_at(zoned(1, month=3), PARIS)[0] > 0.3
    assert lift_at(zoned(2, month=3), PARIS)[0] > 0.3


def test_an_hour_off_is_less_wrong_than_six():
    one = zoned(1, month=7)
    assert lift_at(one, PARIS)[0] > lift_at(one, NEW_YORK)[0]


def test_utc_says_little_since_programs_write_it_that_know_no_better():
    assert 0.0 < lift_at(zoned(0, month=1), LONDON)[0] < 1.2
    assert lift_at(zoned(0), TOKYO)[0] > -0.7


def test_at_sea_the_sun_is_the_clock():
    assert lift_at(zoned(-10), PACIFIC)[0] > 0.5
    assert lift_at(zoned(3), PACIFIC)[0] < -0.5


def test_a_camera_on_home_time_is_found_out_by_the_anchors():
    anchors = [zoned(2, of=photo(str(n), n, TOKYO)) for n in range(8)]
    lat, lon = np.full(8, TOKYO[0]), np.full(8, TOKYO[1])
    belief = believed_of(anchors, lat, lon)
    one = zoned(2)
    assert lift_at(one, PARIS, belief=belief)[0] < lift_at(one, PARIS)[0] - 0.5
    assert lift_at(one, TOKYO, belief=belief)[0] > lift_at(one, TOKYO)[0] + 0.5


def test_an_offset_chooses_between_anchors_equally_near_in_time():
    sides = [photo("p.jpg", -3_000, PARIS), photo("t.jpg", 3_000, TOKYO)]
    for hours, place in ((2, PARIS), (9, TOKYO)):
        when = datetime(2022, 5, 14, 12, tzinfo=timezone(timedelta(hours=hours)))
        one = replace(photo("a", 0), when=when, zone_known=True)
        # The neighbours show the same wall clock; only the zone tells them apart.
        best = suggest_album([*sides, one])[0].candidates[0]
        assert haversine_m(best.lat, best.lon, *place) < 200e3


def test_a_zone_alone_is_too_little_evidence():
    (suggestion,) = suggest_album([zoned(5.75)])
    assert suggestion.state is SuggestionState.INSUFFICIENT
    assert suggestion.candidates == ()


@pytest.mark.parametrize("hours", [-23.99, 14, 5.123, 0.25])
def test_impossible_offsets_are_bounded(hours):
    lifts = lift_at(zoned(hours), TOKYO, PARIS, PACIFIC, (90.0, 0.0))
    assert np.isfinite(lifts).all() and (np.abs(lifts) <= MOST_LIFT).all()


def test_times_that_are_guesses_state_no_offset():
    assert offset_of(photo("a", 0)) is None
    assert offset_of(photo("a", None)) is None
    assert offset_of(zoned(2, of=photo("a", 0, fallback=True))) is None


@pytest.mark.parametrize("year", [1, 1970, 2022, 2099, 9999])
def test_offsets_of_any_year_are_known(year):
    assert shared().offsets_around(datetime(year, 12, 1)).shape == (len(shared().names), 2)


@pytest.mark.parametrize(
    ("seconds", "text"), [(19_800, "UTC+5:30"), (-18_000, "UTC-5"), (0, "UTC+0")]
)
def test_offsets_are_written_as_people_do(seconds, text):
    assert written(seconds) == text
