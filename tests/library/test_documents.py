"""Screenshots, scans and downloads are no evidence for photos, not even with a place."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import piexif
import pytest
from PIL import Image

from geotagger.library import clocks, committing, neighbours, queries, review
from geotagger.library.analysing import album_photos, analyse
from geotagger.library.catalog import Catalog
from geotagger.library.doubtful_gps import doubtful_gps
from geotagger.library.references import references_of
from geotagger.library.rows import Decision, DecisionKind, PhotoState
from geotagger.library.scan import scan_folder
from geotagger.library.vectors import encode_vector
from geotagger.library.writing import WriteOptions
from tests.support.albums import Shot, gps_ifd, make_album

PHOTO = Shot("photo.jpg", "town", 1, 5.0, 0.0, 0.0, tagged=False)
SCAN = replace(PHOTO, name="scan.jpg", minutes=6.0, lat=48.2, lon=16.37, tagged=True,
               camera=("EPSON", "Perfection V600"))  # fmt: skip
SCREEN = replace(PHOTO, name="Screenshot_2022-05-14.jpg", minutes=4.0, camera=("", ""))
CHAT = replace(PHOTO, name="IMG-20220514-WA0001.jpg", minutes=5.0, camera=("", ""))


@pytest.fixture
def root(catalog: Catalog, tmp_path: Path) -> Path:
    make_album(tmp_path / "trip", (PHOTO, SCAN, SCREEN), size=(160, 120))
    chat = make_album(tmp_path / "chat", (CHAT,), size=(160, 120))[0]
    strip(chat)
    list(scan_folder(catalog, tmp_path, workers=1))
    return tmp_path


def strip(path: Path) -> None:
    """Leave a picture as a messenger does: without any metadata."""

    with Image.open(path) as image:
        image.load()
        bare = image.copy()
    bare.info.clear()
    bare.save(path, "JPEG")


def test_they_are_known_as_such(catalog: Catalog, root: Path) -> None:
    states = {row.name: row.state for row in queries.photos(catalog, root)}
    assert states[SCREEN.name] is PhotoState.EXCLUDED
    assert states[CHAT.name] is PhotoState.EXCLUDED
    assert [one.name for one in album_photos(catalog, str(root / "trip"), None)] == [PHOTO.name]


def test_not_even_one_that_was_placed_by_hand_is_an_anchor(catalog: Catalog, root: Path) -> None:
    ids = {row.name: row.id for row in queries.photos(catalog, root)}
    place = DecisionKind.MOVED, 48.2, 16.37, 50.0
    review.decide(catalog, [Decision(ids[name], *place) for name in (SCREEN.name, CHAT.name)])
    list(analyse(catalog, root))
    (row,) = (row for row in queries.photos(catalog, root) if row.name == PHOTO.name)
    assert row.state is PhotoState.INSUFFICIENT
    album = str(root / "trip")
    assert neighbours.streams_of(catalog, album, album_photos(catalog, album, None), None) == ()
    assert doubtful_gps(catalog, root) == []


def test_a_screenshot_stays_one_when_its_place_was_written_by_us(
    catalog: Catalog, root: Path
) -> None:
    def state() -> tuple[bool, PhotoState]:
        row = next(row for row in queries.photos(catalog, root) if row.name == SCREEN.name)
        with catalog.reading() as connection:
            query = "SELECT document FROM photos WHERE id = ?"
            return bool(connection.execute(query, (row.id,)).fetchone()[0]), row.state

    ids = {row.name: row.id for row in queries.photos(catalog, root)}
    here = Decision(ids[SCREEN.name], DecisionKind.MOVED, 48.2, 16.37, 50.0, "Vienna", "by hand")
    review.decide(catalog, [here])
    plan = committing.plan(catalog, root, None, WriteOptions())
    (result,) = committing.commit(catalog, plan)
    assert result.error is None
    assert state() == (True, PhotoState.WRITTEN)
    path = root / "trip" / SCREEN.name
    os.utime(path, (1, 1))  # is read again
    list(scan_folder(catalog, root, workers=1))
    assert state() == (True, PhotoState.WRITTEN)
    # Another program's place is somebody's word that it is a photo.
    patch_gps(path, 10.0, 20.0)
    list(scan_folder(catalog, root, workers=1))
    assert state()[0] is False


def patch_gps(path: Path, lat: float, lon: float) -> None:
    exif = piexif.load(str(path))
    exif["GPS"] = gps_ifd(lat, lon)
    piexif.insert(piexif.dump(exif), str(path))


def test_none_is_a_look_alike_for_photos_of_the_library_or_a_clock_to_compare_with(
    catalog: Catalog, root: Path
) -> None:
    with catalog.writing() as connection:
        prints = [row[0] for row in connection.execute("SELECT fingerprint FROM photos")]
        vector = encode_vector(np.full(4, 0.5, np.float32))
        connection.executemany(
            "REPLACE INTO embeddings VALUES (?, 'looks/1', ?)", [(one, vector) for one in prints]
        )
    ids = {row.name: row.id for row in queries.photos(catalog, root)}
    place = DecisionKind.MOVED, 48.2, 16.37, 50.0
    review.decide(catalog, [Decision(ids[name], *place) for name in (SCREEN.name, CHAT.name)])
    assert references_of(catalog, "looks/1", without="") is None
    list(analyse(catalog, root))
    cameras = {row.camera for row in clocks.rows_of(catalog, str(root / "trip"))}
    assert cameras == {" ".join(PHOTO.camera)}
    # A photo with a place is one, so that nothing else keeps them out.
    review.decide(catalog, [Decision(ids[PHOTO.name], *place)])
    found = references_of(catalog, "looks/1", without="")
    assert found is not None
    assert found.names == (PHOTO.name,)
