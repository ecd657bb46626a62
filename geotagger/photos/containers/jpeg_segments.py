"""The segments in front of a JPEG's picture data. ITU-T T.81 annex B; Exif 2.32 section 4.5.4."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from geotagger.errors import WriteRefusedError

APP0, APP1, APP2 = 0xE0, 0xE1, 0xE2
EXIF = b"Exif\0"
EXIF_HEADER = 6
"""``Exif``, a zero, and a byte that some writers leave other than zero."""
MPF = b"MPF\0"
MAX_PAYLOAD = 65533
MAX_BLOCK = MAX_PAYLOAD - EXIF_HEADER

MAX_SEGMENTS = 20_000
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker segment: from its 0xFF at ``start`` to before ``end``."""

    marker: int
    start: int
    payload: int
    end: int
    name: bytes

    @property
    def is_exif(self) -> bool:
        """Whether this is an APP1 segment with Exif."""
        return self.marker == APP1 and self.name.startswith(EXIF)

    @property
    def is_mpf(self) -> bool:
        """Whether this is the index of a multi-picture file."""
        return self.marker == APP2 and self.name.startswith(MPF)


@dataclass(frozen=True, slots=True)
class Head:
    """All segments in front of the picture data, which begins with the marker at ``scan``."""

    segments: tuple[Segment, ...]
    scan: int

    @property
    def exif(self) -> tuple[Segment, ...]:
        """The Exif segments in the order of the file."""
        return tuple(segment for segment in self.segments if segment.is_exif)


def read_head(source: BinaryIO, path: Path) -> Head:
    """Return the segments up to the first scan.

    Raises
    ------
    WriteRefusedError
        If the file is no whole JPEG: bytes between segments, a length past the end, no picture.
    """
    source.seek(0)
    if source.read(2) != bytes((0xFF, _SOI)):
        raise refused("This is not a JPEG file.", path)
    segments: list[Segment] = []
    position = 2
    while len(segments) < MAX_SEGMENTS:
        source.seek(position)
        lead = source.read(20)
        if len(lead) < 4:
            raise refused("The file ends before its picture begins.", path)
        if lead[0] != 0xFF:
            raise refused("The file's segments are damaged.", path)
        if lead[1] == 0xFF:
            position += 1
            continue
        marker = lead[1]
        if marker in _STANDALONE:
            position += 2
            continue
        if marker in (0, _SOI, _EOI):
            raise refused("The file ends before its picture begins.", path)
        length = int.from_bytes(lead[2:4], "big")
        end = position + 2 + length
        if length < 2:
            raise refused("The file's segments are damaged.", path)
        if marker == _SOS:
            return Head(tuple(segments), position)
        segments.append(Segment(marker, position, position + 4, end, lead[4 : 2 + length]))
        position = end
    raise refused("The file has more segments than any real photo.", path)


def payload(source: BinaryIO, segment: Segment, path: Path) -> bytes:
    """Return what is in a segment; raise WriteRefusedError if the file ends inside it."""
    source.seek(segment.payload)
    data = source.read(segment.end - segment.payload)
    if len(data) != segment.end - segment.payload:
        raise refused("The file ends before its picture begins.", path)
    return data


def exif_segment(block: bytes) -> bytes:
    """Return a whole Exif segment around a TIFF block of up to `MAX_BLOCK` bytes."""
    length = 2 + EXIF_HEADER + len(block)
    return bytes((0xFF, APP1)) + length.to_bytes(2, "big") + EXIF + b"\0" + block


def refused(reason: str, path: Path) -> WriteRefusedError:
    """Return the error that names the reason and the way that is left."""
    return WriteRefusedError(reason, path=path, remedy="GPS can go into a sidecar instead.")
