"""Spoiled files of every container and spoiled XMP: written rightly, or refused in words."""

from __future__ import annotations

import contextlib
import io
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geotagger.errors import GeotaggerError
from geotagger.photos.containers.jpeg import Jpeg
from geotagger.photos.containers.png import Png, chunk_bytes
from geotagger.photos.containers.registry import Container
from geotagger.photos.containers.tiff import Tiff
from geotagger.photos.containers.webp import Webp
from geotagger.photos.edits import apply
from geotagger.photos.metadata import read_photo
from geotagger.photos.sidecar import Sidecar
from geotagger.photos.xmp_read import XmpError, gps_of_xmp, parse_xmp, read_sidecar
from tests.photos import test_png_patch, test_tiff_odd, test_tiff_patch, test_webp_patch
from tests.photos.making import xmp
from tests.support.jpegs import camera_block, exif, gps_entries, ifd, jpeg, long
from tests.support.patching import FIX
from tests.support.spoiling import MAX_MEMORY, peak_memory, spoiled, survives

BLOCK = camera_block("<", gps=gps_entries("<"))
FILES: dict[str, tuple[Container, bytes]] = {
    "jpeg": (Jpeg(), jpeg(exif(BLOCK), trailer=b"trailer")),
    "jpeg without exif": (Jpeg(), jpeg()),
    "png": (Png(), test_png_patch.with_exif(BLOCK)),
    "png animated": (Png(), test_png_patch.animated()),
    "png raw profile": (Png(), test_png_patch.raw_profile(BLOCK)),
    "webp": (Webp(), test_webp_patch.with_exif(BLOCK)),
    "webp simple": (Webp(), test_webp_patch.webp("RGBA", lossless=True)),
    "tiff": (Tiff(), test_tiff_patch.built("<", gps=True)),
    "tiff pages": (Tiff(), test_tiff_patch.pages()),
    "tiff rich": (Tiff(), test_tiff_patch.rich()),
    "tiff old jpeg": (Tiff(), test_tiff_odd.old_jpeg(gps=True, tables_at=400)),
    "jpeg stray pointer": (Jpeg(), jpeg(exif(test_tiff_odd.stray("<", 16, gps=True)))),
    "webp stray pointer": (Webp(), test_webp_patch.with_exif(test_tiff_odd.stray(">", 30))),
}
SUFFIXES = {"jpeg": ".jpg", "png": ".png", "webp": ".webp", "tiff": ".tif"}
PLACE = 'exif:GPSLatitude="48,30.5N" exif:GPSLongitude="2,15E" photoshop:City="Paris"'
NESTED = "<exif:GPSLatitude>48,30.5N</exif:GPSLatitude><exif:GPSLongitude>2,15W</exif:GPSLongitude>"
PACKETS = {
    "plain": xmp(),
    "attributes": xmp(PLACE),
    "elements": xmp("", NESTED),
    "utf-16": xmp(PLACE).decode().encode("utf-16"),
}
fuzzed = settings(max_examples=100, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 1 << 32)


@pytest.mark.parametrize("name", FILES)
def test_a_whole_file_is_written(name: str) -> None:
    assert survives(*FILES[name]) == (name != "png raw profile")


@pytest.mark.parametrize("name", FILES)
@fuzzed
@given(seed=seeds)
def test_spoiled_files_are_written_rightly_or_refused(name: str, seed: int) -> None:
    container, data = FILES[name]
    survives(container, spoiled(data, seed))


@pytest.mark.parametrize("name", FILES)
def test_spoiled_files_take_little_memory(name: str) -> None:
    container, data = FILES[name]
    assert max(peak_memory(container, spoiled(data, seed)) for seed in range(12)) < MAX_MEMORY


@pytest.mark.parametrize("name", FILES)
def test_spoiled_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / ("photo" + SUFFIXES[name.split()[0]])
    for seed in range(40):
        path.write_bytes(spoiled(FILES[name][1], seed))
        with contextlib.suppress(GeotaggerError):
            assert read_photo(path).path == path


@pytest.mark.parametrize("name", PACKETS)
@fuzzed
@given(seed=seeds)
def test_spoiled_xmp_is_read_and_merged_or_refused(name: str, seed: int) -> None:
    data = spoiled(PACKETS[name], seed)
    path = Path("photo.xmp")
    source, target = io.BytesIO(data), io.BytesIO()
    with contextlib.suppress(XmpError):
        gps_of_xmp(parse_xmp(data))
    with contextlib.suppress(GeotaggerError):
        Sidecar().read(source, path)
        apply(Sidecar().edits(source, path, FIX), source, target)
        Sidecar().check(source, target, path, FIX)


@pytest.mark.parametrize("name", PACKETS)
def test_spoiled_sidecars_are_read_or_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.xmp"
    for seed in range(40):
        path.write_bytes(spoiled(PACKETS[name], seed))
        with contextlib.suppress(GeotaggerError):
            assert isinstance(read_sidecar(path), dict)


def greedy_block(size: int, entries: int) -> bytes:
    """A block whose GPS directory has many entries, each of which claims nearly all of it."""
    header = b"II*\0" + long("<", 8)
    block = header + ifd("<", 8, [(0x8825, 4, 1, long("<", 26))])
    table = struct.pack("<H", entries)
    for tag in range(entries):
        table += struct.pack("<HHII", tag, 7, size - 64, 0)
    return (block + table + bytes(4)).ljust(size, b"\0")


@pytest.mark.parametrize("entries", [250, 4000])
def test_tags_that_all_claim_the_same_bytes_do_not_fill_the_memory(entries: int) -> None:
    block = greedy_block(1 << 20, entries)
    parts = test_png_patch.chunks(test_png_patch.png())
    png = test_png_patch.joined([parts[0], (b"eXIf", block), *parts[1:]])
    assert len(chunk_bytes(b"eXIf", block)) < len(png)
    assert peak_memory(Png(), png) < MAX_MEMORY
    assert peak_memory(Tiff(), block) < MAX_MEMORY


def test_a_directory_that_leads_to_itself_ends() -> None:
    loop = b"II*\0" + long("<", 8) + ifd("<", 8, [(0x014A, 4, 1, long("<", 8))], 8)
    for data, container in (
        (loop, Tiff()),
        (test_png_patch.with_exif(loop), Png()),
        (test_webp_patch.with_exif(loop), Webp()),
        (jpeg(exif(loop)), Jpeg()),
    ):
        assert not survives(container, data)


def test_a_page_of_countless_strips_is_refused() -> None:
    count = 2_000_000
    strips = [(tag, 4, count, b"") for tag in (0x0111, 0x0117)]
    data = b"II*\0" + long("<", 8) + ifd("<", 8, strips)
    data = data.replace(bytes(8), long("<", 64) * 2, 1).ljust(64 + 4 * count, b"\0")
    assert not survives(Tiff(), data)
    assert peak_memory(Tiff(), data) < MAX_MEMORY
