"""Find the Exif block, the XMP packet and the size of the picture in JPEG, PNG and WebP files.

Only headers are read and every step is bounded; the picture's bytes are skipped.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from dataclasses import dataclass

from geotagger.photos.opening import MeteredStream
from geotagger.photos.xmp_extended import HEADING, ExtendedXmp

MAX_BLOCK = 16 << 20
"""The largest Exif block or XMP packet that is looked at, in bytes."""
_MAX_PARTS = 5000

_EXIF = b"Exif\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_XMP_PNG = b"XML:com.adobe.xmp"


@dataclass(slots=True)
class Blocks:
    """What was found in a container.

    ``exif`` begins with the TIFF header; ``xmp_more`` is what did not fit into a JPEG's first XMP
    segment, if it tells a place; ``exif_parts`` are the separate directories of a CR3
    ("Image", "EXIF", "GPS"); ``width`` and ``height`` are 0 where unknown; ``orientation`` is the
    container's own one (HEIF), as an Exif value, or 0; ``photoshop`` are the image resources of
    that name, with IPTC among them; ``picture`` tells whether there was one.
    """

    exif: bytes = b""
    xmp: bytes = b""
    xmp_more: bytes = b""
    width: int = 0
    height: int = 0
    orientation: int = 0
    note: str = ""
    exif_parts: dict[str, bytes] | None = None
    photoshop: bytes = b""

    @property
    def has_picture(self) -> bool:
        """Whether a picture with a size was found."""
        return self.width > 0 and self.height > 0


def jpeg_blocks(stream: MeteredStream, size: int, start: int = 0) -> Blocks:
    """Return the blocks of a JPEG whose first byte is at ``start`` (ISO 10918-1 annex B)."""
    blocks = Blocks()
    extended = ExtendedXmp()
    at = start + 2
    for _ in range(_MAX_PARTS):
        head = stream.read_at(at, 4)
        if len(head) < 4:
            blocks.note = "The file is cut short."
            break
        if head[0] != 0xFF:
            # Some writers leave stray bytes between segments: go on at the next marker.
            found = _next_marker(stream, at)
            if found is None:
                blocks.note = "The file is damaged."
                break
            at = found
            continue
        marker = head[1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        if marker in (0xD9, 0xDA):
            break
        length = int.from_bytes(head[2:], "big")
        if length < 2:
            blocks.note = "The file is damaged."
            break
        _jpeg_segment(stream, blocks, extended, marker, at + 4, length - 2)
        at += 2 + length
        if at > size:
            blocks.note = "The file is cut short."
            break
    blocks.xmp_more = extended.packet(blocks.xmp)
    return blocks


def _jpeg_segment(
    stream: MeteredStream,
    blocks: Blocks,
    extended: ExtendedXmp,
    marker: int,
    at: int,
    length: int,
) -> None:
    if marker == 0xED and not blocks.photoshop:
        block = stream.read_at(at, length)
        if block.startswith(_PHOTOSHOP):
            blocks.photoshop = block[len(_PHOTOSHOP) :]
    elif marker == 0xE1:
        start = stream.read_at(at, min(length, len(HEADING)))
        head = start[: len(_XMP)]
        if head.startswith(_EXIF) and not blocks.exif:
            blocks.exif = stream.read_at(at + 6, length - 6)
        elif head == _XMP and not blocks.xmp:
            blocks.xmp = stream.read_at(at + len(_XMP), length - len(_XMP))
        elif start == HEADING:
            extended.add(stream, at, length)
    elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and not blocks.width:
        frame = stream.read_at(at, min(length, 5))
        if len(frame) == 5:
            blocks.height, blocks.width = struct.unpack(">HH", frame[1:])


def _next_marker(stream: MeteredStream, at: int) -> int | None:
    data = stream.read_at(at, 1 << 16)
    index = data.find(b"\xff")
    while index >= 0 and data[index + 1 : index + 2] in (b"\x00", b""):
        index = data.find(b"\xff", index + 1)
    return at + index if index >= 0 else None


def png_blocks(stream: MeteredStream, size: int) -> Blocks:
    """Return the blocks of a PNG: eXIf, XMP in iTXt, and ImageMagick's raw profiles."""
    blocks = Blocks()
    at = 8
    for _ in range(_MAX_PARTS):
        head = stream.read_at(at, 8)
        if len(head) < 8:
            blocks.note = "The file is cut short."
            break
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IEND":
            break
        if kind == b"IHDR":
            data = stream.read_at(at + 8, 8)
            if len(data) == 8:
                blocks.width, blocks.height = struct.unpack(">II", data)
        elif kind == b"eXIf" and length <= MAX_BLOCK:
            blocks.exif = _without_prefix(stream.read_at(at + 8, length))
        elif kind in (b"iTXt", b"zTXt", b"tEXt") and length <= MAX_BLOCK:
            _png_text(blocks, kind, stream.read_at(at + 8, length))
        at += 12 + length
        if at > size:
            blocks.note = "The file is cut short."
            break
    return blocks


