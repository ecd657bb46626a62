"""Evidence from the clock's zone, as the fusion hears it; see `clock_zones`."""

from __future__ import annotations

import numpy as np

from geotagger.suggest.clock_zones import lift, lift_at, offset_of, rows_by_clock, written
from geotagger.suggest.evidence import Reason, register
from geotagger.suggest.scene import FloatArray, IntArray, PlaceTable, View

WORTH_TELLING = 0.7


@register
class ZoneEvidence:
    """Offsets from UTC; proposes no places, its term is not a fitted one."""

    name = "zones"
    order = 5
    terms: tuple[str, ...] = ()

    def propose(self, view: View, table: PlaceTable) -> PlaceTable | None:
        """Return None: a zone is too wide to be a place."""
        return None

    def score(self, view: View, table: PlaceTable) -> FloatArray:
        """Return no fitted terms; the fusion adds `log_lift`."""
        return np.zeros((*table.lat.shape, 0))

    def reasons(self, view: View, table: PlaceTable, row: int, place: int) -> list[Reason]:
        """Return that the clock's zone fits, where few other places have it."""
        photo = view.scene.photos[view.rows[row]]
        offset = offset_of(photo)
        if offset is None or not table.present[row, place]:
            return []
        lat, lon = float(table.lat[row, place]), float(table.lon[row, place])
        if lift_at(photo, offset, lat, lon, view.scene.clock_belief) < WORTH_TELLING:
            return []
        return [Reason(f"the clock was set to {written(offset)}, as it is here", 0.15)]

    def all_reasons(
        self, view: View, table: PlaceTable, rows: IntArray, places: IntArray
    ) -> list[list[Reason]]:
        """Return the same for many photos (K,) and a place of each (K,)."""
        stated = [offset_of(view.scene.photos[row]) is not None for row in view.rows.tolist()]
        pairs = zip(rows.tolist(), places.tolist(), strict=True)
        return [
            self.reasons(view, table, row, place) if stated[row] else [] for row, place in pairs
        ]


def log_lift(view: View, table: PlaceTable) -> FloatArray:
    """Return what the offsets add to the logits of the places (H, P), bounded; 0 without one."""
    out = np.zeros(table.lat.shape)
    if table.lat.shape[1] == 0:
        return out
    photos = [view.scene.photos[row] for row in view.rows]
    for (offset, *_), rows in rows_by_clock(photos).items():
        lat, lon = table.lat[rows].ravel(), table.lon[rows].ravel()
        one = lift(photos[rows[0]], offset, lat, lon, view.scene.clock_belief)
        out[rows] = one.reshape(len(rows), -1)
    return np.where(table.present, out, 0.0)
