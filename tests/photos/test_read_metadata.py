"""One photo file gives one record, whatever its container; a broken one gives a clear error."""

from __future__ import annotations

import os
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import piexif
import pytest
from PIL import Image, PngImagePlugin

from geotagger.photos.find import Found, find_photos
from geotagger.photos.fingerprint import fingerprint
from geotagger.photos.metadata import read_found, read_photo
from geotagger.photos.record import FileStamp, GpsState, Kind, PhotoRecord, TimeSource
from tests.photos.making import (
    CAMERA,
    exif_bytes,
    gradient,
    jpeg_bytes,
    jpeg_with_xmp,
    place,
    save,
    save_heic,
    xmp,
)

ORIGINAL, OFFSET_ORIGINAL, COMMENT, SERIAL = 36867, 36881, 37510, 42033
EXIF = exif_bytes(
    image=CAMERA | {274: 6},
    exif={ORIGINAL: "2019:05:03 14:15:23", OFFSET_ORIGINAL: "+02:00", SERIAL: "12345"},
    gps=place(52.52, 13.405),
)
XMP_PLACE = 'exif:GPSLatitude="10,30.0S" exif:GPSLongitude="20,15.0W"'


def check_exif(record: PhotoRecord) -> None:
    assert record.gps.state is GpsState.COMPLETE
    assert (record.gps.lat, record.gps.lon) == (pytest.approx(52.52), pytest.approx(13.405))
    assert record.taken_at is not None
    assert record.taken_at.source is TimeSource.EXIF_OFFSET
    assert record.taken_at.when == datetime(2019, 5, 3, 12, 15, 23, tzinfo=UTC)
    assert (record.camera, record.camera_serial) == ("Nikon D70", "12345")
    assert (record.width, record.height) == (64, 48)
    assert not record.looks_like_document
    assert record.note == ""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", Kind.JPEG),
        ("a.tif", Kind.TIFF),
        ("a.png", Kind.PNG),
        ("a.webp", Kind.WEBP),
        ("a.avif", Kind.AVIF),
    ],
)
def test_exif_is_read_from_every_container(tmp_path: Path, name: str, kind: Kind) -> None:
    record = read_photo(save(tmp_path / name, exif=EXIF))
    assert record.kind is kind
    check_exif(record)
    assert record.orientation == 6


def test_exif_is_read_from_heic(tmp_path: Path) -> None:
    record = read_photo(save_heic(tmp_path / "a.heic", exif=EXIF))
    assert record.kind is Kind.HEIF
    assert record.orientation == 6
    check_exif(record)


