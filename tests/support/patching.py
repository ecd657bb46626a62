"""Writing into files of any container, with every check that a written file must pass."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import exifread
import pytest
from PIL import Image

from geotagger.errors import WriteRefusedError
from geotagger.photos.containers.registry import Container, container_of
from geotagger.photos.edits import apply, decode, encode, invert, narrow
from geotagger.photos.gps_write import GpsFix, read_position
from tests.support.jpegs import _place

FIX = GpsFix(-33.856784, -151.215297, radius_m=25)
MOVED = GpsFix(64.147, 21.94, radius_m=1_000)
NAME = Path("photo")
Place = tuple[float, float]


def written(container: Container, data: bytes, fix: GpsFix | None = FIX) -> bytes:
    """The file after a checked write, whose undo gives the very bytes back."""
    name = Path("photo")
    source, target, back = io.BytesIO(data), io.BytesIO(), io.BytesIO()
    edits = narrow(container.edits(source, name, fix), source)
    apply(edits, source, target)
    container.check(source, target, name, fix)
    apply(decode(encode(invert(edits, source))), target, back)
    assert back.getvalue() == data
    return target.getvalue()


def place(container: Container, data: bytes) -> Place | None:
    tags = container.read(io.BytesIO(data), Path("photo"))
    found = read_position(tags.values, tags.order)
    return None if found is None else (found.lat, found.lon)


def places(data: bytes) -> dict[str, Place | None]:
    """What exifread and Pillow say about the place of a file."""
    block = data
    if data[8:12] == b"WEBP":
        # exifread wants the heading of JPEG in this chunk, so it gets the block alone.
        block = data[data.index(b"EXIF") + 8 :].removeprefix(b"Exif\0\0")
    tags = exifread.process_file(io.BytesIO(block), details=False, extract_thumbnail=False)
    with Image.open(io.BytesIO(data)) as image:
        pillow = image.getexif().get_ifd(0x8825)
    names = ("GPSLatitude", "GPSLatitudeRef", "GPSLongitude", "GPSLongitudeRef")
    found = (tags.get(f"GPS {name}") for name in names)
    return {
        "exifread": _place(*(None if tag is None else tag.values for tag in found)),
        "pillow": _place(*(pillow.get(tag) for tag in (2, 1, 4, 3))),
    }


def pixels(data: bytes) -> list[tuple[str, tuple[int, int], bytes]]:
    """Every frame as Pillow decodes it."""
    frames = []
    with Image.open(io.BytesIO(data)) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            frames.append((image.mode, image.size, image.tobytes()))
    return frames


def exiftool_tags(files: Iterable[Path]) -> dict[str, dict[str, object]]:
    """Every tag that ExifTool finds but those of GPS and of the file itself, by file name."""
    program = shutil.which("exiftool")
    if program is None:
        return {}
    options = ["-json", "-G1", "-a", "-u", "-struct", "-n", "-fast"]
    call = [program, *options, *map(str, files)]
    answer = subprocess.run(call, capture_output=True, check=False, timeout=120).stdout
    left_out = ("System:", "File:", "GPS:", "Composite:", "ExifTool:", "SourceFile")
    left_out += ("RIFF:WebP_Flags", "RIFF:ImageWidth", "RIFF:ImageHeight")
    return {
        Path(tags["SourceFile"]).name: {
            key: value for key, value in tags.items() if not key.startswith(left_out)
        }
        for tags in json.loads(answer or b"[]")
    }


def check_corpus(files: list[Path], folder: Path, expected_refusals: int) -> None:
    """Write copies of real files: nothing but GPS differs, or the refusal says why."""
    assert files
    refused: dict[str, str] = {}
    old_files, new_files = folder / "old", folder / "new"
    old_files.mkdir()
    new_files.mkdir()
    for index, path in enumerate(files):
        data = path.read_bytes()
        container = container_of(io.BytesIO(data), path)
        if container is None:
            refused[path.name] = "no container"
            continue
        try:
            new = written(container, data)
        except WriteRefusedError as error:
            refused[path.name] = error.message
            continue
        assert place(container, new) == pytest.approx((FIX.lat, FIX.lon), abs=2e-8), path
        assert len(written(container, new, MOVED)) == len(new), path
        assert not container.read(io.BytesIO(written(container, new, None)), path).present, path
        name = f"{index}{path.suffix.lower()}"
        (old_files / name).write_bytes(data)
        (new_files / name).write_bytes(new)
    before = exiftool_tags(sorted(old_files.iterdir()))
    after = exiftool_tags(sorted(new_files.iterdir()))
    for name, tags in before.items():
        missing = {key: value for key, value in tags.items() if after[name].get(key) != value}
        assert not missing, (name, missing)
    assert all(refused.values())
    assert len(refused) <= expected_refusals, refused
