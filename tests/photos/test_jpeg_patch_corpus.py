"""Every real JPEG of the corpus is written without harm, or refused with a reason."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import pytest

from geotagger.errors import WriteRefusedError
from geotagger.photos.containers.jpeg import Jpeg
from geotagger.photos.containers.jpeg_segments import EXIF_HEADER, payload, read_head
from geotagger.photos.edits import apply, invert, narrow
from geotagger.photos.gps_write import GpsFix
from geotagger.photos.tiff_tags import GPS_POINTER, MAKER_NOTE, walk
from tests.support.jpegs import places_read

pytestmark = pytest.mark.shared
FIX = GpsFix(-33.856784, -151.215297, radius_m=25)
PEERS_REFUSE = 10
"""How many of these files ExifTool 12.57 refuses to write."""


@pytest.fixture(scope="module")
def corpus(shared: Path) -> list[Path]:
    files = [*(shared / "exif" / "corpus").rglob("*"), *(shared / "exif").glob("phone*/*")]
    found = sorted(path for path in files if path.suffix.lower() in {".jpg", ".jpeg"})
    assert len(found) > 90
    return found


def blocks(data: bytes, path: Path) -> list[bytes]:
    source = io.BytesIO(data)
    return [payload(source, s, path)[EXIF_HEADER:] for s in read_head(source, path).exif]


def test_the_corpus_is_written_without_harm(corpus: list[Path], tmp_path: Path) -> None:
    refused: dict[str, str] = {}
    notes = 0
    for index, path in enumerate(corpus):
        data = path.read_bytes()
        source, target = io.BytesIO(data), io.BytesIO()
        try:
            edits = Jpeg().edits(source, path, FIX)
            apply(edits, source, target)
            Jpeg().check(source, target, path, FIX)
        except WriteRefusedError as error:
            refused[path.name] = error.message
            continue
        new = target.getvalue()
        before, after = read_head(source, path), read_head(target, path)
        assert data[before.scan :] == new[after.scan :], path
        for old_block, new_block in zip(blocks(data, path), blocks(new, path), strict=False):
            tags = walk(old_block, without=GPS_POINTER)
            assert tags == walk(new_block, without=GPS_POINTER), path
            notes += sum(tag == MAKER_NOTE for _, tag, _ in tags)
        copy = tmp_path / f"{index}.jpg"
        copy.write_bytes(new)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd Exif data, which these files have
            for reader, place in places_read(copy).items():
                if place is None and reader == "piexif":
                    continue  # it cannot read some of these files, before as well as after
                assert place == pytest.approx((FIX.lat, FIX.lon), abs=3e-8), (path, reader)
        undo = invert(narrow(edits, source), source)
        restored = io.BytesIO()
        apply(undo, target, restored)
        assert restored.getvalue() == data, path
    assert len(refused) < PEERS_REFUSE, refused
    assert all(refused.values())
    assert notes > 30


def test_a_second_write_does_not_grow_the_files(corpus: list[Path]) -> None:
    for path in corpus:
        source, first, second = io.BytesIO(path.read_bytes()), io.BytesIO(), io.BytesIO()
        try:
            apply(Jpeg().edits(source, path, FIX), source, first)
        except WriteRefusedError:
            continue
        apply(Jpeg().edits(first, path, GpsFix(12.5, 7.25)), first, second)
        assert len(second.getvalue()) == len(first.getvalue()), path
