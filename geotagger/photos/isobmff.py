"""Find the Exif block, the XMP packet and the size of the picture in HEIF, AVIF and CR3 files.

Boxes as in ISO/IEC 14496-12, items as in ISO/IEC 23008-12. The ``meta`` box is read whole (some
kilobytes); pictures are skipped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from geotagger.photos.blocks import MAX_BLOCK, Blocks
from geotagger.photos.opening import MeteredStream

_MAX_BOXES = 20_000
_XMP_TYPE = b"application/rdf+xml"
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_CR3_PARTS = {b"CMT1": "Image", b"CMT2": "EXIF", b"CMT4": "GPS"}
_ROTATIONS = {0: 1, 1: 8, 2: 3, 3: 6}
"""irot counts quarter turns anticlockwise; Exif says which way the picture lies."""


def heif_blocks(stream: MeteredStream, size: int) -> Blocks:
    """Return the blocks of a HEIC, HEIF or AVIF file."""
    for kind, start, end in _file_boxes(stream, size):
        if kind == b"meta":
            if end - start > MAX_BLOCK:
                break
            try:
                return _Meta(stream.read_at(start, end - start)).blocks(stream)
            except (struct.error, IndexError) as error:
                return Blocks(note=f"The file's table of contents is damaged ({error}).")
    return Blocks(note="The file has no table of contents.")


def cr3_blocks(stream: MeteredStream, size: int) -> Blocks:
    """Return the blocks of a Canon CR3: three directories, each a TIFF block of its own."""
    blocks = Blocks(exif_parts={})
    for kind, start, end in _file_boxes(stream, size):
        if kind == b"moov" and end - start <= MAX_BLOCK:
            moov = stream.read_at(start, end - start)
            for inner, at, stop in _boxes(moov, 0, len(moov)):
                if inner == b"uuid" and moov[at : at + 16] == _CANON:
                    for part, first, last in _boxes(moov, at + 16, stop):
                        if part in _CR3_PARTS and blocks.exif_parts is not None:
                            blocks.exif_parts[_CR3_PARTS[part]] = moov[first:last]
        elif kind == b"uuid" and end - start <= MAX_BLOCK:
            data = stream.read_at(start, 16)
            if data == _XMP_UUID:
                blocks.xmp = stream.read_at(start + 16, end - start - 16)
    return blocks


def _file_boxes(stream: MeteredStream, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start of content, end) of the outermost boxes of a file."""
    at = 0
    for _ in range(_MAX_BOXES):
        head = stream.read_at(at, 16)
        box = _box(head, 0, at, size)
        if box is None:
            return
        kind, start, end = box
        yield kind, start, end
        at = end


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start of content, end) of the boxes in a part of ``data``."""
    at = start
    for _ in range(_MAX_BOXES):
        box = _box(data, at, at, end)
        if box is None:
            return
        yield box
        at = box[2]


def _box(data: bytes, index: int, at: int, limit: int) -> tuple[bytes, int, int] | None:
    if at + 8 > limit or len(data) < index + 8:
        return None
    size, kind = struct.unpack_from(">I4s", data, index)
    header = 8
    if size == 1:
        if len(data) < index + 16:
            return None
        (size,) = struct.unpack_from(">Q", data, index + 8)
        header = 16
    elif size == 0:
        size = limit - at
    if size < header:
        return None
    return kind, at + header, min(at + size, limit)


class _Meta:
    """The ``meta`` box of a HEIF file: which items there are and where they lie."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._parts = {kind: (start, end) for kind, start, end in _boxes(data, 4, len(data))}

    def blocks(self, stream: MeteredStream) -> Blocks:
        """Return the Exif and XMP items and the size of the primary picture."""
        blocks = Blocks()
        items = self._items()
        places = self._places()
        for item, (kind, content_type) in items.items():
            if kind == b"Exif" and not blocks.exif:
                blocks.exif = _tiff_in(self._content(stream, places.get(item)))
            elif kind == b"mime" and content_type == _XMP_TYPE and not blocks.xmp:
                blocks.xmp = self._content(stream, places.get(item))
        self._picture(blocks)
        return blocks

    def _full(self, kind: bytes) -> tuple[int, int, int] | None:
        """Return version, start behind version and flags, and end of a full box."""
        if kind not in self._parts:
            return None
        start, end = self._parts[kind]
        return self._data[start], start + 4, end

    def _items(self) -> dict[int, tuple[bytes, bytes]]:
        """Return item id -> (type, content type) from ``iinf``."""
        box = self._full(b"iinf")
        if box is None:
            return {}
        version, at, end = box
        found: dict[int, tuple[bytes, bytes]] = {}
        for kind, start, stop in _boxes(self._data, at + (2 if version == 0 else 4), end):
            if kind != b"infe" or self._data[start] < 2:
                continue
            form = ">HH4s" if self._data[start] == 2 else ">IH4s"
            item, _, item_type = struct.unpack_from(form, self._data, start + 4)
            rest = self._data[start + 4 + struct.calcsize(form) : stop].split(b"\0")
            found[item] = item_type, rest[1] if len(rest) > 1 else b""
        return found

    def _places(self) -> dict[int, list[tuple[int, int, int]]]:
        """Return item id -> extents (construction method, offset, length) from ``iloc``."""
        box = self._full(b"iloc")
        if box is None:
            return {}
        version, at, end = box
        sizes = struct.unpack_from(">H", self._data, at)[0]
        offset_size, length_size = sizes >> 12, sizes >> 8 & 15
        base_size, index_size = sizes >> 4 & 15, sizes & 15 if version else 0
        wide = 4 if version == 2 else 2
        count = self._number(at + 2, wide)
        at += 2 + wide
        found: dict[int, list[tuple[int, int, int]]] = {}
        for _ in range(min(count, _MAX_BOXES)):
            if at >= end:
                break
            item = self._number(at, wide)
            at += wide
            method = 0
            if version:
                method = self._number(at, 2) & 15
                at += 2
            base = self._number(at + 2, base_size)
            at += 2 + base_size
            extents = self._number(at, 2)
            at += 2
            parts = []
            for _ in range(extents):
                if at >= end:
                    break
                at += index_size
                offset = self._number(at, offset_size)
                length = self._number(at + offset_size, length_size)
                at += offset_size + length_size
                parts.append((method, base + offset, length))
            found[item] = parts
        return found

    def _number(self, at: int, size: int) -> int:
        return int.from_bytes(self._data[at : at + size], "big")

    def _content(self, stream: MeteredStream, places: list[tuple[int, int, int]] | None) -> bytes:
        """Return the bytes of an item, empty if it is too large or lies in another file."""
        places = places or []
        if sum(length for _, _, length in places) > MAX_BLOCK or len(places) > 1000:
            return b""
        idat = self._parts.get(b"idat", (0, 0))
        content = b""
        for method, offset, length in places:
            if method == 0:
                content += stream.read_at(offset, length)
            elif method == 1:
                content += self._data[idat[0] + offset : min(idat[0] + offset + length, idat[1])]
        return content

    def _picture(self, blocks: Blocks) -> None:
        """Set size and orientation of the primary picture from its properties."""
        primary = self._full(b"pitm")
        if primary is None or b"iprp" not in self._parts:
            return
        version, at, _ = primary
        item = self._number(at, 4 if version else 2)
        parts = {
            kind: (start, end) for kind, start, end in _boxes(self._data, *self._parts[b"iprp"])
        }
        if b"ipco" not in parts or b"ipma" not in parts:
            return
        properties = list(_boxes(self._data, *parts[b"ipco"]))
        blocks.orientation = 1
        aperture: tuple[int, int] | None = None
        for index in self._associations(parts[b"ipma"][0], parts[b"ipma"][1]).get(item, ()):
            if not 0 < index <= len(properties):
                continue
            kind, start, _ = properties[index - 1]
            if kind == b"ispe":
                blocks.width, blocks.height = struct.unpack_from(">II", self._data, start + 4)
            elif kind == b"irot":
                blocks.orientation = _ROTATIONS[self._data[start] & 3]
            elif kind == b"clap":
                # Encoders pad to whole blocks; the clean aperture is what is shown.
                width, over_x, height, over_y = struct.unpack_from(">4I", self._data, start)
                if over_x and over_y and width and height:
                    aperture = width // over_x, height // over_y
        if aperture is not None:
            blocks.width, blocks.height = aperture

    def _associations(self, start: int, end: int) -> dict[int, list[int]]:
        """Return item id -> numbers of its properties, counted from 1, from ``ipma``."""
        version, flags = self._data[start], self._data[start + 3]
        id_size, wide = (2 if version == 0 else 4), flags & 1
        count = self._number(start + 4, 4)
        at = start + 8
        found: dict[int, list[int]] = {}
        for _ in range(min(count, _MAX_BOXES)):
            if at >= end:
                break
            item = self._number(at, id_size)
            number = self._data[at + id_size]
            at += id_size + 1
            step = 2 if wide else 1
            mask = 0x7FFF if wide else 0x7F
            found[item] = [self._number(at + step * n, step) & mask for n in range(number)]
            at += step * number
        return found


def _tiff_in(item: bytes) -> bytes:
    """Return the TIFF block of an Exif item, which begins with the offset to it."""
    skip = 4 + int.from_bytes(item[:4], "big")
    for start in (skip, 4, 0):
        if item[start : start + 4] in (b"II*\0", b"MM\0*"):
            return item[start:]
    for mark in (b"II*\0", b"MM\0*"):
        at = item.find(mark, 0, 64)
        if at >= 0:
            return item[at:]
    return b""
