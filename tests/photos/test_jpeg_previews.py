"""Previews behind the picture to which maker notes point are found before anything is written."""

from __future__ import annotations

import io
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from geotagger.errors import WriteRefusedError
from geotagger.library import writing
from geotagger.library.write_plan import WriteOptions
from geotagger.photos.containers.jpeg import Jpeg
from geotagger.photos.containers.jpeg_previews import MAX_PICTURES, PictureMarks
from geotagger.photos.gps_write import GpsFix
from tests.support.jpegs import camera_block, exif, jpeg, long, picture
from tests.support.patching import FIX, NAME
from tests.support.writes import contents, open_journal, plan

PREVIEW = b"\xff\xd8" + picture(size=(8, 8))
HEADER = 2 + 4 + 6
"""Bytes of the file in front of its Exif block."""


def pointing(offset: int, trailer: bytes = PREVIEW, order: str = "<") -> bytes:
    return jpeg(exif(camera_block(order, note=long(order, offset))), trailer=trailer)


def offset_of_trailer(trailer: bytes = PREVIEW) -> int:
    return len(pointing(0, trailer)) - len(trailer) - HEADER


@pytest.fixture
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    opened = open_journal(tmp_path_factory.mktemp("journal") / "journal.sqlite")
    yield opened
    opened.close()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("damaged", [False, True])
def test_a_pointer_to_a_preview_is_refused_when_planning(order: str, damaged: bool) -> None:
    # Some cameras' previews have a first byte other than 0xFF.
    trailer = b"\0" + PREVIEW[1:] if damaged else PREVIEW
    data = pointing(offset_of_trailer(trailer), trailer, order)
    with pytest.raises(WriteRefusedError, match="preview"):
        Jpeg().edits(io.BytesIO(data), NAME, FIX)


def test_other_numbers_forbid_nothing() -> None:
    for offset in (0, 12, 77, offset_of_trailer() - 1, offset_of_trailer() + 1, 0xFFFFFFFF):
        assert Jpeg().edits(io.BytesIO(pointing(offset)), NAME, FIX)


def test_the_plan_says_sidecar_and_the_write_makes_it(
    tmp_path: Path, connection: sqlite3.Connection
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(pointing(offset_of_trailer()))
    before = contents(tmp_path)
    planned = plan([path])
    (item,) = planned.items
    assert (item.how, item.destination) == ("sidecar", tmp_path / "photo.jpg.xmp")
    assert "preview behind the picture" in item.reason
    assert all(result.ok for result in writing.execute(connection, planned))
    assert path.read_bytes() == before["photo.jpg"]
    (item,) = plan([path], options=WriteOptions(sidecar="never")).items
    assert item.how == "refused"


def test_marks_are_found_wherever_the_file_is_cut_into_chunks() -> None:
    data = picture() + PREVIEW + b"\0\xff" + PREVIEW
    first = len(picture())
    expected = [first, first + len(PREVIEW) + 2]
    chance = random.Random(5)
    for size in (1, 2, 3, 7, len(data)):
        marks = PictureMarks(100)
        at = 0
        while at < len(data):
            step = chance.randint(1, size)
            marks.feed(data[at : at + step])
            at += step
        assert marks.found == [100 + position for position in expected]


def test_countless_pictures_are_counted_to_a_bound() -> None:
    marks = PictureMarks(0)
    marks.feed(b"\xff\xd9" + b"\xff\xd8\xff\0" * 5000)
    assert len(marks.found) == MAX_PICTURES


def test_a_second_write_into_the_slot_needs_no_room() -> None:
    source = io.BytesIO(pointing(77))
    (edit,) = Jpeg().edits(source, NAME, FIX)
    data = source.getvalue()
    written = data[: edit.start] + edit.data + data[edit.end :]
    (again,) = Jpeg().edits(io.BytesIO(written), NAME, GpsFix(1.5, 2.5))
    assert len(again.data) == again.end - again.start
