"""Screenshots, scans and downloads are told from photos; in doubt it is a photo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from geotagger.photos.metadata import read_photo
from geotagger.photos.record import PhotoRecord
from tests.photos.making import (
    CAMERA,
    exif_bytes,
    place,
    save,
)

ORIGINAL, COMMENT = 36867, 37510


@pytest.fixture
def record_of(tmp_path: Path) -> Callable[..., PhotoRecord]:
    def make(name: str, *, size: tuple[int, int] = (64, 48), **exif: Any) -> PhotoRecord:
        block = exif_bytes(**exif) if exif else b""
        return read_photo(save(tmp_path / name, exif=block, size=size))

    return make


COMMENT_SCREENSHOT = b"ASCII\0\0\0Screenshot"


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("Screenshot_20190503-141523.jpg", {}),
        ("Bildschirmfoto 2019-05-03 um 14.15.23.png", {}),
        ("Capture d’écran 2019-05-03.png", {}),
        ("スクリーンショット 2019.png", {}),
        ("IMG_0001.PNG", {"exif": {COMMENT: COMMENT_SCREENSHOT}}),
        ("IMG_0002.PNG", {"size": (1170, 2532)}),
        ("IMG_0003.PNG", {"size": (1920, 1080)}),
        ("Scan 2019-05-03.jpg", {}),
        ("IMG-20190503-WA0001.jpg", {}),
        ("a.jpg", {"image": {271: "EPSON", 272: "Perfection V600"}}),
        ("b.jpg", {"image": {271: "Canon", 272: "CanoScan 9000F"}}),
    ],
)
def test_screenshots_scans_and_downloads_are_no_photos(
    record_of: Callable[..., PhotoRecord], name: str, more: dict[str, Any]
) -> None:
    assert record_of(name, **more).looks_like_document


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("IMG_0001.jpg", {}),
        ("IMG_0002.PNG", {}),
        ("IMG_0003.jpg", {"size": (1920, 1080)}),
        ("c6cd7b6ee8266c0c.jpg", {}),
        ("scandinavia.jpg", {}),
        ("Screenshot of the sea.jpg", {"image": CAMERA}),
        ("IMG-20190503-WA0001.jpg", {"image": CAMERA}),
        ("IMG-20190503-WA0002.jpg", {"exif": {ORIGINAL: "2019:05:03 14:15:23"}}),
        ("IMG-20190503-WA0003.jpg", {"gps": place(1.0, 2.0)}),
        ("a.jpg", {"image": {271: "SAMSUNG", 272: "GT-I9000"}}),
        ("b.jpg", {"image": {271: "FUJIFILM", 272: "DS-300"}}),
        ("c.jpg", {"image": {271: "SEIKO EPSON CORP.", 272: "PhotoPC 3000Z"}}),
    ],
)
def test_in_doubt_it_is_a_photo(
    record_of: Callable[..., PhotoRecord], name: str, more: dict[str, Any]
) -> None:
    assert not record_of(name, **more).looks_like_document


def test_the_make_stands_in_the_camera_once(record_of: Callable[..., PhotoRecord]) -> None:
    assert record_of("a.jpg", image={271: "Canon", 272: "Canon EOS 40D"}).camera == "Canon EOS 40D"
    assert record_of("b.jpg", image={271: "Apple", 272: "iPhone 6"}).camera == "Apple iPhone 6"
