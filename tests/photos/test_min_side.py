from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from geotagger.photos.decode import load_rgb
from geotagger.photos.min_side import MinSide


def _picture(size: tuple[int, int]) -> Image.Image:
    rng = np.random.default_rng(size[0])
    small = rng.integers(0, 256, (max(1, size[1] // 8), max(1, size[0] // 8), 3), np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def _of_processor(picture: Image.Image, side: int, resample: int = 3) -> np.ndarray:
    from transformers import CLIPImageProcessorPil

    processor = CLIPImageProcessorPil(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}, resample=resample
    )
    pixels = processor(images=picture, do_rescale=False, do_normalize=False, return_tensors="np")[
        "pixel_values"
    ][0]
    return np.moveaxis(pixels, 0, -1).astype(int)


@pytest.mark.parametrize(
    "size", [(640, 480), (481, 640), (100, 57), (64, 64), (65, 90), (899, 20), (9, 500), (1, 1)]
)
def test_the_square_is_that_of_clips_image_processor(size: tuple[int, int], tmp_path: Path) -> None:
    picture = _picture(size)
    picture.save(tmp_path / "a.png")
    found = load_rgb(tmp_path / "a.png", 64, rule=MinSide(64)).astype(int)
    apart = np.abs(found - _of_processor(picture, 64))
    # Beyond four times as long as wide only the cut is computed; rounding may differ by one.
    assert apart.max() <= (1 if max(size) > 4 * min(size) else 0)


def test_the_filter_is_the_one_that_is_asked_for(tmp_path: Path) -> None:
    picture = _picture((300, 200))
    picture.save(tmp_path / "a.png")
    found = load_rgb(tmp_path / "a.png", 64, rule=MinSide(64, "bilinear")).astype(int)
    np.testing.assert_array_equal(found, _of_processor(picture, 64, resample=2))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(150, 101), (101, 150)])
def test_the_square_of_a_turned_picture_is_that_of_the_upright_one(
    size: tuple[int, int], orientation: int, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    _picture(size).save(tmp_path / "a.png", exif=exif)
    found = load_rgb(tmp_path / "a.png", 64, rule=MinSide(64)).astype(int)
    with Image.open(tmp_path / "a.png") as stored:
        upright = ImageOps.exif_transpose(stored).convert("RGB")
    # Scaled before it is turned, so the two passes of the filter round in another order.
    assert np.abs(found - _of_processor(upright, 64)).max() <= 2


def test_a_small_decoding_of_a_jpeg_lies_where_the_whole_one_does(tmp_path: Path) -> None:
    # 1,001 pixels by four are 251, which would be 1,004: a shift unless it is counted.
    picture = _picture((1001, 1403))
    picture.save(tmp_path / "a.jpg", quality=97)
    found = load_rgb(tmp_path / "a.jpg", 64, rule=MinSide(64)).astype(int)
    with Image.open(tmp_path / "a.jpg") as whole:
        wanted = _of_processor(whole.convert("RGB"), 64)
    assert np.abs(found - wanted).mean() < 0.5
    for way in ((1, 0), (0, 1)):
        assert np.abs(np.roll(found, way, (0, 1)) - wanted).mean() > 2.0


def test_a_picture_50_000_pixels_wide_is_no_bomb(tmp_path: Path) -> None:
    picture = _picture((50_000, 2))
    picture.save(tmp_path / "a.png")
    assert load_rgb(tmp_path / "a.png", 64, rule=MinSide(64)).shape == (64, 64, 3)
