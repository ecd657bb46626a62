"""What a GPS directory shall hold after a write, from the place accepted and what was there.

Exif 2.32 section 4.6.6. A value and its reference are always written as one unit; foreign tags are
carried over; what described the old place goes when the place moves.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from geotagger.photos.tiff_tags import Value

SECOND_PARTS = 10_000
"""Seconds are written in 1/10000, which is 3 mm on the ground."""
SAME_PLACE_DEG = 0.5 / SECOND_PARTS / 3600
STALE_M = 100.0
"""A move farther than this makes altitude, speed and time of the old fix stale. Closer, they are
kept: the vertical error of a phone's fix is larger than what most ground rises over 100 m."""
ASCII_CHARSET = b"ASCII\0\0\0"
DATUM = b"WGS-84\0"
_EARTH_RADIUS_M = 6371008.8


class GpsTag(IntEnum):
    """Tags of the GPS directory."""

    VERSION = 0x00
    LAT_REF = 0x01
    LAT = 0x02
    LON_REF = 0x03
    LON = 0x04
    ALTITUDE_REF = 0x05
    ALTITUDE = 0x06
    TIME = 0x07
    SATELLITES = 0x08
    STATUS = 0x09
    MEASURE_MODE = 0x0A
    DOP = 0x0B
    SPEED_REF = 0x0C
    SPEED = 0x0D
    TRACK_REF = 0x0E
    TRACK = 0x0F
    IMG_DIRECTION_REF = 0x10
    IMG_DIRECTION = 0x11
    MAP_DATUM = 0x12
    DEST_LAT_REF = 0x13
    DEST_LAT = 0x14
    DEST_LON_REF = 0x15
    DEST_LON = 0x16
    DEST_BEARING_REF = 0x17
    DEST_BEARING = 0x18
    DEST_DISTANCE_REF = 0x19
    DEST_DISTANCE = 0x1A
    METHOD = 0x1B
    AREA = 0x1C
    DATE = 0x1D
    DIFFERENTIAL = 0x1E
    ERROR = 0x1F


STALE_WITH_FIX = frozenset(
    {
        GpsTag.ALTITUDE_REF,
        GpsTag.ALTITUDE,
        GpsTag.SATELLITES,
        GpsTag.STATUS,
        GpsTag.MEASURE_MODE,
        GpsTag.DOP,
        GpsTag.SPEED_REF,
        GpsTag.SPEED,
        GpsTag.TRACK_REF,
        GpsTag.TRACK,
        GpsTag.DEST_BEARING_REF,
        GpsTag.DEST_BEARING,
        GpsTag.DEST_DISTANCE_REF,
        GpsTag.DEST_DISTANCE,
        GpsTag.AREA,
        GpsTag.DIFFERENTIAL,
    }
)
"""What belongs to a satellite fix at one place. The compass direction of the picture does not."""
STALE_TIMES = frozenset({GpsTag.TIME, GpsTag.DATE})
"""When the old fix was taken. Kept where no place was known: then it is only the time."""


@dataclass(frozen=True, slots=True)
class PlaceName:
    """The names of a place as XMP takes them; ``country_code`` as ISO 3166 has it."""

    city: str
    region: str
    country: str
    country_code: str


@dataclass(frozen=True, slots=True)
class GpsFix:
    """The place that is to be written.

    ``lat`` and ``lon`` in degrees, north and east positive; ``radius_m`` the radius in metres that
    holds the place; ``altitude_m`` metres above sea level; ``method`` is "MANUAL" for an accepted
    estimate and "GPS" for a track; ``provenance`` says in words what proposed it and ``place`` what
    the place is called (both into XMP only).

    Raises ValueError for a place that is not on the earth.
    """

    lat: float
    lon: float
    radius_m: float | None = None
    altitude_m: float | None = None
    method: str = "MANUAL"
    provenance: str = ""
    place: PlaceName | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lat) and -90 <= self.lat <= 90):
            raise ValueError(f"latitude must be from -90 to 90, got {self.lat}")
        if not (math.isfinite(self.lon) and -180 <= self.lon <= 180):
            raise ValueError(f"longitude must be from -180 to 180, got {self.lon}")
        if self.radius_m is not None and not 0 <= self.radius_m <= 2.1e7:
            raise ValueError(f"radius must be from 0 to 21000000 m, got {self.radius_m}")
        if self.altitude_m is not None and not -2e4 <= self.altitude_m <= 1e6:
            raise ValueError(f"altitude must be from -20000 to 1000000 m, got {self.altitude_m}")
        if not (self.method.isascii() and self.method.isprintable() and len(self.method) <= 64):
            raise ValueError(f"method must be short printable ASCII, got {self.method!r}")


@dataclass(frozen=True, slots=True)
class Position:
    """A complete place as found in a file; ``wgs84`` is False if it names another datum."""

    lat: float
    lon: float
    radius_m: float | None = None
    altitude_m: float | None = None
    wgs84: bool = True


def degrees_to_rationals(value: float) -> tuple[tuple[int, int], ...]:
    """Return whole degrees, whole minutes and seconds in 1/10000 of an angle's absolute value.

    Rounding happens once, on the whole angle, so 60 minutes or seconds cannot appear.
    """
    parts = round(abs(value) * 3600 * SECOND_PARTS)
    degrees, rest = divmod(parts, 3600 * SECOND_PARTS)
    minutes, seconds = divmod(rest, 60 * SECOND_PARTS)
    return (degrees, 1), (minutes, 1), (seconds, SECOND_PARTS)


