"""From catalogued photos to stored suggestions: embeddings first, then album after album."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.places import PlaceNames
from geotagger.library import queries
from geotagger.library.catalog import Catalog
from geotagger.library.rows import AlbumRow
from geotagger.library.storing import below, decode_path, decode_time, store_suggestion
from geotagger.photos.bounded import BoundedPool, default_workers
from geotagger.photos.decode import load_rgb
from geotagger.photos.record import TimeSource
from geotagger.progress import CancelledError, CancelToken, Progress, ProgressCallback
from geotagger.suggest.album import suggest_album
from geotagger.suggest.types import AlbumPhoto, Anchor, AnchorKind, References, Suggestion

DECODE_TIMEOUT_S = 60.0
DECODE_MEMORY = 2 << 30
_BATCH = 16
_GPS_RADIUS_M = 15.0
"""Radius of a file's own GPS where it states none: a phone's usual error in the open."""


class ImageEmbedder(Protocol):
    """What the analysis wants of a backbone; `geotagger.models.embedder.Embedder` is one."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def version(self) -> str:
        """The model's version; another one means new embeddings."""

    @property
    def input_size(self) -> int:
        """Side of the square pictures it wants, in pixels."""

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return unit rows (N, D) for sRGB pictures (N, S, S, 3)."""


@dataclass(frozen=True, slots=True)
class EmbeddingFailure:
    """A photo whose pixels could not be read; it is still placed by its album."""

    path: Path
    error: Exception


def analyse(
    catalog: Catalog,
    root: Path,
    *,
    embedder: ImageEmbedder | None = None,
    places: PlaceNames | None = None,
    workers: int | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[list[int]]:
    """Suggest places for all photos below a root; yield the ids with a new suggestion by album.

    With an embedder the look-alikes speak too: missing embeddings are computed first and kept, so
    that a stopped analysis goes on where it was. A first round without them comes before, so that
    the albums' own anchors are seen at once.

    Raises
    ------
    CancelledError
        The token was cancelled; what was suggested so far is stored.
    """
    cancel = cancel or CancelToken()
    if places is not None:
        name_places(catalog, root, places)
    rows = queries.albums(catalog, root)
    yield from _suggest_all(catalog, rows, embedder, places, progress, cancel)
    if embedder is not None and embed_missing(
        catalog, root, embedder, workers=workers, progress=progress, cancel=cancel
    ):
        yield from _suggest_all(catalog, rows, embedder, places, progress, cancel)


def suggest_again(
    catalog: Catalog,
    album: str,
    *,
    model: str | None = None,
    places: PlaceNames | None = None,
    cancel: CancelToken | None = None,
) -> list[int]:
    """Suggest anew for one album after a decision; quick, as it reads no pixels.

    ``model`` is the `model_key` of the embedder whose stored embeddings count. Returns the ids of
    all photos that have a suggestion now.
    """
    references = None if model is None else references_of(catalog, model, without=album)
    return _suggest_one(catalog, album, model, references, places, cancel)


def model_key(embedder: ImageEmbedder) -> str:
    """Return the name under which an embedder's vectors are stored."""
    return f"{embedder.name}/{embedder.version}"


def _suggest_all(
    catalog: Catalog,
    rows: Sequence[AlbumRow],
    embedder: ImageEmbedder | None,
    places: PlaceNames | None,
    progress: ProgressCallback | None,
    cancel: CancelToken,
) -> Iterator[list[int]]:
    model = None if embedder is None else model_key(embedder)
    everything = None if model is None else _Library.load(catalog, model)
    for number, row in enumerate(rows):
        cancel.raise_if_cancelled()
        if progress is not None:
            progress(Progress(number, len(rows), "Suggesting places", row.title))
        references = None if everything is None else everything.without(row.id)
        ids = _suggest_one(catalog, row.id, model, references, places, cancel)
        if ids:
            yield ids
    if progress is not None:
        progress(Progress(len(rows), len(rows), "Suggesting places"))


