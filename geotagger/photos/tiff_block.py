"""Put GPS into a TIFF structure (the inside of Exif) without moving anything else in it.

The append-only patch: every byte stays where it is, the new GPS directory goes behind the end, and
only the pointer to it changes. If IFD0 has no such pointer, a copy of IFD0 that has one goes behind
the end too and the header points to the copy. So no offset of any other tag moves, which is what
keeps maker notes with absolute offsets alive. What we append carries a mark with its size, so that
the next write finds the slot and uses it again instead of growing the block.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from geotagger.photos.tiff_tags import (
    GPS_POINTER,
    Block,
    Entry,
    Ifd,
    TiffError,
    Value,
    byte_order,
    first_offset,
    numbers,
    read_ifd,
    stray_pointers,
    walk,
)

GPS_MARK = b"PhGTgps\1"
IFD0_MARK = b"PhGTifd\1"
SLOT_HEADER = 12
"""A mark of 8 bytes, then a 4-byte number: the slot's size, or how many entries it has room for."""
RESERVE = 64
"""Spare bytes of a new slot: an altitude (2 entries, 8 bytes) and a longer method still fit."""
MAX_STRAY = 2048
"""How far behind the end of a block a pointer may lead to be got out of the way, in bytes."""
_EMPTY_IFD = 6
MAX_GPS_ENTRIES = 256
"""Exif has 32 GPS tags; a directory with so many more is something else."""
EMPTY_BLOCKS = {"<": b"II*\0\x08\0\0\0\0\0\0\0\0\0", ">": b"MM\0*\0\0\0\x08\0\0\0\0\0\0"}


class TooLargeError(TiffError):
    """The patched block would not fit where it has to go."""


@dataclass(frozen=True, slots=True)
class GpsTags:
    """The GPS directory of a block: byte order and values by tag; empty if there is none."""

    order: str
    values: Mapping[int, Value]
    present: bool


def read_gps(block: Block) -> GpsTags:
    """Return the GPS tags whose values lie wholly inside the block, the first of each tag.

    Raises TiffError if the header or IFD0 is unusable.
    """
    order = byte_order(block)
    pointer = gps_pointer(first_ifd(block, order))
    ifd = gps_ifd(block, order, pointer)
    values: dict[int, Value] = {}
    for entry in ifd.entries if ifd is not None else ():
        if entry.whole:
            values.setdefault(entry.tag, entry.value)
    return GpsTags(order, values, pointer is not None)


def patch_gps(block: bytes, values: Mapping[int, Value], *, max_size: int) -> bytes:
    """Return the block with exactly these values as its GPS directory.

    Parameters
    ----------
    block
        The TIFF structure from its byte-order mark on.
    values
        What the GPS directory shall hold, in the block's byte order; not empty.
    max_size
        The largest size in bytes that the result may have.

    Raises
    ------
    TiffError
        If header or IFD0 are malformed in a way that forbids a safe change.
    TooLargeError
        If the result would pass `max_size`.
    """
    try:
        return _patched(block, values, max_size)
    except TooLargeError:
        raise
    except TiffError:
        longer = _clear_of_strays(block)
        if longer == block:
            raise
        return _patched(longer, values, max_size, block)


def _patched(
    block: bytes, values: Mapping[int, Value], max_size: int, original: bytes | None = None
) -> bytes:
    """Return the block with the values; what must stay is told by the original, if it differs."""
    order = byte_order(block)
    ifd0 = first_ifd(block, order)
    pointer = gps_pointer(ifd0)
    if pointer is not None:
        new = _reuse(block, order, pointer, values)
        if new is None:
            base, at = _drop_own_slot(block, order, pointer)
            slot = slot_bytes(values, order, at, slot_size(at, values, max_size))
            entry = pointer_entry(order, at)
            new = _put(base.ljust(at, b"\0") + slot, pointer.position, entry)
    else:
        new = _with_pointer(block, order, ifd0, values, max_size)
    if len(new) > max_size:
        raise TooLargeError("there is no room left for a GPS directory")
    check_untouched(block if original is None else original, new)
    return new


def _clear_of_strays(block: bytes) -> bytes:
    """Return the block, with zeros up to behind where pointers lead that miss it by little.

    Damaged blocks have pointers to directories behind their end. What is appended there would be
    taken for the directory; of zeros it is an empty one, which says as little as none.
    """
    reach = max((at for at in stray_pointers(block) if at < len(block) + MAX_STRAY), default=0)
    return block.ljust(reach + _EMPTY_IFD, b"\0") if reach else block


