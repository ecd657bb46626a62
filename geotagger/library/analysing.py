"""From catalogued photos to stored suggestions: embeddings first, then album after album."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from geotagger.earth.places import PlaceNames
from geotagger.library import album_guesses, clocks, neighbours
from geotagger.library.album_photos import album_photos
from geotagger.library.catalog import Catalog
from geotagger.library.embedding import ImageEmbedder, embed_missing, model_key
from geotagger.library.listing import Listing
from geotagger.library.references import (
    Library,
    references_by_album,
    references_heard,
    references_of,
)
from geotagger.library.rows import AlbumRow
from geotagger.library.storing import below, store_suggestions
from geotagger.library.world_guesses import Outline, World, world_cells
from geotagger.progress import CancelToken, Progress, ProgressCallback
from geotagger.suggest.clock_course import Correction, Corrections
from geotagger.suggest.company import Company, together
from geotagger.suggest.parties import suggest_by_party
from geotagger.suggest.types import AlbumPhoto, References

__all__ = [
    "album_photos",
    "albums_around",
    "analyse",
    "company_of",
    "name_places",
    "references_by_album",
    "references_of",
    "renew",
    "suggest_again",
]

_References = Callable[[Collection[int], Sequence[AlbumPhoto]], References | None]
"""Gives an album's references: all but the photos with these ids, for these photos."""


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
    pixels alone are heard as well, and where it has an album model, each album's seen together.

    Raises
    ------
    CancelledError
        The token was cancelled; what was suggested so far is stored.
    """
    cancel = cancel or CancelToken()
    if places is not None:
        name_places(catalog, root, places)
    rows = Listing.load(catalog, root).albums()
    model = None if embedder is None else _Model(model_key(embedder), world, world)
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
    parts = renew(catalog, album, model=model, world=world, places=places, cancel=cancel)
    return [photo_id for part in parts for photo_id in part]


def renew(
    catalog: Catalog,
    album: str,
    *,
    near: Collection[int] = (),
    model: str | None = None,
    world: Outline | None = None,
    places: PlaceNames | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[list[int]]:
    """Suggest anew like `suggest_again`; yield the ids part by part, each part being stored.

    The photos nearest in time to those whose ids are ``near`` come first, in a small part.

    Raises
    ------
    CancelledError
        The token was cancelled; what is stored stays, and the rest is as it was before.
    """
    chosen = None if model is None else _Model(model, world)

    def references(others: Collection[int], photos: Sequence[AlbumPhoto]) -> References | None:
        if model is None:
            return None
        return references_heard(catalog, model, album, others, photos)

    return _suggest_one(catalog, album, chosen, references, places, cancel, near)


class _Model:
    """What of the kept embeddings and guesses is heard."""

    def __init__(self, key: str, outline: Outline | None, world: World | None = None) -> None:
        self.key = key
        self.outline = outline
        self.world = world
        self.partition = "" if outline is None else outline.key
        self.cells = None if outline is None else world_cells(outline)


def _suggest_all(
    catalog: Catalog,
    rows: Sequence[AlbumRow],
    model: _Model | None,
    places: PlaceNames | None,
    progress: ProgressCallback | None,
    cancel: CancelToken,
) -> Iterator[list[int]]:
    everything = None if model is None else Library.load(catalog, model.key)
    for number, row in enumerate(rows):
        cancel.raise_if_cancelled()
        if progress is not None:
            progress(Progress(number, len(rows), "Suggesting places", row.title))

        def references(
            others: Collection[int], photos: Sequence[AlbumPhoto], album: str = row.id
        ) -> References | None:
            return None if everything is None else everything.heard(album, others, photos)

        parts = _suggest_one(catalog, row.id, model, references, places, cancel)
        ids = [photo_id for part in parts for photo_id in part]
        if ids:
            yield ids
    if progress is not None:
        progress(Progress(len(rows), len(rows), "Suggesting places"))


def _suggest_one(
    catalog: Catalog,
    album: str,
    model: _Model | None,
    references: _References,
    places: PlaceNames | None,
    cancel: CancelToken | None,
    near: Collection[int] = (),
) -> Iterator[list[int]]:
    key = None if model is None else model.key
    photos = album_photos(catalog, album, key, partition="" if model is None else model.partition)
    _forget(catalog, album, [int(one.key) for one in photos if one.anchor is not None])
    if all(photo.anchor is not None for photo in photos):
        return
    if cancel is not None:
        cancel.raise_if_cancelled()
    company, seconds = company_of(catalog, album, photos, key)
    photos = _seen_together(catalog, album, photos, seconds, model)
    if cancel is not None:
        cancel.raise_if_cancelled()
    parts = suggest_by_party(
        [*photos, *company.photos],
        references=references({int(one.key) for one in company.photos}, photos),
        world=None if model is None else model.cells,
        places=places,
        clock_seconds=seconds,
        near={str(one) for one in near},
        cancel=cancel,
    )
    for part in parts:
        believed = company.believed(part, photos)
        with catalog.writing(aside=True) as connection:
            store_suggestions(connection, ((int(one.key), one) for one in believed))
        yield [int(one.key) for one in believed]


def _seen_together(
    catalog: Catalog,
    album: str,
    photos: list[AlbumPhoto],
    seconds: Corrections,
    model: _Model | None,
) -> list[AlbumPhoto]:
    """Return the photos with what an album model makes of them, where there is one."""
    if model is None or model.outline is None:
        return photos
    if model.world is None:
        return album_guesses.heard_before(catalog, album, photos, model.key, model.outline)
    return album_guesses.heard_together(catalog, photos, seconds, model.key, model.world)


def _forget(catalog: Catalog, album: str, placed: Collection[int]) -> None:
    """Drop the suggestions that are left of photos whose places are known now."""
    with catalog.reading() as connection:
        rows = connection.execute(
            "SELECT s.photo_id FROM photos p JOIN suggestions s ON s.photo_id = p.id"
            " WHERE p.folder = ?",
            (os.fsencode(album),),
        ).fetchall()
    known = set(placed)
    idle = [(row["photo_id"],) for row in rows if row["photo_id"] in known]
    if idle:
        with catalog.writing(aside=True) as connection:
            connection.executemany("DELETE FROM suggestions WHERE photo_id = ?", idle)


def company_of(
    catalog: Catalog, album: str, photos: Sequence[AlbumPhoto], model: str | None
) -> tuple[Company, dict[str, Correction]]:
    """Return the photos of other folders that an album hears, and what is added to which clocks.

    ``photos`` are what `album_photos` gives; the clocks of all cameras are estimated together, and
    the estimate is kept.
    """
    streams = neighbours.streams_of(catalog, album, photos, model)
    around = [photo for stream in streams for photo in stream.photos]
    seconds = clocks.estimated(catalog, album, [*photos, *around], model)
    found = clocks.found_of(catalog, album) if streams else []
    return together(photos, streams, found=found, clock_seconds=seconds), seconds


def albums_around(catalog: Catalog, album: str, near: Collection[int]) -> list[str]:
    """Return the other albums that decisions on photos of this one are evidence for."""
    decided = {str(one) for one in near}
    photos = [one for one in album_photos(catalog, album, None) if one.key in decided]
    return neighbours.albums_touched(catalog, album, photos)


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
