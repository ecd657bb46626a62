"""What the containers that keep Exif in a chunk of its own share: patching, comparing, refusing."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from geotagger.errors import WriteError
from geotagger.photos.containers.jpeg_segments import refused
from geotagger.photos.edits import CHUNK
from geotagger.photos.gps_check import agrees, agrees_by_exifread
from geotagger.photos.gps_write import GpsFix, merge
from geotagger.photos.tiff_block import (
    EMPTY_BLOCKS,
    GpsTags,
    TooLargeError,
    check_untouched,
    clear_gps,
    patch_gps,
    read_gps,
)
from geotagger.photos.tiff_tags import TiffError

MAX_EXIF = 16 << 20
"""The largest Exif chunk in bytes that is written or patched; readers stop there, too."""
NO_TAGS = GpsTags(">", {}, False)
_PREFIX = b"Exif\0"
_PREFIX_SIZE = 6

Hole = tuple[int, int]


def split(data: bytes) -> tuple[bytes, bytes]:
    """Return the heading of JPEG that some writers put in front, mostly empty, and the block."""
    size = _PREFIX_SIZE if data.startswith(_PREFIX) else 0
    return data[:size], data[size:]


def gps_of(data: bytes | None, path: Path) -> GpsTags:
    """Return the GPS tags in an Exif chunk; raise WriteRefusedError if it is damaged."""
    if data is None:
        return NO_TAGS
    try:
        return read_gps(split(data)[1])
    except TiffError as error:
        raise refused(f"The Exif data is damaged: {error}.", path) from error


def patched(data: bytes | None, fix: GpsFix | None, path: Path) -> bytes | None:
    """Return the Exif chunk's new content; None for no chunk.

    Raises
    ------
    WriteRefusedError
        If the block is malformed or has no room.
    """
    if data is None and fix is None:
        return None
    prefix, block = split(data) if data is not None else (b"", EMPTY_BLOCKS[">"])
    try:
        if fix is None:
            new = clear_gps(block)
            return prefix + new if new else None
        tags = read_gps(block)
        return prefix + patch_gps(
            block, merge(tags.values, fix, tags.order), max_size=MAX_EXIF - len(prefix)
        )
    except TooLargeError as error:
        raise refused("The Exif data has no room left (16 MB).", path) from error
    except TiffError as error:
        raise refused(f"The Exif data is damaged: {error}.", path) from error


def check_chunk(old: bytes | None, new: bytes | None, path: Path) -> None:
    """Raise WriteError unless all tags but GPS are equal in both contents."""
    if old == new:
        return
    prefix_old, block_old = split(old) if old is not None else (b"", b"")
    prefix_new, block_new = split(new) if new is not None else (prefix_old, b"")
    try:
        if old is None and new is not None:
            block_old = EMPTY_BLOCKS[read_gps(block_new).order]
        if new is None:
            if clear_gps(block_old):
                raise WriteError("Writing would have removed the Exif data.", path=path)
        else:
            check_untouched(block_old, block_new)
    except TiffError as error:
        raise WriteError(f"Writing would have changed other tags: {error}.", path=path) from error
    if prefix_old != prefix_new:
        raise WriteError("Writing would have changed the heading of the Exif data.", path=path)


def check_place(
    old: bytes | None, new: bytes | None, stream: BinaryIO, path: Path, fix: GpsFix | None
) -> None:
    """Raise WriteError unless the new chunk holds the GPS tags that were asked for, no others.

    exifread gets the whole file, `stream`, and the block alone, as it does not find the chunk in
    every file.
    """
    if new is None:
        if fix is not None:
            raise WriteError("The place could not be read back.", path=path)
    else:
        tags = gps_of(new, path)
        wanted = {} if fix is None else merge(gps_of(old, path).values, fix, tags.order)
        if not agrees(tags, fix) or tags.values != wanted:
            raise WriteError("The place read back is not the one that was written.", path=path)
    block = split(new)[1] if new is not None else b""
    if not (agrees_by_exifread(stream, fix) and agrees_by_exifread(BytesIO(block), fix)):
        raise WriteError("Another reader finds a different place in the result.", path=path)


def same_outside(
    old: BinaryIO, old_holes: Sequence[Hole], new: BinaryIO, new_holes: Sequence[Hole]
) -> bool:
    """Whether two files are equal but for as many holes, each a stretch of any length."""
    if len(old_holes) != len(new_holes):
        return False
    at_old = at_new = 0
    for (old_start, old_end), (new_start, new_end) in zip(old_holes, new_holes, strict=True):
        length = old_start - at_old
        if length < 0 or length != new_start - at_new:
            return False
        if not _same(old, at_old, new, at_new, length):
            return False
        at_old, at_new = old_end, new_end
    return _same(old, at_old, new, at_new, None)


def _same(old: BinaryIO, at_old: int, new: BinaryIO, at_new: int, length: int | None) -> bool:
    old.seek(at_old)
    new.seek(at_new)
    while length is None or length > 0:
        size = CHUNK if length is None else min(CHUNK, length)
        a, b = old.read(size), new.read(size)
        if a != b:
            return False
        if not a:
            return length is None
        if length is not None:
            length -= len(a)
    return True
