"""Files that are one photo are grouped; files that are not are left apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from geotagger.photos.companions import group, sidecar_of

FOLDER = Path("/photos/2019")


def names(*given: str) -> dict[str, tuple[str, ...]]:
    grouped = group([FOLDER / name for name in given])
    return {path.name: tuple(other.name for other in others) for path, others in grouped.items()}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["a.jpg", "a.CR2"], {"a.jpg": ("a.CR2",)}),
        (["IMG_1.CR3", "img_1.JPG"], {"img_1.JPG": ("IMG_1.CR3",)}),
        (["a.heic", "a.dng"], {"a.heic": ("a.dng",)}),
        (["a.nef"], {"a.nef": ()}),
        (["a.nef", "a.tif"], {"a.nef": (), "a.tif": ()}),
        (["a.cr2", "a.dng", "a.jpg"], {"a.jpg": ("a.cr2", "a.dng")}),
        (["a.HEIC", "a.MOV"], {"a.HEIC": ("a.MOV",)}),
        (["a.jpg", "a.mp4"], {"a.jpg": ("a.mp4",)}),
        (["a.mov"], {}),
        (["a.HEIC", "a.AAE", "a.MOV"], {"a.HEIC": ("a.AAE", "a.MOV")}),
        (["a.heic", "a.jpg", "a.mov"], {"a.heic": ("a.mov",), "a.jpg": ()}),
        (["IMG_1234.HEIC", "IMG_E1234.HEIC"], {"IMG_1234.HEIC": (), "IMG_E1234.HEIC": ()}),
        (["a.jpg", "a.jpg.xmp", "a.xmp"], {"a.jpg": ()}),
        (
            ["PXL_1.RAW-01.COVER.jpg", "PXL_1.RAW-02.ORIGINAL.dng"],
            {"PXL_1.RAW-01.COVER.jpg": ("PXL_1.RAW-02.ORIGINAL.dng",)},
        ),
    ],
)
def test_groups(given: list[str], expected: dict[str, tuple[str, ...]]) -> None:
    assert names(*given) == expected


def test_files_of_different_folders_are_not_one_photo() -> None:
    one, other = Path("/a/x.jpg"), Path("/b/x.cr2")
    assert group([one, other]) == {one: (), other: ()}


def sidecar(photo: str, *others: str) -> str | None:
    found = sidecar_of(FOLDER / photo, [FOLDER / name for name in others])
    return found.name if found else None


def test_the_sidecar_with_the_extension_is_preferred() -> None:
    assert sidecar("a.jpg", "a.xmp", "a.jpg.xmp") == "a.jpg.xmp"
    assert sidecar("a.jpg", "a.xmp") == "a.xmp"
    assert sidecar("A.JPG", "a.jpg.XMP") == "a.jpg.XMP"
    assert sidecar("a.jpg", "b.xmp", "a.cr2.xmp") is None


def test_a_sidecar_without_extension_belongs_to_the_raw() -> None:
    assert sidecar("a.nef", "a.jpg", "a.xmp") == "a.xmp"
    assert sidecar("a.jpg", "a.nef", "a.xmp") == "a.xmp"  # the pair is one photo
    assert sidecar("a.tif", "a.nef", "a.xmp") is None


def test_a_sidecar_of_another_folder_is_not_taken() -> None:
    assert sidecar_of(FOLDER / "a.jpg", [Path("/elsewhere/a.jpg.xmp")]) is None
