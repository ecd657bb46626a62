"""A TIFF file as its directories see it, without loading it: reading, pictures, and RAW signs."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from geotagger.photos.containers.jpeg_segments import refused
from geotagger.photos.edits import CHUNK, Edit
from geotagger.photos.tiff_tags import (
    GPS_POINTER,
    MAX_IFDS,
    MAX_VALUE_BYTES,
    Tag,
    TiffError,
    byte_order,
    walk,
)

Stretch = tuple[int, int]

MAX_PARTS = 1_000_000
"""Strips or tiles of one page, more than any picture of 4 GB has."""

_MAKE, _COMPRESSION, _PHOTOMETRIC = 0x010F, 0x0103, 0x0106
_PARTS = ((0x0111, 0x0117), (0x0144, 0x0145), (0x0201, 0x0202))
"""Tags with offsets and sizes: strips, tiles, and the JPEG of an old thumbnail."""
_RAW_TAGS = frozenset({0xC612, 0xC634, 0x828D, 0x828E, 0x8606})
"""DNGVersion, DNGPrivateData (also Sony's), the two of a colour filter array, Leaf's."""
_RAW_PHOTOMETRICS = frozenset({32803, 34892})
_RAW_COMPRESSIONS = frozenset({32767, 32769, 32770, 34713, 34892, 65000, 65535})
"""Sony, Epson, Samsung, Nikon, lossy DNG, Kodak, Pentax."""
_OLD_JPEG = 6
_OLD_JPEG_TABLES = ((0x0207, 64), (0x0208, 16 + 256), (0x0209, 16 + 256))
"""Tags with offsets of the tables that an old JPEG picture needs, and the most bytes each has."""
_PHASE_ONE = (b"IIII", b"MMMM")


class TiffView:
    """A file as if some edits were done already; only slices that are asked for are read.

    Parameters
    ----------
    source
        The file.
    edits
        In order; none but the last, at the end of the file, may change the length.
    """

    def __init__(self, source: BinaryIO, edits: Sequence[Edit] = ()) -> None:
        self._source = source
        self._edits = edits
        self._base = source.seek(0, os.SEEK_END)
        self._size = self._base + sum(len(e.data) - (e.end - e.start) for e in edits)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, key: slice, /) -> bytes:
        start, stop, _ = key.indices(self._size)
        length = max(0, stop - start)
        if length > MAX_VALUE_BYTES:
            raise TiffError("a value is larger than any that is looked at")
        self._source.seek(start)
        data = self._source.read(min(length, max(0, self._base - start)))
        for edit in self._edits:
            begin, end = max(start, edit.start), min(stop, edit.start + len(edit.data))
            if begin < end:
                part = edit.data[begin - edit.start : end - edit.start]
                data = (
                    data[: begin - start].ljust(begin - start, b"\0") + part + data[end - start :]
                )
        return data


def pictures(view: TiffView, path: Path) -> list[Stretch]:
    """Return where the pictures of all pages lie.

    Raises
    ------
    TiffError
        If offsets and sizes do not belong together, or there are more pages than in any photo.
    WriteRefusedError
        If the file ends before its pictures do.
    """
    order = byte_order(view)
    tags = walk(view, without=GPS_POINTER)
    names = {name for name, _, _ in tags}
    if len(names) >= MAX_IFDS:
        raise TiffError("there are more pages than in any photo")
    found: list[Stretch] = []
    for name in sorted(names):
        for offset_tag, size_tag in _PARTS:
            if (name, offset_tag, 0) not in tags:
                continue
            offsets = _integers(tags, name, offset_tag, order)
            sizes = _integers(tags, name, size_tag, order)
            if len(offsets) != len(sizes):
                raise TiffError("offsets and sizes of the picture do not belong together")
            found += [(at, at + size) for at, size in zip(offsets, sizes, strict=True)]
    if not found:
        raise TiffError("there is no picture")
    if max(end for _, end in found) > len(view):
        raise refused("The file ends before its picture does.", path)
    for name in names:
        for tag, size in _OLD_JPEG_TABLES:
            if (name, tag, 0) in tags:
                # What of it is needed is told by the table itself; so no byte of it may change.
                offsets = _integers(tags, name, tag, order)
                found += [(at, min(at + size, len(view))) for at in offsets]
    return found


def refuse_raw(view: TiffView, path: Path) -> None:
    """Raise WriteRefusedError if the content is that of a camera RAW, whatever its name is."""
    order = byte_order(view)
    raw = view[8:12] in _PHASE_ONE
    tags = walk(view, without=GPS_POINTER)
    for name, tag, _ in tags:
        raw = raw or tag in _RAW_TAGS
        if tag == _COMPRESSION:
            seen = set(_integers(tags, name, tag, order))
            # Scanning programs wrote it; cameras (the first EOS-1D) into their RAW files only.
            raw = raw or (name == "0" and _OLD_JPEG in seen and (name, _MAKE, 0) in tags)
            raw = raw or bool(seen & _RAW_COMPRESSIONS)
        elif tag == _PHOTOMETRIC:
            raw = raw or bool(set(_integers(tags, name, tag, order)) & _RAW_PHOTOMETRICS)
    if raw:
        raise refused("This is a camera RAW file under another name.", path)


def same_but(old: BinaryIO, new: BinaryIO, holes: Sequence[Stretch]) -> bool:
    """Whether two files are equal, byte by byte, but for holes and what `new` has more at its end.

    `new` may be shorter by a hole at the end of `old`.
    """
    size, new_size = old.seek(0, os.SEEK_END), new.seek(0, os.SEEK_END)
    end = min([size, *(start for start, stop in holes if stop == size)])
    if new_size < end:
        return False
    old.seek(0)
    new.seek(0)
    position = 0
    while position < end:
        length = min(CHUNK, end - position)
        a, b = old.read(length), new.read(length)
        if a != b:
            for start, stop in holes:
                a, b = (
                    _blank(a, start - position, stop - position),
                    _blank(b, start - position, stop - position),
                )
        if a != b or len(a) != length:
            return False
        position += length
    return True


def overlap(one: Iterable[Stretch], two: Iterable[Stretch]) -> bool:
    """Whether a stretch of one set shares a byte with one of the other."""
    marked = [(*stretch, 0) for stretch in one] + [(*stretch, 1) for stretch in two]
    reach = [0, 0]
    for start, end, which in sorted(marked):
        if start < end:
            if start < reach[1 - which]:
                return True
            reach[which] = max(reach[which], end)
    return False


def _blank(data: bytes, start: int, stop: int) -> bytes:
    start, stop = max(0, start), min(len(data), stop)
    return data[:start] + bytes(stop - start) + data[stop:] if start < stop else data


def _integers(
    tags: Mapping[tuple[str, int, int], Tag], name: str, tag: int, order: str
) -> tuple[int, ...]:
    """Return the numbers of a tag; raise TiffError if it has none or is cut off."""
    found = tags.get((name, tag, 0))
    letter = {3: "H", 4: "I", 13: "I"}.get(found.value.type) if found is not None else None
    if found is None or letter is None:
        raise TiffError(f"tag 0x{tag:04X} is missing or of a wrong type")
    value = found.value
    if value.count > MAX_PARTS:
        raise TiffError(f"tag 0x{tag:04X} has more parts than in any photo")
    if len(value.data) != value.count * struct.calcsize(order + letter):
        raise TiffError(f"tag 0x{tag:04X} is cut off")
    return struct.unpack(f"{order}{value.count}{letter}", value.data)
