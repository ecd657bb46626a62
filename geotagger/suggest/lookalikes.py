"""Evidence from photos that look alike and whose place is known."""

from __future__ import annotations

import numpy as np

from geotagger.suggest import reasons
from geotagger.suggest.evidence import Reason, register
from geotagger.suggest.scene import FloatArray, IntArray, Origin, PlaceTable, View

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
            np.where(reference, np.interp(likeness, _REFERENCE_COSINES, _REFERENCE_ODDS), 0.0),
        )
        return np.stack([np.asarray(column, np.float64) for column in columns], axis=-1)

    def reasons(self, view: View, table: PlaceTable, row: int, place: int) -> list[Reason]:
        """Return "looks like …" where a person would agree."""
        if not table.present[row, place] or table.lies_on_the_way(row, place):
            return []
        index = int(table.index[row, place])
        references = view.scene.references
        if table.origin[row, place] == Origin.REFERENCE:
            if references is None:
                return []
            mine = view.scene.embeddings[view.rows[[row]]]
            theirs = references.embeddings[[index]]
            likeness = float(np.einsum("nd,nd->n", mine, theirs)[0])
            return [Reason(reasons.looks_like(references.names[index], None), likeness)]
        if not table.is_an_anchor(row, place):
            return []
        similarity = float(view.similarity[row, index])
        if not similarity >= WORTH_TELLING:
            return []
        anchor = view.scene.photos[view.scene.anchors[index]]
        return [Reason(reasons.looks_like(anchor.name, anchor.anchor), similarity)]


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
    if references is None or not view.scene.seen[view.rows].any():
        return None
    cosines = _clean(view.scene.embeddings[view.rows] @ references.embeddings.T)
    placed = np.isfinite(references.lat) & np.isfinite(references.lon)
    cosines = np.where(placed & view.scene.seen[view.rows][:, None], cosines, -np.inf)
    wanted = min(IN_LIBRARY, cosines.shape[1])
    index = np.argpartition(-cosines, wanted - 1, axis=1)[:, :wanted]
    present = np.take_along_axis(cosines, index, axis=1) >= REFERENCE_FLOOR
    if not present.any():
        return None
    lat, lon = references.lat[index], references.lon[index]
    return _table(index, present, Origin.REFERENCE, lat, lon)


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


def _clean(cosines: np.ndarray) -> FloatArray:
    return np.asarray(np.nan_to_num(cosines, nan=-1.0), np.float64)


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
    theirs = np.sort(np.where(np.isnan(view.similarity), -np.inf, view.similarity), axis=1)
    count = np.maximum(np.isfinite(theirs).sum(axis=1), 1)
    out = np.zeros(similarity.shape)
    for row in np.flatnonzero(known.any(axis=1)):
        above = theirs.shape[1] - np.searchsorted(theirs[row], similarity[row], side="right")
        out[row] = above / count[row]
    return out
