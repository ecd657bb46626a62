"""GPS in JPEGs with the segments that real files have, built here."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from geotagger.errors import GeotaggerError, WriteError, WriteRefusedError
from geotagger.photos.containers.jpeg import Jpeg
from geotagger.photos.containers.registry import container_of
from geotagger.photos.edits import apply
from geotagger.photos.gps_write import GpsFix, read_position
from tests.support.jpegs import (
    JFIF,
    XMP,
    camera_block,
    exif,
    gps_entries,
    ifd,
    jpeg,
    long,
    picture,
    places_read,
    segment,
)

FIX = GpsFix(-33.856784, 151.215297, radius_m=25)
NAME = Path("photo.jpg")


def written(data: bytes, fix: GpsFix | None = FIX) -> bytes:
    source, target = io.BytesIO(data), io.BytesIO()
    apply(Jpeg().edits(source, NAME, fix), source, target)
    Jpeg().check(source, target, NAME, fix)
    return target.getvalue()


def place(data: bytes) -> tuple[float, float] | None:
    tags = Jpeg().read(io.BytesIO(data), NAME)
    found = read_position(tags.values, tags.order)
    return None if found is None else (found.lat, found.lon)


def app_segments(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 2
    while 0xE0 <= data[at + 1] <= 0xEF:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        found.append((data[at + 1], data[at + 4 : at + 2 + size]))
        at += 2 + size
    return found


def mpf(first_size: int, offset: int, size: int) -> bytes:
    entries = struct.pack("<IIIHH", 0x30000, first_size, 0, 0, 0)
    entries += struct.pack("<IIIHH", 0, size, offset, 0, 0)
    tags = [(0xB000, 7, 4, b"0100"), (0xB001, 4, 1, long("<", 2)), (0xB002, 7, 32, entries)]
    return segment(0xE2, b"MPF\0II*\0" + long("<", 8) + ifd("<", 8, tags))


LAYOUTS = {
    "exif only": [exif(camera_block())],
    "big endian": [exif(camera_block(">"))],
    "jfif first": [segment(0xE0, JFIF), exif(camera_block())],
    "jfif last": [exif(camera_block()), segment(0xE0, JFIF)],
    "xmp before exif": [segment(0xE0, JFIF), segment(0xE1, XMP), exif(camera_block())],
    "many": [
        exif(camera_block(gps=gps_entries("<"))),
        segment(0xE1, XMP),
        segment(0xED, b"Photoshop 3.0\0rest"),
        segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(500)),
        segment(0xEE, b"Adobe\0d\0\0\0\0\1"),
        segment(0xFE, b"a comment"),
    ],
    "no exif": [segment(0xE0, JFIF), segment(0xE0, b"JFXX\0\x10"), segment(0xED, b"Photoshop")],
    "nothing": [],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_written_and_read_by_three_readers(layout: str, tmp_path: Path) -> None:
    data = jpeg(*LAYOUTS[layout])
    new = written(data)
    path = tmp_path / "photo.jpg"
    path.write_bytes(new)
    for reader, found in places_read(path).items():
        assert found == pytest.approx((FIX.lat, FIX.lon), abs=2e-8), reader
    others = [s for s in app_segments(data) if not s[1].startswith(b"Exif\0")]
    assert [s for s in app_segments(new) if not s[1].startswith(b"Exif\0")] == others
    with Image.open(io.BytesIO(data)) as before, Image.open(path) as after:
        assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_second_write_keeps_the_size_and_clearing_takes_all_out(layout: str) -> None:
    first = written(jpeg(*LAYOUTS[layout]))
    second = written(first, GpsFix(64.1, -21.9, radius_m=3))
    assert len(second) == len(first)
    cleared = written(second, None)
    assert place(cleared) is None
    assert not Jpeg().read(io.BytesIO(cleared), NAME).present


@pytest.mark.parametrize("layout", ["no exif", "nothing"])
def test_clearing_a_file_that_had_no_exif_gives_the_first_bytes_back(layout: str) -> None:
    data = jpeg(*LAYOUTS[layout])
    assert written(written(data), None) == data


def test_jfif_stays_in_front_of_a_new_exif_segment() -> None:
    new = written(jpeg(segment(0xE0, JFIF), segment(0xE1, XMP)))
    assert [s[1][:4] for s in app_segments(new)] == [b"JFIF", b"Exif", b"http"]


def test_all_exif_segments_with_gps_agree_afterwards() -> None:
    second = camera_block(">", gps=gps_entries(">"))
    new = written(jpeg(exif(camera_block()), segment(0xE1, XMP), exif(second)))
    blocks = [s[1][6:] for s in app_segments(new) if s[1].startswith(b"Exif\0")]
    assert [place(jpeg(exif(block))) for block in blocks] == [
        pytest.approx((FIX.lat, FIX.lon), abs=2e-8)
    ] * 2


def test_a_second_exif_segment_without_gps_is_left_alone() -> None:
    second = exif(camera_block(">"))
    new = written(jpeg(exif(camera_block()), second))
    assert second in new


def test_fill_bytes_between_segments_survive() -> None:
    data = jpeg(b"\xff\xff\xff" + exif(camera_block())[1:], b"\xff\xff" + segment(0xFE, b"x")[1:])
    assert place(written(data)) == pytest.approx((FIX.lat, FIX.lon), abs=2e-8)


@pytest.mark.parametrize("trailer", [b"MotionPhoto_Data\0ftypmp42" + bytes(9999), b"\0\0", b"SEFT"])
def test_trailers_are_kept(trailer: bytes) -> None:
    data = jpeg(exif(camera_block()), trailer=trailer)
    assert written(data).endswith(picture() + trailer)


def test_pictures_of_a_multi_picture_file_are_still_found() -> None:
    gain_map = jpeg(segment(0xE0, JFIF))
    lead = [exif(camera_block())]
    index_at = 2 + len(lead[0])
    probe = jpeg(*lead, mpf(0, 0, 0))
    first = jpeg(*lead, mpf(len(probe), len(probe) - index_at - 8, len(gain_map)))
    new = written(first + gain_map)
    at = new.index(b"MPF\0") + 4
    offset = struct.unpack_from("<I", new, at + 50 + 16 + 8)[0]
    assert new[at + offset :] == gain_map
    with Image.open(io.BytesIO(new)) as image:
        assert image.format == "MPO"
        image.seek(1)
        assert image.size == (48, 32)


def test_an_index_in_front_of_the_exif_data_is_refused() -> None:
    data = jpeg(mpf(100, 5000, 100), exif(camera_block()))
    with pytest.raises(WriteRefusedError, match="index"):
        written(data)
    with pytest.raises(WriteRefusedError, match="index"):
        written(jpeg(segment(0xE2, b"MPF\0"), segment(0xE0, JFIF), exif(camera_block())))


def test_a_new_exif_segment_goes_in_front_of_the_index() -> None:
    new = written(jpeg(segment(0xE0, JFIF), mpf(100, 5000, 100)))
    assert [s[1][:3] for s in app_segments(new)] == [b"JFI", b"Exi", b"MPF"]


def test_maker_notes_that_point_behind_the_picture_are_refused() -> None:
    preview = b"\xff\xd8" + picture(size=(8, 8))

    def file(offset: int) -> bytes:
        return jpeg(exif(camera_block(note=long("<", offset))), trailer=preview)

    at = len(file(0)) - len(preview) - (2 + 4 + 6)
    with pytest.raises(WriteRefusedError, match="preview"):
        written(file(at))
    assert place(written(file(77))) is not None


def test_the_preview_behind_the_picture_does_not_forbid_using_the_slot_again() -> None:
    preview = b"\xff\xd8" + picture(size=(8, 8))
    block = written(jpeg(exif(camera_block(note=bytes(4)))))
    block = app_segments(block)[0][1][6:]
    data = jpeg(exif(block), trailer=preview)
    target = (len(data) - len(preview) - 12).to_bytes(4, "little")
    note = block.index(b"ACME\0") + 5
    data = jpeg(exif(block[:note] + target + block[note + 4 :]), trailer=preview)
    again = written(data, GpsFix(1.5, 2.5))
    assert len(again) == len(data)
    assert again.endswith(preview)


def test_a_full_exif_segment_is_refused() -> None:
    block = camera_block(padding=65_527 - len(camera_block()))
    with pytest.raises(WriteRefusedError, match="64 kB") as caught:
        written(jpeg(exif(block)))
    assert "sidecar" in caught.value.remedy


def test_a_continued_exif_segment_is_refused() -> None:
    with pytest.raises(WriteRefusedError, match="damaged"):
        written(jpeg(exif(camera_block()), exif(b"the rest of a large block")))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        b"not a jpeg at all",
        b"\xff\xd8\xff\xe1\xff\xff" + b"Exif\0\0II*\0",
        b"\xff\xd8" + exif(camera_block()),
        b"\xff\xd8" + exif(camera_block())[:-9],
        b"\xff\xd8" + segment(0xE0, JFIF) + b"rubbish" + picture(),
        b"\xff\xd8\xff\xe0\0\1" + picture(),
        jpeg(exif(b"II*\0\xff\xff\xff\xff")),
        jpeg(exif(b"no tiff")),
    ],
)
def test_malformed_files_are_refused_with_path_and_remedy(data: bytes) -> None:
    with pytest.raises(WriteRefusedError) as caught:
        written(data)
    assert caught.value.path == NAME
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: d[:-3] + bytes([d[-3] ^ 1]) + d[-2:], "picture"),
        (lambda d: d + b"\0", "picture"),
        (lambda d: d.replace(b"a comment", b"A comment"), "segments"),
        (lambda d: d.replace(b"2021:06:05", b"1999:06:05"), "tags"),
        (lambda d: written(d, GpsFix(1, 1)), "place"),
        (lambda d: d.replace(b"Exif\0\0", b"Exit\0\0"), "segments"),
    ],
)
def test_the_check_notices_any_other_difference(spoil: object, words: str) -> None:
    data = jpeg(exif(camera_block()), segment(0xFE, b"a comment"))
    bad = spoil(written(data))  # type: ignore[operator]
    with pytest.raises(WriteError, match=words):
        Jpeg().check(io.BytesIO(data), io.BytesIO(bad), NAME, FIX)


def test_progressive_pictures_are_kept() -> None:
    data = jpeg(exif(camera_block()), progressive=True)
    assert written(data).endswith(picture(progressive=True))


def test_the_registry_goes_by_content_not_by_name() -> None:
    assert isinstance(container_of(io.BytesIO(jpeg()), Path("photo.png")), Jpeg)
    assert container_of(io.BytesIO(b"\0\0\0\x14ftypheic"), Path("photo.jpg")) is None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_are_written_rightly_or_refused(data: st.DataObject) -> None:
    layout = data.draw(st.sampled_from(sorted(LAYOUTS)))
    whole = bytearray(jpeg(*LAYOUTS[layout], trailer=b"trailer"))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, min(len(whole), 1500) - 1))] = data.draw(st.integers(0, 255))
    spoiled = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        new = written(spoiled)
    except GeotaggerError:
        return
    assert place(new) == pytest.approx((FIX.lat, FIX.lon), abs=2e-8)
