"""Bright pictures by day, dark ones by night: what that says about clocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geotagger.suggest.clocks import estimate
from geotagger.suggest.daylight import Sky
from geotagger.suggest.types import AlbumPhoto
from tests.suggest.making import look, photo

LISBON = (38.7139, -9.1335)
HOURS = 60.0


def sky(zone_known: bool = True) -> Sky:
    anchors = [photo(f"a{n}", n, LISBON, zone_known=zone_known) for n in range(3)]
    found = Sky.over(anchors, range(3))
    assert found is not None
    return found


def test_a_bright_stream_of_noon_speaks_against_midnight() -> None:
    noon = photo("n", 0).when
    assert noon is not None
    times = noon.timestamp() + np.arange(10) * 3600.0 / 2
    score = sky().log_score(np.array([0.0, 12.0]) * 3600.0, times, np.full(10, 0.5))
    assert score[0] > score[1] + 1.0
    dark = sky().log_score(np.array([0.0, 12.0]) * 3600.0, times, np.full(10, 0.15))
    assert dark[1] - dark[0] > score[1] - score[0] + 1.0


def test_a_burst_is_one_witness_and_of_unknown_brightness_only_the_hour_tells() -> None:
    offsets = np.array([0.0, 12.0]) * 3600.0
    noon = photo("n", 0).when
    assert noon is not None
    one = sky().log_score(offsets, np.full(1, noon.timestamp()), np.full(1, 0.5))
    many = sky().log_score(offsets, np.full(100, noon.timestamp()), np.full(100, 0.5))
    assert 0.0 < many[0] - many[1] < 15.0 * (one[0] - one[1])
    unknown = sky().log_score(offsets, np.full(5, noon.timestamp()), np.full(5, np.nan))
    alone = sky().log_score(offsets, np.full(1, noon.timestamp()), np.full(1, np.nan))
    assert unknown == pytest.approx(alone)  # five of a scene were taken at one hour
    assert unknown[0] == 0.0
    assert 0.0 > unknown[1] > many[1] - many[0]


def test_wall_clocks_are_read_in_the_zone_of_the_place() -> None:
    assert sky(zone_known=True).ahead_s == 0.0
    assert sky(zone_known=False).ahead_s == 3600.0  # Lisbon in May


def test_no_anchors_or_anchors_far_apart_have_no_one_sky() -> None:
    assert Sky.over([photo("t", 0)], [0]) is None
    far = [photo("a", 0, LISBON), photo("b", 1, (35.7, 139.7))]
    assert Sky.over(far, range(2)) is None
    line = [photo("a", 0, (-16.5, 179.9)), photo("b", 1, (-16.5, -179.9))]
    assert Sky.over(line, range(2)) is not None
    assert Sky.over([photo("a", 0, (np.nan, 0.0))], [0]) is None


@pytest.mark.parametrize("bright", [True, False])
def test_light_decides_between_offsets_that_look_alikes_leave_open(bright: bool) -> None:
    """One pair tells +12 h, another that looks as alike tells none: the light knows."""
    photos: list[AlbumPhoto] = []
    for number in range(6):
        scene = look(number)
        minute = 40.0 * number
        photos.append(replace(photo(f"p{number}", minute, LISBON, look=scene), camera="phone"))
        twin = look(100 + number, near=scene, cosine=0.72)
        there = photo(f"q{number}", minute + 12 * HOURS, LISBON, look=scene)
        photos.append(replace(there, camera="phone"))
        light = 0.5 if bright else 0.12
        mine = photo(f"c{number}", minute, look=twin)
        photos.append(replace(mine, camera="camera", brightness=light))
    (found,) = estimate(photos)
    dim = [replace(one, brightness=None) for one in photos]
    (before,) = estimate(dim)
    if bright:
        assert found.offset_s == 0.0
        assert found.probability >= before.probability
    else:
        assert found.probability < before.probability or found.offset_s == 12 * 3600.0
