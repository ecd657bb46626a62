"""Pixels come upright, in sRGB, at the size asked for; what cannot be decoded is told."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from geotagger.errors import TaskMemoryError, UnreadableFileError
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.decode import load_jpeg_bytes, load_rgb
from tests.photos.making import exif_bytes, gradient, jpeg_bytes, save, save_heic

TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a picture is stored that has to be shown with this orientation."""


def close(found: NDArray[np.uint8], expected: Image.Image, tolerance: int = 12) -> bool:
    pixels = np.asarray(expected.convert("RGB"), dtype=int)
    return found.shape == pixels.shape and int(np.abs(found - pixels).max()) <= tolerance


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png", ".webp", ".avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    upright = gradient()
    stored = upright.transpose(TURNED[orientation]) if orientation > 1 else upright
    path = tmp_path / f"a{suffix}"
    stored.save(path, exif=exif_bytes({274: orientation}), quality=95)
    assert close(load_rgb(path, 64), upright, 24)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heic_comes_upright(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.heic"
    stored = gradient().transpose(TURNED[orientation]) if orientation > 1 else gradient()
    save_heic(path, stored, exif=exif_bytes({274: orientation}))
    assert close(load_rgb(path, 64), gradient())
    assert close(load_rgb(path, 32), gradient(32, 24), 24)


def test_the_longer_side_is_bounded_and_small_pictures_stay(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", size=(400, 300))
    assert load_rgb(path, 100).shape == (75, 100, 3)
    assert load_rgb(path, 1000).shape == (300, 400, 3)
    assert close(load_rgb(path, 100), gradient(100, 75))


def test_a_square_is_cut_from_the_middle(tmp_path: Path) -> None:
    wide = Image.new("RGB", (300, 100), (255, 0, 0))
    wide.paste((0, 255, 0), (100, 0, 200, 100))
    wide.save(tmp_path / "a.png")
    square = load_rgb(tmp_path / "a.png", 10, square=50)
    assert square.shape == (50, 50, 3)
    assert (square[:, 2:-2] == (0, 255, 0)).all()
    assert load_rgb(tmp_path / "a.png", 10, square=224).shape == (224, 224, 3)


def test_a_square_of_a_thin_line_is_no_bomb(tmp_path: Path) -> None:
    Image.new("RGB", (20_000, 2), (9, 8, 7)).save(tmp_path / "a.png")
    square = load_rgb(tmp_path / "a.png", 10, square=224)
    assert (square == (9, 8, 7)).all()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("L", (100, 100, 100)),
        ("1", (255, 255, 255)),
        ("P", (200, 100, 50)),
        ("CMYK", (200, 100, 50)),
        ("I;16", (100, 100, 100)),
        ("F", (127, 127, 127)),
    ],
)
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str, expected: tuple[int, ...]) -> None:
    path = tmp_path / "a.tif"
    if mode == "I;16":
        image = Image.fromarray(np.full((20, 30), 100 * 257, np.uint16))
    elif mode == "F":
        image = Image.fromarray(np.full((20, 30), 0.5, np.float32))
    elif mode == "L":
        image = Image.new("L", (30, 20), 100)
    else:
        image = Image.new("RGB", (30, 20), (200, 100, 50)).convert(mode, dither=Image.Dither.NONE)
        shown: Any = image.convert("RGB").getpixel((0, 0))
        expected = shown if mode in ("1", "P") else expected
    image.save(path)
    pixels = load_rgb(path, 30)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (20, 30, 3)
    assert np.abs(pixels.astype(int) - expected).max() <= 2


def test_a_float_picture_with_holes_and_any_range_is_scaled(tmp_path: Path) -> None:
    values = np.linspace(-5.0, 500.0, 600, dtype=np.float32).reshape(20, 30)
    values[3, 3] = np.nan
    Image.fromarray(values).save(tmp_path / "a.tif")
    pixels = load_rgb(tmp_path / "a.tif", 30)
    assert (pixels[0, 0, 0], pixels[-1, -1, 0]) == (0, 255)


