"""The write commands at their edges: tags, warnings, names, two at once, partial undo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.photos.making import CAMERA, exif_bytes, place, save, xmp

Run = Callable[..., object]
SPOT = {"lat": 38.7142, "lon": -9.1331, "radius_m": 80.0, "probability": 0.9}
ELSEWHERE = "exif:GPSLatitude='1,0.0N' exif:GPSLongitude='2,0.0E'"
HOLD = """
import sys
from pathlib import Path
from geotagger.library.catalog import Catalog
from geotagger.library.writer_lock import writer_lock
with Catalog.open(Path(sys.argv[1])) as catalog, catalog.reading() as connection:
    with writer_lock(connection) as alone:
        print(alone, flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    made.mkdir()
    return made


def picture(path: Path, **more: object) -> Path:
    return save(path, exif=exif_bytes(CAMERA), **more)


def suggestions(tmp_path: Path, *names: str) -> Path:
    photos = [{"path": n, "state": "confident", "candidates": [SPOT]} for n in names]
    out = tmp_path / "s.json"
    out.write_text(json.dumps({"photos": photos}))
    return out


def test_a_dry_run_lists_each_tag_if_asked_and_always_in_json(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    picture(folder / "a.jpg")
    wanted = suggestions(tmp_path, "a.jpg")
    plain = run("write", folder, "--from", wanted, "--dry-run", "--quiet")
    assert "GPSLatitudeRef" not in plain.out
    listed = run("write", folder, "--from", wanted, "--dry-run", "--tags", "--quiet")
    assert "added    GPSLatitude: - -> 38° 42′ 51.12″" in listed.out
    (file,) = run("write", folder, "--from", wanted, "--dry-run", "--json", "--quiet").json["files"]
    tags = {tag["tag"]: tag for tag in file["tags"]}
    assert tags["GPSLongitudeRef"] == {
        "tag": "GPSLongitudeRef",
        "what": "added",
        "before": "",
        "after": "W",
    }


def test_names_of_sidecars_and_places_are_chosen(run: Run, folder: Path, tmp_path: Path) -> None:
    picture(folder / "a.jpg")
    wanted = suggestions(tmp_path, "a.jpg")
    chosen = ("--sidecar-names", "adobe", "--place-names", "--json", "--quiet")
    ran = run("write", folder, "--from", wanted, *chosen)
    assert [file["destination"] for file in ran.json["files"]] == ["a.jpg", "a.jpg.xmp"]
    text = (folder / "a.jpg.xmp").read_text(encoding="utf-8")
    assert "LocationCreated" in text and "Lisbon" in text


def test_what_is_left_as_it_is_is_told_before_and_while_writing(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    picture(folder / "a.jpg")
    (folder / "a.jpg.xmp").write_bytes(xmp("photoshop:City='Orton'"))
    wanted = suggestions(tmp_path, "a.jpg")
    for options in (("--dry-run",), ()):
        ran = run("write", folder, "--from", wanted, "--place-names", "--quiet", *options)
        assert ran.code == 0
        (line,) = ran.err.splitlines()
        assert line.startswith("warning    a.jpg: It has place names of its own")


def test_the_scan_tells_of_files_that_disagree_with_their_sidecar(run: Run, folder: Path) -> None:
    save(folder / "a.jpg", exif=exif_bytes(CAMERA, gps=place(38.7, -9.1)))
    (folder / "a.jpg.xmp").write_bytes(xmp(ELSEWHERE))
    picture(folder / "b.jpg")
    ran = run("scan", folder, "--quiet")
    assert ran.code == 0
    (line,) = ran.err.splitlines()
    assert line.startswith("disagrees: ") and "a.jpg" in line


@contextmanager
def another_writer(catalog: Path) -> Iterator[None]:
    """Another process of this program that is writing."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(catalog)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdin is not None and process.stdout is not None
    with process:
        assert process.stdout.readline() == "True\n"
        yield
        process.stdin.close()


def test_a_second_instance_is_told_that_the_first_is_writing(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    path = picture(folder / "a.jpg")
    before = path.read_bytes()
    wanted = suggestions(tmp_path, "a.jpg")
    command = [sys.executable, "-m", "geotagger", "write", str(folder), "--from", str(wanted)]
    with another_writer(tmp_path / "catalog.sqlite"):
        second = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "GEOTAGGER_CATALOG": str(tmp_path / "catalog.sqlite")},
            cwd=Path(__file__).parents[2],
        )
        assert second.returncode == 1
        assert "Another window or command of this program is writing right now." in second.stderr
        assert "try again" in second.stderr and "Traceback" not in second.stderr
        assert "0 written, 0 failed, 1 not tried, 0 skipped" in second.stdout
        assert path.read_bytes() == before
    assert run("write", folder, "--from", wanted, "--quiet").code == 0
    with another_writer(tmp_path / "catalog.sqlite"):
        undo = run("undo", "--quiet")
        assert undo.code == 1 and undo.err.count("writing right now") == 1
        assert "not tried" in undo.err
    assert run("undo", "--quiet").code == 0
    assert path.read_bytes() == before


def test_a_partial_undo_says_per_file_what_stayed_and_why(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    names = ("a.jpg", "b.jpg", "c.jpg")
    before = {name: picture(folder / name).read_bytes() for name in names}
    run("write", folder, "--from", suggestions(tmp_path, *names), "--quiet")
    (folder / "a.jpg").unlink()
    with (folder / "b.jpg").open("ab") as stream:
        stream.write(b"edited")
    ran = run("undo", "--json", "--quiet")
    assert ran.code == 1
    files = {Path(file["path"]).name: file for file in ran.json["files"]}
    assert {name: file["ok"] for name, file in files.items()} == {
        "a.jpg": False,
        "b.jpg": False,
        "c.jpg": True,
    }
    assert "no longer there" in files["a.jpg"]["error"]
    assert "changed by another program" in files["b.jpg"]["error"]
    assert len([line for line in ran.err.splitlines() if line.startswith("failed")]) == 2
    assert (folder / "c.jpg").read_bytes() == before["c.jpg"]
