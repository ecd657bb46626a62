"""Write GPS into a WebP: the ``EXIF`` chunk gets a patched block, every other chunk stays.

RFC 9649 section 2. A simple file gets the ``VP8X`` chunk that says that there is Exif; canvas size
and alpha come from the picture's own header. A new ``EXIF`` chunk goes behind the picture.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from geotagger.errors import WriteError
from geotagger.photos.containers.exif_chunk import (
    MAX_EXIF,
    Hole,
    check_chunk,
    check_place,
    gps_of,
    patched,
    same_outside,
)
from geotagger.photos.containers.jpeg_segments import refused
from geotagger.photos.edits import Edit
from geotagger.photos.gps_write import GpsFix
from geotagger.photos.record import Kind
from geotagger.photos.tiff_block import GpsTags

MAX_CHUNKS = 100_000
"""More than any animation has frames."""
MAX_RIFF = (1 << 32) - 10
EXIF_FLAG, ALPHA_FLAG = 0x08, 0x10
_PICTURES = (b"VP8 ", b"VP8L", b"ANMF", b"ALPH")
_EXTENDED_ONLY = (b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"XMP ")
_CUT = "The file ends before its picture does."
_DAMAGED = "The file's chunks are damaged."


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk from its name at ``start`` to behind its padding at ``end``."""

    name: bytes
    start: int
    size: int

    @property
    def end(self) -> int:
        """Where the next chunk begins."""
        return self.start + 8 + self.size + self.size % 2


@dataclass(frozen=True, slots=True)
class Layout:
    """What matters of a WebP.

    ``riff`` is the size in the header; ``extended`` the VP8X chunk; ``picture`` the first chunk
    with picture data; ``room`` is where a new Exif chunk goes.
    """

    riff: int
    extended: Chunk | None
    exif: Chunk | None
    picture: Chunk
    room: int


class Webp:
    """The container WebP: lossy, lossless and animated."""

    kind = Kind.WEBP

    def read(self, source: BinaryIO, path: Path) -> GpsTags:
        """Return the GPS tags of the Exif chunk."""
        return gps_of(_exif_data(source, read_layout(source, path), path), path)

    def edits(self, source: BinaryIO, path: Path, fix: GpsFix | None) -> list[Edit]:
        """Return the edits that write `fix`, or clear GPS for None."""
        layout = read_layout(source, path)
        data = _exif_data(source, layout, path)
        new = patched(data, fix, path)
        if new == data and (fix is None or _flagged(source, layout)):
            return []
        start, end = _exif_hole(layout)
        chunk = b"" if new is None else chunk_bytes(b"EXIF", new)
        changes = [Edit(start, end, chunk)]
        added = len(chunk) - (end - start)
        if layout.extended is not None:
            at = layout.extended.start + 8
            flags = _read(source, at, 1)[0]
            flags = flags | EXIF_FLAG if chunk else flags & ~EXIF_FLAG
            changes.insert(0, Edit(at, at + 1, bytes((flags,))))
        elif chunk:
            header = chunk_bytes(b"VP8X", _canvas(source, layout.picture, path))
            changes.insert(0, Edit(12, 12, header))
            added += len(header)
        if layout.riff + added > MAX_RIFF:
            raise refused("The file has no room left (4 GB).", path)
        return [Edit(4, 8, struct.pack("<I", layout.riff + added)), *changes]

    def check(self, old: BinaryIO, new: BinaryIO, path: Path, fix: GpsFix | None) -> None:
        """Raise WriteError unless `new` is `old` with exactly this GPS and no other difference."""
        before, after = read_layout(old, path), read_layout(new, path)
        holes_old, holes_new = _holes(before), _holes(after)
        if after.exif is None:
            # A removed chunk leaves its place behind, which need not be where a new one would go.
            shift = holes_new[1][1] - holes_old[1][1]
            holes_new[2] = (holes_old[2][0] + shift,) * 2
        if not same_outside(old, holes_old, new, holes_new):
            raise WriteError("Writing would have changed other chunks.", path=path)
        data_old, data_new = _exif_data(old, before, path), _exif_data(new, after, path)
        _check_header(old, before, new, after, path)
        check_chunk(data_old, data_new, path)
        check_place(data_old, data_new, new, path, fix)


