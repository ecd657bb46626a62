"""Corrections that run with time or change in between."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.suggest.clock_course import Course, added, at, wall_s

DAY = 86_400.0
NOON = wall_s(datetime(2022, 5, 14, 12, tzinfo=UTC))
DRIFT = Course(((-math.inf, 7_200.0),), -12.0, NOON)
STEPS = Course(((-math.inf, 3_600.0), (NOON, 0.0), (NOON + 2 * DAY, -28_800.0)), 0.0, NOON)


def test_a_clock_that_runs_fast_is_taken_back_by_more_each_day() -> None:
    assert DRIFT.at(NOON) == 7_200.0
    assert DRIFT.at(NOON + 10 * DAY) == 7_080.0
    assert DRIFT.at(NOON - 5 * DAY) == 7_260.0


def test_each_leg_holds_from_its_moment_on() -> None:
    told = [STEPS.at(NOON + days * DAY) for days in (-100, -0.01, 0, 1.99, 2, 100)]
    assert told == [3_600.0, 3_600.0, 0.0, 0.0, -28_800.0, -28_800.0]


@given(st.floats(-30.0, 30.0).filter(lambda days: abs(days - 2.0) > 0.4 and abs(days) > 0.1))
def test_what_was_added_is_found_again_from_the_corrected_time(days: float) -> None:
    """But near a setting, where the corrected times come twice."""
    wall = NOON + days * DAY
    for course in (DRIFT, STEPS):
        assert course.had(wall + course.at(wall)) == pytest.approx(course.at(wall), abs=1e-3)


def test_the_catalog_keeps_a_course_exactly() -> None:
    for course in (DRIFT, STEPS):
        assert Course.from_json(course.to_json()) == course


def test_a_correction_is_asked_for_a_time_of_any_zone_or_of_none() -> None:
    when = datetime(2022, 5, 15, 12, tzinfo=UTC)
    assert at(DRIFT, when) == at(DRIFT, when.replace(tzinfo=None)) == 7_188.0
    assert at(DRIFT, None) == 7_200.0
    assert at(90.0, when) == 90.0


@given(st.floats(-40.0, 40.0), st.integers(0, 8))
def test_two_corrections_in_one_add_what_both_add_one_after_the_other(
    days: float, which: int
) -> None:
    parts = (5_400.0, DRIFT, STEPS)
    one, other = parts[which // 3], parts[which % 3]
    when = datetime(2022, 5, 14, 12, tzinfo=UTC) + timedelta(days=days)
    first = at(one, when)
    then = at(other, when + timedelta(seconds=first))
    # A drift's drift within an offset of hours is below what any photo shows.
    assert at(added(one, other), when) == pytest.approx(first + then, abs=6.0)
