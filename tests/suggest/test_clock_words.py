"""Clocks in words, and as they are typed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.errors import GeotaggerError
from geotagger.suggest.album import suggest_album
from geotagger.suggest.clock_course import Course, wall_s
from geotagger.suggest.clock_words import amount, in_words, parsed, sentence, signed, typed
from geotagger.suggest.clocks import ClockOffset
from geotagger.suggest.reasons import by_corrected_clock
from tests.suggest.making import NOON, photo
from tests.suggest.test_clocks import outing

NOON_S = wall_s(NOON)


def test_a_finding_is_one_sentence() -> None:
    found = ClockOffset("NIKON D90", "iPhone 6", 7200.0, 0.9941, 14)
    assert sentence(found) == (
        "The clock of NIKON D90 is 2 h behind that of iPhone 6 (14 look-alike pairs agree, 99 %)"
    )
    ahead = ClockOffset("", "iPhone 6", -5400.0, 1.0, 1)
    assert sentence(ahead) == (
        "The clock of the photos without a camera's name is 1 h 30 min ahead of that of iPhone 6 "
        "(1 look-alike pair agrees, 99 %)"
    )
    assert "agrees with that of b" in sentence(ClockOffset("a", "b", 20.0, 0.9, 3))


def test_a_clock_that_gains_is_told_by_the_day() -> None:
    course = Course(((-math.inf, 7200.0),), -12.4, NOON_S)
    found = ClockOffset("NIKON D90", "iPhone 6", 7200.0, 0.97, 9, course)
    assert sentence(found) == (
        "The clock of NIKON D90 runs 12 s a day fast: on 14 May 2022 it is 2 h behind that of "
        "iPhone 6 (9 look-alike pairs agree, 97 %)"
    )
    assert in_words(course) == "+2 h on 14 May 2022, 12 s less each day after it"
    slow = replace(found, course=Course(((-math.inf, 0.2),), 30.0, NOON_S))
    assert "runs 30 s a day slow: on 14 May 2022 it agrees with that of iPhone 6" in sentence(slow)


def test_a_clock_that_was_set_is_told_leg_by_leg() -> None:
    legs = ((-math.inf, -28_800.0), (NOON_S, 0.0), (NOON_S + 86_400.0, 3600.0))
    course = Course(legs, 0.0, NOON_S)
    found = ClockOffset("NIKON D90", "iPhone 6", 0.0, 0.98, 20, course)
    assert sentence(found) == (
        "The clock of NIKON D90 is 8 h ahead of that of iPhone 6 at first, agrees with it from "
        "14 May 2022, 12:00 on, and is 1 h behind it from 15 May 2022, 12:00 on "
        "(20 look-alike pairs agree, 98 %)"
    )
    assert in_words(course) == (
        "−8 h at first, nothing from 14 May 2022, 12:00 on, +1 h from 15 May 2022, 12:00 on"
    )
    assert in_words(5400.0) == "+1 h 30 min"


def test_reasons_tell_what_was_added_to_each_photo_at_its_moment() -> None:
    """Corrected times are what reasons see; a day that a name tells was no clock's."""
    course = Course(((-math.inf, -28_800.0), (NOON_S, -7200.0)), 0.0, NOON_S)
    phone = replace(photo("phone", 0.0), camera="p")
    early = replace(photo("early", -60.0 * 24), camera="c")
    late = replace(photo("late", 60.0 * 24), camera="c")
    assert "clock corrected by −8 h" in by_corrected_clock(early, [phone], {"c": course})
    assert "clock corrected by −2 h" in by_corrected_clock(late, [phone], {"c": course})
    assert by_corrected_clock(late, [late], {"c": course}) == ""
    assert by_corrected_clock(replace(late, day_only=True), [phone], {"c": course}) == ""


def test_amounts_are_exact_to_the_second() -> None:
    assert amount(0.0) == "0 s"
    assert amount(86_400.0) == "1 day"
    assert amount(-(2 * 86_400 + 3600 + 60 + 1)) == "2 days 1 h 1 min 1 s"
    assert (signed(7200.0), signed(-2100.0)) == ("+2 h", "−35 min")


@given(st.integers(-10_000_000, 10_000_000))
def test_what_is_shown_for_typing_is_read_back(seconds: int) -> None:
    assert parsed(typed(float(seconds))) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("+2", 7200), ("2:30", 9000), ("-0:35", -2100), ("\u22121:00:05", -3605), (" +0:00 ", 0)],
)
def test_hours_and_minutes_are_read(text: str, seconds: int) -> None:
    assert parsed(text) == seconds


@pytest.mark.parametrize("text", ["", "two", "1:60", "+-1", "1.5", "999999", "1:2:3:4", "٣"])
def test_other_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(GeotaggerError):
        parsed(text)


def test_reasons_say_that_a_clock_was_corrected() -> None:
    photos = outing(12, offset_s=-7200.0)
    told = [reason for one in suggest_album(photos) for reason in one.candidates[0].reasons]
    assert any(text.endswith("(this photo's clock corrected by +2 h)") for text in told)
    right = suggest_album(photos, clock_seconds={"phone": -7200.0})
    told = [reason for one in right for reason in one.candidates[0].reasons]
    assert any(text.endswith("(its clock corrected by −2 h)") for text in told)


def test_reasons_of_one_camera_or_of_clocks_left_alone_say_nothing_of_it() -> None:
    photos = outing(12, offset_s=-7200.0)
    told = str(suggest_album(photos, clock_seconds={}))
    assert "corrected" not in told
    both = suggest_album(photos, clock_seconds={"phone": 3600.0, "camera": 3600.0})
    assert "corrected" not in str(both)
