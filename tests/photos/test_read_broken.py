"""A photo that is cut, damaged, hostile or out of reach is read as far as it goes, or told."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import pytest

from geotagger.errors import UnreadableFileError
from geotagger.photos import opening
from geotagger.photos.metadata import read_photo
from tests.photos.making import (
    CAMERA,
    exif_bytes,
    jpeg_bytes,
    place,
    save,
)

EXIF = exif_bytes(image=CAMERA, gps=place(52.52, 13.405))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\xff", "not that of a photo"),
        (b"<html>not a photo</html>", "not that of a photo"),
        (b"\0\0\0\x18ftypqt  \0\0\0\0qt  mif1" + bytes(100), "not that of a photo"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42mif1" + bytes(100), "not that of a photo"),
        (b"\xff\xd8", "no picture"),
        (b"\xff\xd8\xff\xe0", "no picture"),
        (b"\x89PNG\r\n\x1a\n", "no picture"),
        (b"RIFF\0\0\0\0WEBP", "no picture"),
        (b"II*\0", "no picture"),
        (b"II*\0\x08\0\0\0\xff\xff" + bytes(100), "no picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), "no picture"),
    ],
    ids=repr,
)
def test_what_is_no_photo_is_told_with_path_and_remedy(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=words) as caught:
        read_photo(path)
    assert caught.value.path == path
    assert caught.value.remedy


def test_a_truncated_jpeg_keeps_its_metadata(tmp_path: Path) -> None:
    data = jpeg_bytes(EXIF)
    path = tmp_path / "a.jpg"
    for size in (len(data) - 2, len(EXIF) + 200, len(EXIF) + 40):
        path.write_bytes(data[:size])
        assert read_photo(path).gps.lat == pytest.approx(52.52)


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png", ".webp", ".avif"])
def test_a_photo_cut_anywhere_is_read_or_told(tmp_path: Path, suffix: str) -> None:
    data = save(tmp_path / f"whole{suffix}", exif=EXIF).read_bytes()
    path = tmp_path / f"cut{suffix}"
    for size in range(1, min(len(data), 1500), 7):
        path.write_bytes(data[:size])
        try:
            record = read_photo(path)
        except UnreadableFileError as error:
            assert error.path == path
        else:
            assert record.stamp.size == size


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png", ".webp", ".avif"])
def test_a_photo_with_any_byte_changed_is_read_or_told(tmp_path: Path, suffix: str) -> None:
    data = save(tmp_path / f"whole{suffix}", exif=EXIF).read_bytes()
    path = tmp_path / f"bad{suffix}"
    for at in range(0, min(len(data), 900), 3):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        path.write_bytes(changed)
        try:
            assert read_photo(path).path == path
        except UnreadableFileError as error:
            assert error.path == path


def test_directories_that_lead_in_circles_end(tmp_path: Path) -> None:
    # 60,000 directory entries, each with 999 values, all pointing at the same bytes.
    entry = struct.pack("<HHII", 0x9000, 3, 999, 8)
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", 60_000) + entry * 60_000
    path = tmp_path / "a.tif"
    path.write_bytes(block)
    with pytest.raises(UnreadableFileError):
        read_photo(path)


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    os.mkfifo(path)
    with pytest.raises(UnreadableFileError, match="not a regular file"):
        read_photo(path)


def test_a_file_that_is_gone_and_a_loop_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no longer there"):
        read_photo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "b.jpg")
    with pytest.raises(UnreadableFileError, match="leads back to itself"):
        read_photo(tmp_path / "b.jpg")


@pytest.mark.parametrize(
    ("number", "words"), [(13, "not allowed"), (5, "disk could not read"), (116, "share is gone")]
)
def test_errors_of_the_disk_come_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    path = save(tmp_path / "a.jpg")

    def fail(*_: Any, **__: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(opening.os, "open", fail)
    with pytest.raises(UnreadableFileError, match=words) as caught:
        read_photo(path, siblings=())
    assert caught.value.path == path
    assert caught.value.remedy


def test_a_huge_sparse_file_is_read_in_no_time(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    path.write_bytes(jpeg_bytes(EXIF))
    os.truncate(path, 1 << 38)
    assert read_photo(path).gps.lat == pytest.approx(52.52)


def test_a_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.jpg"))
    path.write_bytes(jpeg_bytes(EXIF))
    assert read_photo(path).path == path
