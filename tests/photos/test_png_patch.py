"""GPS in PNGs: the Exif chunk changes, every other one stays."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from geotagger.errors import WriteError, WriteRefusedError
from geotagger.photos.containers.png import Png, chunk_bytes
from geotagger.photos.tiff_tags import GPS_POINTER, walk
from tests.photos.making import CAMERA, exif_bytes, gradient
from tests.photos.making import place as gps
from tests.support.jpegs import camera_block, gps_entries
from tests.support.patching import FIX, MOVED, check_corpus, pixels, place, places, written

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert data[at + 8 + size : at + 12 + size] == zlib.crc32(kind + body).to_bytes(4, "big")
        found.append((kind, body))
        at += 12 + size
        if kind == b"IEND":
            break
    return found


def joined(parts: list[tuple[bytes, bytes]], trailer: bytes = b"") -> bytes:
    return SIGNATURE + b"".join(chunk_bytes(*part) for part in parts) + trailer


def png(mode: str = "RGB", **more: object) -> bytes:
    buffer = io.BytesIO()
    image = gradient()
    image = image.convert("L").convert("I;16") if mode == "I;16" else image.convert(mode)
    image.save(buffer, "PNG", **more)
    return buffer.getvalue()


def rich() -> bytes:
    texts = PngInfo()
    texts.add_text("Comment", "a comment")
    texts.add_text("Long", "x" * 3000, zip=True)
    texts.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = exif_bytes(CAMERA, {0x9003: "2021:06:05 10:11:12"}, gps(48.5, 2.25))
    return png("RGBA", pnginfo=texts, icc_profile=profile, exif=exif, dpi=(300, 300))


def animated() -> bytes:
    buffer = io.BytesIO()
    others = [gradient().rotate(angle) for angle in (90, 180)]
    gradient().save(buffer, "PNG", save_all=True, append_images=others, duration=50)
    return buffer.getvalue()


def with_exif(block: bytes, *, last: bool = False) -> bytes:
    parts = chunks(png())
    parts.insert(len(parts) - 1 if last else 1, (b"eXIf", block))
    return joined(parts)


def raw_profile(block: bytes) -> bytes:
    text = f"\nexif\n{len(block) + 6:8}\n{(b'Exif' + bytes(2) + block).hex()}\n".encode()
    parts = chunks(png())
    parts.insert(1, (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)))
    return joined(parts)


FILES = {mode: png(mode) for mode in MODES} | {
    "rich": rich(),
    "animated": animated(),
    "trailer": png() + b"more bytes" * 99,
    "camera": with_exif(camera_block("<", gps=gps_entries("<"))),
    "exif last": with_exif(camera_block(">"), last=True),
    "prefix": with_exif(b"Exif\0\0" + camera_block(">")),
}


@pytest.mark.parametrize("name", FILES)
def test_every_form_is_written_and_read_by_all_readers(name: str) -> None:
    data = FILES[name]
    new = written(Png(), data)
    assert place(Png(), new) == pytest.approx((FIX.lat, FIX.lon), abs=2e-8)
    for reader, found in places(new).items():
        if (name, reader) == ("prefix", "exifread"):
            continue  # it does not know this form, before as well as after
        assert found == pytest.approx((FIX.lat, FIX.lon), abs=2e-8), reader
    assert pixels(new) == pixels(data)
    others = [part for part in chunks(data) if part[0] != b"eXIf"]
    assert [part for part in chunks(new) if part[0] != b"eXIf"] == others


@pytest.mark.parametrize("name", FILES)
def test_a_second_write_keeps_the_size_and_clearing_takes_all_out(name: str) -> None:
    first = written(Png(), FILES[name])
    second = written(Png(), first, MOVED)
    assert len(second) == len(first)
    cleared = written(Png(), second, None)
    assert not Png().read(io.BytesIO(cleared), Path("photo")).present
    if b"eXIf" not in dict(chunks(FILES[name])):
        assert cleared == FILES[name]


@pytest.mark.parametrize("name", ["camera", "exif last", "prefix", "rich"])
def test_all_other_tags_stay(name: str) -> None:
    old, new = (
        dict(chunks(data))[b"eXIf"].removeprefix(b"Exif\0\0")
        for data in (FILES[name], written(Png(), FILES[name]))
    )
    assert walk(old, without=GPS_POINTER) == walk(new, without=GPS_POINTER)


def test_the_new_chunk_stands_before_the_picture_and_an_old_one_stays_where_it_is() -> None:
    kinds = [kind for kind, _ in chunks(written(Png(), animated()))]
    assert kinds.index(b"IHDR") < kinds.index(b"eXIf") < kinds.index(b"fcTL")
    last = [kind for kind, _ in chunks(written(Png(), FILES["exif last"]))]
    assert last[-2:] == [b"eXIf", b"IEND"]


def test_a_heading_in_the_chunk_is_kept() -> None:
    assert dict(chunks(written(Png(), FILES["prefix"])))[b"eXIf"].startswith(b"Exif\0\0MM")


def test_exif_in_a_text_chunk_is_never_hidden_by_a_new_chunk() -> None:
    data = raw_profile(camera_block("<", gps=gps_entries("<")))
    assert place(Png(), data) == pytest.approx((48.5, 2.25))
    for fix in (FIX, None):
        with pytest.raises(WriteRefusedError, match="text chunk"):
            written(Png(), data, fix)
    with pytest.raises(WriteRefusedError, match="text chunk"):
        written(Png(), raw_profile(camera_block()))
    assert written(Png(), raw_profile(camera_block()), None) == raw_profile(camera_block())


PARTS = chunks(png())
DAMAGED = {
    "no picture": joined([PARTS[0], PARTS[-1]]),
    "no end": joined(PARTS[:-1]),
    "no header": joined(PARTS[1:]),
    "two headers": joined([PARTS[0], *PARTS]),
    "two exif chunks": joined([PARTS[0], *[(b"eXIf", camera_block())] * 2, *PARTS[1:]]),
    "odd name": joined([PARTS[0], (b"\0\1\2\3", b""), *PARTS[1:]]),
    "no tiff": with_exif(b"nonsense"),
    "empty exif": with_exif(b""),
    "wrong checksum": with_exif(camera_block()).replace(b"Acme", b"Ecme"),
    "huge chunk": joined(PARTS[:1]) + b"\xff\xff\xff\xffIDAT",
    "other file": b"GIF89a",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_refused(name: str) -> None:
    with pytest.raises(WriteRefusedError) as caught:
        written(Png(), DAMAGED[name])
    assert caught.value.remedy and caught.value.path == Path("photo")


def test_a_file_cut_anywhere_is_refused() -> None:
    data = rich()
    for size in range(0, len(data) - 1, 7):
        with pytest.raises(WriteRefusedError):
            written(Png(), data[:size])


def test_the_check_notices_any_other_change() -> None:
    data = rich()
    good = written(Png(), data)
    for at in range(8, len(good), 5):
        bad = good[:at] + bytes((good[at] ^ 0x41,)) + good[at + 1 :]
        with pytest.raises(WriteError):
            Png().check(io.BytesIO(data), io.BytesIO(bad), Path("photo"), FIX)


def test_the_picture_opens_after_the_write() -> None:
    with Image.open(io.BytesIO(written(Png(), rich()))) as image:
        assert image.info["Comment"] == "a comment" and image.info["icc_profile"]


@pytest.mark.shared
def test_the_corpus_is_written_without_harm(shared: Path, tmp_path: Path) -> None:
    check_corpus(sorted((shared / "exif").rglob("*.png")), tmp_path, expected_refusals=2)
