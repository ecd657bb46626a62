"""Odd TIFF structures that can be written in the file all the same, with nothing else changed."""

from __future__ import annotations

import io
import struct

import pytest

from geotagger.errors import WriteRefusedError
from geotagger.photos.containers.jpeg import Jpeg
from geotagger.photos.containers.tiff import Tiff
from geotagger.photos.edits import apply
from geotagger.photos.gps_write import GpsFix, merge, read_position
from geotagger.photos.tiff_block import (
    MAX_STRAY,
    RESERVE,
    TooLargeError,
    clear_gps,
    patch_gps,
    read_gps,
)
from geotagger.photos.tiff_tags import (
    EXIF_POINTER,
    GPS_POINTER,
    TiffError,
    first_offset,
    read_ifd,
    stray_pointers,
    walk,
)
from tests.photos.test_tiff_patch import built, short
from tests.support.jpegs import camera_block, exif, gps_entries, jpeg, long
from tests.support.patching import FIX, NAME

MOVED = GpsFix(64.147, -21.94, radius_m=1_000, altitude_m=12)
TABLES = [(0x0207, 4, 1), (0x0208, 4, 1), (0x0209, 4, 1)]


def stray(order: str, gap: int, *, gps: bool = False) -> bytes:
    """A camera's block whose Interop pointer leads behind its end."""
    block = camera_block(order, gps=gps_entries(order) if gps else None)
    ifd0 = read_ifd(block, order, first_offset(block, order))
    pointer = ifd0.find(EXIF_POINTER)
    assert pointer is not None
    inner = read_ifd(block, order, struct.unpack(order + "I", pointer.value.data)[0])
    interop = inner.find(0xA005)
    assert interop is not None
    at = interop.position + 8
    return block[:at] + long(order, len(block) + gap) + block[at + 4 :]


def patched(block: bytes, fix: GpsFix = FIX, room: int = 65_000) -> bytes:
    tags = read_gps(block)
    return patch_gps(block, merge(tags.values, fix, tags.order), max_size=room)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("gps", [False, True])
@pytest.mark.parametrize("gap", [0, 1, 16, 150, 500, MAX_STRAY - 1, MAX_STRAY, 60_000, 1 << 31])
def test_a_pointer_behind_the_end_does_not_come_to_lead_into_our_directory(
    order: str, gps: bool, gap: int
) -> None:
    block = stray(order, gap, gps=gps)
    assert stray_pointers(block) == [len(block) + gap]
    new = patched(block)
    assert walk(new, without=GPS_POINTER) == walk(block, without=GPS_POINTER)
    again = patched(new, MOVED)
    assert walk(again, without=GPS_POINTER) == walk(block, without=GPS_POINTER)
    found = read_position(read_gps(again).values, order)
    assert found is not None and found.lat == pytest.approx(MOVED.lat)
    cleared = clear_gps(again)
    assert walk(cleared, without=GPS_POINTER) == walk(block, without=GPS_POINTER)


def test_the_zeros_count_against_the_room() -> None:
    far = stray("<", 1 << 31)
    without_reserve = len(patched(far)) - RESERVE
    assert len(patched(far, room=without_reserve)) == without_reserve
    refused = 0
    for gap in range(0, 200, 2):
        # Where chance makes no directory of what stands there, no zeros are needed.
        block = stray("<", gap)
        try:
            new = patched(block, room=without_reserve)
        except TooLargeError:
            refused += 1
        else:
            assert walk(new, without=GPS_POINTER) == walk(block, without=GPS_POINTER)
    assert refused


def test_a_value_that_reaches_behind_the_end_is_still_refused() -> None:
    block = camera_block("<")
    ifd0 = read_ifd(block, "<", first_offset(block, "<"))
    at = ifd0.entries[0].position
    block = block[: at + 4] + struct.pack("<II", 900, len(block) - 10) + block[at + 12 :]
    with pytest.raises(TiffError, match="reaches outside"):
        patched(block)


def test_a_jpeg_with_such_a_pointer_is_written_and_passes_all_checks() -> None:
    data = jpeg(exif(stray("<", 16)), trailer=b"trailer")
    source, target = io.BytesIO(data), io.BytesIO()
    apply(Jpeg().edits(source, NAME, FIX), source, target)
    Jpeg().check(source, target, NAME, FIX)
    assert target.getvalue().endswith(b"trailer")


def old_jpeg(*, gps: bool = False, tables_at: int = 8) -> bytes:
    """A scan compressed in the old JPEG way, as far as the directories tell."""
    tables = [(*tag, long("<", tables_at)) for tag in TABLES]
    return built("<", (0x0103, 3, 1, short(6)), *tables, gps=gps, tail=600)


@pytest.mark.parametrize("gps", [False, True])
def test_a_scan_compressed_in_the_old_jpeg_way_is_written(gps: bool) -> None:
    # Where it is told that the tables lie matters only to what may not be overwritten.
    data = old_jpeg(gps=gps, tables_at=len(old_jpeg(gps=gps)) - 300)
    source, target = io.BytesIO(data), io.BytesIO()
    apply(Tiff().edits(source, NAME, FIX), source, target)
    Tiff().check(source, target, NAME, FIX)
    new = target.getvalue()
    assert new[8 : 8 + 2] == data[8 : 8 + 2] and len(new) > len(data)
    assert read_position(read_gps(new).values, "<") is not None


def test_gps_inside_of_its_tables_is_not_wiped() -> None:
    data = old_jpeg(gps=True)
    at = len(data) - 600 - 40
    with pytest.raises(WriteRefusedError, match="inside of the picture"):
        Tiff().edits(io.BytesIO(old_jpeg(gps=True, tables_at=at)), NAME, None)
