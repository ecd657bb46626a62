"""``geotagger evaluate completion`` as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from geotagger.library.catalog import CATALOG_VARIABLE, Catalog
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
    assert "geotagger scan" in ran.err and "at least two photos with GPS" in ran.err
    assert run("scan", folder).code == 0
    out = tmp_path / "score.json"
    ran = run("evaluate", "library", folder, "--hide", "0.5", "--seeds", "2", "--json", out)
    assert ran.code == 0, ran.err
    assert "Nearest photo in time" in ran.out
    value = json.loads(out.read_text())
    assert (value["photos"], value["hidden"]) == (8, 8)


@pytest.fixture
def scanned(run: Callable[..., Ran], tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    make_album(folder / "Lisbon", LISBON, size=(96, 72))
    assert run("scan", folder).code == 0
    return folder


def test_page_picture_and_table_are_written_and_nothing_else_is(
    run: Callable[..., Ran], scanned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object) -> None:
        raise AssertionError("asked the network")

    def state() -> tuple[dict[Path, tuple[bytes, int]], list[str]]:
        files = {
            path: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in scanned.rglob("*")
            if path.is_file()
        }
        with Catalog.open(tmp_path / "catalog.sqlite") as catalog, catalog.reading() as reading:
            return files, list(reading.iterdump())

    monkeypatch.setattr(socket.socket, "connect", offline)
    before = state()
    out = {name: tmp_path / f"score.{name}" for name in ("html", "png", "json")}
    ran = run(
        *("evaluate", "library", scanned, "--how", "stream", "--seeds", "2"),
        *("--html", out["html"], "--plot", out["png"], "--json", out["json"]),
    )
    assert ran.code == 0, ran.err
    assert state() == before
    assert "a second camera (half of the photos), 50 % of them, 2 times" in ran.out
    assert "Only 8 photos could be used" in ran.out
    value = json.loads(out["json"].read_text())
    assert (value["how"], value["hidden"], value["hide"]) == ("stream", 8, 0.5)
    assert set(value["methods"]["ours"]["within_km"]) == {"0.1", "1", "25", "200", "750"}
    assert "Of 8 hidden photos" in out["html"].read_text(encoding="utf-8")
    with Image.open(out["png"]) as picture:
        assert picture.format == "PNG" and picture.size[0] > 1500


def test_targets_that_cannot_be_written_are_told_before_the_work(
    run: Callable[..., Ran], scanned: Path, tmp_path: Path
) -> None:
    photo = next(scanned.rglob("*.jpg"))
    before = photo.read_bytes()
    for option, target, word in (
        ("--plot", photo, "ends in .png"),
        ("--html", tmp_path / "page.txt", "ends in .html"),
        ("--html", tmp_path / "missing" / "page.html", "folder is missing"),
        ("--json", scanned, "this is a folder"),
    ):
        ran = run("evaluate", "library", scanned, option, target)
        assert (ran.code, ran.out) == (1, "")
        assert word in ran.err and "Hiding" not in ran.err
    assert photo.read_bytes() == before


def test_ctrl_c_stops_at_once_and_leaves_nothing(scanned: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    command = ("evaluate", "library", str(scanned), "--seeds", "1000000", "--html", str(page))
    places = {CATALOG_VARIABLE: str(tmp_path / "catalog.sqlite"), "GEOTAGGER_MODEL": "none"}
    with subprocess.Popen(
        [sys.executable, "-m", "geotagger", *command],
        stderr=subprocess.PIPE,
        env=os.environ | places,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "Hiding and looking" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert "stopped" in process.stderr.read()
    assert not page.exists()


def test_the_plots_of_albums_of_a_table_are_the_same_kind(
    run: Callable[..., Ran], table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "plots.png"
    ran = run(
        *("evaluate", "completion", "--albums", table, "--photos", tmp_path, "--no-model"),
        *("--seeds", "1", "--plot", out),
    )
    assert ran.code == 0, ran.err
    with Image.open(out) as picture:
        assert picture.format == "PNG"
