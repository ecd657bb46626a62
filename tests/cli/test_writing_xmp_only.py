"""Photos whose only place is in XMP: what `write --from` fills, skips, warns of and leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from geotagger.photos.metadata import places_inside
from tests.photos.making import exif_bytes, jpeg_with_xmp, save, xmp

Run = Callable[..., object]
SPOT = {"lat": 38.7142, "lon": -9.1331, "radius_m": 80.0, "probability": 0.9}
ELSEWHERE = "exif:GPSLatitude='1,0.0N' exif:GPSLongitude='2,0.0E'"
THERE = "exif:GPSLatitude='38,42.852N' exif:GPSLongitude='9,7.986W'"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    made.mkdir()
    return made


def suggestions(tmp_path: Path, name: str) -> Path:
    photos = [{"path": name, "state": "confident", "candidates": [SPOT]}]
    out = tmp_path / "s.json"
    out.write_text(json.dumps({"photos": photos}))
    return out


@pytest.mark.parametrize(("said", "warned"), [(ELSEWHERE, True), (THERE, False)])
def test_a_place_in_the_packet_alone_does_not_keep_exif_empty(
    run: Run, folder: Path, tmp_path: Path, said: str, warned: bool
) -> None:
    path = folder / "a.jpg"
    path.write_bytes(jpeg_with_xmp(xmp(said), exif_bytes({271: "Nikon"})))
    before = places_inside(path)
    wanted = suggestions(tmp_path, "a.jpg")
    preview = run("write", folder, "--from", wanted, "--dry-run", "--json", "--quiet").json
    (file,) = preview["files"]
    assert file["how"] == "in the file"
    assert ("The XMP inside the file says another place" in file["warning"]) == warned
    written = run("write", folder, "--from", wanted, "--json", "--quiet").json
    assert [one["ok"] for one in written["files"]] == [True]
    exif, packet = places_inside(path)
    assert (exif.lat, exif.lon) == pytest.approx((SPOT["lat"], SPOT["lon"]), abs=1e-7)
    assert packet == before[1]
    again = run("write", folder, "--from", wanted, "--json", "--quiet").json
    assert again["files"] == [] and "GPS already" in again["skipped"][0]["reason"]


def test_a_place_in_a_sidecar_is_somebodys_work_and_skipped(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    save(folder / "a.jpg")
    (folder / "a.jpg.xmp").write_bytes(xmp(ELSEWHERE))
    wanted = suggestions(tmp_path, "a.jpg")
    result = run("write", folder, "--from", wanted, "--json", "--quiet").json
    assert result["files"] == []
    assert "GPS already" in result["skipped"][0]["reason"]
