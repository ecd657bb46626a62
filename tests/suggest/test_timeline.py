from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from geotagger.suggest import timeline
from tests.suggest.making import photo

EVENING = datetime(2022, 5, 14, 22, 0, tzinfo=UTC)


def test_a_night_is_shorter_than_an_afternoon() -> None:
    photos = [photo("a", 0, start=EVENING), photo("b", 600, start=EVENING)]
    day = [photo("a", -720, start=EVENING), photo("b", -120, start=EVENING)]
    gaps = [np.diff(timeline.active(some, timeline.seconds(some)))[0] for some in (photos, day)]
    assert gaps[0] == pytest.approx(2 * 3600 + 0.1 * 8 * 3600)
    assert gaps[1] == pytest.approx(10 * 3600)


def test_time_without_nights_keeps_the_order() -> None:
    photos = [photo(str(n), 7.3 * n) for n in range(1000)]
    active = timeline.active(photos, timeline.seconds(photos))
    assert (np.diff(active) > 0).all()
    assert np.abs(np.diff(active)).max() <= 7.3 * 60 + 1e-6


def test_night_is_when_the_wall_clock_says_so() -> None:
    zone = timezone(timedelta(hours=9))
    start = datetime(2022, 5, 14, 10, 0, tzinfo=zone)
    photos = [
        photo("a", 0, zone_known=True, start=start),
        photo("b", 600, zone_known=True, start=start),
    ]
    active = timeline.active(photos, timeline.seconds(photos))
    assert np.diff(active)[0] == pytest.approx(600 * 60)


def test_photos_without_time_have_none_on_either_axis() -> None:
    photos = [photo("a", None), photo("b", 0)]
    axis = timeline.seconds(photos)
    assert np.isnan(axis[0])
    assert np.isnan(timeline.active(photos, axis)[0])
    assert np.isfinite(timeline.active(photos, axis)[1])


def test_a_photo_without_zone_takes_the_offset_of_the_nearest_with_one() -> None:
    first, second = timezone(timedelta(hours=1)), timezone(timedelta(hours=-7))
    wall = datetime(2022, 5, 14, 12, 0)
    photos = [
        photo("p", 0, zone_known=True, start=wall.replace(tzinfo=first)),
        photo("q", 3000, zone_known=True, start=wall.replace(tzinfo=second)),
        photo("x", 10, start=wall.replace(tzinfo=UTC)),
        photo("y", 2900, start=wall.replace(tzinfo=UTC)),
    ]
    axis = timeline.seconds(photos)
    assert axis[2] - axis[0] == pytest.approx(600)
    assert axis[1] - axis[3] == pytest.approx(6000)


def test_equal_instants_of_different_zones_keep_their_own_wall_clocks() -> None:
    noon = datetime(2022, 5, 14, 12, 0, tzinfo=UTC)
    ahead = noon.astimezone(timezone(timedelta(hours=9)))
    assert noon == ahead and hash(noon) == hash(ahead)
    for when, unzoned in ((noon, 12.0), (ahead, 21.0)):
        day = timeline.seconds([photo("a", 0, start=when)]) % 86_400.0
        assert day[0] == unzoned * 3600.0
        day = timeline.seconds([photo("a", 0, start=when, zone_known=True)]) % 86_400.0
        assert day[0] == 12.0 * 3600.0


def test_a_day_told_by_a_name_is_less_in_doubt_than_the_time_of_a_file() -> None:
    sure, file = photo("a", 0), photo("b", 0, fallback=True)
    named = replace(file, day_only=True)
    assert timeline.doubts([sure, named, file]).tolist() == [
        0.0,
        timeline.DAY_DOUBT_S,
        timeline.FALLBACK_DOUBT_S,
    ]
    assert timeline.DAY_DOUBT_S < timeline.FALLBACK_DOUBT_S
    assert timeline.doubts([]).shape == (0,)
