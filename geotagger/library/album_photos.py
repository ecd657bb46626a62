"""The photos of an album as `suggest` sees them; what decisions do not change is read once."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

from geotagger.library.catalog import Catalog
from geotagger.library.neighbours import GPS_RADIUS_M, anchor_of
from geotagger.library.recent import Recent
from geotagger.library.storing import decode_path, decode_time
from geotagger.library.texts import folder_texts, opened_roots, texts_of
from geotagger.library.vectors import decode_vector
from geotagger.library.world_guesses import guess_of
from geotagger.photos.record import TimeSource
from geotagger.suggest.types import AlbumPhoto, Anchor, AnchorKind, PhotoText

_PHOTOS = """SELECT p.*, NULL AS d_kind, e.vector, g.classes, g.log_p, g.log_rest,
    b.mean AS brightness FROM photos p
    LEFT JOIN embeddings e ON e.fingerprint = p.fingerprint AND e.model = ?
    LEFT JOIN cell_guesses g ON g.fingerprint = p.fingerprint AND g.model = e.model
    AND g.partition = ?
    LEFT JOIN brightness b ON b.fingerprint = p.fingerprint
    WHERE p.folder = ? AND p.error = '' AND NOT p.missing AND NOT p.document
    ORDER BY p.wall_us, p.path"""

_DECIDED = """SELECT d.photo_id, d.lat, d.lon, d.radius_m FROM photos p
    JOIN decisions d ON d.photo_id = p.id
    WHERE p.folder = ? AND d.kind IN ('accepted', 'moved')"""


_RECENT: Recent[tuple[AlbumPhoto, ...]] = Recent(3)
"""The photos of the last albums without decisions; decisions are made in one at a time."""


def album_photos(
    catalog: Catalog, album: str, model: str | None, *, partition: str = ""
) -> list[AlbumPhoto]:
    """Return the photos of one album as `suggest` sees them.

    ``model`` names the embeddings that are given, ``partition`` is the key of
    the world model whose guesses are.
    Anchors are photos with an accepted place, else with complete GPS. Screenshots, scans,
    unreadable and missing files are left out.
    """
    photos = _RECENT.get(
        catalog,
        (album, model, partition),
        catalog.stamp(),
        lambda: tuple(_read(catalog, album, model, partition)),
    )
    with catalog.reading() as connection:
        rows = connection.execute(_DECIDED, (os.fsencode(album),)).fetchall()
    decided = {str(row["photo_id"]): _accepted(row) for row in rows}
    return [
        replace(photo, anchor=decided[photo.key]) if photo.key in decided else photo
        for photo in photos
    ]


def _read(catalog: Catalog, album: str, model: str | None, partition: str) -> list[AlbumPhoto]:
    with catalog.reading() as connection:
        folders = folder_texts(Path(album), opened_roots(connection))
        values = (model or "", partition, os.fsencode(album))
        return [_album_photo(row, folders) for row in connection.execute(_PHOTOS, values)]


def _album_photo(row: sqlite3.Row, folders: tuple[PhotoText, ...]) -> AlbumPhoto:
    source = TimeSource(row["time_source"]) if row["time_source"] is not None else None
    # A file's own time is when it was copied as often as not, and then it is the same for all:
    # good enough for a place in a list, no evidence for a place on the earth.
    timed = source is not None and source is not TimeSource.FILE_MTIME
    return AlbumPhoto(
        key=str(row["id"]),
        name=decode_path(row["path"]).name,
        when=decode_time(row["wall_us"], row["offset_s"]) if timed else None,
        zone_known=row["offset_s"] is not None,
        time_is_fallback=source is not None and source.is_fallback,
        camera=row["camera"],
        anchor=anchor_of(row),
        embedding=None if row["vector"] is None else decode_vector(row["vector"]),
        guess=guess_of(row),
        texts=texts_of(row, folders),
        brightness=row["brightness"],
    )


def _accepted(row: sqlite3.Row) -> Anchor:
    radius = row["radius_m"] if row["radius_m"] is not None else GPS_RADIUS_M
    return Anchor(row["lat"], row["lon"], radius, AnchorKind.ACCEPTED)
