"""``geotagger clocks`` as a user runs it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from geotagger.cli.clock_commands import as_json, described
from geotagger.library.clocks import ClockRow
from geotagger.suggest.clock_course import Course, wall_s
from geotagger.suggest.clocks import ClockOffset
from tests.cli.conftest import Ran
from tests.support.albums import LISBON, make_album


@pytest.fixture
def folder(run: Callable[..., Ran], tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    make_album(made, LISBON[:6], size=(96, 72))
    assert run("scan", made).code == 0
    return made


def applied(ran: Ran) -> dict[str, float]:
    return {row["camera"]: row["applied_s"] for row in ran.json["clocks"]}


def test_a_clock_is_set_left_and_asked_of_again(run: Callable[..., Ran], folder: Path) -> None:
    ran = run("clocks", folder, "--json")
    assert ran.code == 0, ran.err
    camera, phone = "Acme Camera 1", "Fairphone FP5"
    assert applied(ran) == {camera: 0.0, phone: 0.0}
    ran = run("clocks", folder, "--set", f"{camera}=-1:30", "--leave", phone)
    assert "corrected by −1 h 30 min, on your word" in ran.out
    assert "left as it is, on your word" in ran.out
    assert applied(run("clocks", folder, "--json")) == {camera: -5400.0, phone: 0.0}
    ran = run("suggest", folder, "--no-model", "--json")
    assert {row["decision"] for row in ran.json["clocks"]} == {"set", "leave"}
    told = str([c["reasons"] for photo in ran.json["photos"] for c in photo["candidates"]])
    assert "this photo's clock corrected by −1 h 30 min" in told
    assert "on your word" in run("suggest", folder, "--no-model").out
    run("clocks", folder, "--ask", camera)
    assert applied(run("clocks", folder, "--json")) == {camera: 0.0, phone: 0.0}


def test_unknown_cameras_and_odd_corrections_are_one_sentence(
    run: Callable[..., Ran], folder: Path, tmp_path: Path
) -> None:
    for arguments, words in (
        (("--leave", "Leica"), "The cameras are: Acme Camera 1, Fairphone FP5."),
        (("--set", "Leica"), "--set wants a camera and a correction"),
        (("--set", "Acme Camera 1=soon"), "no correction of a clock"),
    ):
        ran = run("clocks", folder, *arguments)
        assert ran.code == 1
        assert words in ran.err
    (tmp_path / "empty").mkdir()
    assert "scan" in run("clocks", tmp_path / "empty").out
    assert "Scan first" in run("clocks", tmp_path / "empty", "--leave", "x").err


def test_a_clock_that_gains_or_was_set_is_told_in_words_and_as_json() -> None:
    noon = wall_s(datetime(2022, 5, 14, 12))
    course = Course(((-math.inf, 7200.0), (noon + 86_400.0, 3600.0)), -12.0, noon)
    found = ClockOffset("NIKON D90", "iPhone 6", 7200.0, 0.97, 14, course)
    row = ClockRow(album="/trip", camera="NIKON D90", photos=40, found=found)
    assert described(row).startswith("/trip: The clock of NIKON D90 is 2 h behind")
    assert described(row).endswith("corrected by +2 h at first, +1 h from 15 May 2022, 12:00 on")
    told = json.loads(json.dumps(as_json(row)))
    assert told["applied_s"] == 7200.0
    assert told["applied_course"] == told["found"]["course"]
    assert told["applied_course"] == {
        "seconds_more_each_day": -12.0,
        "origin": "2022-05-14T12:00:00",
        "legs": [
            {"since": None, "offset_s": 7200.0},
            {"since": "2022-05-15T12:00:00", "offset_s": 3600.0},
        ],
    }
    assert as_json(ClockRow("/trip", "iPhone 6", 9))["applied_course"] is None
