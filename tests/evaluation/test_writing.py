"""The evaluation of writing tells harm from none, and leaves the corpus as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from geotagger.cli.main import main
from geotagger.errors import FolderError
from geotagger.evaluation import exiftool, writing
from geotagger.evaluation.tag_compare import compare, own_tags, picture_digest
from geotagger.evaluation.writing import EXIFTOOL, OURS, evaluate_writing
from tests.support.jpegs import XMP, camera_block, exif, gps_entries, jpeg, segment
from tests.support.writes import contents

needs_exiftool = pytest.mark.skipif(
    exiftool.installed() is None, reason="ExifTool is not installed (libimage-exiftool-perl)"
)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "camera.jpg").write_bytes(jpeg(exif(camera_block(note=b"secret"))))
    block = camera_block(">", gps=gps_entries(">"))
    (folder / "xmp first.jpg").write_bytes(jpeg(segment(0xE1, XMP), exif(block), trailer=b"tail"))
    (folder / "plain.jpg").write_bytes(jpeg())
    (folder / "raw.nef").write_bytes(b"no raw file at all")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe1\x00\x10Exif\0\0II*\0")
    return folder


def test_ours_harms_nothing_and_peers_are_seen_to_harm(corpus: Path) -> None:
    before = contents(corpus)
    report = evaluate_writing(corpus)
    ours = report.summary()[OURS]
    assert (ours["files"], ours["written in the file"]) == (5, 3)
    for what in (
        "another tag lost or changed",
        "another tag added",
        "maker notes changed",
        "picture bytes changed",
        "sidecar without the place",
        "undo not identical",
    ):
        assert ours[what] == 0, (what, report.of(OURS))
    assert ours["read by exifread: same"] == ours["read by piexif: same"] == 3
    assert ours["read by Pillow: same"] == 3
    assert report.summary()["Pillow"]["picture bytes changed"] > 0
    assert contents(corpus) == before


def test_a_file_that_is_not_written_to_has_a_sidecar_that_is_read_back(corpus: Path) -> None:
    report = evaluate_writing(corpus, with_peers=False)
    beside = [result for result in report.of(OURS) if result.how != "written"]
    assert {result.file for result in beside} == {"raw.nef", "cut.jpg"}
    assert all(result.sidecar for result in beside)
    assert all(result.reason for result in beside)


def test_without_exiftool_our_own_reader_judges(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "installed", lambda: None)
    report = evaluate_writing(corpus)
    assert report.judge == "this program"
    summary = report.summary()
    assert EXIFTOOL not in summary
    assert summary[OURS]["another tag lost or changed"] == 0
    assert summary["piexif"]["maker notes changed"] > 0


@needs_exiftool
def test_exiftool_reads_the_same_place_and_writes_as_a_peer(corpus: Path) -> None:
    report = evaluate_writing(corpus)
    assert report.summary()[OURS]["read by ExifTool: same"] == 3
    assert report.summary()[EXIFTOOL]["read by ExifTool: same"] == 3
    assert report.judge.startswith("ExifTool ")


@needs_exiftool
def test_an_exiftool_process_serves_again_after_it_was_ended(corpus: Path) -> None:
    with exiftool.ExifTool() as tool:
        first = tool.tags(corpus / "camera.jpg")
        tool.close()
        assert tool.tags(corpus / "camera.jpg")["EXIF:IFD0:Make"] == "Acme"
        assert compare(first, tool.tags(corpus / "camera.jpg")).lost == ()
        with pytest.raises(exiftool.ExifToolError):
            tool.write(corpus / "raw.nef", "-GPSLatitude=1")


def test_a_tag_that_changed_was_lost_or_came_is_told(tmp_path: Path) -> None:
    before = {"EXIF:IFD0:Make": "A", "MakerNotes:Acme:Mode": 1, "File:ExifByteOrder": "II"}
    after = {"EXIF:IFD0:Make": "B", "EXIF:IFD0:YResolution": 72, "File:ExifByteOrder": "II"}
    found = compare(before, after)
    assert found.lost == ("EXIF:IFD0:Make", "MakerNotes:Acme:Mode")
    assert found.maker_notes == ("MakerNotes:Acme:Mode",)
    assert found.added == ("EXIF:IFD0:YResolution",)


def test_what_says_where_things_lie_is_no_change() -> None:
    before = {"System:FileSize": 1, "EXIF:IFD1:ThumbnailOffset": 100, "EXIF:GPS:GPSLatitude": 1}
    after = {"System:FileSize": 2, "EXIF:IFD1:ThumbnailOffset": 200, "EXIF:GPS:GPSLatitude": 2}
    assert compare(before, after).lost == ()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_a_changed_pixel_changes_the_digest_of_the_picture(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    image = Image.linear_gradient("L").resize((16, 16)).convert("RGB")
    image.save(path)
    first = picture_digest(path)
    assert first is not None
    assert picture_digest(path) == first
    Image.new("RGB", (16, 16), "red").save(path)
    assert picture_digest(path) != first


def test_a_damaged_file_counts_as_one_tag(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe1")
    assert list(own_tags(path)) == ["content"]


def test_a_folder_without_photos_is_told(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="no photos"):
        evaluate_writing(tmp_path)


def test_the_command_prints_the_table_and_writes_json(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "table.json"
    words = ["evaluate", "writing", "--corpus", str(corpus), "--no-peers", "--json", str(file)]
    assert main(words) == 0
    assert "picture bytes changed" in capsys.readouterr().out
    stored = json.loads(file.read_text())
    assert stored["summary"][OURS]["files"] == len(stored["files"]) == 5


@pytest.mark.shared
@needs_exiftool
def test_no_real_photo_loses_anything_by_our_writing(shared: Path) -> None:
    report = evaluate_writing(shared / "exif" / "corpus", with_peers=False)
    harmed = [
        result
        for result in report.of(OURS)
        if result.lost
        or result.maker_notes
        or result.picture is False
        or result.undone is False
        or result.sidecar is False
        or "another place" in result.read_back.values()
    ]
    assert harmed == []
    assert report.summary()[OURS]["refused"] == 0
