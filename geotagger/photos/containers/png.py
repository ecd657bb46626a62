"""Write GPS into a PNG: the ``eXIf`` chunk gets a patched block, every other chunk stays.

PNG specification, third edition, sections 5.3 and 11.3.4.5. Animated files and bytes behind the
end of the picture need nothing special. Exif in the text chunks that older programs wrote ("Raw
profile type exif") is never touched: as most readers prefer ``eXIf``, a new one would hide all
that the text tells, so such a file is refused.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from geotagger.errors import WriteError
from geotagger.photos.blocks import png_blocks
from geotagger.photos.containers.exif_chunk import (
    MAX_EXIF,
    check_chunk,
    check_place,
    gps_of,
    patched,
    same_outside,
)
from geotagger.photos.containers.jpeg_segments import refused
from geotagger.photos.edits import Edit
from geotagger.photos.gps_write import GpsFix
from geotagger.photos.opening import MeteredStream, ReadBudgetError
from geotagger.photos.record import Kind
from geotagger.photos.tiff_block import GpsTags

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 300_000
"""More than a picture of 2 GB has in chunks of the usual 8 kB."""
_EXIF, _TEXTS = b"eXIf", (b"tEXt", b"zTXt", b"iTXt")
_PROFILE = b"Raw profile type "
_OVERHEAD = 12
_CUT = "The file ends before its picture does."
_DAMAGED = "The file's chunks are damaged."


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk from its length field at ``start`` to behind its checksum at ``end``."""

    kind: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What matters of a PNG.

    ``room`` is where a new Exif chunk goes: before the picture and the frame header of an animated
    one; ``profiles`` are the text chunks with raw profiles.
    """

    exif: Chunk | None
    room: int
    profiles: tuple[Chunk, ...]


class Png:
    """The container PNG, animated ones included."""

    kind = Kind.PNG

    def read(self, source: BinaryIO, path: Path) -> GpsTags:
        """Return the GPS tags of the Exif chunk, else of the Exif in a text chunk."""
        layout = read_layout(source, path)
        if layout.exif is None:
            for chunk in layout.profiles:
                legacy = _legacy_exif(source, chunk, path)
                if legacy:
                    return gps_of(legacy, path)
        return gps_of(_exif_data(source, layout, path), path)

    def edits(self, source: BinaryIO, path: Path, fix: GpsFix | None) -> list[Edit]:
        """Return the edits that write `fix`, or clear GPS for None."""
        layout = read_layout(source, path)
        _refuse_legacy(source, layout, path, fix)
        data = _exif_data(source, layout, path)
        new = patched(data, fix, path)
        if new == data:
            return []
        start, end = _hole(layout)
        return [Edit(start, end, b"" if new is None else chunk_bytes(_EXIF, new))]

    def check(self, old: BinaryIO, new: BinaryIO, path: Path, fix: GpsFix | None) -> None:
        """Raise WriteError unless `new` is `old` with exactly this GPS and no other difference."""
        before, after = read_layout(old, path), read_layout(new, path)
        hole_old = _hole(before)
        hole_new = _hole(after) if after.exif is not None else (hole_old[0], hole_old[0])
        if not same_outside(old, [hole_old], new, [hole_new]):
            raise WriteError("Writing would have changed other chunks.", path=path)
        data_old, data_new = _exif_data(old, before, path), _exif_data(new, after, path)
        check_chunk(data_old, data_new, path)
        check_place(data_old, data_new, new, path, fix)


def read_layout(source: BinaryIO, path: Path) -> Layout:
    """Return where the chunks are that matter, all chunks up to the last one checked.

    Raises
    ------
    WriteRefusedError
        If the file is no whole PNG or has two Exif chunks.
    """
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    if source.read(8) != SIGNATURE:
        raise refused("This is not a PNG file.", path)
    exif: Chunk | None = None
    room = 0
    profiles: list[Chunk] = []
    header = picture = False
    position = 8
    for number in range(MAX_CHUNKS):
        source.seek(position)
        lead = source.read(8)
        if len(lead) < 8:
            raise refused(_CUT, path)
        length, kind = int.from_bytes(lead[:4], "big"), lead[4:]
        chunk = Chunk(kind, position, position + _OVERHEAD + length)
        if not (kind.isalpha() and kind.isascii()):
            raise refused(_DAMAGED, path)
        if chunk.end > size:
            raise refused(_CUT, path)
        if number == 0 and kind not in (b"IHDR", b"CgBI"):
            raise refused(_DAMAGED, path)
        if kind == b"IHDR":
            if header or length != 13:
                raise refused(_DAMAGED, path)
            header = True
        elif kind in (b"IDAT", b"fcTL"):
            room = room or position
            picture = picture or kind == b"IDAT"
        elif kind == _EXIF:
            if exif is not None:
                raise refused("There are two Exif chunks.", path)
            exif = chunk
        elif kind in _TEXTS and source.read(len(_PROFILE)) == _PROFILE:
            profiles.append(chunk)
        elif kind == b"IEND":
            if not (header and picture):
                raise refused(_CUT, path)
            return Layout(exif, room, tuple(profiles))
        position = chunk.end
    raise refused("The file has more chunks than any real picture.", path)


def chunk_bytes(kind: bytes, data: bytes) -> bytes:
    """Return a whole chunk with its length and checksum."""
    body = kind + data
    return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def _hole(layout: Layout) -> tuple[int, int]:
    if layout.exif is None:
        return layout.room, layout.room
    return layout.exif.start, layout.exif.end


def _exif_data(source: BinaryIO, layout: Layout, path: Path) -> bytes | None:
    """Return the content of the Exif chunk, None if there is none."""
    if layout.exif is None:
        return None
    length = layout.exif.end - layout.exif.start - _OVERHEAD
    if length > MAX_EXIF:
        raise refused("The Exif data is larger than that of any real photo.", path)
    source.seek(layout.exif.start)
    whole = source.read(length + _OVERHEAD)
    if whole != chunk_bytes(_EXIF, whole[8:-4]):
        # A new checksum would make damaged data look sound.
        raise refused("The checksum of the Exif data is wrong.", path)
    return whole[8:-4]


def _refuse_legacy(source: BinaryIO, layout: Layout, path: Path, fix: GpsFix | None) -> None:
    """Refuse a file whose text chunks hold Exif that would be hidden or contradict the new."""
    for chunk in layout.profiles:
        data = _legacy_exif(source, chunk, path)
        if not data:
            continue
        if fix is not None and layout.exif is None:
            raise refused("Its Exif data is in a text chunk, as older programs wrote it.", path)
        if gps_of(data, path).present:
            raise refused("A text chunk of older programs holds a place, too.", path)


def _legacy_exif(source: BinaryIO, chunk: Chunk, path: Path) -> bytes:
    """Return the Exif block of a raw profile, empty if it holds something else."""
    if chunk.end - chunk.start > MAX_EXIF:
        raise refused("A text chunk is larger than that of any real photo.", path)
    source.seek(chunk.start)
    alone = SIGNATURE + source.read(chunk.end - chunk.start)
    try:
        return png_blocks(MeteredStream(BytesIO(alone)), len(alone)).exif
    except ReadBudgetError as error:
        raise refused(_DAMAGED, path) from error
