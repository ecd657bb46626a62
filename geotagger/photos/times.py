"""When a photo was taken, from the best source there is, with what its zone is known by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, timezone
from pathlib import Path

from geotagger.photos.exif_read import ExifTags
from geotagger.photos.file_names import time_in_name
from geotagger.photos.record import FileStamp, TakenAt, TimeSource
from geotagger.photos.xmp_read import DATE_CREATED, DATE_TIME_ORIGINAL

_ORIGINAL = ("EXIF", 0x9003, 0x9011, 0x9291)
_DIGITIZED = ("EXIF", 0x9004, 0x9012, 0x9292)
_MODIFIED = ("Image", 0x0132, 0x9010, 0x9290)
"""Directory and tag of a time, then the tags of its own offset and sub-seconds (in "EXIF")."""
_GPS_DATE, _GPS_TIME = 29, 7

_EXIF_TIME = re.compile(
    r"(\d{4})[:/. -](\d{1,2})[:/. -](\d{1,2})[ T]+(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2}))?"
    r"(?:[.,](\d{1,9}))?"
)
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})$")
_ISO_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d\d:?\d\d)?$"
)

_QUARTERS = frozenset(
    (*range(-48, 57, 4), -38, -18, -14, -10, 14, 18, 22, 23, 26, 34, 35, 38, 42, 46, 51, 55)
)
"""The offsets from UTC that are or were in use, in quarters of an hour, -12 to +14 hours."""
_MAX_STALE = timedelta(minutes=10)
"""How far a GPS time stamp may be from the picture: the last fix can be some minutes old."""
_FIRST_YEAR = 1990
"""Before this there were no cameras with a clock in the file: 1970 and 1980 are unset clocks."""


def read_time(
    tags: ExifTags,
    xmp: Mapping[str, str],
    path: Path,
    stamp: FileStamp,
    now: datetime | None = None,
) -> tuple[TakenAt, list[str]]:
    """Return when the photo was taken and what is odd about it, in words.

    The sources are tried in the order of `TimeSource`. DateTimeOriginal has its zone from
    OffsetTimeOriginal, never from OffsetTime, which belongs to the last change of the file; else
    from the GPS time stamp, which is UTC: the difference to the wall clock, where it is within ten
    minutes of an offset in use between -12 and +14 hours. (A fix that is an hour old looks like
    the next zone; nothing in the file tells.) Impossible and blank times are passed over; clocks
    that were never set, or are ahead, are reported but kept.

    Parameters
    ----------
    tags, xmp
        What the file says; ``xmp`` maps the names of `xmp_read` to texts.
    path, stamp
        The file, for the time in its name and the time of its last change.
    now
        The present, to recognise times in the future; defaults to the clock.
    """
    now = now or datetime.now(UTC)
    notes: list[str] = []
    found = _from_exif(tags, notes) or _from_xmp(xmp, notes) or _fallback(tags, path, stamp, notes)
    notes.extend(_clock_notes(found, now))
    return found, notes


def parse_exif_time(text: str) -> datetime | None:
    """Return the wall clock in an Exif time, None if it is blank, zero or impossible."""
    match = _EXIF_TIME.match(text)
    if match is None:
        return None
    year, month, day, hour, minute = (int(part) for part in match.groups()[:5])
    second = int(match[6] or 0)
    try:
        # A leap second has no place in a datetime.
        wall = datetime(year, month, day, hour, minute, min(second, 59) if second == 60 else second)
    except ValueError:
        return None
    return wall + _fraction(match[7] or "")


def parse_offset(text: str) -> timezone | None:
    """Return the zone that an offset such as "+02:00" or "Z" means, None if it is none."""
    text = text.strip()
    if text in ("Z", "z"):
        return UTC
    match = _OFFSET.match(text)
    if match is None:
        return None
    hours, minutes = int(match[2]), int(match[3])
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if match[1] == "-" else 1)
    if minutes > 59 or not timedelta(hours=-12) <= offset <= timedelta(hours=14):
        return None
    return timezone(offset)


def zone_from_utc(wall: datetime, utc: datetime) -> timezone | None:
    """Return the zone in which a clock shows ``wall`` at about ``utc``, None if there is none."""
    difference = wall - utc.replace(tzinfo=None)
    quarter = min(_QUARTERS, key=lambda number: abs(timedelta(minutes=15 * number) - difference))
    offset = timedelta(minutes=15 * quarter)
    return timezone(offset) if abs(offset - difference) <= _MAX_STALE else None


def parse_iso_time(text: str) -> tuple[datetime, bool] | None:
    """Return an XMP time and whether its zone is known; None without a time of day."""
    match = _ISO_TIME.match(text.strip())
    if match is None:
        return None
    zone = parse_offset(match[8]) if match[8] else None
    try:
        year, month, day, hour, minute = (int(part) for part in match.groups()[:5])
        wall = datetime(year, month, day, hour, minute, int(match[6] or 0))
    except ValueError:
        return None
    wall += _fraction(match[7] or "")
    return wall.replace(tzinfo=zone or UTC), zone is not None


def _from_exif(tags: ExifTags, notes: list[str]) -> TakenAt | None:
    wall = _exif_wall(tags, _ORIGINAL, "DateTimeOriginal", notes)
    if wall is None:
        return None
    zone = _exif_zone(tags, _ORIGINAL)
    utc = _gps_utc(tags)
    by_gps = zone_from_utc(wall, utc) if utc is not None else None
    if zone is not None:
        if by_gps is not None and by_gps != zone:
            notes.append(f"The zone in Exif ({_name(zone)}) and GPS time ({_name(by_gps)}) differ.")
        return TakenAt(wall.replace(tzinfo=zone), True, TimeSource.EXIF_OFFSET)
    if by_gps is not None:
        return TakenAt(wall.replace(tzinfo=by_gps), True, TimeSource.EXIF_GPS)
    return TakenAt(wall.replace(tzinfo=UTC), False, TimeSource.EXIF_LOCAL)


def _from_xmp(xmp: Mapping[str, str], notes: list[str]) -> TakenAt | None:
    for name in (DATE_TIME_ORIGINAL, DATE_CREATED):
        text = xmp.get(name, "")
        parsed = parse_iso_time(text)
        if parsed is not None:
            return TakenAt(parsed[0], parsed[1], TimeSource.XMP)
        if text.strip("0:-T Z"):
            notes.append(f"The time in XMP has no time of day or is impossible ({text[:40]}).")
    return None


def _fallback(tags: ExifTags, path: Path, stamp: FileStamp, notes: list[str]) -> TakenAt:
    for where, name, source in (
        (_DIGITIZED, "DateTimeDigitized", TimeSource.EXIF_DIGITIZED),
        (_MODIFIED, "DateTime", TimeSource.EXIF_MODIFIED),
    ):
        wall = _exif_wall(tags, where, name, notes)
        if wall is not None:
            zone = _exif_zone(tags, where)
            return TakenAt(wall.replace(tzinfo=zone or UTC), zone is not None, source)
    in_name = time_in_name(path.name)
    if in_name is not None:
        return TakenAt(in_name[0], in_name[1], TimeSource.FILE_NAME)
    seconds = max(0, min(stamp.mtime_ns // 1_000_000_000, 253_402_214_400))
    return TakenAt(datetime.fromtimestamp(seconds, UTC), True, TimeSource.FILE_MTIME)


def _exif_wall(
    tags: ExifTags, where: tuple[str, int, int, int], name: str, notes: list[str]
) -> datetime | None:
    """Return a wall clock of Exif with its sub-seconds."""
    directory, tag, _, subsec_tag = where
    text = tags.text(directory, tag)
    wall = parse_exif_time(text)
    if wall is None:
        if text.strip("0: -/\0"):
            notes.append(f"{name} is no possible time ({text[:40]!r}).")
        return None
    digits = re.match(r"\d{1,9}", tags.text("EXIF", subsec_tag))
    return wall if digits is None or wall.microsecond else wall + _fraction(digits[0])


def _exif_zone(tags: ExifTags, where: tuple[str, int, int, int]) -> timezone | None:
    """Return the zone that Exif states for a time; some Samsung phones put it into IFD0."""
    return parse_offset(tags.text("EXIF", where[2]) or tags.text("Image", where[2]))


def _gps_utc(tags: ExifTags) -> datetime | None:
    """Return the time of the GPS fix in UTC, None unless both date and time are there."""
    date = re.match(r"(\d{4})[:/.-](\d{1,2})[:/.-](\d{1,2})", tags.text("GPS", _GPS_DATE))
    parts = tags.numbers("GPS", _GPS_TIME)
    if date is None or len(parts) != 3:
        return None
    hour, minute, second = parts
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second <= 60):  # NaN fails as well
        return None
    try:
        day = datetime.combine(
            datetime(int(date[1]), int(date[2]), int(date[3])), time(), tzinfo=UTC
        )
    except ValueError:
        return None
    return day + timedelta(hours=hour, minutes=minute, seconds=second)


def _clock_notes(taken: TakenAt, now: datetime) -> list[str]:
    # A wall clock without zone may be up to fourteen hours ahead of UTC.
    ahead = timedelta(minutes=10) if taken.zone_known else timedelta(hours=14, minutes=10)
    if taken.when > now + ahead:
        return ["Its time lies in the future: the clock was wrong."]
    if taken.when.year < _FIRST_YEAR and not taken.source.is_fallback:
        return [f"Its time is of the year {taken.when.year}: the clock was probably not set."]
    return []


def _fraction(digits: str) -> timedelta:
    """Return the decimals of a second, "5" being half a second."""
    return timedelta(microseconds=int((digits + "000000")[:6]))


def _name(zone: timezone) -> str:
    return str(zone).removeprefix("UTC") or "+00:00"
