"""A place in the extended part of a JPEG's XMP is read, within bounds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from geotagger.photos.metadata import places_inside, read_photo
from geotagger.photos.record import GpsState
from geotagger.photos.xmp_extended import HEADING, MAX_EXTENDED
from tests.photos.making import jpeg_bytes, xmp
from tests.support.jpegs import segment

GUID = b"0123456789ABCDEF0123456789ABCDEF"
NAMING = f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{GUID.decode()}"'
PLACE = 'exif:GPSLatitude="52,31.2N" exif:GPSLongitude="13,24.3E"'


def parts(packet: bytes, size: int, guid: bytes = GUID) -> list[bytes]:
    return [
        segment(
            0xE1,
            HEADING
            + guid
            + len(packet).to_bytes(4, "big")
            + at.to_bytes(4, "big")
            + packet[at : at + size],
        )
        for at in range(0, len(packet), size)
    ]


def photo(path: Path, main: bytes, extended: list[bytes]) -> Path:
    data = jpeg_bytes()
    packet = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + main)
    path.write_bytes(data[:2] + packet + b"".join(extended) + data[2:])
    return path


@pytest.mark.parametrize("size", [100, 60_000])
def test_a_place_in_the_extended_part_is_read_in_any_order(tmp_path: Path, size: int) -> None:
    extended = parts(xmp(PLACE), size)
    random.Random(3).shuffle(extended)
    gps = read_photo(photo(tmp_path / "a.jpg", xmp(NAMING), extended)).gps
    assert (gps.state, gps.source) == (GpsState.COMPLETE, "xmp")
    assert gps.lat == pytest.approx(52.52)


def test_what_both_parts_tell_counts_as_the_first_says_it(tmp_path: Path) -> None:
    main = xmp(f'{NAMING} exif:GPSLatitude="1,0.0N" exif:GPSLongitude="2,0.0E"')
    _, gps = places_inside(photo(tmp_path / "a.jpg", main, parts(xmp(PLACE), 1000)))
    assert (gps.lat, gps.lon) == (1.0, 2.0)


def without_naming(packet: bytes) -> tuple[bytes, list[bytes]]:
    return xmp(), parts(packet, 1000)


def of_another(packet: bytes) -> tuple[bytes, list[bytes]]:
    return xmp(NAMING), parts(packet, 1000, GUID[::-1])


def with_a_hole(packet: bytes) -> tuple[bytes, list[bytes]]:
    found = parts(packet, 100)
    return xmp(NAMING), found[:1] + found[2:]


def lying_about_its_size(packet: bytes) -> tuple[bytes, list[bytes]]:
    (whole,) = parts(packet, 10_000)
    at = whole.index(GUID) + len(GUID)
    return xmp(NAMING), [whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :]]


def too_large(packet: bytes) -> tuple[bytes, list[bytes]]:
    return xmp(NAMING), parts(packet + b" " * MAX_EXTENDED, 65_000)


def cut_short(packet: bytes) -> tuple[bytes, list[bytes]]:
    return xmp(NAMING), [segment(0xE1, HEADING + GUID[:10])]


@pytest.mark.parametrize(
    "spoil",
    [without_naming, of_another, with_a_hole, lying_about_its_size, too_large, cut_short],
)
def test_a_part_that_is_not_whole_tells_nothing(tmp_path: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    record = read_photo(photo(tmp_path / "a.jpg", *spoil(xmp(PLACE))))
    assert record.gps.state is GpsState.NONE
    assert record.width == 64
