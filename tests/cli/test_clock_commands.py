"""``geotagger clocks`` as a user runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

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