def test_sixteen_bits_in_a_png_are_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.full((20, 30), 40_000, np.uint16)).save(tmp_path / "a.png")
    assert (load_rgb(tmp_path / "a.png", 30) == 156).all()


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_transparency_is_laid_over_white(tmp_path: Path, suffix: str) -> None:
    image = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 15, 20))
    image.save(tmp_path / f"a{suffix}", lossless=True)
    pixels = load_rgb(tmp_path / f"a{suffix}", 30)
    assert (pixels[10, 2] == (255, 0, 0)).all()
    assert (pixels[10, 28] == (255, 255, 255)).all()


def test_a_transparent_palette_is_laid_over_white(tmp_path: Path) -> None:
    image = Image.new("P", (30, 20), 1)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.paste(0, (0, 0, 15, 20))
    image.save(tmp_path / "a.png", transparency=1)
    pixels = load_rgb(tmp_path / "a.png", 30)
    assert (pixels[10, 2] == (10, 20, 30)).all()
    assert (pixels[10, 28] == (255, 255, 255)).all()


def test_a_colour_profile_is_applied(tmp_path: Path) -> None:
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.new("RGB", (20, 20), (200, 100, 50))
    for name, profile in (("srgb.png", srgb), ("broken.png", b"nonsense"), ("xyz.png", linear)):
        image.save(tmp_path / name, icc_profile=profile)
        load = load_rgb(tmp_path / name, 20)
        assert load.shape == (20, 20, 3)
        if name != "xyz.png":
            assert (load == (200, 100, 50)).all()


