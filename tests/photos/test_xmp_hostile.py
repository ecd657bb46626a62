"""Hostile XMP, in photos and beside them, costs a worker little time and memory."""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from geotagger.errors import GeotaggerError, TaskCrashedError, TaskMemoryError, TaskTimeoutError
from geotagger.library.write_plan import WriteOptions, WriteTarget, plan_photo
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.metadata import read_photo
from geotagger.photos.replace import stamp_of
from geotagger.photos.sidecar import Sidecar
from tests.photos.making import jpeg_bytes, save, xmp
from tests.photos.test_png_patch import chunks, joined
from tests.support.writes import FIX

SECONDS, MEMORY = 20.0, 400 << 20
"""Seconds of the processor that a file may cost, bytes of memory."""
PATIENCE = 240.0
"""Seconds of the clock: on a busy machine those of the processor take longer."""
BOUNDS = (TaskCrashedError, TaskMemoryError, TaskTimeoutError)
RDF = b"http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def laughs() -> bytes:
    names = "abcdefghij"
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in itertools.pairwise(names))
    head = f'<!DOCTYPE x [<!ENTITY a "{"ha" * 50}">{entities}]>'
    return head.encode() + xmp("", "<exif:UserComment>&j;</exif:UserComment>")


def quadratic() -> bytes:
    head = f'<!DOCTYPE x [<!ENTITY a "{"a" * 100_000}">]>'
    return head.encode() + xmp("", f"<exif:UserComment>{'&a;' * 100_000}</exif:UserComment>")


def deep() -> bytes:
    return xmp("", "<a>" * 1_000_000)


def deep_and_closed() -> bytes:
    return xmp("", "<a>" * 90_000 + "</a>" * 90_000)


def wide() -> bytes:
    return xmp("", "<exif:GPSLatitude>1,0N</exif:GPSLatitude>" * 200_000)


def huge_attribute() -> bytes:
    return xmp(f'exif:GPSLatitude="{"9" * 9_000_000}N" exif:GPSLongitude="2,0E"')


def many_attributes() -> bytes:
    return xmp(" ".join(f'exif:a{n}="1"' for n in range(400_000)))


def many_namespaces() -> bytes:
    return xmp(" ".join(f'xmlns:n{n}="http://n/{n}"' for n in range(200_000)))


def fifty_megabytes() -> bytes:
    return xmp('exif:GPSLatitude="1,0N" exif:GPSLongitude="2,0E"', " " * (50 << 20))


def half_a_markup() -> bytes:
    return xmp("", "<" * 5_000_000)


HOSTILE = [
    laughs,
    quadratic,
    deep,
    deep_and_closed,
    wide,
    huge_attribute,
    many_attributes,
    many_namespaces,
    fifty_megabytes,
    half_a_markup,
]


@pytest.fixture(scope="module")
def pool() -> Iterator[BoundedPool]:
    with BoundedPool(1, PATIENCE, MEMORY) as started:
        yield started


def cheap(pool: BoundedPool, function: Callable[..., Any], *args: Any) -> Any:
    """Return what a function gives in a worker, where it costs no more than it may."""
    result, seconds = pool.run(measured, function, *args)
    assert seconds < SECONDS
    return result


def measured(function: Callable[..., Any], *args: Any) -> tuple[Any, float]:
    """Return a function's result and the seconds of the processor it took; runs in the worker."""
    before = time.process_time()
    return function(*args), time.process_time() - before


def in_png(packet: bytes) -> bytes:
    path = io.BytesIO()
    save(path, size=(64, 48), format="PNG")  # type: ignore[arg-type]
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + packet
    parts = chunks(path.getvalue())
    return joined([parts[0], (b"iTXt", text), *parts[1:]])


@pytest.mark.parametrize("make", HOSTILE)
def test_in_a_photo_it_costs_little_and_the_photo_is_read(
    make,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    pool: BoundedPool,
) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(in_png(make()))
    record = cheap(pool, read_photo, path)
    assert (record.width, record.height) == (64, 48)
    target = WriteTarget(path, FIX, record.stamp)
    assert [item.how for item in cheap(pool, plan_photo, target, WriteOptions())] == ["in the file"]


@pytest.mark.parametrize("make", HOSTILE)
def test_beside_a_photo_it_costs_little_and_is_merged_or_refused(
    make,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    pool: BoundedPool,
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg_bytes())
    beside = tmp_path / "photo.jpg.xmp"
    beside.write_bytes(make())
    assert cheap(pool, read_photo, path).sidecar == beside
    options = WriteOptions(sidecar="always")
    (item,) = cheap(pool, plan_photo, WriteTarget(path, FIX, stamp_of(path)), options)
    assert item.how == "refused" or cheap(pool, merged, beside)
    assert not isinstance(item.error, BOUNDS)


def merged(path: Path) -> bool:
    """Return whether a merge passes its own check; runs in the worker."""
    data = path.read_bytes()
    new = data
    for edit in reversed(Sidecar().edits(io.BytesIO(data), path, FIX)):
        new = new[: edit.start] + edit.data + new[edit.end :]
    try:
        Sidecar().check(io.BytesIO(data), io.BytesIO(new), path, FIX)
    except GeotaggerError:
        return False
    return True
