"""The time of a photo comes from the best source, with the right zone, marked when it is weak."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from geotagger.photos.exif_read import ExifTags, read_block
from geotagger.photos.file_names import time_in_name
from geotagger.photos.record import FileStamp, TakenAt, TimeSource
from geotagger.photos.times import parse_exif_time, parse_iso_time, parse_offset, read_time
from tests.photos.making import exif_bytes

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = FileStamp(10, 1_600_000_000_000_000_000)
WALL = datetime(2019, 5, 3, 14, 15, 23, tzinfo=UTC)
TEXT = "2019:05:03 14:15:23"
ORIGINAL, DIGITIZED, OFFSET, OFFSET_ORIGINAL, SUBSEC = 36867, 36868, 36880, 36881, 37521


def tags(exif: dict[int, Any] | None = None, **more: dict[int, Any]) -> ExifTags:
    return read_block(exif_bytes(exif=exif, **more)[6:])


def taken(
    exif: dict[int, Any] | None = None,
    xmp: dict[str, str] | None = None,
    name: str = "a.jpg",
    **more: dict[int, Any],
) -> TakenAt:
    return read_time(tags(exif, **more), xmp or {}, Path(name), STAMP, NOW)[0]


def gps_time(date: str, hour: int, minute: int, second: int) -> dict[int, Any]:
    return {29: date, 7: ((hour, 1), (minute, 1), (second, 1))}


def test_the_original_offset_gives_the_zone() -> None:
    found = taken({ORIGINAL: TEXT, OFFSET_ORIGINAL: "+02:00"})
    assert found.source is TimeSource.EXIF_OFFSET
    assert found.zone_known
    assert found.when == datetime(2019, 5, 3, 12, 15, 23, tzinfo=UTC)
    assert found.when.utcoffset() == timedelta(hours=2)


def test_the_offset_of_the_last_change_is_not_taken_for_the_original_one() -> None:
    found = taken({ORIGINAL: TEXT, OFFSET: "+09:00"})
    assert found == TakenAt(WALL, False, TimeSource.EXIF_LOCAL)


def test_an_offset_in_the_first_directory_is_found_too() -> None:
    # Some Samsung phones put it there. piexif does not write it, so the bytes are made here.
    block = bytearray(b"II*\0\x08\0\0\0")
    block += (2).to_bytes(2, "little")
    block += b"\x11\x90\x02\x00\x07\0\0\0" + (60).to_bytes(4, "little")
    block += b"\x69\x87\x04\x00\x01\0\0\0" + (70).to_bytes(4, "little") + bytes(4)
    block += bytes(60 - len(block)) + b"+03:00\0" + bytes(3)
    block += (1).to_bytes(2, "little") + b"\x03\x90\x02\x00\x14\0\0\0"
    block += (88).to_bytes(4, "little") + bytes(4) + TEXT.encode() + b"\0"
    found = read_time(read_block(bytes(block)), {}, Path("a.jpg"), STAMP, NOW)[0]
    assert found.when.utcoffset() == timedelta(hours=3)


@pytest.mark.parametrize(
    ("digits", "micro"), [("5", 500_000), ("0855", 85_500), ("123", 123_000), ("1234567", 123_456)]
)
def test_sub_seconds_are_decimals(digits: str, micro: int) -> None:
    assert taken({ORIGINAL: TEXT, SUBSEC: digits}).when.microsecond == micro


@pytest.mark.parametrize(
    ("hour", "minute", "hours"),
    [
        (12, 15, 2.0),  # Central Europe in summer
        (12, 8, 2.0),  # the fix is seven minutes old
        (14, 15, 0.0),
        (8, 45, 5.5),  # India
        (8, 30, 5.75),  # Nepal
        (4, 45, 9.5),  # Darwin
    ],
)
def test_the_gps_time_gives_the_zone(hour: int, minute: int, hours: float) -> None:
    found = taken({ORIGINAL: TEXT}, gps=gps_time("2019:05:03", hour, minute, 23))
    assert found.source is TimeSource.EXIF_GPS
    assert found.zone_known
    assert found.when.utcoffset() == timedelta(hours=hours)
    assert found.when.replace(tzinfo=UTC) == WALL


def test_the_gps_time_works_across_midnight() -> None:
    found = taken({ORIGINAL: "2019:05:04 01:15:00"}, gps=gps_time("2019:05:03", 16, 15, 0))
    assert found.when.utcoffset() == timedelta(hours=9)
    west = taken({ORIGINAL: "2019:05:03 20:00:00"}, gps=gps_time("2019:05:04", 6, 0, 0))
    assert west.when.utcoffset() == timedelta(hours=-10)


@pytest.mark.parametrize(
    "gps",
    [
        gps_time("2019:05:03", 11, 43, 0),  # 2 h 32 min: no zone has that
        gps_time("2019:05:01", 12, 15, 23),  # two days off
        gps_time("2019:13:41", 12, 15, 23),
        gps_time("2019:05:03", 31, 15, 23),
        {29: "2019:05:03"},
        {7: ((12, 1), (15, 1), (23, 1))},
        {29: "2019:05:03", 7: ((12, 0), (15, 1), (23, 1))},
    ],
)
def test_a_gps_time_that_fits_no_zone_gives_none(gps: dict[int, Any]) -> None:
    assert taken({ORIGINAL: TEXT}, gps=gps) == TakenAt(WALL, False, TimeSource.EXIF_LOCAL)


def test_a_zone_that_differs_from_gps_time_is_told() -> None:
    block = tags({ORIGINAL: TEXT, OFFSET_ORIGINAL: "+01:00"}, gps=gps_time("2019:05:03", 6, 15, 23))
    found, notes = read_time(block, {}, Path("a.jpg"), STAMP, NOW)
    assert found.when.utcoffset() == timedelta(hours=1)
    assert notes == ["The zone in Exif (+01:00) and GPS time (+08:00) differ."]


@pytest.mark.parametrize(
    "text",
    [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "",
        "2019:13:03 14:15:23",
        "2019:02:30 14:15:23",
        "2019:05:03 25:15:23",
        "garbage",
    ],
)
def test_an_impossible_time_is_passed_over(text: str) -> None:
    found = taken({ORIGINAL: text, DIGITIZED: TEXT})
    assert found == TakenAt(WALL, False, TimeSource.EXIF_DIGITIZED)
    assert found.source.is_fallback


def test_xmp_comes_before_the_fall_backs() -> None:
    found = taken({DIGITIZED: "2020:01:01 00:00:00"}, {"exif:DateTimeOriginal": "2019-05-03T14:15"})
    assert found == TakenAt(WALL.replace(second=0), False, TimeSource.XMP)
    zoned = taken(xmp={"photoshop:DateCreated": "2019-05-03T14:15:23.25-05:00"})
    assert zoned.zone_known
    assert zoned.when == datetime(2019, 5, 3, 19, 15, 23, 250_000, tzinfo=UTC)


def test_the_fall_backs_come_in_order_and_are_marked() -> None:
    name = "IMG_20180101_000000.jpg"
    digitized = {DIGITIZED: "2017:01:01 00:00:00"}
    modified = {306: "2016:01:01 00:00:00"}
    order = [
        taken(digitized, name=name, image=modified),
        taken(name=name, image=modified),
        taken(name=name),
        taken(name="a.jpg"),
    ]
    assert [found.source for found in order] == [
        TimeSource.EXIF_DIGITIZED,
        TimeSource.EXIF_MODIFIED,
        TimeSource.FILE_NAME,
        TimeSource.FILE_MTIME,
    ]
    assert all(found.source.is_fallback for found in order)
    assert order[3] == TakenAt(
        datetime.fromtimestamp(1_600_000_000, UTC), True, TimeSource.FILE_MTIME
    )


@pytest.mark.parametrize("text", ["1970:01:01 00:00:00", "1980:01:01 00:00:11"])
def test_a_clock_that_was_never_set_is_told(text: str) -> None:
    notes = read_time(tags({ORIGINAL: text}), {}, Path("a.jpg"), STAMP, NOW)[1]
    assert len(notes) == 1
    assert "clock was probably not set" in notes[0]


def test_a_clock_in_the_future_is_told_but_a_zone_ahead_is_not() -> None:
    ahead = tags({ORIGINAL: "2026:01:01 13:00:00"})
    assert read_time(ahead, {}, Path("a.jpg"), STAMP, NOW)[1] == []
    future = tags({ORIGINAL: "2027:01:01 13:00:00"})
    found, notes = read_time(future, {}, Path("a.jpg"), STAMP, NOW)
    assert found.when.year == 2027
    assert notes == ["Its time lies in the future: the clock was wrong."]


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2019:05:03 14:15:23", datetime(2019, 5, 3, 14, 15, 23)),
        ("2019-05-03T14:15:23+01:00", datetime(2019, 5, 3, 14, 15, 23)),
        ("2019/05/03 14:15:23.5", datetime(2019, 5, 3, 14, 15, 23, 500_000)),
        ("2019:05:03 14:15", datetime(2019, 5, 3, 14, 15)),
        ("2016:12:31 23:59:60", datetime(2016, 12, 31, 23, 59, 59)),
        ("2019:05:03", None),
    ],
)
def test_odd_spellings_of_exif_times(text: str, when: datetime | None) -> None:
    assert parse_exif_time(text) == when


@pytest.mark.parametrize(
    ("text", "hours"),
    [("+02:00", 2), ("-0330", -3.5), ("Z", 0), ("+14:00", 14), ("+15:00", None), ("+02:75", None)],
)
def test_offsets_between_minus_12_and_plus_14_are_zones(text: str, hours: float | None) -> None:
    expected = None if hours is None else timezone(timedelta(hours=hours))
    assert parse_offset(text) == expected


@pytest.mark.parametrize("text", ["2019", "2019-05", "2019-05-03", "2019-05-03T25:00:00", "x"])
def test_xmp_times_without_a_time_of_day_are_none(text: str) -> None:
    assert parse_iso_time(text) is None


@pytest.mark.parametrize(
    ("name", "when", "zone_known"),
    [
        ("IMG_20190503_141523.jpg", WALL, False),
        ("20190503_141523(0).jpg", WALL, False),
        ("20190503_141523_HDR.jpg", WALL, False),
        ("2019-05-03 14.15.23-1.jpg", WALL, False),
        ("photo_2019-05-03_14-15-23.jpg", WALL, False),
        ("Screenshot_2019-05-03-14-15-23-000_com.app.png", WALL, False),
        ("WhatsApp Image 2019-05-03 at 14.15.23.jpeg", WALL, False),
        ("WP_20190503_14_15_23_Pro.jpg", WALL, False),
        ("20190503141523.jpg", WALL, False),
        ("signal-2019-05-03-141523.jpg", WALL, False),
        ("PXL_20190503_141523123.jpg", WALL + timedelta(milliseconds=123), True),
        ("mmexport1556892923000.jpg", WALL, True),
        ("IMG-20190503-WA0001.jpg", WALL.replace(hour=12, minute=0, second=0), False),
        ("2019-05-03.jpg", WALL.replace(hour=12, minute=0, second=0), False),
    ],
)
def test_times_in_file_names(name: str, when: datetime, zone_known: bool) -> None:
    assert time_in_name(name) == (when, zone_known)


@pytest.mark.parametrize(
    "name",
    ["IMG_1234.jpg", "DSC02019.jpg", "20191399_256199.jpg", "99999999.jpg", "c6cd7b6ee8266c0c.jpg"],
)
def test_numbers_that_are_no_times(name: str) -> None:
    assert time_in_name(name) is None
