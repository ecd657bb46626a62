"""Clocks that gain or lose, and clocks that are set on a journey."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geotagger.suggest import timeline
from geotagger.suggest.clock_course import wall_s
from geotagger.suggest.clocks import ClockOffset, as_taken, estimate, sure_corrections
from geotagger.suggest.types import AlbumPhoto
from tests.suggest.making import look, photo

PHONE, CAMERA = "phone", "camera"


def journey(
    days: int,
    a_day: int,
    *,
    offset_s: float = 0.0,
    gains_s: float = 0.0,
    set_after: int | None = None,
    set_by: float = 0.0,
    lag_s: float = 30.0,
    alike: float = 0.6,
    seed: int = 0,
) -> list[AlbumPhoto]:
    """A phone and a camera side by side; the camera's clock is off, and gains so much a day.

    ``set_after`` is the day from which on it is ahead by ``set_by`` more; ``alike`` the share of
    the moments at which both saw the same, within ``lag_s``.
    """
    generator = np.random.default_rng(seed)
    photos = []
    for number in range(days * a_day):
        day = number // a_day
        minute = day * 1440.0 + float(generator.uniform(0, 600))
        scene = look(int(generator.integers(2**40)))
        phone = photo(f"phone{number}", minute, (38.7 + 0.01 * day, -9.1), look=scene)
        lag = float(generator.uniform(5.0, lag_s)) * float(generator.choice([-1.0, 1.0]))
        ahead = offset_s + gains_s * minute / 1440.0
        ahead += set_by if set_after is not None and day >= set_after else 0.0
        same = generator.random() < alike
        seen = int(generator.integers(2**40))
        other = photo(
            f"camera{number}",
            minute + (lag + ahead) / 60.0,
            look=look(seen, near=scene, cosine=0.85) if same else look(seen),
        )
        photos += [replace(phone, camera=PHONE), replace(other, camera=CAMERA)]
    return photos


def only(photos: list[AlbumPhoto]) -> ClockOffset:
    (found,) = estimate(photos)
    return found


@pytest.mark.parametrize(
    ("days", "a_day", "gains_s", "bound_s"),
    [(10, 6, 12.0, 3.0), (5, 6, 30.0, 6.0), (14, 8, -8.0, 2.0), (20, 5, 60.0, 2.0)],
)
@pytest.mark.parametrize("offset_s", [0.0, -7_200.0])
def test_a_clock_that_gains_is_found_with_what_it_gains_a_day(
    days: int, a_day: int, gains_s: float, bound_s: float, offset_s: float
) -> None:
    photos = journey(days, a_day, offset_s=offset_s, gains_s=gains_s, seed=days)
    found = only(photos)
    assert found.course is not None
    assert len(found.course.legs) == 1
    assert found.course.per_day == pytest.approx(-gains_s, abs=bound_s)
    assert found.sure
    assert found.matters


def test_corrected_times_of_a_clock_that_gains_are_right_at_both_ends() -> None:
    photos = journey(20, 5, offset_s=3_600.0, gains_s=45.0, seed=3)
    right = as_taken(photos, sure_corrections(estimate(photos)))
    times = timeline.seconds(right)
    away = times[1::2] - times[::2]  # each camera photo is beside its phone's
    assert np.abs(away).max() <= 30.0 + 45.0
    before = timeline.seconds(photos)
    assert np.abs(before[1::2] - before[::2]).max() > 4_000.0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("offset_s", [0.0, 7_200.0])
def test_no_drift_is_claimed_for_a_steady_clock(offset_s: float, seed: int) -> None:
    found = only(journey(10, 6, offset_s=offset_s, seed=seed, lag_s=60.0))
    assert found.course is None
    assert found.offset_s == -offset_s


def loose(photos: int, seed: int) -> list[AlbumPhoto]:
    """Two right clocks whose pictures of one scene lie minutes apart."""
    generator = np.random.default_rng(seed)
    minutes = np.sort(generator.uniform(0.0, photos // 170 * 720.0, photos))
    minutes = minutes // 720.0 * 1440.0 + minutes % 720.0
    scene, made = 0, []
    for number, minute in enumerate(minutes.tolist()):
        if generator.random() < 0.2:
            scene = int(generator.integers(2**40))
        seen = look(int(generator.integers(2**40)), near=look(scene), cosine=0.86)
        phone = bool(generator.random() < 0.3)
        place = (38.7, -9.1) if phone else None
        one = photo(f"{number}", minute, place, look=seen)
        made.append(replace(one, camera=PHONE if phone else CAMERA))
    return made


def test_of_loose_pairs_no_line_is_made_that_only_some_lie_on() -> None:
    courses = [one.course for seed in range(24) for one in estimate(loose(700, seed))]
    assert courses == [None] * 24


def test_few_pairs_claim_neither_drift_nor_a_setting() -> None:
    assert only(journey(10, 6, gains_s=30.0, alike=0.04)).course is None
    assert only(journey(3, 2, gains_s=60.0)).course is None
    assert only(journey(1, 30, gains_s=60.0)).course is None


def test_photos_that_saw_nothing_alike_claim_nothing() -> None:
    assert only(journey(12, 6, gains_s=60.0, alike=0.0)).course is None


@pytest.mark.parametrize(
    ("offset_s", "set_by"), [(0.0, 3_600.0), (28_800.0, -28_800.0), (0.0, -1_500.0)]
)
def test_a_clock_that_is_set_on_a_journey_has_two_legs(offset_s: float, set_by: float) -> None:
    photos = journey(8, 6, offset_s=offset_s, set_after=4, set_by=set_by, seed=4)
    course = only(photos).course
    assert course is not None
    assert course.per_day == 0.0
    (_, first), (since, second) = course.legs
    assert first == pytest.approx(-offset_s, abs=60.0)
    assert second == pytest.approx(-offset_s - set_by, abs=60.0)
    walls = [wall_s(one.when) for one in photos if one.camera == CAMERA and one.when is not None]
    assert max(walls[: 4 * 6]) < since <= min(walls[4 * 6 :])
    right = as_taken(photos, sure_corrections(estimate(photos)))
    seconds = timeline.seconds(right)
    assert np.abs(seconds[1::2] - seconds[::2]).max() <= 120.0


def test_a_clock_at_the_end_of_time_or_all_of_one_second_claims_nothing() -> None:
    photos = journey(6, 6)
    late = max(one.when for one in photos if one.when is not None).replace(year=9999)
    odd = [replace(one, when=late) if one.camera == CAMERA else one for one in photos]
    assert only(odd).course is None
    as_taken(odd, sure_corrections(estimate(odd)))
