"""Photos that the tests make themselves."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import piexif
import pillow_heif
import pytest
from PIL import Image


def gradient(width: int = 64, height: int = 48) -> Image.Image:
    """A picture whose four corners differ: red grows to the right, green downwards."""
    x = np.linspace(0, 255, width, dtype=np.uint8)[None, :].repeat(height, 0)
    y = np.linspace(0, 255, height, dtype=np.uint8)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([x, y, np.full_like(x, 64)], axis=-1))


def exif_bytes(
    image: dict[int, Any] | None = None,
    exif: dict[int, Any] | None = None,
    gps: dict[int, Any] | None = None,
) -> bytes:
    """An Exif block with the heading of JPEG."""
    return piexif.dump({"0th": image or {}, "Exif": exif or {}, "GPS": gps or {}})


def place(lat: float, lon: float) -> dict[int, Any]:
    """A complete GPS directory."""
    return {
        1: "N" if lat >= 0 else "S",
        2: angle(abs(lat)),
        3: "E" if lon >= 0 else "W",
        4: angle(abs(lon)),
    }


def angle(value: float) -> tuple[tuple[int, int], ...]:
    units = round(value * 3600 * 10000)
    minutes, seconds = divmod(units, 60 * 10000)
    return (minutes // 60, 1), (minutes % 60, 1), (seconds, 10000)


CAMERA = {271: "Nikon", 272: "D70"}


def save(path: Path, *, exif: bytes = b"", size: tuple[int, int] = (64, 48), **more: Any) -> Path:
    """Save the gradient in the format of the extension."""
    if exif:
        more["exif"] = exif
    gradient(*size).save(path, **more)
    return path


def save_heic(path: Path, image: Image.Image | None = None, *, exif: bytes = b"") -> Path:
    """Save the gradient or another picture as HEIC; skips where there is no encoder."""
    pillow_heif.register_heif_opener()
    try:
        # The encoder takes an empty block for a damaged one.
        more = {"exif": exif} if exif else {}
        (image or gradient()).save(path, "HEIF", quality=95, **more)
    except (RuntimeError, ValueError, OSError) as error:
        pytest.skip(f"no HEIC encoder here: {error}")
    return path


def jpeg_bytes(exif: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    gradient().save(buffer, "JPEG", **({"exif": exif} if exif else {}))
    return buffer.getvalue()


def jpeg_with_xmp(packet: bytes, exif: bytes = b"") -> bytes:
    """A JPEG with an XMP packet in its second segment."""
    body = b"http://ns.adobe.com/xap/1.0/\0" + packet
    data = jpeg_bytes(exif)
    return data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:]


def xmp(attributes: str = "", elements: str = "") -> bytes:
    """An XMP packet with these properties of its description."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" '
        f"{attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="w"?>'
    ).encode()
