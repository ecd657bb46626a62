"""Which tags differ between two states of a file, and what of its picture stayed the same.

The judge is ExifTool where it is installed. Not compared, because they say where things lie or
follow from other values, and are no content:

- ``System`` (name, size, times of the file), ``ExifTool`` itself (its version and its warnings),
  ``Composite`` (computed from other tags);
- the GPS directory, the GPS properties in XMP and the pointer to the directory: what was written;
- ``ExifByteOrder`` where the file had no Exif before; the header that a simple WebP must get to
  hold Exif at all (its flags, the size of the picture once more, "Extended WEBP" as the type);
- tags that state a position: ``MPImageStart``, ``ThumbnailOffset``, ``PreviewImageStart`` and the
  like. What lies there is compared itself, as a binary tag or as part of the picture.

Tags that were added are counted apart: a new Exif block needs some, but nothing is lost by them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geotagger.errors import WriteRefusedError
from geotagger.photos.blocks import Blocks, png_blocks, webp_blocks
from geotagger.photos.containers.jpeg_segments import EXIF_HEADER, payload, read_head
from geotagger.photos.opening import MeteredStream
from geotagger.photos.record import Kind
from geotagger.photos.sniff import HEAD_SIZE, kind_of_content
from geotagger.photos.tiff_tags import (
    GPS_POINTER,
    MAKER_NOTE,
    SUB_IFDS,
    Ifd,
    TiffError,
    byte_order,
    first_offset,
    read_ifd,
    walk,
)

MAX_FILE = 512 << 20
_LEFT_OUT_GROUPS = frozenset({"System", "ExifTool", "Composite", "GPS"})
_POSITIONS = frozenset(
    {
        "MPImageStart",
        "ThumbnailOffset",
        "PreviewImageStart",
        "JpgFromRawStart",
        "OtherImageStart",
        "StripOffsets",
        "TileOffsets",
        "FreeOffsets",
        "PreviewJXLStart",
        "MediaDataOffset",
        "OriginalRawFileDataOffset",
        "DataOffset",
    }
)
_TYPE = "File:FileType"
_WEBP_SIZE = frozenset({"RIFF:Copy1:ImageWidth", "RIFF:Copy1:ImageHeight"})
_OWN_POSITIONS = frozenset({0x0111, 0x0144, 0x0201, 0x0120, SUB_IFDS})
_PICTURE_TAGS = {0x0111: 0x0117, 0x0144: 0x0145}
_PNG_PICTURE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"fcTL", b"fdAT", b"acTL"})
_WEBP_PICTURE = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"})


@dataclass(frozen=True, slots=True)
class Differences:
    """Tags that were lost or changed, that were added, and those of maker notes among the first."""

    lost: tuple[str, ...]
    added: tuple[str, ...]
    maker_notes: tuple[str, ...]


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Differences:
    """Return how two tables of tags (of `ExifTool.tags` or `own_tags`) differ."""
    had_exif = any(key.startswith("EXIF:") for key in before)
    lost = tuple(
        key
        for key, value in before.items()
        if _compared(key, had_exif) and (key not in after or after[key] != value)
    )
    added = tuple(key for key in after if _compared(key, had_exif) and key not in before)
    if (before.get(_TYPE), after.get(_TYPE)) == ("WEBP", "Extended WEBP"):
        lost = tuple(key for key in lost if key != _TYPE)
        added = tuple(key for key in added if key not in _WEBP_SIZE)
    return Differences(lost, added, tuple(key for key in lost if key.startswith("MakerNotes")))


def _compared(key: str, had_exif: bool) -> bool:
    if key == "SourceFile":
        return False
    *groups, name = key.split(":")
    if _LEFT_OUT_GROUPS.intersection(groups) or name in _POSITIONS or name == "WebP_Flags":
        return False
    if name == "ExifByteOrder" and not had_exif:
        return False
    return not (groups[:1] == ["XMP"] and name.startswith("GPS"))


def own_tags(path: Path) -> dict[str, Any]:
    """Return the tags of a file as our own reader sees them: for machines without ExifTool.

    Every tag of every directory of the Exif block with its raw value, every other segment of a
    JPEG. A file that cannot be taken apart counts as one tag, its content.
    """
    data = _content(path)
    kind = kind_of_content(data[:HEAD_SIZE], path.name)
    try:
        return _taken_apart(path, data, kind)
    except (TiffError, WriteRefusedError, struct.error):
        return {"content": hashlib.blake2b(data).hexdigest()}


def _taken_apart(path: Path, data: bytes, kind: Kind | None) -> dict[str, Any]:
    tags: dict[str, Any] = {}
    blocks: list[bytes] = []
    if kind is Kind.JPEG:
        with path.open("rb") as source:
            head = read_head(source, path)
            others = [s for s in head.segments if not s.is_exif]
            for number, segment in enumerate(others):
                tags[f"Segment:{number}:{segment.marker:02x}"] = payload(source, segment, path)
            blocks = [payload(source, s, path)[EXIF_HEADER:] for s in head.exif]
    elif kind in (Kind.TIFF, Kind.RAW):
        blocks = [data]
    elif kind in (Kind.PNG, Kind.WEBP):
        found = _blocks(path, kind, len(data))
        blocks = [found.exif] if found.exif else []
        tags["XMP:packet"] = found.xmp
    else:
        return {"content": hashlib.blake2b(data).hexdigest()}
    for number, block in enumerate(blocks):
        for (directory, tag, nth), value in walk(block, without=GPS_POINTER).items():
            if tag in _OWN_POSITIONS:
                continue
            group = "MakerNotes" if tag == MAKER_NOTE else "EXIF"
            tags[f"{group}:{number}:{directory}:{tag:04x}.{nth}"] = value
    return tags


def _blocks(path: Path, kind: Kind, size: int) -> Blocks:
    with path.open("rb") as source:
        stream = MeteredStream(source)
        return png_blocks(stream, size) if kind is Kind.PNG else webp_blocks(stream, size)


def picture_digest(path: Path) -> str | None:
    """Return a hash of the bytes that are the picture, None for kinds where it is not told.

    JPEG: everything from the first scan on, further pictures and trailers included. PNG and WebP:
    the chunks with pixels. TIFF and RAW of its kind: strips and tiles of all directories.
    """
    data = _content(path)
    kind = kind_of_content(data[:HEAD_SIZE], path.name)
    digest = hashlib.blake2b(digest_size=16)
    try:
        for part in _picture_parts(path, data, kind):
            digest.update(part)
    except (TiffError, WriteRefusedError, struct.error, NotImplementedError):
        return None
    return digest.hexdigest()


def _picture_parts(path: Path, data: bytes, kind: Kind | None) -> Iterator[bytes]:
    if kind is Kind.JPEG:
        with path.open("rb") as source:
            yield data[read_head(source, path).scan :]
    elif kind is Kind.PNG:
        for name, start, size in _chunks(data, 8, ">", name_first=False, footer=4):
            if name in _PNG_PICTURE:
                yield name + data[start : start + size]
    elif kind is Kind.WEBP:
        for name, start, size in _chunks(data, 12, "<", name_first=True, footer=0):
            if name in _WEBP_PICTURE:
                yield name + data[start : start + size]
    elif kind in (Kind.TIFF, Kind.RAW):
        yield from _strips(data)
    else:
        raise NotImplementedError


def _chunks(
    data: bytes, at: int, order: str, *, name_first: bool, footer: int
) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= len(data):
        if name_first:
            name, size = data[at : at + 4], int(struct.unpack_from(order + "I", data, at + 4)[0])
        else:
            name, size = data[at + 4 : at + 8], int(struct.unpack_from(order + "I", data, at)[0])
        yield name, at + 8, size
        at += 8 + size + (footer or size & 1)


def _strips(data: bytes) -> Iterator[bytes]:
    order = byte_order(data)
    todo, seen = [first_offset(data, order)], set[int]()
    while todo and len(seen) < 64:
        offset = todo.pop(0)
        if offset in seen:
            continue
        seen.add(offset)
        try:
            ifd = read_ifd(data, order, offset)
        except TiffError:
            continue
        if ifd.next_offset:
            todo.append(ifd.next_offset)
        todo.extend(_numbers(ifd, SUB_IFDS, order))
        for offsets, sizes in _PICTURE_TAGS.items():
            places = zip(_numbers(ifd, offsets, order), _numbers(ifd, sizes, order), strict=False)
            for start, size in places:
                yield data[start : start + size]


def _numbers(ifd: Ifd, tag: int, order: str) -> list[int]:
    entry = ifd.find(tag)
    letter = {3: "H", 4: "I", 13: "I"}.get(entry.value.type) if entry is not None else None
    if entry is None or letter is None or not entry.whole:
        return []
    count = len(entry.value.data) // struct.calcsize(letter)
    return list(struct.unpack_from(f"{order}{count}{letter}", entry.value.data))


def _content(path: Path) -> bytes:
    with path.open("rb") as source:
        return source.read(MAX_FILE)
