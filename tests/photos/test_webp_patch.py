"""GPS in WebPs: the Exif chunk, the flag that announces it, and the sizes change, no more."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from geotagger.errors import WriteError, WriteRefusedError
from geotagger.photos.containers.webp import ALPHA_FLAG, EXIF_FLAG, Webp, chunk_bytes
from geotagger.photos.tiff_tags import GPS_POINTER, walk
from tests.photos.making import CAMERA, exif_bytes, gradient
from tests.photos.making import place as gps
from tests.support.jpegs import camera_block, gps_entries
from tests.support.patching import FIX, MOVED, check_corpus, pixels, place, places, written

NAME = Path("photo")


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    end = 8 + struct.unpack("<I", data[4:8])[0]
    assert data[:4] == b"RIFF" and data[8:12] == b"WEBP" and end <= len(data)
    found, at = [], 12
    while at < end:
        size = struct.unpack("<I", data[at + 4 : at + 8])[0]
        found.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    assert at == end
    return found


def joined(parts: list[tuple[bytes, bytes]], trailer: bytes = b"") -> bytes:
    body = b"WEBP" + b"".join(chunk_bytes(*part) for part in parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body + trailer


def webp(mode: str = "RGB", size: tuple[int, int] = (64, 48), **more: object) -> bytes:
    buffer = io.BytesIO()
    image = gradient(*size).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(size))
    image.save(buffer, "WEBP", **more)
    return buffer.getvalue()


def animated() -> bytes:
    buffer = io.BytesIO()
    others = [gradient().rotate(angle) for angle in (90, 180)]
    gradient().save(buffer, "WEBP", save_all=True, append_images=others, duration=50)
    return buffer.getvalue()


def rich() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = exif_bytes(CAMERA, {0x9003: "2021:06:05 10:11:12"}, gps(48.5, 2.25))
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>"
    return webp("RGBA", icc_profile=profile, exif=exif, xmp=packet)


def with_exif(block: bytes, flags: int = EXIF_FLAG) -> bytes:
    header = bytes((flags, 0, 0, 0)) + b"\x3f\0\0\x2f\0\0"
    return joined([(b"VP8X", header), *chunks(webp()), (b"EXIF", block), (b"XMP ", b"<x/>")])


FILES = {
    "lossy": webp(),
    "lossless": webp(lossless=True),
    "lossy alpha": webp("RGBA"),
    "lossless alpha": webp("RGBA", lossless=True),
    "odd size": webp(size=(61, 37)),
    "one pixel": webp(size=(1, 1), lossless=True),
    "animated": animated(),
    "rich": rich(),
    "no exif but xmp": webp(xmp=b"<x:xmpmeta/>"),
    "odd chunk": joined([*chunks(webp()), (b"abcd", b"odd")]),
    "trailer": webp() + b"more bytes" * 99,
    "camera": with_exif(camera_block("<", gps=gps_entries("<"))),
    "prefix": with_exif(b"Exif\0\0" + camera_block(">", padding=1)),
    "flag forgotten": with_exif(camera_block(">"), flags=0),
}


@pytest.mark.parametrize("name", FILES)
def test_every_form_is_written_and_read_by_all_readers(name: str) -> None:
    data = FILES[name]
    new = written(Webp(), data)
    assert place(Webp(), new) == pytest.approx((FIX.lat, FIX.lon), abs=2e-8)
    for reader, found in places(new).items():
        assert found == pytest.approx((FIX.lat, FIX.lon), abs=2e-8), reader
    assert pixels(new) == pixels(data)
    ours = (b"EXIF", b"VP8X")
    others = [part for part in chunks(data) if part[0] not in ours]
    assert [part for part in chunks(new) if part[0] not in ours] == others
    assert dict(chunks(new))[b"VP8X"][0] & EXIF_FLAG
    assert (
        len(new) - len(data) == struct.unpack("<I", new[4:8])[0] - struct.unpack("<I", data[4:8])[0]
    )


@pytest.mark.parametrize("name", FILES)
def test_a_second_write_keeps_the_size_and_clearing_takes_all_out(name: str) -> None:
    first = written(Webp(), FILES[name])
    second = written(Webp(), first, MOVED)
    assert len(second) == len(first)
    cleared = written(Webp(), second, None)
    assert not Webp().read(io.BytesIO(cleared), NAME).present
    left = dict(chunks(cleared))
    assert bool(left[b"VP8X"][0] & EXIF_FLAG) == (b"EXIF" in left)
    assert pixels(cleared) == pixels(FILES[name])


@pytest.mark.parametrize("name", ["animated", "lossy alpha", "no exif but xmp"])
def test_clearing_an_extended_file_that_had_no_exif_gives_the_first_bytes_back(name: str) -> None:
    data = FILES[name]
    assert written(Webp(), written(Webp(), data), None) == data


@pytest.mark.parametrize("name", ["camera", "prefix", "flag forgotten", "rich"])
def test_all_other_tags_stay(name: str) -> None:
    old, new = (
        dict(chunks(data))[b"EXIF"].removeprefix(b"Exif\0\0")
        for data in (FILES[name], written(Webp(), FILES[name]))
    )
    assert walk(old, without=GPS_POINTER) == walk(new, without=GPS_POINTER)


@pytest.mark.parametrize("name", ["lossy", "lossless", "lossless alpha", "odd size", "one pixel"])
def test_a_simple_file_becomes_an_extended_one_of_the_same_size(name: str) -> None:
    kinds = chunks(written(Webp(), FILES[name]))
    assert [kind for kind, _ in kinds][0::2] == [b"VP8X", b"EXIF"]
    header = kinds[0][1]
    with Image.open(io.BytesIO(FILES[name])) as image:
        width, height = image.size
        assert bool(header[0] & ALPHA_FLAG) == (image.mode == "RGBA")
    assert int.from_bytes(header[4:7], "little") == width - 1
    assert int.from_bytes(header[7:10], "little") == height - 1


def test_the_new_chunk_stands_between_picture_and_xmp() -> None:
    kinds = [kind for kind, _ in chunks(written(Webp(), FILES["no exif but xmp"]))]
    assert kinds[-2:] == [b"EXIF", b"XMP "]


def test_a_heading_in_the_chunk_is_kept() -> None:
    assert dict(chunks(written(Webp(), FILES["prefix"])))[b"EXIF"].startswith(b"Exif\0\0MM")


EXTENDED = chunks(with_exif(camera_block()))
DAMAGED = {
    "no picture": joined([EXTENDED[0], *EXTENDED[2:]]),
    "two headers": joined([EXTENDED[0], *EXTENDED]),
    "two exif chunks": joined([*EXTENDED, EXTENDED[2]]),
    "short header": joined([(b"VP8X", b"\x08"), *EXTENDED[1:]]),
    "xmp in a simple file": joined(EXTENDED[1:]),
    "no tiff": with_exif(b"nonsense"),
    "empty exif": with_exif(b""),
    "no key frame": joined([(b"VP8 ", b"\1" + EXTENDED[1][1][1:])]),
    "no lossless header": joined([(b"VP8L", b"\x2e" + bytes(20))]),
    "empty picture": joined([(b"VP8 ", b"")]),
    "header behind the picture": joined([EXTENDED[1], EXTENDED[0]]),
    "stray bytes": joined([*EXTENDED, (b"", b"")]),
    "wave": b"RIFF\4\0\0\0WAVE",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_refused(name: str) -> None:
    with pytest.raises(WriteRefusedError) as caught:
        written(Webp(), DAMAGED[name])
    assert caught.value.remedy and caught.value.path == NAME


def test_a_file_cut_anywhere_is_refused() -> None:
    data = rich()
    for size in range(0, len(data) - 1, 7):
        with pytest.raises(WriteRefusedError):
            written(Webp(), data[:size])


@pytest.mark.parametrize("name", ["rich", "lossless alpha"])
def test_the_check_notices_any_other_change(name: str) -> None:
    data = FILES[name]
    good = written(Webp(), data)
    inside = range(
        good.index(b"EXIF") + 8, good.index(b"EXIF") + 8 + len(dict(chunks(good))[b"EXIF"])
    )
    for at in range(0, len(good) - 1, 5):
        if at in inside:
            continue  # spare bytes between the tags may be anything
        bad = good[:at] + bytes((good[at] ^ 0x41,)) + good[at + 1 :]
        with pytest.raises(WriteError):
            Webp().check(io.BytesIO(data), io.BytesIO(bad), NAME, FIX)


@pytest.mark.shared
def test_the_corpus_is_written_without_harm(shared: Path, tmp_path: Path) -> None:
    check_corpus(sorted((shared / "exif").rglob("*.webp")), tmp_path, expected_refusals=0)
