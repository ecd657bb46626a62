from __future__ import annotations

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import piexif
import pytest

from geotagger.earth.distance import haversine_m
from tests.support.albums import LISBON, make_album

Run = Callable[..., object]


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "photos" / "Lisbon"
    make_album(folder)
    return folder.parent


def in_lisbon(name: str) -> str:
    return str(Path("Lisbon") / name)


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_scan_counts_photos_with_and_without_gps(run: Run, album: Path) -> None:
    ran = run("scan", album, "--json", "--quiet")
    assert ran.code == 0
    tagged = sum(shot.tagged for shot in LISBON)
    assert ran.json["photos"] == len(LISBON)
    assert ran.json["with_gps"] == tagged
    assert ran.json["outcomes"] == {"added": len(LISBON)}
    assert run("scan", album, "--json", "--quiet").json["outcomes"] == {"unchanged": len(LISBON)}


def test_suggest_writes_the_agreed_form_and_touches_no_photo(
    run: Run, album: Path, tmp_path: Path
) -> None:
    before = hashes(album)
    out = tmp_path / "s.json"
    assert run("suggest", album, "--out", out, "--quiet").code == 0
    photos = {photo["path"]: photo for photo in json.loads(out.read_text())["photos"]}
    assert set(photos) == {in_lisbon(shot.name) for shot in LISBON}
    for shot in LISBON:
        photo = photos[in_lisbon(shot.name)]
        if shot.tagged:
            assert photo["state"] == "has_gps" and photo["candidates"] == []
            continue
        assert photo["state"] in {"confident", "ambiguous", "insufficient"}
        probabilities = [candidate["probability"] for candidate in photo["candidates"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert all(
            candidate["reasons"] and candidate["radius_m"] > 0 for candidate in photo["candidates"]
        )
    best = photos[in_lisbon("DSC_0101.jpg")]["candidates"][0]
    assert haversine_m(best["lat"], best["lon"], 38.7142, -9.1331) < 1000
    assert "Lisbon" in best["place"] or "Portugal" in best["place"]
    assert any("IMG_0001.jpg" in reason for reason in best["reasons"])
    assert hashes(album) == before


def test_write_puts_gps_in_the_files_and_undo_gives_the_same_bytes_back(
    run: Run, album: Path, tmp_path: Path
) -> None:
    before = hashes(album)
    out = tmp_path / "s.json"
    run("suggest", album, "--out", out, "--quiet")
    dry = run("write", album, "--from", out, "--accept", "all", "--dry-run", "--quiet")
    assert dry.code == 0 and "DSC_0101.jpg" in dry.out
    assert hashes(album) == before

    written = run("write", album, "--from", out, "--accept", "all", "--json", "--quiet")
    assert written.code == 0
    names = {file["path"] for file in written.json["files"]}
    untagged = {in_lisbon(shot.name) for shot in LISBON if not shot.tagged}
    assert names == untagged and all(file["ok"] for file in written.json["files"])
    after = hashes(album)
    assert {name for name in after if after[name] != before.get(name)} == untagged
    gps = piexif.load(str(album / "Lisbon" / "DSC_0101.jpg"))["GPS"]
    assert gps[piexif.GPSIFD.GPSLatitudeRef] == b"N" and gps[piexif.GPSIFD.GPSLongitudeRef] == b"W"
    assert gps[piexif.GPSIFD.GPSLatitude][0] == (38, 1)

    (entry,) = run("history", "--json", "--quiet").json["writes"]
    assert (entry["written"], entry["failed"], entry["undone"]) == (len(untagged), 0, 0)
    again = run("write", album, "--from", out, "--accept", "all", "--json", "--quiet")
    assert again.code == 0 and again.json["files"] == []

    undone = run("undo", "--last", "--json", "--quiet")
    assert undone.code == 0 and all(file["ok"] for file in undone.json["files"])
    assert hashes(album) == before
    assert run("undo", "--last", "--quiet").code == 1
    assert run("scan", album, "--json", "--quiet").json["outcomes"] == {"unchanged": len(LISBON)}


def test_sidecars_leave_the_photos_untouched_and_undo_removes_them(
    run: Run, album: Path, tmp_path: Path
) -> None:
    before = hashes(album)
    out = tmp_path / "s.json"
    run("suggest", album, "--out", out, "--quiet")
    ran = run("write", album, "--from", out, "--accept", "all", "--sidecar", "always", "--quiet")
    assert ran.code == 0
    after = hashes(album)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + sum(not shot.tagged for shot in LISBON)
    assert all(name.endswith(".jpg.xmp") for name in set(after) - set(before))
    assert run("scan", album, "--json", "--quiet").json["with_gps"] == len(LISBON)
    assert run("undo", "--quiet").code == 0
    assert hashes(album) == before


def test_only_suggestions_above_the_wanted_probability_are_written(
    run: Run, album: Path, tmp_path: Path
) -> None:
    out = tmp_path / "s.json"
    run("suggest", album, "--out", out, "--quiet")
    content = json.loads(out.read_text())
    candidates = [photo for photo in content["photos"] if photo["candidates"]]
    for photo, probability in zip(candidates, (0.9, 0.8), strict=False):
        photo["state"], photo["candidates"][0]["probability"] = "confident", probability
    for photo in candidates[2:]:
        photo["state"] = "ambiguous"
    out.write_text(json.dumps(content))
    ran = run("write", album, "--from", out, "--min-probability", "0.85", "--json", "--quiet")
    assert [file["path"] for file in ran.json["files"]] == [candidates[0]["path"]]
    assert len(ran.json["skipped"]) == len(candidates) - 1


def test_one_file_that_changed_fails_and_the_rest_is_written(
    run: Run, album: Path, tmp_path: Path
) -> None:
    out = tmp_path / "s.json"
    run("suggest", album, "--out", out, "--quiet")
    (album / "Lisbon" / "DSC_0101.jpg").unlink()
    ran = run("write", album, "--from", out, "--accept", "all", "--json", "--quiet")
    assert ran.code == 1
    assert {file["ok"] for file in ran.json["files"]} == {True}
    (skipped,) = ran.json["skipped"]
    assert skipped == {"path": in_lisbon("DSC_0101.jpg"), "reason": "no such photo"}


def test_undo_refuses_a_file_that_was_changed_since(run: Run, album: Path, tmp_path: Path) -> None:
    out = tmp_path / "s.json"
    run("suggest", album, "--out", out, "--quiet")
    run("write", album, "--from", out, "--accept", "all", "--quiet")
    changed = album / "Lisbon" / "DSC_0101.jpg"
    changed.write_bytes(changed.read_bytes() + b"more")
    ran = run("undo", "--quiet")
    assert ran.code == 1
    assert "DSC_0101.jpg" in ran.err and "changed" in ran.err
    assert changed.read_bytes().endswith(b"more")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("not json", "JSON"),
        ("[]", "photos"),
        ('{"photos": [{"path": "a.jpg", "state": "sure"}]}', "state"),
        (
            '{"photos": [{"path": "a.jpg", "state": "confident", "candidates":'
            ' [{"lat": 95, "lon": 0, "radius_m": 1, "probability": 1}]}]}',
            "lat",
        ),
        (
            '{"photos": [{"path": "a.jpg", "state": "confident", "candidates":'
            ' [{"lat": NaN, "lon": 0, "radius_m": 1, "probability": 1}]}]}',
            "lat",
        ),
    ],
)
def test_a_bad_suggestion_file_is_refused_before_anything_is_done(
    run: Run, album: Path, tmp_path: Path, content: str, told: str
) -> None:
    before = hashes(album)
    source = tmp_path / "bad.json"
    source.write_text(content)
    ran = run("write", album, "--from", source)
    assert ran.code == 1 and str(source) in ran.err and told in ran.err
    assert "Traceback" not in ran.err
    assert hashes(album) == before