def _png_text(blocks: Blocks, kind: bytes, data: bytes) -> None:
    keyword, _, rest = data.partition(b"\0")
    wanted = (_XMP_PNG, b"Raw profile type exif", b"Raw profile type APP1", b"Raw profile type xmp")
    if keyword not in wanted:
        return
    if kind == b"iTXt":
        compressed, rest = rest[:1] == b"\1", rest[2:]
        text = rest.partition(b"\0")[2].partition(b"\0")[2]
        text = _inflate(text) if compressed else text
    else:
        text = _inflate(rest[1:]) if kind == b"zTXt" else rest
    if keyword == _XMP_PNG:
        blocks.xmp = blocks.xmp or text
        return
    profile = _hex_profile(text)
    if profile.startswith(_XMP):
        blocks.xmp = blocks.xmp or profile[len(_XMP) :]
    elif keyword.endswith(b"xmp"):
        blocks.xmp = blocks.xmp or profile
    else:
        blocks.exif = blocks.exif or _without_prefix(profile)


def _hex_profile(text: bytes) -> bytes:
    """Return the bytes of an ImageMagick profile: name, length, then hexadecimal lines."""
    parts = text.strip().split(None, 2)
    if len(parts) == 3 and parts[1].isdigit():
        with contextlib.suppress(ValueError):
            return bytes.fromhex(b"".join(parts[2].split()).decode("ascii", "replace"))
    return b""


def _inflate(data: bytes) -> bytes:
    """Return what is compressed in ``data``, at most `MAX_BLOCK` bytes of it."""
    try:
        return zlib.decompressobj().decompress(data, MAX_BLOCK)
    except zlib.error:
        return b""


def webp_blocks(stream: MeteredStream, size: int) -> Blocks:
    """Return the blocks of a WebP (RFC 9649)."""
    blocks = Blocks()
    at = 12
    for _ in range(_MAX_PARTS):
        head = stream.read_at(at, 8)
        if len(head) < 8:
            break
        kind, length = head[:4], int.from_bytes(head[4:], "little")
        if kind == b"VP8X":
            data = stream.read_at(at + 8, 10)
            blocks.width = int.from_bytes(data[4:7], "little") + 1
            blocks.height = int.from_bytes(data[7:10], "little") + 1
        elif kind in (b"VP8 ", b"VP8L") and not blocks.width:
            _webp_size(blocks, kind, stream.read_at(at + 8, 10))
        elif kind == b"EXIF" and length <= MAX_BLOCK:
            blocks.exif = _without_prefix(stream.read_at(at + 8, length))
        elif kind == b"XMP " and length <= MAX_BLOCK:
            blocks.xmp = stream.read_at(at + 8, length)
        at += 8 + length + (length & 1)
        if at > size + 1:
            blocks.note = "The file is cut short."
            break
    return blocks


def _webp_size(blocks: Blocks, kind: bytes, data: bytes) -> None:
    if kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a" and len(data) == 10:
        width, height = struct.unpack("<HH", data[6:])
        blocks.width, blocks.height = width & 0x3FFF, height & 0x3FFF
    elif kind == b"VP8L" and data[:1] == b"\x2f":
        bits = int.from_bytes(data[1:5], "little")
        blocks.width, blocks.height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _without_prefix(block: bytes) -> bytes:
    """Return the TIFF block without the Exif heading that belongs to JPEG only."""
    return block[6:] if block.startswith(_EXIF) else block
