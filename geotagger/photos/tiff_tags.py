"""Read the directories of a TIFF structure (the inside of Exif) within fixed bounds.

Nothing here trusts a count or an offset: every read is checked against the block, directories are
visited once, and the numbers of directories, entries and value bytes are limited. TIFF 6.0 section
2; Exif 2.32 section 4.5.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
GPS_POINTER = 0x8825
EXIF_POINTER = 0x8769
INTEROP_POINTER = 0xA005
SUB_IFDS = 0x014A
MAKER_NOTE = 0x927C
THUMBNAIL_OFFSET = 0x0201
THUMBNAIL_LENGTH = 0x0202

MAX_IFDS = 64
MAX_ENTRIES = 4096
MAX_ALL_ENTRIES = 20_000
MAX_VALUE_BYTES = 64 * 1024 * 1024


class Block(Protocol):
    """A TIFF structure from its byte-order mark on: bytes, or a file that is read by and by."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice, /) -> bytes: ...


class TiffError(ValueError):
    """The block is not a TIFF structure, or breaks its rules where it matters."""


@dataclass(frozen=True, slots=True)
class Value:
    """A tag's value: TIFF type, number of components, and the bytes in the block's byte order."""

    type: int
    count: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One directory entry: its own place, and where the value lies (both from the block's start).

    ``value`` is shorter than ``size`` where the value reaches past the end of the block.
    """

    tag: int
    position: int
    value_offset: int
    size: int
    value: Value

    @property
    def whole(self) -> bool:
        """Whether all bytes of the value lie inside the block."""
        return len(self.value.data) == self.size


@dataclass(frozen=True, slots=True)
class Ifd:
    """One directory; ``complete`` is False if the block ends inside it."""

    offset: int
    entries: tuple[Entry, ...]
    next_offset: int
    end: int
    complete: bool

    def find(self, tag: int) -> Entry | None:
        """Return the first entry of a tag, None if there is none."""
        return next((entry for entry in self.entries if entry.tag == tag), None)


def byte_order(block: Block) -> str:
    """Return "<" or ">" as `struct` has it; raise TiffError for anything but classic TIFF."""
    if len(block) < 8:
        raise TiffError("the block is too short")
    if block[:4] == b"II*\0":
        return "<"
    if block[:4] == b"MM\0*":
        return ">"
    raise TiffError("the block has no TIFF header")


def numbers(form: str, block: Block, at: int) -> tuple[Any, ...]:
    """Return what stands at an offset, which must lie inside the block, in a form of `struct`."""
    return struct.unpack(form, block[at : at + struct.calcsize(form)])


def first_offset(block: Block, order: str) -> int:
    """Return where IFD0 begins."""
    return int(numbers(order + "I", block, 4)[0])


def read_ifd(block: Block, order: str, offset: int) -> Ifd:
    """Return the directory at an offset.

    Raises
    ------
    TiffError
        If it does not begin inside the block or states more entries than any real file has.
    """
    if offset < 8 or offset + 2 > len(block):
        raise TiffError("a directory lies outside the block")
    count = numbers(order + "H", block, offset)[0]
    if count > MAX_ENTRIES:
        raise TiffError("a directory states too many entries")
    table_end = offset + 2 + 12 * count
    entries = []
    budget = MAX_VALUE_BYTES
    for position in range(offset + 2, min(table_end, len(block) - 11), 12):
        entries.append(_entry(block, order, position))
        # Entries may all claim the same bytes, so a small block could fill the memory.
        budget -= len(entries[-1].value.data)
        if budget < 0:
            raise TiffError("the values are larger than the block can hold")
    complete = table_end <= len(block)
    next_offset = 0
    end = min(table_end, len(block))
    if table_end + 4 <= len(block):
        next_offset = numbers(order + "I", block, table_end)[0]
        end = table_end + 4
    return Ifd(offset, tuple(entries), next_offset, end, complete)


def _entry(block: Block, order: str, position: int) -> Entry:
    tag, kind, count = numbers(order + "HHI", block, position)
    size = TYPE_SIZES.get(kind, 0) * count
    if kind not in TYPE_SIZES or size <= 4:
        # A type that nobody knows keeps its four bytes as they are.
        where = position + 8
        size = size if kind in TYPE_SIZES else 4
    else:
        where = numbers(order + "I", block, position + 8)[0]
    return Entry(tag, position, where, size, Value(kind, count, block[where : where + size]))


@dataclass(frozen=True, slots=True)
class Tag:
    """What must stay equal of one tag: its value, and for maker notes also where they lie."""

    value: Value
    place: int | None = None


def walk(block: Block, *, without: int | None = None) -> dict[tuple[str, int, int], Tag]:
    """Return every tag of every directory, keyed by directory, tag and occurrence.

    Parameters
    ----------
    block
        The TIFF structure from its byte-order mark on.
    without
        A pointer tag of IFD0 that is left out together with what it leads to.

    Pointers to directories are followed and not reported, as their values may change while what
    they lead to does not. Thumbnails and maker notes are reported as opaque bytes, maker notes
    with their place, because offsets inside of them count from there or from the block's start.

    Raises
    ------
    TiffError
        If the header or IFD0 is unusable, or the bounds of this module are passed.
    """
    order = byte_order(block)
    tags: dict[tuple[str, int, int], Tag] = {}
    seen: Counter[tuple[str, int]] = Counter()
    budget, entries = MAX_VALUE_BYTES, MAX_ALL_ENTRIES
    for name, ifd in _directories(block, order, without):
        entries -= len(ifd.entries)
        if entries < 0:
            raise TiffError("there are more tags than in any real file")
        for entry in ifd.entries:
            if _pointer(entry) or (name == "0" and entry.tag == without):
                continue
            budget -= len(entry.value.data)
            if budget < 0:
                raise TiffError("the values are larger than the block can hold")
            place = entry.value_offset if entry.tag == MAKER_NOTE else None
            tags[name, entry.tag, seen[name, entry.tag]] = Tag(entry.value, place)
            seen[name, entry.tag] += 1
        thumbnail = _thumbnail(block, order, ifd)
        if thumbnail is not None:
            tags[name + "/thumbnail", 0, 0] = Tag(thumbnail)
    return tags


def stray_pointers(block: Block) -> list[int]:
    """Return where pointers to directories lead that lie behind the end of the block."""
    order = byte_order(block)
    found = []
    for name, ifd in _directories(block, order, GPS_POINTER):
        targets = [ifd.next_offset] if name.isdigit() else []
        for entry in ifd.entries:
            if entry.tag != GPS_POINTER and (_pointer(entry) or entry.tag == SUB_IFDS):
                count = min(len(entry.value.data) // 4, MAX_IFDS)
                targets += struct.unpack_from(f"{order}{count}I", entry.value.data)
        found += [target for target in targets if target + 2 > len(block)]
    return found


def _pointer(entry: Entry) -> bool:
    return entry.tag in (EXIF_POINTER, INTEROP_POINTER, GPS_POINTER) and entry.value.type in (4, 13)


def _directories(block: Block, order: str, without: int | None) -> Iterator[tuple[str, Ifd]]:
    """Yield IFD0, its chain and the directories below, each offset once."""
    todo = [("0", first_offset(block, order))]
    seen: set[int] = set()
    first = True
    while todo and len(seen) < MAX_IFDS:
        name, offset = todo.pop()
        if offset in seen:
            continue
        seen.add(offset)
        try:
            ifd = read_ifd(block, order, offset)
        except TiffError:
            if first:
                raise
            continue
        first = False
        yield name, ifd
        if name.isdigit() and ifd.next_offset:
            todo.append((str(int(name) + 1), ifd.next_offset))
        for entry in ifd.entries:
            if name == "0" and entry.tag == without:
                continue
            is_sub = entry.tag == SUB_IFDS and entry.value.type in (4, 13)
            if _pointer(entry) or is_sub:
                count = min(len(entry.value.data) // 4, MAX_IFDS)
                for index, target in enumerate(
                    struct.unpack_from(f"{order}{count}I", entry.value.data)
                ):
                    todo.append((f"{name}/{entry.tag:04x}.{index}", target))


def _thumbnail(block: Block, order: str, ifd: Ifd) -> Value | None:
    start, length = ifd.find(THUMBNAIL_OFFSET), ifd.find(THUMBNAIL_LENGTH)
    if start is None or length is None:
        return None
    if not (start.value.type == length.value.type == 4 and start.size == length.size == 4):
        return None
    if not (start.whole and length.whole):
        return None
    at = struct.unpack(order + "I", start.value.data)[0]
    size = struct.unpack(order + "I", length.value.data)[0]
    data = block[at : at + size]
    return Value(7, len(data), data)