def test_the_record_knows_its_file(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg")
    record = read_photo(path)
    status = path.stat()
    assert record.path == path
    assert record.stamp == FileStamp(status.st_size, status.st_mtime_ns)
    assert record.fingerprint == fingerprint(path, status.st_size)


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.jpg")
    monkeypatch.chdir(tmp_path)
    assert read_photo(Path("a.jpg")).path == path


def test_a_photo_without_any_metadata_has_its_time_from_the_file(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg")
    os.utime(path, (1_500_000_000, 1_500_000_000))
    record = read_photo(path)
    assert record.gps.state is GpsState.NONE
    assert record.taken_at is not None
    assert record.taken_at.source is TimeSource.FILE_MTIME
    assert record.taken_at.when == datetime.fromtimestamp(1_500_000_000, UTC)
    assert (record.camera, record.orientation) == ("", 1)


def test_content_counts_and_not_the_name(tmp_path: Path) -> None:
    gradient().save(tmp_path / "a.jpg", "PNG")
    record = read_photo(tmp_path / "a.jpg")
    assert record.kind is Kind.PNG
    assert record.note == "The file is a PNG by its content."


def test_big_tiff_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    image = gradient()
    image.save(path, big_tiff=True, tiffinfo={271: "Nikon", 272: "D70", 306: "2019:05:03 14:15:23"})
    assert path.read_bytes()[2] == 43
    record = read_photo(path)
    assert (record.width, record.height, record.camera) == (64, 48, "Nikon D70")
    assert record.taken_at is not None
    assert record.taken_at.source is TimeSource.EXIF_MODIFIED


@pytest.mark.parametrize("form", ["iTXt", "iTXt compressed", "raw profile"])
def test_xmp_and_exif_in_the_texts_of_a_png(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.png"
    info = PngImagePlugin.PngInfo()
    if form == "raw profile":
        hexadecimal = EXIF.hex()
        info.add_text("Raw profile type exif", f"\nexif\n{len(EXIF):8}\n{hexadecimal}\n", zip=True)
    else:
        info.add_itxt("XML:com.adobe.xmp", xmp(XMP_PLACE).decode(), zip="compressed" in form)
    gradient().save(path, pnginfo=info)
    gps = read_photo(path).gps
    expected = ("exif", 52.52) if form == "raw profile" else ("xmp", -10.5)
    assert (gps.source, gps.lat) == (expected[0], pytest.approx(expected[1]))


def test_a_compressed_bomb_in_a_png_text_is_cut_off(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png")
    bomb = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<a>" * 20_000_000)
    chunk = struct.pack(">I", len(bomb)) + b"iTXt" + bomb + struct.pack(">I", 0)
    data = path.read_bytes()
    path.write_bytes(data[:33] + chunk + data[33:])
    record = read_photo(path)
    assert (record.width, record.height) == (64, 48)
    assert "XMP in the file is damaged" in record.note


def test_xmp_in_a_webp_and_in_a_tiff(tmp_path: Path) -> None:
    for path, more in (
        (tmp_path / "a.webp", {"xmp": xmp(XMP_PLACE)}),
        (tmp_path / "a.tif", {"tiffinfo": {700: xmp(XMP_PLACE)}}),
    ):
        gps = read_photo(save(path, **more)).gps
        assert (gps.lat, gps.lon) == (pytest.approx(-10.5), pytest.approx(-20.25))


def write_xmp_jpeg(path: Path, packet: bytes, exif: bytes = b"") -> Path:
    path.write_bytes(jpeg_with_xmp(packet, exif))
    return path


def test_the_packet_in_the_file_serves_where_exif_has_no_place(tmp_path: Path) -> None:
    record = read_photo(write_xmp_jpeg(tmp_path / "a.jpg", xmp(XMP_PLACE)))
    assert record.gps.source == "xmp"
    assert record.gps.lat == pytest.approx(-10.5)


def test_exif_comes_before_sidecar_and_packet_and_disagreement_is_told(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", exif=EXIF)
    (tmp_path / "a.jpg.xmp").write_bytes(xmp(XMP_PLACE))
    record = read_photo(path)
    assert record.gps.source == "exif"
    assert record.gps.lat == pytest.approx(52.52)
    assert "disagree" in record.note
    assert record.sidecar == tmp_path / "a.jpg.xmp"


def test_a_sidecar_that_agrees_within_fifty_metres_is_not_told(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", exif=EXIF)
    near = 'exif:GPSLatitude="52,31.218N" exif:GPSLongitude="13,24.300E"'
    (tmp_path / "a.xmp").write_bytes(xmp(near))
    assert read_photo(path).note == ""


def test_an_incomplete_place_gives_way_to_a_complete_sidecar(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", exif=exif_bytes(gps={2: ((52, 1), (0, 1), (0, 1))}))
    assert read_photo(path).gps.state is GpsState.INCOMPLETE
    (tmp_path / "a.jpg.xmp").write_bytes(xmp(XMP_PLACE))
    assert read_photo(path).gps.lat == pytest.approx(-10.5)


def test_a_broken_sidecar_is_told_and_does_no_harm(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", exif=EXIF)
    (tmp_path / "a.jpg.xmp").write_bytes(b"<x")
    record = read_photo(path)
    assert record.gps.lat == pytest.approx(52.52)
    assert "sidecar cannot be read" in record.note
    assert "a.jpg.xmp" in record.note


def test_companions_are_found_with_and_without_a_hint(tmp_path: Path) -> None:
    path = save(tmp_path / "IMG_1.JPG", exif=EXIF)
    raw, movie = tmp_path / "img_1.cr2", tmp_path / "IMG_1.MOV"
    raw.write_bytes(b"x")
    movie.write_bytes(b"x")
    assert set(read_photo(path).companions) == {raw, movie}
    assert read_photo(path, siblings=[raw]).companions == (raw,)
    (found,) = (item for item in find_photos(tmp_path) if isinstance(item, Found))
    assert read_found(found) == read_photo(path)


@pytest.mark.parametrize("value", [0, 9, 256])
def test_an_impossible_orientation_is_upright(tmp_path: Path, value: int) -> None:
    assert read_photo(save(tmp_path / "a.jpg", exif=exif_bytes({274: value}))).orientation == 1


def test_exif_behind_xmp_and_stray_bytes_is_found(tmp_path: Path) -> None:
    data = jpeg_with_xmp(xmp(), EXIF)
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:2] + b"\0\0\0" + data[2:])
    assert read_photo(path).gps.lat == pytest.approx(52.52)


def test_one_damaged_tag_does_not_cost_the_others(tmp_path: Path) -> None:
    exif = bytearray(EXIF)
    at = exif.index(struct.pack(">HH", 0x8769, 4))  # the pointer to the Exif directory
    exif[at + 8 : at + 12] = b"\x7f\xff\xff\xff"
    record = read_photo(save(tmp_path / "a.jpg", exif=bytes(exif)))
    assert record.camera == "Nikon D70"
    assert record.gps.lat == pytest.approx(52.52)


def raf(jpeg: bytes) -> bytes:
    head = b"FUJIFILMCCD-RAW 0201FF393101".ljust(84, b"\0")
    return head + struct.pack(">II", 100, len(jpeg)) + bytes(8) + jpeg


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def cr3() -> bytes:
    def first_directory(entries: dict[int, Any]) -> bytes:
        """The first directory alone, as Canon stores each of them."""
        return piexif.dump({"0th": entries})[6:]

    # piexif knows GPS and Exif tags only in their own directories; so the blocks are rearranged:
    # a TIFF header that points straight at the directory in question.
    whole = EXIF[6:]
    loaded = {}
    for name, tag in (("CMT2", 0x8769), ("CMT4", 0x8825)):
        at = whole.index(struct.pack(">HH", tag, 4))
        loaded[name] = whole[:4] + whole[at + 8 : at + 12] + whole[8:]
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    parts = box(b"CMT1", first_directory(CAMERA)) + box(b"CMT2", loaded["CMT2"])
    moov = box(b"moov", box(b"uuid", canon + parts + box(b"CMT4", loaded["CMT4"])))
    return box(b"ftyp", b"crx \0\0\0\1crx isom") + moov


def test_raw_files_that_are_no_tiff_are_read(tmp_path: Path) -> None:
    for name, content in (("a.raf", raf(jpeg_bytes(EXIF))), ("a.cr3", cr3())):
        path = tmp_path / name
        path.write_bytes(content)
        record = read_photo(path)
        assert record.kind is Kind.RAW
        assert record.camera == "Nikon D70"
        assert record.gps.lat == pytest.approx(52.52)
        assert record.taken_at is not None
        assert record.taken_at.source is TimeSource.EXIF_OFFSET


def test_a_tiff_with_the_name_of_a_raw_is_a_raw(tmp_path: Path) -> None:
    path = tmp_path / "a.dng"
    gradient().save(path, "TIFF", exif=EXIF)
    record = read_photo(path)
    assert record.kind is Kind.RAW
    assert record.gps.lat == pytest.approx(52.52)
    assert record.camera == "Nikon D70"


def test_a_multi_page_tiff_is_read_by_its_first_page(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    pages = [Image.new("L", (10, 10))] * 30
    gradient().save(path, save_all=True, append_images=pages, exif=EXIF)
    record = read_photo(path)
    assert (record.width, record.height, record.camera) == (64, 48, "Nikon D70")