def _suggest_one(
    catalog: Catalog,
    album: str,
    model: str | None,
    references: References | None,
    places: PlaceNames | None,
    cancel: CancelToken | None,
) -> list[int]:
    photos = album_photos(catalog, album, model)
    if all(photo.anchor is not None for photo in photos):
        suggestions: list[Suggestion] = []
    else:
        suggestions = suggest_album(photos, references=references, places=places, cancel=cancel)
    ids = [int(photo.key) for photo in photos]
    with catalog.writing() as connection:
        connection.executemany(
            "DELETE FROM suggestions WHERE photo_id = ?", [(photo_id,) for photo_id in ids]
        )
        for one in suggestions:
            store_suggestion(connection, int(one.key), one)
    return [int(one.key) for one in suggestions]


def album_photos(catalog: Catalog, album: str, model: str | None) -> list[AlbumPhoto]:
    """Return the photos of one album as `suggest` sees them.

    Anchors are photos with an accepted place, else with complete GPS. Screenshots, scans,
    unreadable and missing files are left out.
    """
    with catalog.reading() as connection:
        rows = connection.execute(
            """SELECT p.*, d.kind AS d_kind, d.lat AS d_lat, d.lon AS d_lon, d.radius_m AS d_radius,
               e.vector FROM photos p
               LEFT JOIN decisions d ON d.photo_id = p.id
               LEFT JOIN embeddings e ON e.fingerprint = p.fingerprint AND e.model = ?
               WHERE p.folder = ? AND p.error = '' AND NOT p.missing AND NOT p.document
               ORDER BY p.wall_us, p.path""",
            (model or "", os.fsencode(album)),
        ).fetchall()
    return [_album_photo(row) for row in rows]


def _album_photo(row: sqlite3.Row) -> AlbumPhoto:
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
        anchor=_anchor(row),
        embedding=None if row["vector"] is None else decode_vector(row["vector"]),
    )


def _anchor(row: sqlite3.Row) -> Anchor | None:
    if row["d_kind"] in {"accepted", "moved"}:
        radius = row["d_radius"] if row["d_radius"] is not None else _GPS_RADIUS_M
        return Anchor(row["d_lat"], row["d_lon"], radius, AnchorKind.ACCEPTED)
    if row["gps_state"] == "complete":
        radius = row["error_m"] if row["error_m"] else _GPS_RADIUS_M
        return Anchor(row["lat"], row["lon"], radius, AnchorKind.GPS)
    return None


@dataclass(frozen=True, slots=True)
class _Library:
    """All photos of the catalog that have a place and an embedding."""

    albums: tuple[str, ...]
    references: References

    @classmethod
    def load(cls, catalog: Catalog, model: str) -> _Library:
        with catalog.reading() as connection:
            rows = connection.execute(
                """SELECT p.path, p.folder, e.vector, coalesce(d.lat, p.lat) AS lat,
                   coalesce(d.lon, p.lon) AS lon FROM photos p
                   JOIN embeddings e ON e.fingerprint = p.fingerprint AND e.model = ?
                   LEFT JOIN decisions d ON d.photo_id = p.id AND d.kind IN ('accepted', 'moved')
                   WHERE (d.lat IS NOT NULL OR p.gps_state = 'complete') AND NOT p.document
                   AND p.error = ''""",
                (model,),
            ).fetchall()
        vectors = [decode_vector(row["vector"]) for row in rows]
        return cls(
            albums=tuple(os.fsdecode(row["folder"]) for row in rows),
            references=References(
                names=tuple(decode_path(row["path"]).name for row in rows),
                embeddings=np.stack(vectors) if vectors else np.zeros((0, 0), np.float32),
                lat=np.array([row["lat"] for row in rows], np.float64),
                lon=np.array([row["lon"] for row in rows], np.float64),
            ),
        )

    def without(self, album: str) -> References | None:
        keep = np.array([other != album for other in self.albums], bool)
        if not keep.any():
            return None
        chosen = np.flatnonzero(keep)
        all_of = self.references
        return References(
            names=tuple(all_of.names[index] for index in chosen),
            embeddings=all_of.embeddings[chosen],
            lat=all_of.lat[chosen],
            lon=all_of.lon[chosen],
        )


