"""A folder of real photos of every form that is written to, for tests that kill the writer."""

from __future__ import annotations

import shutil
from pathlib import Path

from PIL import Image

from tests.photos.making import CAMERA, exif_bytes, place, xmp
from tests.support.jpegs import camera_block, exif, gps_entries, segment
from tests.support.pictures import scene

SIZE = (640, 480)


def make_photos(folder: Path, originals: Path | None = None, most: int = 8) -> list[Path]:
    """Make the folder and return the photos to write: in the file, hard-linked, into sidecars.

    With `originals`, unmodified photos of phones from there come first, small ones before large.
    """
    folder.mkdir(parents=True)
    photos: list[Path] = []
    if originals is not None:
        real = [p for p in originals.iterdir() if p.suffix in {".jpg", ".jpeg", ".webp", ".heic"}]
        for path in sorted(real, key=lambda p: p.stat().st_size)[:most]:
            photos.append(Path(shutil.copy2(path, folder / path.name)))
    camera = exif_bytes(CAMERA, {0x9003: "2021:06:05 10:11:12"}, place(48.5, 2.25))
    plain = exif_bytes(CAMERA, {0x9003: "2021:06:05 10:11:12"}, {})
    for number, kind in enumerate(("hills", "sea", "town")):
        image = scene(kind, number, SIZE)
        known = camera if number % 2 else plain
        photos.append(_saved(image, folder / f"{kind}.jpg", quality=92, exif=known))
        photos.append(_saved(image, folder / f"{kind}.png", exif=known))
        photos.append(_saved(image, folder / f"{kind}.webp", quality=80, exif=known))
        photos.append(_saved(image, folder / f"{kind}.tif", compression="tiff_deflate"))
    photos.append(_with_maker_note(folder / "camera.jpg"))
    (folder / "camera.second.jpg").hardlink_to(photos[-1])
    for name in ("raw.nef", "raw with sidecar.nef"):
        path = folder / name
        path.write_bytes(b"raw" * 1000)
        photos.append(path)
    (folder / "raw with sidecar.nef.xmp").write_bytes(xmp('photoshop:City="Paris"'))
    return photos


def _saved(image: Image.Image, path: Path, **how: object) -> Path:
    image.save(path, **how)
    return path


def _with_maker_note(path: Path) -> Path:
    """Give a drawn JPEG the block of a camera, and a trailer as motion photos have one."""
    scene("forest", 7, SIZE).save(path, quality=90)
    data = path.read_bytes()
    block = camera_block(gps=gps_entries("<"), padding=500)
    more = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp())
    path.write_bytes(data[:2] + exif(block) + more + data[2:] + b"a video" * 500)
    return path
