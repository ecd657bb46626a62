"""``geotagger evaluate completion`` as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from tests.support.albums import LISBON, make_album


@pytest.fixture
def table(tmp_path: Path) -> Path:
    lines = ["album_id,file,taken_at,lat,lon"]
    for number in range(8):
        lines.append(
            f"a,{number}.jpg,2022-05-{14 + number // 4}T10:{number:02}:00,38.7{number},-9.1"
        )
    path = tmp_path / "albums.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_table_goes_to_the_terminal_and_to_a_file_where_one_is_named(
    run: Callable[..., Ran], table: Path, tmp_path: Path
) -> None:
    command = ("evaluate", "completion", "--albums", table, "--photos", tmp_path, "--no-model")
    ran = run(*command, "--seeds", "1")
    assert ran.code == 0, ran.err
    assert "nearest_in_time" in ran.out
    out = tmp_path / "table.json"
    assert run(*command, "--seeds", "1", "--how", "days", "--json", out).code == 0
    assert json.loads(out.read_text())["how"] == "days"


def test_a_table_that_cannot_be_written_is_one_sentence(
    run: Callable[..., Ran], table: Path, tmp_path: Path
) -> None:
    ran = run(
        *("evaluate", "completion", "--albums", table, "--photos", tmp_path, "--no-model"),
        *("--seeds", "1", "--json", tmp_path / "missing" / "table.json"),
    )
    assert ran.code == 1
    assert "cannot be written" in ran.err


def test_the_users_own_gps_is_hidden_and_found(run: Callable[..., Ran], tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    make_album(folder, LISBON, size=(96, 72))
    ran = run("evaluate", "library", folder, "--no-model")
    assert ran.code == 1
    assert "geotagger scan" in ran.err
    assert run("scan", folder).code == 0
    out = tmp_path / "score.json"
    ran = run("evaluate", "library", folder, "--hide", "0.5", "--seeds", "2", "--json", out)
    assert ran.code == 0, ran.err
    assert "nearest_in_time" in ran.out
    value = json.loads(out.read_text())
    assert (value["photos"], value["hidden"]) == (8, 8)
