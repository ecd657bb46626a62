"""The append-only patch of a TIFF block."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.photos.gps_write import GpsFix, merge, read_position
from geotagger.photos.tiff_block import (
    EMPTY_BLOCKS,
    TooLargeError,
    check_untouched,
    clear_gps,
    patch_gps,
    read_gps,
)
from geotagger.photos.tiff_tags import GPS_POINTER, TiffError, first_offset, walk
from tests.support.jpegs import camera_block, gps_entries, ifd, long, rational

ROOM = 65_000
FIX = GpsFix(-33.856784, 151.215297, radius_m=25)
MOVED = GpsFix(64.147, -21.94, radius_m=1_000, altitude_m=12)


def patched(block: bytes, fix: GpsFix = FIX) -> bytes:
    tags = read_gps(block)
    return patch_gps(block, merge(tags.values, fix, tags.order), max_size=ROOM)


def place(block: bytes) -> tuple[float, float]:
    tags = read_gps(block)
    found = read_position(tags.values, tags.order)
    assert found is not None
    return found.lat, found.lon


@pytest.mark.parametrize("order", ["<", ">"])
def test_only_the_header_pointer_changes_where_there_was_no_gps(order: str) -> None:
    block = camera_block(order)
    new = patched(block)
    assert new[:4] == block[:4]
    assert new[8 : len(block)] == block[8:]
    assert place(new) == pytest.approx((FIX.lat, FIX.lon), abs=2e-8)
    assert walk(new, without=GPS_POINTER) == walk(block, without=GPS_POINTER)


@pytest.mark.parametrize("order", ["<", ">"])
def test_only_the_gps_pointer_changes_where_there_was_gps(order: str) -> None:
    block = camera_block(order, gps=gps_entries(order, (0x11, 5, 1, rational(order, 271, 1))))
    new = patched(block)
    differing = [i for i in range(len(block)) if block[i] != new[i]]
    pointer = block.index(struct.pack(order + "HHI", GPS_POINTER, 4, 1)) + 8
    assert set(differing) <= set(range(pointer, pointer + 4))
    assert read_gps(new).values[0x11].data == rational(order, 271, 1)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("had_gps", [False, True])
def test_a_second_write_uses_the_slot_again(order: str, had_gps: bool) -> None:
    block = camera_block(order, gps=gps_entries(order) if had_gps else None)
    first = patched(block)
    second = patched(first, MOVED)
    assert len(second) == len(first)
    assert place(second) == pytest.approx((MOVED.lat, MOVED.lon), abs=2e-8)
    assert patched(second) == first


def test_a_slot_too_small_grows_at_the_end_of_the_block() -> None:
    first = patched(camera_block())
    extra = {0xA000: read_gps(first).values[2]}
    many = {**read_gps(first).values, **extra, **{0xA000 + n: extra[0xA000] for n in range(20)}}
    grown = patch_gps(first, many, max_size=ROOM)
    assert read_gps(grown).values == many
    assert grown[: len(camera_block())] != grown
    assert len(patch_gps(grown, merge({}, FIX, "<"), max_size=ROOM)) == len(grown)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("had_gps", [False, True])
def test_clearing_removes_the_coordinates_and_touches_nothing_else(
    order: str, had_gps: bool
) -> None:
    block = camera_block(order, gps=gps_entries(order) if had_gps else None)
    coordinates = rational(order, 151, 1, 12, 1)
    new = patched(block)
    assert coordinates in new
    cleared = clear_gps(new)
    assert not read_gps(cleared).present
    assert coordinates not in cleared
    assert walk(cleared) == walk(block, without=GPS_POINTER)
    again = patched(cleared)
    assert place(again) == pytest.approx((FIX.lat, FIX.lon), abs=2e-8)


def test_clearing_a_foreign_directory_wipes_it_in_place() -> None:
    block = camera_block(gps=gps_entries("<"))
    cleared = clear_gps(block)
    assert len(cleared) == len(block)
    assert rational("<", 48, 1, 30, 1) not in cleared
    assert walk(cleared) == walk(block, without=GPS_POINTER)


def test_writing_and_clearing_again_and_again_does_not_grow() -> None:
    block = patched(camera_block())
    sizes = set()
    for _ in range(5):
        block = patched(clear_gps(block))
        sizes.add(len(block))
    assert len(sizes) == 1


def test_a_block_of_nothing_but_gps_clears_to_nothing() -> None:
    block = patch_gps(EMPTY_BLOCKS[">"], merge({}, FIX, ">"), max_size=ROOM)
    assert clear_gps(block) == b""


def test_a_block_without_gps_clears_to_itself() -> None:
    assert clear_gps(camera_block()) == camera_block()


def test_ifd0_keeps_its_order_when_it_gets_the_pointer() -> None:
    header = b"II*\0" + long("<", 8)
    tags = [(0x010F, 2, 4, b"Ac\0\0"), (0x8769, 4, 1, long("<", 0)), (0x9286, 7, 4, b"abcd")]
    new = patched(header + ifd("<", 8, tags))
    at = first_offset(new, "<")
    found = [struct.unpack_from("<H", new, at + 2 + 12 * i)[0] for i in range(4)]
    assert found == [0x010F, 0x8769, 0x8825, 0x9286]


def test_a_pointer_that_leads_nowhere_is_replaced() -> None:
    for target in (0, 8, 4_000_000_000):
        block = b"II*\0" + long("<", 8) + ifd("<", 8, [(0x8825, 4, 1, long("<", target))])
        assert place(patched(block)) == pytest.approx((FIX.lat, FIX.lon), abs=2e-8)


def test_an_empty_pointer_entry_is_filled() -> None:
    block = b"MM\0*" + long(">", 8) + ifd(">", 8, [(0x8825, 4, 0, b"")])
    assert place(patched(block)) == pytest.approx((FIX.lat, FIX.lon), abs=2e-8)


def test_what_does_not_fit_is_refused() -> None:
    block = camera_block()
    with pytest.raises(TooLargeError):
        patch_gps(block, merge({}, FIX, "<"), max_size=len(block) + 100)


def test_the_reserve_is_given_up_before_a_write_is_refused() -> None:
    block = camera_block()
    full = patch_gps(block, merge({}, FIX, "<"), max_size=ROOM)
    tight = patch_gps(block, merge({}, FIX, "<"), max_size=len(full) - 60)
    assert len(tight) <= len(full) - 60
    assert place(tight) == place(full)


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II*\0",
        b"XX*\0\x08\0\0\0\0\0",
        b"II+\0\x08\0\0\0\0\0\0\0\0\0",
        b"II*\0\xff\xff\xff\xff\0\0\0\0",
        b"II*\0\0\0\0\0\0\0\0\0",
        b"II*\0\x08\0\0\0\xff\xff\0\0\0\0",
        b"II*\0\x08\0\0\0\x05\0" + bytes(20),
        b"II*\0\x08\0\0\0" + ifd("<", 8, [(0x8825, 4, 1, bytes(4))] * 2),
        b"II*\0\x08\0\0\0" + ifd("<", 8, [(0x8825, 3, 1, bytes(4))]),
        b"II*\0\x08\0\0\0" + ifd("<", 8, [(0x8825, 4, 3, bytes(12))]),
    ],
)
def test_malformed_blocks_are_refused(block: bytes) -> None:
    with pytest.raises(TiffError):
        patched(block)


def test_a_value_that_reaches_past_the_end_forbids_growth() -> None:
    block = bytearray(b"II*\0" + long("<", 8) + ifd("<", 8, [(0x010E, 2, 40, b"x" * 40)]))
    with pytest.raises(TiffError, match="0x010E"):
        patched(bytes(block[:-8]))


def test_loops_between_directories_end() -> None:
    entries = [(0x8769, 4, 1, long("<", 8)), (0x014A, 4, 2, long("<", 8) * 2)]
    block = b"II*\0" + long("<", 8) + ifd("<", 8, entries, following=8)
    assert set(walk(block)) == {("0", 0x014A, 0)}


def test_many_directories_and_shared_values_are_bounded() -> None:
    entries = [(0x010E, 2, 60_000, b"")] * 4096
    table = ifd("<", 8, [(0x010E, 2, 4, b"abcd")] * 4096)
    block = bytearray(b"II*\0" + long("<", 8) + table + bytes(20_000))
    for index in range(len(entries)):
        struct.pack_into("<II", block, 8 + 2 + 12 * index + 4, 60_000, 8)
    with pytest.raises(TiffError, match="larger"):
        walk(bytes(block))


def test_overlapping_directories_are_bounded() -> None:
    # Sixty directories of 4000 entries each in the same 60 kB.
    offsets = b"".join(long("<", 1000 + 2 * n) for n in range(60))
    block = b"II*\0" + long("<", 8) + ifd("<", 8, [(0x014A, 4, 60, offsets)])
    block = block.ljust(1000, b"\0") + struct.pack("<H", 4000) * 30_000
    with pytest.raises(TiffError, match="more tags"):
        walk(block)


def test_a_changed_tag_is_noticed() -> None:
    block = camera_block()
    at = block.index(b"2021:06:05")
    changed = block[:at] + b"1999" + block[at + 4 :]
    with pytest.raises(TiffError, match="0x9003"):
        check_untouched(block, changed)


def test_a_moved_maker_note_is_noticed() -> None:
    block = camera_block()
    at = block.index(b"ACME\0")
    pointer = block.index(struct.pack("<I", at))
    size = struct.unpack_from("<I", block, pointer - 4)[0]
    moved = block + block[at : at + size]
    moved = moved[:pointer] + struct.pack("<I", len(block)) + moved[pointer + 4 :]
    with pytest.raises(TiffError, match="0x927C"):
        check_untouched(block, moved)


@given(st.binary(max_size=200), st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b""]))
def test_any_bytes_are_patched_rightly_or_refused(data: bytes, header: bytes) -> None:
    block = header + data
    try:
        new = patched(block)
    except TiffError:
        return
    assert place(new) == pytest.approx((FIX.lat, FIX.lon), abs=2e-8)
    assert walk(new, without=GPS_POINTER) == walk(block, without=GPS_POINTER)


@given(st.data(), st.sampled_from("<>"))
def test_damaged_camera_blocks_are_patched_rightly_or_refused(
    data: st.DataObject, order: str
) -> None:
    block = bytearray(camera_block(order, gps=gps_entries(order)))
    for _ in range(data.draw(st.integers(1, 4))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    spoiled = bytes(block)
    for change in (patched, clear_gps):
        try:
            new = change(spoiled)
        except TiffError:
            continue
        if new:
            assert walk(new, without=GPS_POINTER) == walk(spoiled, without=GPS_POINTER)
