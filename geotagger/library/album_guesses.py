"""What an album model makes of whole albums: cells of every photo, kept beside the single guesses.

The network sees the photos of an album in chronological order, forwards and backwards, and not the
places that are known: those are weighed beside its answer. So what it says depends on no decision,
and a renewed suggestion finds it kept.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from geotagger.library.catalog import Catalog
from geotagger.library.vectors import encode_cells
from geotagger.library.world_guesses import TOP_CELLS, Outline, World, guess_of
from geotagger.suggest import albums, clocks, timeline
from geotagger.suggest.clock_course import Corrections
from geotagger.suggest.types import AlbumPhoto, CellGuess

FEWEST = 2
"""Photos that make an album; one alone is what the world model says of it."""


def partition_key(world: Outline) -> str:
    """Return the key under which the guesses of whole albums are kept, "" if there are none."""
    return f"{world.key}+{world.album_key}" if world.album_key else ""


def heard_together(
    catalog: Catalog,
    photos: Sequence[AlbumPhoto],
    seconds: Corrections,
    model: str,
    world: World,
) -> list[AlbumPhoto]:
    """Return the photos with what the album model makes of them together, and keep it.

    A folder of several outings is several albums (see `albums.split`): what was seen on one
    journey says nothing about another. ``seconds`` are added to the times of the cameras that they
    name. Photos without a time or without an embedding keep the guess that they have, and so does
    one that is alone.
    """
    if not world.album_key:
        return list(photos)
    taken = clocks.as_taken(photos, seconds)
    times = timeline.seconds(taken)
    row_of = {photo.key: row for row, photo in enumerate(photos)}
    k = min(TOP_CELLS, world.partition.size)
    key = partition_key(world)
    out = list(photos)
    kept = []
    for outing in albums.split(taken):
        some = [row_of[photo.key] for photo in outing if photo.embedding is not None]
        rows = sorted(row for row in some if np.isfinite(times[row]))
        if len(rows) < FEWEST:
            continue
        vectors = np.stack([photos[row].embedding for row in rows])  # type: ignore[misc]
        classes, log_p, log_rest = world.album_cells(vectors, times[rows], k)
        for at, row in enumerate(rows):
            guess = CellGuess(classes[at], log_p[at], float(log_rest[at]), together=True)
            out[row] = replace(photos[row], guess=guess)
            cells = encode_cells(classes[at], log_p[at])
            kept.append((model, key, *cells, guess.log_rest, photos[row].key))
    with catalog.writing(aside=True) as connection:
        connection.executemany(
            "REPLACE INTO cell_guesses (fingerprint, model, partition, classes, log_p, log_rest)"
            " SELECT fingerprint, ?, ?, ?, ?, ? FROM photos WHERE id = ?",
            kept,
        )
    return out


def heard_before(
    catalog: Catalog, album: str, photos: Sequence[AlbumPhoto], model: str, world: Outline
) -> list[AlbumPhoto]:
    """Return the photos with what the album model made of them when the album was analysed."""
    key = partition_key(world)
    if not key:
        return list(photos)
    with catalog.reading() as connection:
        rows = connection.execute(
            "SELECT p.id, g.classes, g.log_p, g.log_rest FROM photos p JOIN cell_guesses g"
            " ON g.fingerprint = p.fingerprint AND g.model = ? AND g.partition = ?"
            " WHERE p.folder = ?",
            (model, key, os.fsencode(album)),
        ).fetchall()
    found = {str(row["id"]): guess_of(row) for row in rows}
    out = []
    for photo in photos:
        guess = found.get(photo.key)
        seen = None if guess is None else replace(guess, together=True)
        out.append(photo if seen is None else replace(photo, guess=seen))
    return out
