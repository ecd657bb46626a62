"""Evidence from photos that look alike and whose place is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from geotagger.suggest import reasons
from geotagger.suggest.evidence import Reason, register
from geotagger.suggest.scene import IS_OUTSIDE, FloatArray, IntArray, Origin, PlaceTable, View

IN_ALBUM = 4
"""Look-alikes of the album that are weighed beside the anchors near in time."""

IN_LIBRARY = 3
"""Look-alikes outside the album that are weighed."""

REFERENCE_FLOOR = 0.75
"""Cosine below which a photo outside the album is no candidate."""

_REFERENCE_COSINES = (0.75, 0.80, 0.85, 0.90, 0.95)
_REFERENCE_ODDS = (-3.5, -2.8, -1.0, 0.5, 1.5)
"""Log-odds that a photo outside the album with such a cosine was taken at the same place.

On 1,094 photos of 32 real albums, of the MobileNetV2 pairs from different albums with a cosine of
0.75 to 0.80 (558) 2.5 per cent lay within 1 km, from 0.80 to 0.85 (34) 6 per cent. Above, only
pairs of one album were seen (158, all within 1 km), so the last three are cautious guesses.
"""

WORTH_TELLING = 0.6
"""Cosine from which a person sees the likeness, too."""

_CENTRE = 0.4
"""Usual cosine of two photos of one album."""

_SPREAD = 3.0


@register
class Lookalikes:
    """Anchors of the album and references of the library that resemble the photo."""

    name = "lookalikes"
    order = 1
    terms = ("lookalike", "similarity", "similarity_rank", "reference", "reference_odds")

    def propose(self, view: View, table: PlaceTable) -> PlaceTable | None:
        """Return the most similar anchors that are not in the table yet, and references."""
        parts = [part for part in (_of_album(view, table), _of_library(view)) if part is not None]
        if not parts:
            return None
        return PlaceTable(
            *(
                np.concatenate([getattr(part, name) for part in parts], axis=1)
                for name in PlaceTable.__slots__
            )
        )

    def score(self, view: View, table: PlaceTable) -> FloatArray:
        """Return what the likeness says about each place."""
        similarity, known = similarity_of(view, table)
        reference = table.present & (table.origin == Origin.REFERENCE)
        likeness = reference_similarity(view, table)
        columns = (
            table.present & (table.origin == Origin.LOOKALIKE),
            np.where(known, (similarity - _CENTRE) * _SPREAD, 0.0),
            np.where(known, _share_above(view, similarity, known), 0.0),
            reference,
            np.where(reference, reference_odds(likeness), 0.0),
        )
        return np.stack([np.asarray(column, np.float64) for column in columns], axis=-1)

    def reasons(self, view: View, table: PlaceTable, row: int, place: int) -> list[Reason]:
        """Return "looks like …" where a person would agree."""
        return self.all_reasons(view, table, np.array([row]), np.array([place]))[0]

    def all_reasons(
        self, view: View, table: PlaceTable, rows: IntArray, places: IntArray
    ) -> list[list[Reason]]:
        """Return the same for many photos (K,) and a place of each (K,)."""
        scene, references = view.scene, view.scene.references
        out: list[list[Reason]] = [[] for _ in rows]
        index, origin = table.index[rows, places], table.origin[rows, places]
        present = table.present[rows, places]
        if references is not None:
            told = np.flatnonzero(present & (origin == Origin.REFERENCE))
            mine = scene.embeddings[view.rows[rows[told]]]
            alike = np.einsum("nd,nd->n", mine, references.embeddings[index[told]])
            for number, other, likeness in _lists(told, index[told], alike):
                text = reasons.looks_like(references.names[other], None)
                out[number].append(Reason(text, likeness))
        anchor = present & (table.other[rows, places] < 0) & ~IS_OUTSIDE[origin]
        told = np.flatnonzero(anchor)
        alike = view.similarity[rows[told], index[told]]
        some = alike >= WORTH_TELLING
        for number, other, likeness in _lists(
            told[some], scene.anchors[index[told][some]], alike[some]
        ):
            photo = scene.photos[other]
            out[number].append(Reason(reasons.looks_like(photo.name, photo.anchor), likeness))
        return out


def _lists(*arrays: np.ndarray) -> Iterator[tuple[Any, ...]]:
    return zip(*(one.tolist() for one in arrays), strict=True)


def _of_album(view: View, table: PlaceTable) -> PlaceTable | None:
    scene = view.scene
    wanted = min(IN_ALBUM, len(scene.anchors))
    if wanted == 0 or not view.has_look.any():
        return None
    free = np.where(np.isnan(view.similarity), -np.inf, view.similarity)
    rows, columns = np.nonzero(table.is_anchor)
    free[rows, table.index[rows, columns]] = -np.inf
    index = np.argpartition(-free, wanted - 1, axis=1)[:, :wanted]
    present = np.isfinite(np.take_along_axis(free, index, axis=1))
    return _table(index, present, Origin.LOOKALIKE, scene.lat[index], scene.lon[index])


def _of_library(view: View) -> PlaceTable | None:
    references = view.scene.references
    if references is None:
        return None
    index = view.found.near[:, :IN_LIBRARY]
    present = (index >= 0) & (view.found.near_cosine[:, :IN_LIBRARY] >= REFERENCE_FLOOR)
    if not present.any():
        return None
    index = np.where(present, index, 0)
    lat, lon = references.lat[index], references.lon[index]
    return _table(index, present, Origin.REFERENCE, lat, lon)


def reference_odds(cosine: FloatArray) -> FloatArray:
    """Return the log-odds that a photo outside the album with such cosines is of the same place."""
    return np.asarray(np.interp(cosine, _REFERENCE_COSINES, _REFERENCE_ODDS), np.float64)


def _table(
    index: IntArray, present: np.ndarray, origin: Origin, lat: FloatArray, lon: FloatArray
) -> PlaceTable:
    return PlaceTable(
        lat=np.where(present, lat, 0.0),
        lon=np.where(present, lon, 0.0),
        present=present,
        origin=np.full(index.shape, origin, np.int8),
        index=np.where(present, index, 0),
        other=np.full(index.shape, -1, np.intp),
        fraction=np.zeros(index.shape),
    )


def similarity_of(view: View, table: PlaceTable) -> tuple[FloatArray, np.ndarray]:
    """Return the cosine with each place's anchor (H, P), and where there is one."""
    if view.similarity.shape[1] == 0:
        return np.zeros(table.lat.shape), np.zeros(table.lat.shape, bool)
    rows = np.arange(len(view.rows))[:, None]
    similarity = view.similarity[rows, np.where(table.is_anchor, table.index, 0)]
    known = table.is_anchor & np.isfinite(similarity)
    return np.where(known, similarity, 0.0), known


