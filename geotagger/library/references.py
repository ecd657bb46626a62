"""The photos of the whole catalog with a place and an embedding: look-alikes outside an album.

After a decision most of what an album is compared with is as it was before. So what was read is
kept until something else than a decision in that album is written, and of a large library only the
references that may be heard for the album are kept (see `retrieval.heard_of`).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from geotagger.library.catalog import Catalog
from geotagger.library.kept_vectors import kept_vectors
from geotagger.library.recent import Recent
from geotagger.suggest.retrieval import SCENE_S, heard_of
from geotagger.suggest.types import AlbumPhoto, References

_SEPARATOR = os.fsencode(os.sep)

_PLACED = """SELECT p.id, p.path, p.folder, p.fingerprint, p.wall_us, p.camera,
    coalesce(d.lat, p.lat) AS lat, coalesce(d.lon, p.lon) AS lon FROM photos p
    JOIN embeddings e ON e.fingerprint = p.fingerprint AND e.model = ?
    LEFT JOIN decisions d ON d.photo_id = p.id AND d.kind IN ('accepted', 'moved')
    WHERE (d.lat IS NOT NULL OR p.gps_state = 'complete') AND NOT p.document
    AND p.error = ''"""

_DECIDED = """SELECT count(*), total(d.photo_id), total(d.decided_at) FROM decisions d
    JOIN photos p ON p.id = d.photo_id
    WHERE d.kind IN ('accepted', 'moved') AND p.folder != ?"""


@dataclass(frozen=True, slots=True)
class Library:
    """All photos of the catalog that have a place and an embedding."""

    ids: tuple[int, ...]
    albums: tuple[str, ...]
    references: References

    @classmethod
    def load(cls, catalog: Catalog, model: str) -> Library:
        """Read all of them."""
        with catalog.reading() as connection:
            rows = connection.execute(_PLACED, (model,)).fetchall()
        vectors = kept_vectors(catalog, model, [row["fingerprint"] for row in rows])
        return cls(
            ids=tuple(row["id"] for row in rows),
            albums=tuple(os.fsdecode(row["folder"]) for row in rows),
            references=References(
                names=tuple(os.fsdecode(row["path"].rpartition(_SEPARATOR)[2]) for row in rows),
                embeddings=vectors,
                lat=np.array([row["lat"] for row in rows], np.float64),
                lon=np.array([row["lon"] for row in rows], np.float64),
                scenes=_scenes(rows),
                albums=_numbers([row["folder"] for row in rows]),
            ),
        )

    def without(self, album: str, others: Collection[int] = ()) -> References | None:
        """Return the references but an album's and some more photos that are heard otherwise."""
        keep = np.array([other != album for other in self.albums], bool)
        if others:
            keep &= np.array([one not in others for one in self.ids], bool)
        if not keep.any():
            return None
        return self.references.of(np.flatnonzero(keep))

    def heard(
        self, album: str, others: Collection[int], photos: Sequence[AlbumPhoto]
    ) -> References | None:
        """Return of the same references those that may be heard for the album's photos."""
        found = self.without(album, others)
        return None if found is None else heard_of(found, photos)


def _numbers(names: Sequence[object]) -> np.ndarray:
    """Return a number for each name, the same for the same."""
    known: dict[object, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], np.intp)


def _scenes(rows: Sequence[sqlite3.Row]) -> np.ndarray:
    """Return the number of each photo's scene: one folder and camera, no longer pause between.

    Copies of a photo in other folders are of its scene; photos without a time stand for themselves.
    """
    camera = _numbers([(row["folder"], row["camera"]) for row in rows])
    times = np.array([np.nan if row["wall_us"] is None else row["wall_us"] for row in rows])
    order = np.lexsort((times, camera))
    with np.errstate(invalid="ignore"):
        goes_on = np.diff(times[order]) <= SCENE_S * 1e6
    goes_on &= np.diff(camera[order]) == 0
    out = np.empty(len(rows), np.intp)
    out[order] = np.concatenate([[0], np.cumsum(~goes_on)])[: len(rows)]
    first: dict[str, int] = {}
    return np.array(
        [first.setdefault(row["fingerprint"], int(out[at])) for at, row in enumerate(rows)],
        np.intp,
    )


_RECENT: Recent[References | None] = Recent(3)


def references_heard(
    catalog: Catalog,
    model: str,
    album: str,
    others: Collection[int],
    photos: Sequence[AlbumPhoto],
) -> References | None:
    """Return the references that may be heard for an album, from what is kept if it still holds.

    ``others`` are photos outside the album that are none of them, ``photos`` the album's as
    `album_photos` gives them.
    """
    stamp = catalog.stamp()
    with catalog.reading() as connection:
        decided = tuple(connection.execute(_DECIDED, (os.fsencode(album),)).fetchone())
    return _RECENT.get(
        catalog,
        (album, model),
        (stamp, decided, frozenset(others)),
        lambda: Library.load(catalog, model).heard(album, others, photos),
    )


def references_of(catalog: Catalog, model: str, *, without: str) -> References | None:
    """Return the catalogued photos with place and embedding outside one album, or None."""
    return Library.load(catalog, model).without(without)


def references_by_album(catalog: Catalog, model: str) -> Callable[[str], References | None]:
    """Return what `references_of` returns for any album, the catalog being read only once."""
    return Library.load(catalog, model).without
