"""Evidence from the album as a whole: places where many of its photos were taken."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from geotagger.earth.distance import EARTH_RADIUS_M, haversine_m, unit_vectors
from geotagger.suggest import reasons
from geotagger.suggest.evidence import Reason, register
from geotagger.suggest.scene import FloatArray, IntArray, Origin, PlaceTable, Scene, View

DENSEST = 12
"""Anchors proposed for a photo of which neither time nor looks are known."""

REACH_M = 3_000.0
"""Width of the kernel of the density: a stay in a town, not a country."""

MOST_ANCHORS = 2_000
"""Anchors that the density is estimated from; of more, an even sample is taken."""

_CLOSE_M = 5_000.0


@register
class AlbumPrior:
    """Kernel density over the album's anchors."""

    name = "prior"
    order = 2
    terms = ("density",)

    def propose(self, view: View, table: PlaceTable) -> PlaceTable | None:
        """Return anchors in dense places for photos that have none in the table."""
        scene = view.scene
        poor = np.asarray(~table.is_anchor.any(axis=1), bool)
        if len(scene.anchors) == 0 or not poor.any():
            return None
        chosen = _spread_out(scene.lat, scene.lon, _density(scene.lat, scene.lon))
        shape = (len(view.rows), len(chosen))
        return PlaceTable(
            lat=np.broadcast_to(scene.lat[chosen], shape),
            lon=np.broadcast_to(scene.lon[chosen], shape),
            present=np.broadcast_to(poor[:, None], shape),
            origin=np.full(shape, Origin.ALBUM, np.int8),
            index=np.broadcast_to(chosen, shape),
            other=np.full(shape, -1, np.intp),
            fraction=np.zeros(shape),
        )

    def score(self, view: View, table: PlaceTable) -> FloatArray:
        """Return the share of the album's anchors around each place that is one of them."""
        scene = view.scene
        if len(scene.anchors) == 0:
            return np.zeros((*table.lat.shape, 1))
        out = np.zeros(table.lat.shape)
        asked = table.is_anchor
        out[asked] = _density_at(scene, table.index[asked])
        return out[..., None]

    def reasons(self, view: View, table: PlaceTable, row: int, place: int) -> list[Reason]:
        """Return how many of the album's photos with a place were taken around this one."""
        return self.all_reasons(view, table, np.array([row]), np.array([place]))[0]

    def all_reasons(
        self, view: View, table: PlaceTable, rows: IntArray, places: IntArray
    ) -> list[list[Reason]]:
        """Return the same for many photos (K,) and a place of each (K,)."""
        scene, total = view.scene, len(view.scene.anchors)
        out: list[list[Reason]] = [[] for _ in rows]
        told = np.flatnonzero(table.is_anchor[rows, places])
        if total < 2 or len(told) == 0:
            return out
        asked, which = np.unique(table.index[rows[told], places[told]], return_inverse=True)
        counts = _around(scene.lat, scene.lon, asked)[which]
        many = (counts >= 2) & (counts >= 0.25 * total)
        for number, count in zip(told[many].tolist(), counts[many].tolist(), strict=True):
            out[number].append(Reason(reasons.crowd(count, total), 0.1, "crowd"))
        return out


def _around(lat: FloatArray, lon: FloatArray, asked: IntArray) -> IntArray:
    """Return how many places (A,) are close to some of them, whose numbers are asked for (K,)."""
    vectors = unit_vectors(lat, lon)
    least = np.cos(_CLOSE_M / EARTH_RADIUS_M)
    out = np.empty(len(asked), np.intp)
    for start in range(0, len(asked), 64):
        part = asked[start : start + 64]
        out[start : start + 64] = (vectors[part] @ vectors.T >= least).sum(axis=1)
    return out


def _density(lat: FloatArray, lon: FloatArray) -> FloatArray:
    """Return for each anchor (A,) the mean kernel of all anchors, from 0 to 1.

    Kept for the last albums: every part of an album asks for the same.
    """
    return _density_of(lat.tobytes(), lon.tobytes())


def _density_at(scene: Scene, index: IntArray) -> FloatArray:
    """Return the same for some anchors (K,)."""
    if len(scene.targets) > _FEW:
        return _density(scene.lat, scene.lon)[index]
    # A few photos, as where anchors are hidden to learn how far they are found: of a large
    # album only what is asked for is worth its time.
    asked, which = np.unique(index, return_inverse=True)
    return _kernel_mean(scene.lat, scene.lon, asked)[which]


_FEW = 64


@lru_cache(maxsize=8)
def _density_of(lats: bytes, lons: bytes) -> FloatArray:
    lat, lon = np.frombuffer(lats), np.frombuffer(lons)
    out = _kernel_mean(lat, lon, np.arange(len(lat)))
    out.flags.writeable = False
    return out


def _kernel_mean(lat: FloatArray, lon: FloatArray, asked: IntArray) -> FloatArray:
    """Return the mean kernel around some of the places (A,), whose numbers are asked for (K,)."""
    step = max(1, -(-len(lat) // MOST_ANCHORS))
    points = unit_vectors(lat, lon)
    some = points[::step]
    out = np.empty(len(asked))
    for start in range(0, len(asked), 512):
        part = asked[start : start + 512]
        apart = np.zeros((len(part), len(some)))
        for axis in range(3):
            apart += np.square(points[part, None, axis] - some[:, axis])
        # Half a chord is the sine of half the way; no digit is lost nearby.
        np.sqrt(apart, out=apart)
        apart *= 0.5
        np.arcsin(np.minimum(apart, 1.0, out=apart), out=apart)
        apart *= -2.0 * EARTH_RADIUS_M / REACH_M
        out[start : start + 512] = np.exp(apart, out=apart).mean(axis=1)
    return out


def _spread_out(lat: FloatArray, lon: FloatArray, density: FloatArray) -> np.ndarray:
    """Return up to `DENSEST` anchors, the densest first, none within reach of another."""
    left = density
    chosen: list[int] = []
    while len(chosen) < DENSEST and bool((left > 0.0).any()):
        best = int(left.argmax())
        chosen.append(best)
        away = haversine_m(lat[best], lon[best], lat, lon)
        left = np.where(away <= REACH_M, 0.0, left)
    return np.asarray(chosen, np.intp)
