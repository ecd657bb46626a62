"""Read a place back after writing and compare it with what was asked, by two readers."""

from __future__ import annotations

import logging
import os
from typing import BinaryIO, cast

import exifread

from geotagger.photos.gps_write import GpsFix, read_position
from geotagger.photos.opening import MeteredStream
from geotagger.photos.tiff_block import GpsTags

TOLERANCE_DEG = 2e-8
"""Half of the last digit that is written (1/20000 second of arc), with the noise of floats."""
MAX_READS = 50_000

logging.getLogger("exifread").setLevel(logging.CRITICAL)


def agrees(tags: GpsTags, fix: GpsFix | None) -> bool:
    """Whether GPS tags say the place of the fix; for None, whether there are none."""
    if fix is None:
        return not tags.present
    position = read_position(tags.values, tags.order)
    if position is None:
        # 0,0 reads as incomplete by rule; it can only be what was asked for.
        return abs(fix.lat) <= TOLERANCE_DEG and abs(fix.lon) <= TOLERANCE_DEG
    return _close(position.lat, fix.lat) and _close(position.lon, fix.lon)


def agrees_by_exifread(source: BinaryIO, fix: GpsFix | None) -> bool:
    """Whether exifread finds the place of the fix in a file, or nothing at all.

    It gives up on some odd files that our reader handles; finding nothing is no contradiction,
    finding another place is.
    """
    source.seek(0, os.SEEK_END)
    stream = MeteredStream(source, max_reads=MAX_READS)
    try:
        tags = exifread.process_file(cast(BinaryIO, stream), details=False, extract_thumbnail=False)
        found = _exifread_place(tags)
    except Exception:  # noqa: BLE001 - a third-party parser on files of any kind
        return True
    if found is None:
        return True
    if fix is None:
        return False
    return _close(found[0], fix.lat) and _close(found[1], fix.lon)


def _exifread_place(tags: dict[str, object]) -> tuple[float, float] | None:
    lat, lon = tags.get("GPS GPSLatitude"), tags.get("GPS GPSLongitude")
    lat_ref, lon_ref = tags.get("GPS GPSLatitudeRef"), tags.get("GPS GPSLongitudeRef")
    if lat is None or lon is None or lat_ref is None or lon_ref is None:
        return None
    return (
        _signed(lat, str(lat_ref).strip().upper() == "S"),
        _signed(lon, str(lon_ref).strip().upper() == "W"),
    )


def _signed(tag: object, negative: bool) -> float:
    degrees, minutes, seconds = (float(part) for part in tag.values)  # type: ignore[attr-defined]
    angle = degrees + minutes / 60 + seconds / 3600
    return -angle if negative else angle


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE_DEG