def test_a_jpeg_for_thumbnails_is_small_upright_and_bare(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", exif=exif_bytes({274: 6}, gps={1: "N"}), size=(400, 300))
    with Image.open(io.BytesIO(load_jpeg_bytes(path, 100))) as image:
        assert (image.format, image.size) == ("JPEG", (75, 100))
        assert "exif" not in image.info


def test_a_truncated_jpeg_shows_what_there_is(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", size=(640, 480), quality=95)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    pixels = load_rgb(path, 640)
    assert pixels.shape == (480, 640, 3)
    assert close(pixels[:200], gradient(640, 480).crop((0, 0, 640, 200)))
    assert load_rgb(save(tmp_path / "b.jpg"), 64).shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.jpg", b""),
        ("one.jpg", b"\xff"),
        ("head.jpg", jpeg_bytes()[:100]),
        ("noise.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256))),
        ("noise.webp", b"RIFF\xff\0\0\0WEBPVP8 " + bytes(100)),
        ("noise.tif", b"II*\0\x08\0\0\0\x01\0" + bytes(100)),
        ("noise.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)),
        ("noise.nef", b"II*\0\x08\0\0\0\x01\0" + bytes(500)),
        ("text.jpg", b"<html></html>"),
    ],
)
def test_what_cannot_be_decoded_is_told(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError) as caught:
        load_rgb(path, 100)
    assert caught.value.path == path
    assert caught.value.remedy


def png_of_size(width: int, height: int) -> bytes:
    """The beginning of a PNG that promises this many pixels, all black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99)))


def test_a_decompression_bomb_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of_size(60_000, 60_000))
    with pytest.raises(UnreadableFileError, match="too many") as caught:
        load_rgb(path, 100)
    assert caught.value.path == path
    assert caught.value.remedy


@pytest.mark.skipif(os.name == "nt", reason="memory is not bounded on Windows")
def test_a_picture_beyond_the_memory_of_the_worker_is_told(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png_of_size(15_000, 15_000))
    with BoundedPool(1, 60, 256 << 20) as pool:
        with pytest.raises(TaskMemoryError) as caught:
            pool.run(load_rgb, path, 100)
        assert caught.value.path == path
        assert pool.run(load_rgb, save(tmp_path / "a.png"), 64).shape == (48, 64, 3)


def test_names_that_are_not_utf8_are_decoded(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    jpeg = Path(os.fsdecode(folder + b"/\xff.jpg"))
    jpeg.write_bytes(jpeg_bytes())
    assert load_rgb(jpeg, 64).shape == (48, 64, 3)
    raw = Path(os.fsdecode(folder + b"/\xff.nef"))
    raw.write_bytes(b"II*\0\x08\0\0\0\x01\0" + bytes(500))
    with pytest.raises(UnreadableFileError, match="RAW"):
        load_rgb(raw, 64)


IDENTITY = (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)


def write_dng(path: Path, preview: bytes | None) -> Path:
    """A DNG of one small sensor picture, with or without an embedded JPEG."""
    sensor = np.full((120, 160), 2000, np.uint16)
    entries: dict[int, tuple[int, int, Any]] = {
        50706: (1, 4, b"\1\4\0\0"),
        50708: (2, 8, b"Testcam\0"),
        271: (2, 5, b"Test\0"),
        272: (2, 4, b"cam\0"),
        274: (3, 1, struct.pack("<H", 6)),
        50721: (
            10,
            9,
            struct.pack("<18i", *(1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)),
        ),
        50778: (3, 1, struct.pack("<H", 21)),
        50728: (5, 3, struct.pack("<6I", 1, 1, 1, 1, 1, 1)),
    }
    image: dict[int, tuple[int, int, Any]] = {
        254: (4, 1, struct.pack("<I", 0)),
        256: (4, 1, struct.pack("<I", 160)),
        257: (4, 1, struct.pack("<I", 120)),
        258: (3, 1, struct.pack("<H", 16)),
        259: (3, 1, struct.pack("<H", 1)),
        262: (3, 1, struct.pack("<H", 32803)),
        273: (4, 1, b"DATA"),
        277: (3, 1, struct.pack("<H", 1)),
        278: (4, 1, struct.pack("<I", 120)),
        279: (4, 1, struct.pack("<I", sensor.nbytes)),
        33421: (3, 2, struct.pack("<2H", 2, 2)),
        33422: (1, 4, b"\0\1\1\2"),
        50714: (3, 1, struct.pack("<H", 0)),
        50717: (3, 1, struct.pack("<H", 4000)),
    }
    if preview is None:
        first, sub = entries | image, None
        data = {273: sensor.tobytes()}
    else:
        with Image.open(io.BytesIO(preview)) as opened:
            width, height = opened.size
        first = entries | {
            254: (4, 1, struct.pack("<I", 1)),
            256: (4, 1, struct.pack("<I", width)),
            257: (4, 1, struct.pack("<I", height)),
            258: (3, 3, struct.pack("<3H", 8, 8, 8)),
            259: (3, 1, struct.pack("<H", 7)),
            262: (3, 1, struct.pack("<H", 6)),
            273: (4, 1, b"PREV"),
            277: (3, 1, struct.pack("<H", 3)),
            278: (4, 1, struct.pack("<I", height)),
            279: (4, 1, struct.pack("<I", len(preview))),
            330: (4, 1, b"SUBI"),
        }
        sub, data = image, {273: sensor.tobytes()}
    out = bytearray(b"II*\0\x08\0\0\0")

    def directory(tags: dict[int, tuple[int, int, Any]]) -> None:
        start = len(out)
        out.extend(struct.pack("<H", len(tags)) + bytes(12 * len(tags) + 4))
        for index, tag in enumerate(sorted(tags)):
            kind, count, value = tags[tag]
            if value in (b"DATA", b"PREV", b"SUBI"):
                content = {b"DATA": data[273], b"PREV": preview, b"SUBI": b""}[value]
                at = len(out)
                if value == b"SUBI":
                    directory(sub or {})
                else:
                    out.extend(content)
                value = struct.pack("<I", at)
            elif len(value) > 4:
                at = len(out)
                out.extend(value + b"\0" * (len(value) % 2))
                value = struct.pack("<I", at)
            where = start + 2 + 12 * index
            out[where : where + 12] = struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")

    directory(first)
    path.write_bytes(out)
    return path


def test_a_raw_without_preview_is_developed_at_half_size(tmp_path: Path) -> None:
    pixels = load_rgb(write_dng(tmp_path / "a.dng", None), 100)
    assert pixels.shape in ((80, 60, 3), (100, 75, 3))
    assert int(np.ptp(pixels.reshape(-1, 3), axis=0).max()) < 60


def test_the_preview_of_a_raw_is_used_and_turned(tmp_path: Path) -> None:
    preview = io.BytesIO()
    gradient(800, 600).save(preview, "JPEG", quality=95)
    pixels = load_rgb(write_dng(tmp_path / "a.dng", preview.getvalue()), 400)
    expected = gradient(800, 600).resize((400, 300)).transpose(Image.Transpose.ROTATE_270)
    assert close(pixels, expected)
