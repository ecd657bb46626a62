"""Names and words on their way from the disk to `suggest`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import piexif
import pytest
from PIL import Image

from geotagger.library.analysing import album_photos, analyse
from geotagger.library.catalog import Catalog
from geotagger.library.scan import ScanOutcome, scan_folder
from geotagger.library.schema import APPLICATION_ID, MIGRATIONS, migrate
from geotagger.library.storing import decode_words, encode_words
from geotagger.photos.record import Words
from geotagger.suggest.types import TextKind


@pytest.fixture
def journey(tmp_path: Path) -> Path:
    """A folder "journey" with one captioned photo two folders below."""
    folder = tmp_path / "journey" / "Espagne" / "Cordoue"
    folder.mkdir(parents=True)
    exif = {
        "0th": {piexif.ImageIFD.ImageDescription: b"Mezquita", piexif.ImageIFD.Make: b"Acme"},
        "Exif": {piexif.ExifIFD.DateTimeOriginal: b"2022:05:14 09:34:00"},
    }
    Image.new("RGB", (160, 120)).save(folder / "DSC_0001.jpg", exif=piexif.dump(exif))
    return tmp_path / "journey"


def test_a_photo_without_anything_else_is_placed_by_its_folders(catalog: Catalog, journey: Path):
    list(scan_folder(catalog, journey, workers=1))
    album = journey / "Espagne" / "Cordoue"
    (photo,) = album_photos(catalog, str(album), None)
    assert [(one.kind, one.text) for one in photo.texts] == [
        (TextKind.FOLDER, "Cordoue"),
        (TextKind.PARENT, "Espagne"),
        (TextKind.PARENT, "journey"),
        (TextKind.FILE, "DSC_0001.jpg"),
        (TextKind.CAPTION, "Mezquita"),
    ]
    assert [len(ids) for ids in analyse(catalog, journey)] == [1]
    with catalog.reading() as connection:
        row = connection.execute("SELECT state, lat, lon, candidates FROM suggestions").fetchone()
    assert row["state"] != "insufficient"
    assert (row["lat"], row["lon"]) == pytest.approx((37.88, -4.78), abs=0.1)
    assert "Cordoue" in row["candidates"]


def test_photos_of_an_older_catalog_are_read_again_for_their_words(catalog: Catalog, journey: Path):
    list(scan_folder(catalog, journey, workers=1))
    with catalog.writing() as connection:
        connection.execute("UPDATE photos SET words = NULL")
    outcomes = [event.outcome for event in scan_folder(catalog, journey, workers=1)]
    assert outcomes == [ScanOutcome.UPDATED]
    outcomes = [event.outcome for event in scan_folder(catalog, journey, workers=1)]
    assert outcomes == [ScanOutcome.UNCHANGED]


def test_a_catalog_from_before_there_were_words_is_brought_up_to_date(tmp_path: Path):
    path = tmp_path / "old.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    for script in MIGRATIONS[:2]:
        connection.executescript(script)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 2")
    connection.execute(
        "INSERT INTO photos (path, folder, kind, size, mtime_ns, fingerprint)"
        " VALUES (x'2F61', x'2F', 'jpeg', 1, 1, 'f')"
    )
    migrate(connection, path)
    assert connection.execute("SELECT words FROM photos").fetchone()[0] is None
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    connection.close()


@pytest.mark.parametrize(
    "words",
    [Words(), Words(("a", "“b”"), ("k\n", "\udcff"), "Lisboa, Portugal"), Words(place="Paris")],
)
def test_words_come_back_from_the_catalog_as_they_went_in(words: Words):
    again = decode_words(encode_words(words))
    assert again.captions == words.captions and again.place == words.place
    assert len(again.keywords) == len(words.keywords)
    assert decode_words(None) == Words()
