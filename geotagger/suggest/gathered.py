"""Evidence from where look-alikes gather: their density at every place, and its modes as places.

One look-alike may resemble by chance; several of different scenes around one place hardly do. What
`retrieval` finds is heard here as one term over all places. Where a mode lies where nothing else
was proposed it becomes a place itself: of the album's own look-alikes the anchor that is the most
alike, else the point where those of other albums are dense.
"""

from __future__ import annotations

import numpy as np

from geotagger.earth.distance import EARTH_RADIUS_M, unit_vectors
from geotagger.suggest import reasons, retrieval
from geotagger.suggest.evidence import Reason, register
from geotagger.suggest.lookalikes import REFERENCE_FLOOR, WORTH_TELLING, reference_odds
from geotagger.suggest.names import evidence as names
from geotagger.suggest.scene import (
    IS_AREA,
    FloatArray,
    IntArray,
    Origin,
    PlaceTable,
    View,
)

LEAST_SHARE = 0.1
"""Share of all look-alikes' weight from which a mode is a place worth weighing."""

FEWEST = 2
"""Look-alikes outside the album that make a mode; one alone is a reference already."""

_SAME_M = 250.0
"""A mode so near to a place in the table is that place."""


@register
class GatheredLookalikes:
    """The density of look-alikes, and its modes."""

    name = "gathered"
    order = 6
    terms = ("gathered", "retrieved", "retrieved_odds")

    def propose(self, view: View, table: PlaceTable) -> PlaceTable | None:
        """Return the modes that are not in the table yet."""
        if not (view.found.index >= 0).any():
            return None
        total = len(view.scene.anchors)
        modes = retrieval.modes_of(view.found, total)
        own = (modes.first >= 0) & (modes.first < total) & (modes.share >= LEAST_SHARE)
        others = ~own & (modes.share > 0.0) & (modes.alone >= REFERENCE_FLOOR)
        others &= modes.count >= FEWEST
        index = np.where(own, modes.first, 0)
        some = np.append(view.scene.lat, 0.0), np.append(view.scene.lon, 0.0)
        lat, lon = (
            np.where(own, one[index], np.where(others, mode, 0.0))
            for one, mode in zip(some, (modes.lat, modes.lon), strict=True)
        )
        present = (own | others) & ~_in_table(table, lat, lon)
        if not present.any():
            return None
        return PlaceTable(
            lat=lat,
            lon=lon,
            present=present,
            origin=np.where(own, Origin.LOOKALIKE, Origin.RETRIEVED).astype(np.int8),
            index=index,
            other=np.full(index.shape, -1, np.intp),
            fraction=np.where(others, modes.alone, 0.0),
        )

    def score(self, view: View, table: PlaceTable) -> FloatArray:
        """Return how dense the look-alikes are at each place."""
        dense = _density(view, table)
        retrieved = table.present & (table.origin == Origin.RETRIEVED)
        odds = np.where(retrieved, reference_odds(table.fraction), 0.0)
        return np.stack([dense, retrieved.astype(np.float64), odds], axis=-1)

    def reasons(self, view: View, table: PlaceTable, row: int, place: int) -> list[Reason]:
        """Return how many pictures that look like the photo were taken around a place."""
        return self.all_reasons(view, table, np.array([row]), np.array([place]))[0]

    def all_reasons(
        self, view: View, table: PlaceTable, rows: IntArray, places: IntArray
    ) -> list[list[Reason]]:
        """Return the same for many photos (K,) and a place of each (K,)."""
        out: list[list[Reason]] = [[] for _ in rows]
        if view.found.index.shape[1] == 0:
            return out
        near = retrieval.around(
            view.found, rows, table.lat[rows, places], table.lon[rows, places], WORTH_TELLING
        )
        near[~table.present[rows, places] | IS_AREA[table.origin[rows, places]]] = False
        counts = near.sum(axis=1)
        share = np.where(near, view.found.share[rows], 0.0).sum(axis=1)
        for number in np.flatnonzero(counts >= FEWEST).tolist():
            text = reasons.gathered(int(counts[number]))
            out[number].append(Reason(text, 0.9 * float(share[number]), "gathered"))
        return out


def _density(view: View, table: PlaceTable) -> FloatArray:
    """Return how dense it is at each place (H, P), as a logarithm; 0 where chance does better."""
    if view.found.index.shape[1] == 0 or table.lat.shape[1] == 0:
        return np.zeros(table.lat.shape)
    world = view.scene.world
    radius = names.radius_m(view, table)
    if world is not None and len(world.radius_m):
        cell = table.origin == Origin.WORLD
        radius = radius + np.where(cell, world.radius_m[np.where(cell, table.index, 0)], 0.0)
    dense = retrieval.density(view.found, table.lat, table.lon, radius)
    return np.where(table.present, np.log1p(dense), 0.0)


def _in_table(table: PlaceTable, lat: FloatArray, lon: FloatArray) -> np.ndarray:
    """Return where places (H, M) are those of the table or earlier ones of their own."""
    both = np.concatenate([table.lat, lat], axis=1), np.concatenate([table.lon, lon], axis=1)
    points = unit_vectors(both[0].ravel(), both[1].ravel())
    points = points.reshape(*both[0].shape, 3)
    known = table.lat.shape[1]
    square = np.square(points[:, known:, None] - points[:, None]).sum(axis=-1)
    usable = np.concatenate(
        [table.present & ~IS_AREA[table.origin], np.ones(lat.shape, bool)], axis=1
    )
    near = (square <= (_SAME_M / EARTH_RADIUS_M) ** 2) & usable[:, None]
    # A mode is compared with those before it only.
    order = np.arange(both[0].shape[1])
    near &= order[None, None, :] < order[None, known:, None]
    return np.asarray(near.any(axis=2), bool)
