"""The fingerprint follows the content, not the name, and never reads a file whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from geotagger.errors import UnreadableFileError
from geotagger.photos import fingerprint as module
from geotagger.photos.fingerprint import fingerprint, fingerprint_stream


def mark(path: Path) -> str:
    return fingerprint(path, path.stat().st_size)


def test_a_moved_file_keeps_its_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(os.urandom(500_000))
    before = mark(path)
    os.utime(path, (1, 1))
    assert mark(path.rename(tmp_path / "b.png")) == before


@pytest.mark.parametrize("size", [0, 1, 100, 196_608, 196_609, 1_000_000])
def test_head_and_tail_count_at_every_size(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(size))
    plain = mark(path)
    for at in {0, size // 3 if size <= 196_608 else 10, size - 1} if size else ():
        data = bytearray(size)
        data[at] = 1
        path.write_bytes(data)
        assert mark(path) != plain
    path.write_bytes(bytes(size + 1))
    assert mark(path) != plain


def test_samples_in_the_middle_count(tmp_path: Path) -> None:
    size = 10_000_000
    path = tmp_path / "a"
    path.write_bytes(bytes(size))
    plain = mark(path)
    regions = module._regions(size)
    assert len(regions) == 6
    for offset, count in regions:
        with path.open("r+b") as stream:
            stream.seek(offset + count // 2)
            stream.write(b"x")
        assert mark(path) != plain
        path.write_bytes(bytes(size))


def test_a_huge_sparse_file_is_hardly_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.tif"
    size = 1 << 38
    with path.open("wb") as stream:
        stream.truncate(size)

    class Counting:
        def __init__(self) -> None:
            self.stream = path.open("rb")
            self.total = 0

        def seek(self, offset: int) -> int:
            return self.stream.seek(offset)

        def read(self, count: int) -> bytes:
            self.total += count
            return self.stream.read(count)

    counting = Counting()
    with counting.stream:
        fingerprint_stream(counting, size, path)  # type: ignore[arg-type]
    assert counting.total == 196_608


def test_a_file_that_shrank_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"123")
    with pytest.raises(UnreadableFileError, match="changed while it was read"):
        fingerprint(path, 4)


def test_a_missing_file_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no longer there") as caught:
        fingerprint(tmp_path / "a.jpg", 3)
    assert caught.value.path == tmp_path / "a.jpg"
    assert caught.value.remedy