def reference_similarity(view: View, table: PlaceTable) -> FloatArray:
    """Return the cosine with each place's reference (H, P), 0 for other places."""
    out = np.zeros(table.lat.shape)
    references = view.scene.references
    rows, columns = np.nonzero(table.present & (table.origin == Origin.REFERENCE))
    if references is None or len(rows) == 0:
        return out
    mine = view.scene.embeddings[view.rows[rows]]
    theirs = references.embeddings[table.index[rows, columns]]
    out[rows, columns] = np.einsum("nd,nd->n", mine, theirs)
    return out


def _share_above(view: View, similarity: FloatArray, known: np.ndarray) -> FloatArray:
    """Return the share of the album's anchors that look more alike than each place's (H, P)."""
    # They were single numbers when they were made, and sort in half the time as such.
    theirs = view.similarity.astype(np.float32)
    theirs[np.isnan(theirs)] = _LEAST
    theirs.sort(axis=1)
    rows, places = np.nonzero(known)
    asked = similarity[rows, places].astype(np.float32)
    # One search for all: each row's cosines are put behind those of the row before.
    ahead = _APART * np.arange(len(theirs), dtype=np.float64)
    place = np.searchsorted((theirs + ahead[:, None]).ravel(), asked + ahead[rows], side="right")
    count = np.maximum((theirs > _LEAST).sum(axis=1), 1)
    out = np.zeros(similarity.shape)
    out[rows, places] = ((rows + 1) * theirs.shape[1] - place) / count[rows]
    return out


_LEAST, _APART = -2.0, 4.0
"""Less than any cosine, and more than any two are apart."""