def references_of(catalog: Catalog, model: str, *, without: str) -> References | None:
    """Return the catalogued photos with place and embedding outside one album, or None."""
    return _Library.load(catalog, model).without(without)


def embed_missing(
    catalog: Catalog,
    root: Path,
    embedder: ImageEmbedder,
    *,
    workers: int | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    failures: list[EmbeddingFailure] | None = None,
) -> int:
    """Compute the embeddings that are missing below a root and return how many were stored.

    Pixels are decoded in worker processes, bounded in time and memory; a photo that cannot be
    decoded is skipped and, with ``failures``, reported there.
    """
    cancel = cancel or CancelToken()
    model = model_key(embedder)
    with catalog.reading() as connection:
        rows = connection.execute(
            """SELECT path, fingerprint FROM photos p WHERE path >= ? AND path < ?
               AND error = '' AND NOT missing AND NOT document AND NOT EXISTS
               (SELECT 1 FROM embeddings e WHERE e.fingerprint = p.fingerprint AND e.model = ?)
               GROUP BY fingerprint ORDER BY folder, wall_us""",
            (*below(root), model),
        ).fetchall()
    fingerprints = {decode_path(row["path"]): row["fingerprint"] for row in rows}
    decode = partial(load_rgb, max_side=embedder.input_size, square=embedder.input_size)
    stored = done = 0
    batch: list[tuple[str, NDArray[np.uint8]]] = []
    count = workers or default_workers()
    with (
        BoundedPool(count, DECODE_TIMEOUT_S, DECODE_MEMORY) as pool,
        suppress(CancelledError),  # raised again below, when what was decoded is stored
    ):
        for path, result in pool.map_unordered(decode, fingerprints, cancel=cancel):
            done += 1
            if isinstance(result, Exception):
                if failures is not None:
                    failures.append(EmbeddingFailure(path, result))
            else:
                batch.append((fingerprints[path], result))
            if len(batch) >= _BATCH:
                stored += _embed_batch(catalog, embedder, model, batch)
                batch.clear()
            if progress is not None:
                progress(Progress(done, len(rows), "Looking at photos", path.name))
    stored += _embed_batch(catalog, embedder, model, batch)
    cancel.raise_if_cancelled()
    return stored


def _embed_batch(
    catalog: Catalog,
    embedder: ImageEmbedder,
    model: str,
    batch: list[tuple[str, NDArray[np.uint8]]],
) -> int:
    if not batch:
        return 0
    vectors = embedder.embed(np.stack([pixels for _, pixels in batch]))
    with catalog.writing() as connection:
        connection.executemany(
            "REPLACE INTO embeddings (fingerprint, model, vector) VALUES (?, ?, ?)",
            [
                (fingerprint, model, encode_vector(vector))
                for (fingerprint, _), vector in zip(batch, vectors, strict=True)
            ],
        )
    return len(batch)


def encode_vector(vector: NDArray[np.float32]) -> bytes:
    """Return a unit vector of shape (D,) as little-endian half floats."""
    return vector.astype("<f2").tobytes()


def decode_vector(stored: bytes) -> NDArray[np.float32]:
    """Return the vector that `encode_vector` stored, float32, shape (D,)."""
    return np.frombuffer(stored, "<f2").astype(np.float32)


def name_places(catalog: Catalog, root: Path, places: PlaceNames) -> int:
    """Name the places of the photos below a root that have GPS; return how many were named."""
    with catalog.reading() as connection:
        rows = connection.execute(
            "SELECT id, lat, lon FROM photos WHERE path >= ? AND path < ?"
            " AND gps_state = 'complete' AND place = ''",
            below(root),
        ).fetchall()
    if not rows:
        return 0
    found = places.nearest_many(
        np.array([row["lat"] for row in rows]), np.array([row["lon"] for row in rows])
    )
    named: Iterable[tuple[str, int]] = [
        (place.label, row["id"])
        for place, row in zip(found, rows, strict=True)
        if place is not None
    ]
    with catalog.writing() as connection:
        connection.executemany("UPDATE photos SET place = ? WHERE id = ?", named)
    return len(rows)
