"""From catalogued photos to stored suggestions: embeddings first, then album after album."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geotagger.earth.places import PlaceNames
from geotagger.library import clocks, neighbours, queries
from geotagger.library.catalog import Catalog
from geotagger.library.embedding import ImageEmbedder, embed_missing, model_key
from geotagger.library.kept_vectors import kept_vectors
from geotagger.library.rows import AlbumRow
from geotagger.library.storing import below, decode_path, decode_time, store_suggestion
from geotagger.library.texts import folder_texts, opened_roots, texts_of
from geotagger.library.vectors import decode_vector
from geotagger.library.world_guesses import Outline, World, guess_of, world_cells
from geotagger.photos.record import TimeSource
from geotagger.progress import CancelToken, Progress, ProgressCallback
from geotagger.suggest.album import suggest_album
from geotagger.suggest.company import Company, together
from geotagger.suggest.types import (
    AlbumPhoto,
    PhotoText,
    References,
    Suggestion,
)

_SEPARATOR = os.fsencode(os.sep)


def analyse(
    catalog: Catalog,
    root: Path,
    *,
    embedder: ImageEmbedder | None = None,
    world: World | None = None,
    places: PlaceNames | None = None,
    workers: int | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[list[int]]:
    """Suggest places for all photos below a root; yield the ids with a new suggestion by album.

    With an embedder the look-alikes speak too: missing embeddings are computed first and kept, so
    that a stopped analysis goes on where it was. A first round without them comes before, so that
    the albums' own anchors are seen at once. With ``world``, made for the embedder's vectors, the
    pixels alone are heard as well.

    Raises
    ------
    CancelledError
        The token was cancelled; what was suggested so far is stored.
    """
    cancel = cancel or CancelToken()
    if places is not None:
        name_places(catalog, root, places)
    rows = queries.albums(catalog, root)
    model = None if embedder is None else _Model(model_key(embedder), world)
    yield from _suggest_all(catalog, rows, model, places, progress, cancel)
    if embedder is not None and embed_missing(
        catalog,
        root,
        embedder,
        world=world,
        workers=workers,
        progress=progress,
        cancel=cancel,
    ):
        yield from _suggest_all(catalog, rows, model, places, progress, cancel)


def suggest_again(
    catalog: Catalog,
    album: str,
    *,
    model: str | None = None,
    world: Outline | None = None,
    places: PlaceNames | None = None,
    cancel: CancelToken | None = None,
) -> list[int]:
    """Suggest anew for one album after a decision; quick, as it reads no pixels.

    ``model`` is the `model_key` of the embedder whose stored embeddings count, ``world`` the world
    model whose stored guesses do. Returns the ids of all photos that have a suggestion now.
    """
    everything = None if model is None else _Library.load(catalog, model)
    chosen = None if model is None else _Model(model, world)
    return _suggest_one(catalog, album, chosen, everything, places, cancel)


class _Model:
    """What of the kept embeddings and guesses is heard."""

    def __init__(self, key: str, world: Outline | None) -> None:
        self.key = key
        self.partition = "" if world is None else world.key
        self.cells = None if world is None else world_cells(world)


def _suggest_all(
    catalog: Catalog,
    rows: Sequence[AlbumRow],
    model: _Model | None,
    places: PlaceNames | None,
    progress: ProgressCallback | None,
    cancel: CancelToken,
) -> Iterator[list[int]]:
    everything = None if model is None else _Library.load(catalog, model.key)
    for number, row in enumerate(rows):
        cancel.raise_if_cancelled()
        if progress is not None:
            progress(Progress(number, len(rows), "Suggesting places", row.title))
        ids = _suggest_one(catalog, row.id, model, everything, places, cancel)
        if ids:
            yield ids
    if progress is not None:
        progress(Progress(len(rows), len(rows), "Suggesting places"))


def _suggest_one(
    catalog: Catalog,
    album: str,
    model: _Model | None,
    everything: _Library | None,
    places: PlaceNames | None,
    cancel: CancelToken | None,
) -> list[int]:
    photos = album_photos(
        catalog,
        album,
        None if model is None else model.key,
        partition="" if model is None else model.partition,
    )
    if all(photo.anchor is not None for photo in photos):
        suggestions: list[Suggestion] = []
    else:
        company, seconds = company_of(catalog, album, photos, None if model is None else model.key)
        others = {int(one.key) for one in company.photos}
        suggestions = suggest_album(
            [*photos, *company.photos],
            references=None if everything is None else everything.without(album, others),
            world=None if model is None else model.cells,
            places=places,
            clock_seconds=seconds,
            cancel=cancel,
        )
        suggestions = company.believed(suggestions, photos)
    ids = [int(photo.key) for photo in photos]
    with catalog.writing() as connection:
        connection.executemany(
            "DELETE FROM suggestions WHERE photo_id = ?", [(photo_id,) for photo_id in ids]
        )
        for one in suggestions:
            store_suggestion(connection, int(one.key), one)
    return [int(one.key) for one in suggestions]


def company_of(
    catalog: Catalog, album: str, photos: Sequence[AlbumPhoto], model: str | None
) -> tuple[Company, dict[str, float]]:
    """Return the photos of other folders that an album hears, and what is added to which clocks.

    ``photos`` are what `album_photos` gives; the clocks of all cameras are estimated together, and
    the estimate is kept.
    """
    streams = neighbours.streams_of(catalog, album, photos, model)
    around = [photo for stream in streams for photo in stream.photos]
    seconds = clocks.estimated(catalog, album, [*photos, *around], model)
    found = clocks.found_of(catalog, album) if streams else []
    return together(photos, streams, found=found, clock_seconds=seconds), seconds


def albums_around(catalog: Catalog, album: str) -> list[str]:
    """Return the other albums that a decision on a photo of this one is evidence for."""
    return neighbours.albums_touched(catalog, album, album_photos(catalog, album, None))


def album_photos(
    catalog: Catalog, album: str, model: str | None, *, partition: str = ""
) -> list[AlbumPhoto]:
    """Return the photos of one album as `suggest` sees them.

    ``model`` names the embeddings that are given, ``partition`` is the key of
    the world model whose guesses are.
    Anchors are photos with an accepted place, else with complete GPS. Screenshots, scans,
    unreadable and missing files are left out.
    """
    with catalog.reading() as connection:
        rows = connection.execute(
            """SELECT p.*, d.kind AS d_kind, d.lat AS d_lat, d.lon AS d_lon, d.radius_m AS d_radius,
               e.vector, g.classes, g.log_p, g.log_rest FROM photos p
               LEFT JOIN decisions d ON d.photo_id = p.id
               LEFT JOIN embeddings e ON e.fingerprint = p.fingerprint AND e.model = ?
               LEFT JOIN cell_guesses g ON g.fingerprint = p.fingerprint AND g.model = e.model
               AND g.partition = ?
               WHERE p.folder = ? AND p.error = '' AND NOT p.missing AND NOT p.document
               ORDER BY p.wall_us, p.path""",
            (model or "", partition, os.fsencode(album)),
        ).fetchall()
        folders = folder_texts(Path(album), opened_roots(connection))
    return [_album_photo(row, folders) for row in rows]


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
        anchor=neighbours.anchor_of(row),
        embedding=None if row["vector"] is None else decode_vector(row["vector"]),
        guess=guess_of(row),
        texts=texts_of(row, folders),
    )


@dataclass(frozen=True, slots=True)
class _Library:
    """All photos of the catalog that have a place and an embedding."""

    ids: tuple[int, ...]
    albums: tuple[str, ...]
    references: References

    @classmethod
    def load(cls, catalog: Catalog, model: str) -> _Library:
        with catalog.reading() as connection:
            rows = connection.execute(
                """SELECT p.id, p.path, p.folder, p.fingerprint, coalesce(d.lat, p.lat) AS lat,
                   coalesce(d.lon, p.lon) AS lon FROM photos p
                   JOIN embeddings e ON e.fingerprint = p.fingerprint AND e.model = ?
                   LEFT JOIN decisions d ON d.photo_id = p.id AND d.kind IN ('accepted', 'moved')
                   WHERE (d.lat IS NOT NULL OR p.gps_state = 'complete') AND NOT p.document
                   AND p.error = ''""",
                (model,),
            ).fetchall()
        vectors = kept_vectors(catalog, model, [row["fingerprint"] for row in rows])
        return cls(
            ids=tuple(row["id"] for row in rows),
            albums=tuple(os.fsdecode(row["folder"]) for row in rows),
            references=References(
                names=tuple(os.fsdecode(row["path"].rpartition(_SEPARATOR)[2]) for row in rows),
                embeddings=vectors,
                lat=np.array([row["lat"] for row in rows], np.float64),
                lon=np.array([row["lon"] for row in rows], np.float64),
            ),
        )

    def without(self, album: str, others: Collection[int] = ()) -> References | None:
        """Return the references but an album's and some more photos that are heard otherwise."""
        keep = np.array([other != album for other in self.albums], bool)
        if others:
            keep &= np.array([one not in others for one in self.ids], bool)
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


def references_by_album(catalog: Catalog, model: str) -> Callable[[str], References | None]:
    """Return what `references_of` returns for any album, the catalog being read only once."""
    return _Library.load(catalog, model).without


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