def clear_gps(block: bytes) -> bytes:
    """Return the block without its GPS directory, the coordinates overwritten with zeros.

    IFD0 loses its pointer in place; no other byte moves. Returns b"" if nothing but GPS was in the
    block. Raises TiffError as `patch_gps`.
    """
    order = byte_order(block)
    ifd0 = first_ifd(block, order)
    pointer = gps_pointer(ifd0)
    if pointer is None:
        return block
    if len(ifd0.entries) == 1 and ifd0.next_offset == 0:
        return b""
    table = table_without(block, order, ifd0, pointer)
    without = block[: ifd0.offset] + table + block[ifd0.end :]
    wiped = _wipe(without, order, gps_ifd(block, order, pointer), pointer, block)
    for candidate in (wiped, without):
        try:
            check_untouched(block, candidate)
        except TiffError:
            continue
        return candidate
    raise TiffError("the GPS directory is shared with other tags")


def table_without(block: Block, order: str, ifd0: Ifd, pointer: Entry) -> bytes:
    """Return IFD0 without its GPS pointer, as long as it was."""
    kept = b"".join(block[e.position : e.position + 12] for e in ifd0.entries if e is not pointer)
    table = struct.pack(order + "H", len(ifd0.entries) - 1) + kept
    table += struct.pack(order + "I", ifd0.next_offset) + bytes(12)
    return table[: ifd0.end - ifd0.offset]


def table_with(block: Block, order: str, ifd0: Ifd, gps_at: int) -> bytes:
    """Return IFD0 with a pointer to the slot at `gps_at` in the place that its number asks."""
    entries = [block[e.position : e.position + 12] for e in ifd0.entries]
    index = next((i for i, e in enumerate(ifd0.entries) if e.tag > GPS_POINTER), len(entries))
    entries.insert(index, pointer_entry(order, gps_at))
    table = struct.pack(order + "H", len(entries)) + b"".join(entries)
    return table + struct.pack(order + "I", ifd0.next_offset)


def pointer_entry(order: str, gps_at: int) -> bytes:
    """Return the entry of IFD0 that leads to the slot at `gps_at`."""
    return struct.pack(order + "HHII", GPS_POINTER, 4, 1, gps_at + SLOT_HEADER)


def check_untouched(old: Block, new: Block) -> None:
    """Raise TiffError unless every tag outside of GPS is equal in both blocks.

    Besides values this compares thumbnails and the place of maker notes. A tag that reaches past
    the end of the old block would read appended bytes in the new one; that is a difference, too.
    """
    before = walk(old, without=GPS_POINTER)
    after = walk(new, without=GPS_POINTER)
    if before != after:
        different = sorted(
            key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
        )
        name, tag, _ = different[0]
        raise TiffError(f"tag 0x{tag:04X} of directory {name} reaches outside the Exif block")


def first_ifd(block: Block, order: str) -> Ifd:
    """Return IFD0; raise TiffError unless it is whole."""
    ifd0 = read_ifd(block, order, first_offset(block, order))
    if not ifd0.complete:
        raise TiffError("the first directory is cut off")
    return ifd0


def gps_pointer(ifd0: Ifd) -> Entry | None:
    """Return the GPS pointer of IFD0, None if it has none; raise TiffError for an odd one."""
    pointers = [entry for entry in ifd0.entries if entry.tag == GPS_POINTER]
    if not pointers:
        return None
    if len(pointers) > 1:
        raise TiffError("there are two GPS pointers")
    if pointers[0].value.type not in (4, 13) or pointers[0].value.count > 1:
        raise TiffError("the GPS pointer is of a wrong type")
    return pointers[0]


def gps_ifd(block: Block, order: str, pointer: Entry | None) -> Ifd | None:
    """Return the GPS directory, None if the pointer leads nowhere or to IFD0."""
    if pointer is None or pointer.value.count != 1:
        return None
    offset = struct.unpack(order + "I", pointer.value.data)[0]
    if offset == first_offset(block, order):
        return None
    try:
        ifd = read_ifd(block, order, offset)
    except TiffError:
        return None
    return ifd if len(ifd.entries) <= MAX_GPS_ENTRIES else None


def _directory(values: Mapping[int, Value], order: str, at: int) -> bytes:
    """Return a directory and its values as they stand at offset `at`."""
    table = struct.pack(order + "H", len(values))
    data_at = at + 2 + 12 * len(values) + 4
    data = b""
    for tag, value in sorted(values.items()):
        table += struct.pack(order + "HHI", tag, value.type, value.count)
        if len(value.data) <= 4:
            table += value.data.ljust(4, b"\0")
        else:
            table += struct.pack(order + "I", data_at + len(data))
            data += value.data + bytes(len(value.data) % 2)
    return table + bytes(4) + data


