"""Writing and undo of real files, killed with their worker at random instants, and recovered."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kill_folder import make_photos
from tests.support.random_kills import NOT_KILLED, Server, killed, undisturbed

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"),
    reason="finds and reaps the killed processes by Linux's /proc",
)
KILLS = 6
MOST_KILLS = 60
"""A machine that was busy only while the undisturbed run was timed needs more kills to hit."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


def kill_often(server: Server, tmp_path: Path, originals: Path | None, seed: int) -> list[str]:
    photos = make_photos(tmp_path / "photos", originals)
    stage = undisturbed(server, tmp_path / "photos", photos, tmp_path)
    chance = random.Random(seed)
    fell: list[str] = []
    last = {False: stage.write_s, True: stage.undo_s}
    while len(fell) < KILLS or (len(set(fell)) == 1 and len(fell) < MOST_KILLS):
        undo = len(fell) % 3 == 2
        delay = chance.uniform(0, last[undo])
        fell.append(killed(server, stage, tmp_path / "journal.sqlite", undo=undo, delay=delay))
        if fell[-1] == NOT_KILLED:
            last[undo] = delay
    return fell


def test_a_writer_that_ends_by_itself_says_why(server: Server, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"(?s)before it began.*No such file"):
        server.order(tmp_path / "journal.sqlite", [tmp_path / "nowhere.jpg"], 0, 0.1)


def test_made_photos_are_old_or_new_after_a_kill_at_any_instant(
    server: Server, tmp_path: Path
) -> None:
    fell = kill_often(server, tmp_path, None, 20261121)
    assert len(set(fell)) > 1, fell


@pytest.mark.shared
def test_photos_of_phones_are_old_or_new_after_a_kill_at_any_instant(
    server: Server, tmp_path: Path, shared: Path
) -> None:
    fell = kill_often(server, tmp_path, shared / "exif" / "phone-originals", 4711)
    assert len(set(fell)) > 1, fell
