"""Other people's files, of many makers and some hostile, are read within bounds."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from geotagger.errors import GeotaggerError
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.decode import load_rgb
from geotagger.photos.find import Found, find_photos
from geotagger.photos.metadata import read_found, read_photo
from geotagger.photos.record import GpsState, PhotoRecord, TimeSource

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def outcomes(shared: Path) -> dict[str, PhotoRecord | Exception]:
    """What reading gave for every file, by its name."""
    found = (item for item in find_photos(shared / "exif") if isinstance(item, Found))
    with BoundedPool(2, timeout_s=60, memory_bytes=512 << 20) as pool:
        return {item.path.name: outcome for item, outcome in pool.map_unordered(read_found, found)}


def test_every_file_is_read_or_told(outcomes: dict[str, PhotoRecord | Exception]) -> None:
    assert len(outcomes) > 120
    errors = [outcome for outcome in outcomes.values() if isinstance(outcome, Exception)]
    assert all(isinstance(error, GeotaggerError) and error.path for error in errors)
    assert len(errors) <= 3


def test_the_places_of_phones_are_exact(
    shared: Path, outcomes: dict[str, PhotoRecord | Exception]
) -> None:
    with (shared / "exif/phone-originals/index.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows
    for row in rows:
        record = outcomes[row["file"]]
        assert isinstance(record, PhotoRecord)
        assert record.gps.state is GpsState.COMPLETE
        assert record.gps.lat == pytest.approx(float(row["lat"]), abs=2e-6)
        assert record.gps.lon == pytest.approx(float(row["lon"]), abs=2e-6)
        if row["taken_at"]:
            assert record.taken_at is not None
            assert record.taken_at.when.strftime("%Y-%m-%dT%H:%M:%S") == row["taken_at"]


@pytest.mark.parametrize(
    ("name", "state", "source"),
    [
        ("Samsung GT-I9000 (Galaxy S).jpg", GpsState.INCOMPLETE, TimeSource.EXIF_LOCAL),
        ("FujiFilm DX-5.jpg", GpsState.NONE, TimeSource.FILE_MTIME),
        ("Olympus C4040Z.jpg", GpsState.NONE, TimeSource.FILE_MTIME),
        ("HTC Desire.webp", GpsState.COMPLETE, TimeSource.EXIF_LOCAL),
    ],
)
def test_known_oddities_are_seen(
    outcomes: dict[str, PhotoRecord | Exception], name: str, state: GpsState, source: TimeSource
) -> None:
    record = outcomes[name]
    assert isinstance(record, PhotoRecord)
    assert record.gps.state is state
    assert record.taken_at is not None
    assert record.taken_at.source in (source, TimeSource.EXIF_GPS)


def test_every_picture_is_decoded_or_told(shared: Path) -> None:
    decoded = 0
    with BoundedPool(2, timeout_s=60, memory_bytes=1 << 30) as pool:
        for item in find_photos(shared / "exif"):
            try:
                pixels = pool.run(load_rgb, item.path, 64)
            except GeotaggerError as error:
                assert error.path == item.path
            else:
                decoded += 1
                assert pixels.ndim == 3
                assert max(pixels.shape[:2]) <= 64
    assert decoded > 120


def test_real_album_photos_are_no_documents(shared: Path) -> None:
    with (shared / "photos/albums.csv").open(newline="") as stream:
        files = [row["file"] for row in csv.DictReader(stream)][::20]
    records = [read_photo(shared / "photos" / name, siblings=()) for name in files]
    assert not any(record.looks_like_document for record in records)