def slot_size(at: int, values: Mapping[int, Value], max_size: int) -> int:
    """Return the size of a new slot at an offset: with the reserve if that still fits."""
    needed = SLOT_HEADER + len(_directory(values, "<", 0))
    return needed + min(RESERVE, max(0, (max_size - at - needed) // 2 * 2))


def slot_bytes(values: Mapping[int, Value], order: str, at: int, size: int) -> bytes:
    """Return a slot for offset `at` with these values; longer than `size` if they need more."""
    content = GPS_MARK + struct.pack(order + "I", size)
    content += _directory(values, order, at + SLOT_HEADER)
    return content.ljust(size, b"\0")


def own_slot(block: Block, order: str, pointer: Entry) -> tuple[int, int] | None:
    """Return start and end of the slot that the pointer leads into, None if it is not ours."""
    ifd = gps_ifd(block, order, pointer)
    if ifd is None:
        return None
    start = ifd.offset - SLOT_HEADER
    if start < 8 or block[start : start + 8] != GPS_MARK:
        return None
    size = int(numbers(order + "I", block, start + 8)[0])
    if size < SLOT_HEADER or start + size > len(block):
        return None
    if ifd.end > start + size:
        return None
    for entry in ifd.entries:
        if not start <= entry.value_offset <= start + size - entry.size:
            return None
    return start, start + size


def _reuse(block: bytes, order: str, pointer: Entry, values: Mapping[int, Value]) -> bytes | None:
    """Return the block with the values in our slot, None if there is none or it is too small."""
    slot = own_slot(block, order, pointer)
    if slot is None:
        return None
    start, end = slot
    content = slot_bytes(values, order, start, end - start)
    return block[:start] + content + block[end:] if len(content) == end - start else None


def _drop_own_slot(block: bytes, order: str, pointer: Entry) -> tuple[bytes, int]:
    """Return the block without our too small slot if that is its end, and the even end of it."""
    slot = own_slot(block, order, pointer)
    if slot is not None:
        start, end = slot
        block = block[:start] if end == len(block) else _zero(block, start, end)
    return block, len(block) + len(block) % 2


def _with_pointer(
    block: bytes, order: str, ifd0: Ifd, values: Mapping[int, Value], max_size: int
) -> bytes:
    """Return the block with a GPS directory and an IFD0 that points to it."""
    base = block + bytes(len(block) % 2)
    in_place = has_room(block, order, ifd0)
    copy_size = 0 if in_place else copy_room(ifd0)
    gps_at = len(base) + copy_size
    table = table_with(block, order, ifd0, gps_at)
    slot = slot_bytes(values, order, gps_at, slot_size(gps_at, values, max_size))
    if in_place:
        return base[: ifd0.offset] + table + base[ifd0.offset + len(table) :] + slot
    new = base + copy_bytes(order, ifd0, table) + slot
    return _put(new, 4, struct.pack(order + "I", len(base) + SLOT_HEADER))


def copy_room(ifd0: Ifd) -> int:
    """Return the size of a marked copy of IFD0 with an entry more."""
    size = SLOT_HEADER + 2 + 12 * (len(ifd0.entries) + 1) + 4
    return size + size % 2


def copy_bytes(order: str, ifd0: Ifd, table: bytes) -> bytes:
    """Return the marked copy of IFD0 that holds a table with an entry more."""
    mark = IFD0_MARK + struct.pack(order + "I", len(ifd0.entries) + 1)
    return (mark + table).ljust(copy_room(ifd0), b"\0")


def has_room(block: Block, order: str, ifd0: Ifd) -> bool:
    """Whether IFD0 is our own copy and once held an entry more than now."""
    start = ifd0.offset - SLOT_HEADER
    if start < 8 or block[start : start + 8] != IFD0_MARK:
        return False
    room = int(numbers(order + "I", block, start + 8)[0])
    end = ifd0.offset + 2 + 12 * room + 4
    unused = block[ifd0.end : end]
    return len(ifd0.entries) < room <= len(ifd0.entries) + 1 and len(unused) == 12 == unused.count(
        0
    )


def _wipe(without: bytes, order: str, gps: Ifd | None, pointer: Entry, block: bytes) -> bytes:
    """Return the block with the GPS directory and its values as zeros."""
    if gps is None:
        return without
    slot = own_slot(block, order, pointer)
    if slot is not None:
        start, end = slot
        return without[:start] if end == len(without) else _zero(without, start, end)
    for entry in gps.entries:
        without = _zero(without, entry.value_offset, entry.value_offset + entry.size)
    return _zero(without, gps.offset, gps.end)


def _zero(block: bytes, start: int, end: int) -> bytes:
    start, end = min(start, len(block)), min(end, len(block))
    return block[:start] + bytes(end - start) + block[end:]


def _put(block: bytes, at: int, data: bytes) -> bytes:
    return block[:at] + data + block[at + len(data) :]