def test_a_path_out_of_the_folder_is_no_photo(run: Run, album: Path, tmp_path: Path) -> None:
    source = tmp_path / "s.json"
    candidate = {"lat": 1, "lon": 2, "radius_m": 3, "probability": 1}
    photo = {"path": "../../etc/passwd", "state": "confident", "candidates": [candidate]}
    source.write_text(json.dumps({"photos": [photo]}))
    ran = run("write", album, "--from", source)
    assert ran.code == 1 and "no such photo" in ran.out


def test_empty_and_missing_folders_are_told_in_words(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("no photo")
    for name in ("empty", "texts"):
        ran = run("scan", tmp_path / name, "--quiet")
        assert ran.code == 0 and "No photos" in ran.out
        assert run("suggest", tmp_path / name, "--json", "--quiet").json == {
            "photos": [],
            "clocks": [],
            "doubtful_gps": [],
        }
    ran = run("scan", tmp_path / "nowhere")
    assert ran.code == 1 and "nowhere" in ran.err and "no such folder" in ran.err
    ran = run("scan", tmp_path / "texts" / "a.txt")
    assert ran.code == 1 and "not a folder" in ran.err


def test_bad_files_are_listed_with_a_reason_and_the_rest_goes_on(run: Run, album: Path) -> None:
    good = (album / "Lisbon" / "IMG_0001.jpg").read_bytes()
    (album / "one-byte.jpg").write_bytes(b"\xff")
    (album / "empty.jpg").write_bytes(b"")
    (album / "text.jpg").write_text("not a picture at all")
    (album / "cut.jpg").write_bytes(good[: len(good) // 2])
    (album / os.fsdecode(b"caf\xe9.jpg")).write_bytes(good)
    (album / "loop").symlink_to(album)
    ran = run("scan", album, "--json", "--quiet")
    assert ran.code == 0
    assert ran.json["states"]["unreadable"] == 3
    for name in ("one-byte.jpg", "empty.jpg", "text.jpg"):
        assert name in ran.err
    suggested = run("suggest", album, "--json", "--quiet").json["photos"]
    states = {photo["path"]: photo["state"] for photo in suggested}
    assert states["one-byte.jpg"] == "unreadable"
    assert states[os.fsdecode(b"caf\xe9.jpg")] == "has_gps"


def test_a_damaged_catalog_is_a_sentence_and_exit_code_1(
    run: Run, album: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"rubbish" * 500)
    ran = run("scan", album, "--catalog", broken)
    assert ran.code == 1 and str(broken) in ran.err and "Traceback" not in ran.err
    assert broken.read_bytes() == b"rubbish" * 500


def test_wrong_usage_ends_with_code_2(run: Run, album: Path) -> None:
    for arguments in (
        ["write", str(album)],
        ["write", str(album), "--from", "x", "--min-probability", "7"],
    ):
        with pytest.raises(SystemExit) as caught:
            run(*arguments)
        assert caught.value.code == 2


def test_a_model_that_is_not_there_is_named(run: Run, album: Path, tmp_path: Path) -> None:
    ran = run("suggest", album, "--model", tmp_path / "no-model", "--quiet")
    assert ran.code == 1 and "no-model" in ran.err
    ran = run("models", "list")
    assert ran.code == 0 and "geoclip  [not installed]" in ran.out
    assert run("models", "verify", "nothing").code == 1
