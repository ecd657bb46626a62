"""JPEGs built byte by byte, with the odd things that cameras put into them."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from pathlib import Path

import exifread
import piexif
from PIL import Image

Entry = tuple[int, int, int, bytes]
"""Tag, TIFF type, count, data in the block's byte order."""

XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>"
JFIF = b"JFIF\0\1\2\0\0\1\0\1\0\0"


def segment(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload


def picture(*, progressive: bool = False, size: tuple[int, int] = (48, 32)) -> bytes:
    """The part of a JPEG from the tables on: no APP segments in front."""
    buffer = io.BytesIO()
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.save(buffer, "JPEG", progressive=progressive)
    data = buffer.getvalue()
    return data[2 + 2 + int.from_bytes(data[4:6], "big") :]


def jpeg(*segments: bytes, trailer: bytes = b"", progressive: bool = False) -> bytes:
    return b"\xff\xd8" + b"".join(segments) + picture(progressive=progressive) + trailer


def exif(block: bytes) -> bytes:
    return segment(0xE1, b"Exif\0\0" + block)


def ifd(order: str, at: int, entries: Sequence[Entry], following: int = 0) -> bytes:
    table, data = struct.pack(order + "H", len(entries)), b""
    data_at = at + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in entries:
        table += struct.pack(order + "HHI", tag, kind, count)
        if len(value) <= 4:
            table += value.ljust(4, b"\0")
        else:
            table += struct.pack(order + "I", data_at + len(data))
            data += value + bytes(len(value) % 2)
    return table + struct.pack(order + "I", following) + data


def long(order: str, number: int) -> bytes:
    return struct.pack(order + "I", number)


def rational(order: str, *parts: int) -> bytes:
    return struct.pack(f"{order}{len(parts)}I", *parts)


def camera_block(
    order: str = "<",
    *,
    gps: Sequence[Entry] | None = None,
    note: bytes = b"",
    padding: int = 0,
) -> bytes:
    """A block as a camera writes it: Exif and Interop directory, maker note, thumbnail, GPS.

    The maker note ends in an absolute offset to its own begin, as those of many makers do.
    """
    thumbnail = b"\xff\xd8" + picture(size=(16, 8))
    header = (b"II*\0" if order == "<" else b"MM\0*") + long(order, 8)
    make = (0x010F, 2, 5, b"Acme\0")

    def assemble(exif_at: int, interop_at: int, note_at: int, ifd1_at: int, gps_at: int) -> bytes:
        pointers = [make, (0x8769, 4, 1, long(order, exif_at))]
        if gps is not None:
            pointers.append((0x8825, 4, 1, long(order, gps_at)))
        block = header + ifd(order, 8, pointers, ifd1_at)
        maker = b"ACME\0" + note + bytes(padding) + long(order, note_at)
        places["exif"] = len(block)
        inner = [
            (0x9003, 2, 20, b"2021:06:05 10:11:12\0"),
            (0x927C, 7, len(maker), maker),
            (0xA005, 4, 1, long(order, interop_at)),
        ]
        block += ifd(order, len(block), inner)
        places["note"] = block.index(b"ACME\0")
        places["interop"] = len(block)
        block += ifd(order, len(block), [(1, 2, 4, b"R98\0")])
        places["ifd1"] = len(block)
        thumb_at = len(block) + 2 + 3 * 12 + 4
        block += ifd(
            order,
            len(block),
            [
                (0x0103, 3, 1, struct.pack(order + "H", 6)),
                (0x0201, 4, 1, long(order, thumb_at)),
                (0x0202, 4, 1, long(order, len(thumbnail))),
            ],
        )
        block += thumbnail + bytes(len(thumbnail) % 2)
        places["gps"] = len(block)
        return block + (ifd(order, len(block), gps) if gps is not None else b"")

    places = dict.fromkeys(("exif", "interop", "note", "ifd1", "gps"), 0)
    for _ in range(2):
        block = assemble(
            places["exif"], places["interop"], places["note"], places["ifd1"], places["gps"]
        )
    return block


def gps_entries(order: str, *extra: Entry) -> list[Entry]:
    """48°30'N 2°15'E with the given further tags, sorted."""
    entries = [
        (0, 1, 4, b"\2\2\0\0"),
        (1, 2, 2, b"N\0"),
        (2, 5, 3, rational(order, 48, 1, 30, 1, 0, 1)),
        (3, 2, 2, b"E\0"),
        (4, 5, 3, rational(order, 2, 1, 15, 1, 0, 1)),
        *extra,
    ]
    return sorted(entries)


def places_read(path: Path) -> dict[str, tuple[float, float] | None]:
    """What three independent readers say about the place of a file."""
    with path.open("rb") as stream:
        tags = exifread.process_file(stream, details=False)
    with Image.open(path) as image:
        pillow = image.getexif().get_ifd(0x8825)
    try:
        peer = piexif.load(str(path))["GPS"]
    except (ValueError, struct.error, IndexError, UnicodeDecodeError):
        peer = {}
    return {
        "exifread": _place(
            *(
                tags[f"GPS GPS{name}"].values if f"GPS GPS{name}" in tags else None
                for name in ("Latitude", "LatitudeRef", "Longitude", "LongitudeRef")
            )
        ),
        "pillow": _place(*(pillow.get(tag) for tag in (2, 1, 4, 3))),
        "piexif": _place(*(_fractions(peer.get(tag)) for tag in (2, 1, 4, 3))),
    }


def _fractions(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(a / b for a, b in value)
    return value.decode() if isinstance(value, bytes) else value


def _place(
    lat: object, lat_ref: object, lon: object, lon_ref: object
) -> tuple[float, float] | None:
    if not (lat and lon and lat_ref and lon_ref):
        return None
    south, west = str(lat_ref)[0] == "S", str(lon_ref)[0] == "W"
    return _degrees(lat) * (-1 if south else 1), _degrees(lon) * (-1 if west else 1)


def _degrees(value: object) -> float:
    degrees, minutes, seconds = (float(part) for part in value)  # type: ignore[attr-defined]
    return degrees + minutes / 60 + seconds / 3600
