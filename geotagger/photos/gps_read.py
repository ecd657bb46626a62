"""The place that Exif carries: value and hemisphere as one unit, or "incomplete"."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geotagger.photos.exif_read import ExifTags
from geotagger.photos.record import Gps, GpsState

_LAT_REF, _LAT, _LON_REF, _LON, _ALT_REF, _ALT = 1, 2, 3, 4, 5, 6
_STATUS, _ERROR = 9, 31
_MAX_ALTITUDE_M = 100_000.0


def read_gps(tags: ExifTags) -> tuple[Gps, list[str]]:
    """Return the place in the GPS directory and what is odd about it, in words.

    INCOMPLETE where a coordinate, its hemisphere or a part of it is missing or impossible, and at
    exactly 0,0, which devices without a fix write. A hemisphere is never guessed. Exif 2.32,
    section 4.6.6.
    """
    if not any(tags.has("GPS", tag) for tag in (_LAT, _LON)):
        return Gps(), []
    lat, why_lat = _coordinate(tags, _LAT, _LAT_REF, "NS", 90.0)
    lon, why_lon = _coordinate(tags, _LON, _LON_REF, "EW", 180.0)
    if lat is None or lon is None:
        reasons = " and ".join(
            f"{name} {why}" for name, why in (("latitude", why_lat), ("longitude", why_lon)) if why
        )
        return incomplete("exif"), [f"GPS is incomplete: {reasons}."]
    if is_null_island(lat, lon):
        return incomplete("exif"), ["GPS is incomplete: it says 0, 0."]
    notes = []
    if tags.text("GPS", _STATUS).upper().startswith("V"):
        notes.append("The camera says that its GPS had no fix.")
    gps = Gps(
        GpsState.COMPLETE, lat, lon, _altitude(tags), _positive(tags.number("GPS", _ERROR)), "exif"
    )
    return gps, notes


def incomplete(source: str) -> Gps:
    """Return the value for a place that is there but cannot be trusted."""
    return Gps(GpsState.INCOMPLETE, source=source)


def is_null_island(lat: float, lon: float) -> bool:
    """Return whether this is the 0, 0 of a device without a fix."""
    return lat == 0.0 and lon == 0.0


def degrees_of(parts: Sequence[float], limit: float) -> float | None:
    """Return degrees, minutes, seconds as degrees, None if that is no angle within ``limit``.

    Sixty minutes or seconds are let pass: some programs round up without carrying.
    """
    if len(parts) != 3 or not all(math.isfinite(part) and part >= 0 for part in parts):
        return None
    degrees, minutes, seconds = parts
    if minutes > 60 or seconds > 60:
        return None
    value = degrees + minutes / 60 + seconds / 3600
    return value if value <= limit else None


def _coordinate(
    tags: ExifTags, tag: int, ref_tag: int, letters: str, limit: float
) -> tuple[float | None, str]:
    """Return a signed coordinate and "", or None and why not."""
    if not tags.has("GPS", tag):
        return None, "is missing"
    parts = tags.numbers("GPS", tag)
    if len(parts) != 3:
        return None, f"has {len(parts)} numbers instead of 3"
    value = degrees_of(parts, limit)
    if value is None:
        return None, "is not a possible angle"
    hemisphere = tags.text("GPS", ref_tag)[:1].upper()
    if not hemisphere:
        return None, "has no hemisphere"
    if hemisphere not in letters:
        return None, "has an unknown hemisphere"
    return (-value if hemisphere in "SW" else value), ""


def _altitude(tags: ExifTags) -> float | None:
    """Return metres above sea level; a reference of 1 (or 3) means below."""
    altitude = tags.number("GPS", _ALT)
    if altitude is None or abs(altitude) > _MAX_ALTITUDE_M:
        return None
    below = tags.number("GPS", _ALT_REF) in (1.0, 3.0)
    return -abs(altitude) if below else altitude


def _positive(value: float | None) -> float | None:
    return value if value is not None and 0 < value < 1e7 else None
