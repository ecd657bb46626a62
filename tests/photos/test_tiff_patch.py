"""GPS in TIFFs: a directory at the end of the file, everything else stays where it is."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import ImageCms

from geotagger.errors import GeotaggerError, WriteError, WriteRefusedError
from geotagger.photos.containers.registry import container_of
from geotagger.photos.containers.tiff import Tiff
from geotagger.photos.edits import Edit, apply
from geotagger.photos.gps_write import GpsFix
from geotagger.photos.tiff_tags import GPS_POINTER, walk
from tests.photos.making import CAMERA, exif_bytes, gradient
from tests.support.jpegs import gps_entries, ifd, long
from tests.support.patching import FIX, MOVED, check_corpus, pixels, place, places, written

NAME = Path("photo.tif")
MODES = ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"]
STRIP = bytes(range(64)) * 3


def tiff(mode: str = "RGB", **more: object) -> bytes:
    buffer = io.BytesIO()
    image = gradient()
    image = image.convert("L").convert("I;16") if mode == "I;16" else image.convert(mode)
    image.save(buffer, "TIFF", **more)
    return buffer.getvalue()


def pages() -> bytes:
    others = [gradient().rotate(angle) for angle in (90, 180)]
    return tiff(save_all=True, append_images=others)


def rich() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tags = exif_bytes(CAMERA, {0x9003: "2021:06:05 10:11:12"})
    return tiff(icc_profile=profile, exif=tags, description="a scan")


def built(
    order: str, *extra: tuple[int, int, int, bytes], gps: bool = False, tail: int = 0
) -> bytes:
    """A grey picture of 16 × 12 in one strip right behind the directory."""

    def number(value: int) -> bytes:
        return struct.pack(order + "H", value)

    def assemble(strip_at: int, gps_at: int) -> bytes:
        entries = [
            (0x0100, 3, 1, number(16)),
            (0x0101, 3, 1, number(12)),
            (0x0102, 3, 1, number(8)),
            (0x0103, 3, 1, number(1)),
            (0x0106, 3, 1, number(1)),
            (0x0111, 4, 1, long(order, strip_at)),
            (0x0115, 3, 1, number(1)),
            (0x0116, 3, 1, number(12)),
            (0x0117, 4, 1, long(order, len(STRIP))),
        ]
        entries += [(GPS_POINTER, 4, 1, long(order, gps_at))] if gps else []
        kept = {tag for tag, *_ in extra}
        entries = sorted([*(entry for entry in entries if entry[0] not in kept), *extra])
        data = (b"II*\0" if order == "<" else b"MM\0*") + long(order, 8) + ifd(order, 8, entries)
        ends.append(len(data))
        data += STRIP
        ends.append(len(data))
        return data + (ifd(order, len(data), gps_entries(order)) if gps else b"") + bytes(tail)

    ends: list[int] = []
    assemble(0, 0)
    return assemble(*ends[:2])


FILES = {mode: tiff(mode) for mode in MODES} | {
    "pages": pages(),
    "rich": rich(),
    "deflate": tiff(compression="tiff_deflate"),
    "little": built("<"),
    "big": built(">"),
    "odd length": built(">", tail=7),
    "gps little": built("<", gps=True),
    "gps big": built(">", gps=True),
}


@pytest.mark.parametrize("name", FILES)
def test_every_form_is_written_and_read_by_all_readers(name: str) -> None:
    data = FILES[name]
    new = written(Tiff(), data)
    assert place(Tiff(), new) == pytest.approx((FIX.lat, FIX.lon), abs=2e-8)
    for reader, found in places(new).items():
        assert found == pytest.approx((FIX.lat, FIX.lon), abs=2e-8), reader
    assert pixels(new) == pixels(data)
    assert walk(data, without=GPS_POINTER) == walk(new, without=GPS_POINTER)


@pytest.mark.parametrize("name", FILES)
def test_only_the_end_and_a_pointer_change(name: str) -> None:
    data = FILES[name]
    new = written(Tiff(), data)
    assert sum(a != b for a, b in zip(data, new, strict=False)) <= 8
    assert len(new) - len(data) < 600


@pytest.mark.parametrize("name", FILES)
def test_a_second_write_keeps_the_size_and_clearing_takes_all_out(name: str) -> None:
    data = FILES[name]
    first = written(Tiff(), data)
    second = written(Tiff(), first, MOVED)
    assert len(second) == len(first)
    cleared = written(Tiff(), second, None)
    assert not Tiff().read(io.BytesIO(cleared), NAME).present
    assert pixels(cleared) == pixels(data)
    again = written(Tiff(), cleared)
    assert len(written(Tiff(), written(Tiff(), again, None))) == len(again)


def test_a_slot_that_became_too_small_is_replaced() -> None:
    first = written(Tiff(), built("<"))
    longer = written(Tiff(), first + b"more", GpsFix(1, 2, method="M" * 64, altitude_m=5))
    assert place(Tiff(), longer) == pytest.approx((1, 2))
    assert b"MANUAL" not in longer


def test_foreign_gps_is_wiped_when_cleared() -> None:
    data = built("<", gps=True)
    cleared = written(Tiff(), data, None)
    assert struct.pack("<6I", 48, 1, 30, 1, 0, 1) in data
    assert struct.pack("<6I", 48, 1, 30, 1, 0, 1) not in cleared


def short(value: int) -> bytes:
    return struct.pack("<H", value)


REFUSED = {
    "big tiff": (b"II+\0\x08\0\0\0" + bytes(40), "BigTIFF"),
    "dng": (built("<", (0xC612, 1, 4, b"\1\4\0\0")), "RAW"),
    "colour filter": (built("<", (0x0106, 3, 1, short(32803))), "RAW"),
    "nikon": (built("<", (0x0103, 3, 1, short(34713))), "RAW"),
    "sony": (built("<", (0x0103, 3, 1, short(32767))), "RAW"),
    "phase one": (b"II*\0\x0c\0\0\0IIII" + ifd("<", 12, [(0x0111, 4, 1, long("<", 8))]), "RAW"),
    "old jpeg of a camera": (
        built("<", (0x0103, 3, 1, short(6)), (0x010F, 2, 6, b"Canon\0")),
        "RAW",
    ),
    "cut": (built("<")[:-5], "ends before"),
    "no picture": (b"II*\0\x08\0\0\0" + ifd("<", 8, [(0x010F, 2, 5, b"Acme\0")]), "no picture"),
    "no sizes": (built("<", (0x0117, 4, 0, b"")), "belong together"),
    "nowhere": (b"II*\0\xff\xff\0\0" + bytes(40), "outside"),
    "two pointers": (built("<", *[(GPS_POINTER, 4, 1, long("<", 0))] * 2), "two GPS pointers"),
    "picture in the header": (built("<", (0x0111, 4, 1, long("<", 0))), "inside of the picture"),
    "no pointer": (built("<", (0x8769, 4, 3, long("<", 0))), "way to the Exif"),
    "value behind the end": (built("<", (0x010F, 2, 400, long("<", 150))), "reaches outside"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_written_safely_is_refused(name: str) -> None:
    data, reason = REFUSED[name]
    with pytest.raises(WriteRefusedError, match=reason) as caught:
        Tiff().edits(io.BytesIO(data), NAME, FIX)
    assert caught.value.remedy and caught.value.path == NAME


def test_a_raw_by_name_has_no_container() -> None:
    for name in ("photo.nef", "photo.dng", "photo.arw"):
        assert container_of(io.BytesIO(built("<")), Path(name)) is None
    assert isinstance(container_of(io.BytesIO(built("<")), NAME), Tiff)


@pytest.mark.parametrize("name", ["gps big", "little"])
def test_the_check_notices_any_other_change(name: str) -> None:
    data = FILES[name]
    good = written(Tiff(), data)
    gps_at = len(data) if name == "little" else data.index(STRIP) + len(STRIP)
    for at in range(gps_at):
        bad = good[:at] + bytes((good[at] ^ 0x41,)) + good[at + 1 :]
        if 8 <= at < data.index(STRIP) and name == "little":
            continue  # the directory that is no longer used
        with pytest.raises(WriteError):
            Tiff().check(io.BytesIO(data), io.BytesIO(bad), NAME, FIX)


class Counting(io.BytesIO):
    """Counts the bytes that are read."""

    total = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.total += len(data)
        return data


def test_the_picture_is_not_read_to_plan_a_write() -> None:
    source = Counting(built("<") + bytes(20 << 20))
    edits = Tiff().edits(source, NAME, FIX)
    assert source.total < 100_000
    assert sum(len(edit.data) for edit in edits) < 1000


def test_a_file_cut_anywhere_is_refused_or_written_whole() -> None:
    data = rich()
    for size in range(0, len(data) - 1, 11):
        source, target = io.BytesIO(data[:size]), io.BytesIO()
        try:
            edits: list[Edit] = Tiff().edits(source, NAME, FIX)
        except GeotaggerError:
            continue
        apply(edits, source, target)
        Tiff().check(source, target, NAME, FIX)


@pytest.mark.shared
def test_the_corpus_is_written_without_harm(shared: Path, tmp_path: Path) -> None:
    found = [*(shared / "exif").rglob("*.tif"), *(shared / "exif").rglob("*.tiff")]
    check_corpus(sorted(found), tmp_path, expected_refusals=8)