def merge(existing: Mapping[int, Value], fix: GpsFix, order: str) -> dict[int, Value]:
    """Return the values of the GPS directory after writing `fix` over `existing`.

    Parameters
    ----------
    existing
        The values in the file now, in the byte order `order`; empty if there are none.
    fix
        The place to write.
    order
        "<" or ">" as `struct` has it.

    If the file holds the very place already, its own numbers are kept as they are.
    """
    old = read_position(existing, order)
    result = {tag: value for tag, value in existing.items() if tag not in stale_tags(old, fix)}
    result[GpsTag.VERSION] = Value(1, 4, b"\2\3\0\0")
    if not same_place(old, fix):
        result[GpsTag.LAT_REF] = _ascii(b"S" if fix.lat < 0 else b"N")
        result[GpsTag.LAT] = _rationals(degrees_to_rationals(fix.lat), order)
        result[GpsTag.LON_REF] = _ascii(b"W" if fix.lon < 0 else b"E")
        result[GpsTag.LON] = _rationals(degrees_to_rationals(fix.lon), order)
    if fix.altitude_m is not None:
        result[GpsTag.ALTITUDE_REF] = Value(1, 1, b"\1" if fix.altitude_m < 0 else b"\0")
        centimetres = round(abs(fix.altitude_m) * 100)
        result[GpsTag.ALTITUDE] = _rationals(((centimetres, 100),), order)
    result[GpsTag.MAP_DATUM] = Value(2, len(DATUM), DATUM)
    method = ASCII_CHARSET + fix.method.encode("ascii")
    result[GpsTag.METHOD] = Value(7, len(method), method)
    result.pop(GpsTag.ERROR, None)
    if fix.radius_m is not None:
        result[GpsTag.ERROR] = _rationals(((math.ceil(fix.radius_m * 100), 100),), order)
    return result


def stale_tags(old: Position | None, fix: GpsFix) -> frozenset[int]:
    """Return the tags that must go when `fix` replaces `old` (None: there was no whole place)."""
    if old is None:
        return frozenset(STALE_WITH_FIX)
    if not old.wgs84 or distance_m(old.lat, old.lon, fix.lat, fix.lon) > STALE_M:
        return frozenset(STALE_WITH_FIX | STALE_TIMES)
    return frozenset()


def same_place(old: Position | None, fix: GpsFix) -> bool:
    """Whether the numbers in the file already say the place to the last digit that is written."""
    return (
        old is not None
        and old.wgs84
        and abs(old.lat - fix.lat) <= SAME_PLACE_DEG
        and abs(old.lon - fix.lon) <= SAME_PLACE_DEG
    )


def distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the metres between two places on the sphere."""
    a, b = math.radians(lat1), math.radians(lat2)
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, half)))


def read_position(values: Mapping[int, Value], order: str) -> Position | None:
    """Return the place that GPS values tell, None if it is missing, incomplete or impossible.

    A number without its hemisphere, a zero denominator, 0,0 and minutes or seconds beyond 60 are
    incomplete; nothing is taken for north or east by default.
    """
    lat = _angle(values, GpsTag.LAT, GpsTag.LAT_REF, "NS", 90, order)
    lon = _angle(values, GpsTag.LON, GpsTag.LON_REF, "EW", 180, order)
    if lat is None or lon is None or (lat == 0 and lon == 0):
        return None
    radius = _numbers(values.get(GpsTag.ERROR), 1, order)
    altitude = _numbers(values.get(GpsTag.ALTITUDE), 1, order)
    height: float | None = None
    if altitude is not None:
        below = values.get(GpsTag.ALTITUDE_REF)
        height = -altitude[0] if below is not None and below.data[:1] == b"\1" else altitude[0]
    datum = values.get(GpsTag.MAP_DATUM)
    name = datum.data.rstrip(b"\0 ").upper() if datum is not None else b""
    wgs84 = not name or b"WGS" in name or b"84" in name
    return Position(lat, lon, radius[0] if radius else None, height, wgs84)


def _angle(
    values: Mapping[int, Value], tag: int, ref_tag: int, letters: str, limit: int, order: str
) -> float | None:
    ref = values.get(ref_tag)
    letter = ref.data[:1].decode("latin-1").upper() if ref is not None and ref.type == 2 else ""
    numbers = _numbers(values.get(tag), 3, order)
    if not letter or letter not in letters or numbers is None:
        return None
    degrees, minutes, seconds = numbers
    if min(numbers) < 0 or minutes >= 60 or seconds >= 60:
        return None
    angle = degrees + minutes / 60 + seconds / 3600
    if angle > limit:
        return None
    return -angle if letter == letters[1] else angle


def _numbers(value: Value | None, count: int, order: str) -> tuple[float, ...] | None:
    if value is None or value.type not in (5, 10) or value.count != count:
        return None
    form = f"{order}{2 * count}{'I' if value.type == 5 else 'i'}"
    parts = struct.unpack(form, value.data)
    if 0 in parts[1::2]:
        return None
    return tuple(a / b for a, b in zip(parts[::2], parts[1::2], strict=True))


def _ascii(letter: bytes) -> Value:
    return Value(2, 2, letter + b"\0")


def _rationals(pairs: tuple[tuple[int, int], ...], order: str) -> Value:
    data = b"".join(struct.pack(order + "II", *pair) for pair in pairs)
    return Value(5, len(pairs), data)