def read_layout(source: BinaryIO, path: Path) -> Layout:
    """Return where the chunks are that matter, all chunks of the file checked.

    Raises
    ------
    WriteRefusedError
        If the file is no whole WebP, or its chunks are not those of its form.
    """
    size = source.seek(0, os.SEEK_END)
    head = _read(source, 0, 12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WEBP":
        raise refused("This is not a WebP file.", path)
    riff = int.from_bytes(head[4:8], "little")
    end = 8 + riff
    if end > size:
        raise refused(_CUT, path)
    chunks = _chunks(source, end, path)
    names = [chunk.name for chunk in chunks]
    pictures = [chunk for chunk in chunks if chunk.name in _PICTURES]
    extended = chunks[0] if names[:1] == [b"VP8X"] else None
    if not pictures or (extended is None and chunks[0] is not pictures[0]):
        raise refused(_DAMAGED, path)
    if names.count(b"VP8X") != (extended is not None) or names.count(b"EXIF") > 1:
        raise refused("There are two chunks where there may be one.", path)
    if extended is not None and extended.size < 10:
        raise refused(_DAMAGED, path)
    if extended is None and any(name in _EXTENDED_ONLY for name in names):
        raise refused("A simple file has chunks that only extended ones may have.", path)
    exif = next((chunk for chunk in chunks if chunk.name == b"EXIF"), None)
    return Layout(riff, extended, exif, pictures[0], pictures[-1].end)


def chunk_bytes(name: bytes, data: bytes) -> bytes:
    """Return a whole chunk with its padding."""
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _chunks(source: BinaryIO, end: int, path: Path) -> list[Chunk]:
    chunks: list[Chunk] = []
    position = 12
    while position < end:
        lead = _read(source, position, 8)
        if position + 8 > end or len(lead) < 8 or len(chunks) >= MAX_CHUNKS:
            raise refused(_DAMAGED, path)
        chunk = Chunk(lead[:4], position, int.from_bytes(lead[4:], "little"))
        if chunk.end > end:
            raise refused(_CUT, path)
        chunks.append(chunk)
        position = chunk.end
    return chunks


def _read(source: BinaryIO, at: int, count: int) -> bytes:
    source.seek(at)
    return source.read(count)


def _exif_hole(layout: Layout) -> Hole:
    if layout.exif is None:
        return layout.room, layout.room
    return layout.exif.start, layout.exif.end


def _holes(layout: Layout) -> list[Hole]:
    """Return the size of the file, the flags or where they are to come, and the Exif chunk."""
    flags = layout.extended
    header = (12, 12) if flags is None else (flags.start, flags.end)
    return [(4, 8), header, _exif_hole(layout)]


def _exif_data(source: BinaryIO, layout: Layout, path: Path) -> bytes | None:
    """Return the content of the Exif chunk, None if there is none."""
    if layout.exif is None:
        return None
    if layout.exif.size > MAX_EXIF:
        raise refused("The Exif data is larger than that of any real photo.", path)
    return _read(source, layout.exif.start + 8, layout.exif.size)


def _flagged(source: BinaryIO, layout: Layout) -> bool:
    if layout.extended is None:
        return False
    return bool(_read(source, layout.extended.start + 8, 1)[0] & EXIF_FLAG)


def _canvas(source: BinaryIO, picture: Chunk, path: Path) -> bytes:
    """Return the content of the VP8X chunk for a simple file with Exif.

    RFC 6386 section 9.1 for VP8, RFC 9649 section 3.4 for VP8L.
    """
    head = _read(source, picture.start + 8, min(10, picture.size))
    if picture.name == b"VP8 ":
        if len(head) < 10 or head[0] & 1 or head[3:6] != b"\x9d\x01\x2a":
            raise refused("The picture's header is damaged.", path)
        width = int.from_bytes(head[6:8], "little") & 0x3FFF
        height = int.from_bytes(head[8:10], "little") & 0x3FFF
        alpha = False
    else:
        if len(head) < 5 or head[0] != 0x2F:
            raise refused("The picture's header is damaged.", path)
        bits = int.from_bytes(head[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        alpha = bool(bits >> 28 & 1)
    if not (width and height):
        raise refused("The picture's header is damaged.", path)
    flags = EXIF_FLAG | (ALPHA_FLAG if alpha else 0)
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes((flags, 0, 0, 0)) + sizes


def _check_header(old: BinaryIO, before: Layout, new: BinaryIO, after: Layout, path: Path) -> None:
    """Raise WriteError unless size and flags are those of `old`, but for what Exif asks."""
    grown = new.seek(0, os.SEEK_END) - old.seek(0, os.SEEK_END)
    right = after.riff - before.riff == grown
    has_exif = after.exif is not None
    if before.extended is not None and after.extended is not None:
        was = _read(old, before.extended.start, before.extended.size + 8)
        now = _read(new, after.extended.start, after.extended.size + 8)
        flags = was[8] | EXIF_FLAG if has_exif else was[8] & ~EXIF_FLAG
        right = right and now in (was[:8] + bytes((flags,)) + was[9:], was)
        right = right and bool(now[8] & EXIF_FLAG) >= has_exif
    elif after.extended is not None:
        content = _read(new, after.extended.start + 8, after.extended.size)
        right = right and has_exif and content == _canvas(old, before.picture, path)
    else:
        right = right and before.extended is None
    if not right:
        raise WriteError("Writing would have changed the file's header.", path=path)
