"""Angles and numbers as XMP writes them. XMP specification part 2, section 2.4 (GPSCoordinate)."""

from __future__ import annotations

import re

MINUTE_PARTS = 1_000_000
_ANGLE = re.compile(r"\s*(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?\s*([NSEWnsew])\s*")


def format_angle(value: float, letters: str) -> str:
    """Return "DDD,MM.mmmmmmN" with the hemisphere from `letters` ("NS" or "EW")."""
    parts = round(abs(value) * 60 * MINUTE_PARTS)
    degrees, rest = divmod(parts, 60 * MINUTE_PARTS)
    minutes, fraction = divmod(rest, MINUTE_PARTS)
    return f"{degrees},{minutes:02d}.{fraction:06d}{letters[value < 0]}"


def parse_angle(text: str, letters: str, limit: int) -> float | None:
    """Return the angle of a text such as "52,31.2N" in degrees, None if it is none."""
    match = _ANGLE.fullmatch(text)
    if match is None or match[4].upper() not in letters:
        return None
    minutes, seconds = float(match[2]), float(match[3] or 0)
    angle = int(match[1]) + minutes / 60 + seconds / 3600
    if minutes >= 60 or seconds >= 60 or angle > limit:
        return None
    return -angle if match[4].upper() == letters[1] else angle


def parse_rational(text: str) -> float | None:
    """Return the number of a text such as "25/1", None if it is none."""
    match = re.fullmatch(r"\s*(-?\d{1,18})(?:/(\d{1,18}))?\s*", text)
    if match is None or int(match[2] or 1) == 0:
        return None
    return int(match[1]) / int(match[2] or 1)
