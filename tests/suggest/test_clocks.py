"""The clocks of two cameras on one outing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geotagger.suggest.clock_pairs import MOST
from geotagger.suggest.clocks import ClockOffset, estimate, shifted, sure_corrections
from geotagger.suggest.types import AlbumPhoto
from tests.suggest.making import look, photo

LISBON = (38.7139, -9.1335)


def outing(
    moments: int, *, offset_s: float, likeness: float = 0.9, seed: int = 0, own_gps: bool = True
) -> list[AlbumPhoto]:
    """A phone with GPS and a camera, side by side at moments spread over a day."""
    generator = np.random.default_rng(seed)
    minutes = np.sort(generator.uniform(0, 600, moments))
    photos = []
    for number, minute in enumerate(minutes):
        scene = look(1000 * seed + number)
        later = float(generator.uniform(5, 60)) + offset_s
        place = LISBON if own_gps else None
        phone = photo(f"phone{number}", minute, place, look=scene)
        other = photo(
            f"camera{number}",
            minute + later / 60.0,
            look=look(5000 + 1000 * seed + number, near=scene, cosine=likeness),
        )
        photos += [replace(phone, camera="phone"), replace(other, camera="camera")]
    return photos


def only(photos: list[AlbumPhoto]) -> ClockOffset:
    (found,) = estimate(photos)
    return found


@pytest.mark.parametrize("hours", [0.0, 1.0, -1.0, 2.0, -8.0, 9.5, 12.0])
def test_a_clock_in_another_zone_is_found_to_the_second(hours: float) -> None:
    found = only(outing(12, offset_s=hours * 3600))
    assert (found.camera, found.reference) == ("camera", "phone")
    assert found.offset_s == -hours * 3600
    assert found.sure
    assert found.matters == (hours != 0.0)


@settings(max_examples=20, deadline=None)
@given(st.floats(-50.0, 50.0), st.integers(0, 50))
def test_a_clock_that_is_minutes_off_is_found_within_its_pairs_lag(
    minutes: float, seed: int
) -> None:
    """The camera follows the phone within a minute, and what is within 90 s of usual is usual."""
    found = only(outing(15, offset_s=minutes * 60.0, seed=seed))
    assert abs(found.offset_s + minutes * 60.0) <= 150.0
    assert found.pairs >= 10


def test_a_clock_that_is_a_year_off_is_found() -> None:
    found = only(outing(15, offset_s=365 * 86_400.0))
    assert abs(found.offset_s + 365 * 86_400.0) <= 120.0
    assert found.sure


def test_cameras_that_saw_nothing_alike_are_never_sure() -> None:
    photos = outing(20, offset_s=7 * 3600.0, likeness=0.1)
    assert not only(photos).sure


def test_the_reference_is_the_camera_whose_own_gps_sets_its_clock() -> None:
    photos = outing(10, offset_s=3600.0)
    more = [
        replace(photo(f"more{n}", 60.0 * n, look=look(9000 + n)), camera="camera") for n in range(9)
    ]
    assert only([*photos, *more]).reference == "phone"


def test_one_camera_or_a_few_photos_have_nothing_to_compare() -> None:
    photos = outing(10, offset_s=0.0)
    assert estimate([one for one in photos if one.camera == "phone"]) == []
    assert estimate(photos[:4]) == []
    assert estimate([]) == []


def test_photos_without_time_or_looks_and_fallback_times_do_not_vote() -> None:
    photos = outing(10, offset_s=3600.0)
    noise = [
        replace(photo("untimed", None, look=look(1)), camera="camera"),
        replace(photo("unseen", 5), camera="camera"),
        replace(photo("copied", 5, look=look(2), fallback=True), camera="camera"),
        replace(photo("nan", 5, look=np.full(64, np.nan, np.float32)), camera="camera"),
    ]
    assert only([*photos, *noise]).offset_s == -3600.0


def test_only_the_cameras_that_are_named_are_moved() -> None:
    photos = outing(5, offset_s=3600.0)
    moved = shifted(photos, sure_corrections(estimate(photos)))
    for before, after in zip(photos, moved, strict=True):
        assert before.when is not None and after.when is not None
        shift = timedelta(hours=-1) if before.camera == "camera" else timedelta()
        assert after.when - before.when == shift


def test_photos_of_one_second_or_of_the_end_of_time_do_not_crash() -> None:
    same = [replace(photo(f"p{n}", 0, look=look(n)), camera="ab"[n % 2]) for n in range(20)]
    assert len(estimate(same)) == 1
    late = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    odd = [replace(one, when=late) if one.camera == "a" else one for one in same]
    assert len(estimate(odd)) == 1
    assert {one.when for one in shifted(odd, {"a": 86_400.0}) if one.camera == "a"} == {None}


def test_of_very_many_photos_a_sample_is_compared() -> None:
    photos = outing(MOST * 2, offset_s=2 * 3600.0)
    assert only(photos).offset_s == pytest.approx(-7200.0, abs=60.0)
