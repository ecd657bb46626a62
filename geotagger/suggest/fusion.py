"""Evidence from all sources becomes one distribution over the earth per photo.

The log-likelihoods that the sources give to the places are added with fitted weights (log-linear
pooling), with what neighbours along a camera's stream pass on, and normalised together with a
floor, "anywhere on earth", so that the truth far away is never impossible. Around each place the
motion model spreads its share. The answer is not the likeliest place but the one with the highest
expected hits: the sum over 0.1, 1, 25, 200 and 750 km of the probability of being that near.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geotagger.earth.distance import EARTH_RADIUS_M, unit_vectors
from geotagger.suggest import zones
from geotagger.suggest.anchors import far_in_time, nearest_in_time
from geotagger.suggest.calibration import MODES, Calibration
from geotagger.suggest.chain import Passed, passed
from geotagger.suggest.evidence import sources
from geotagger.suggest.motion import (
    SCALES_M,
    kernel_terms,
    uniform_within,
)
from geotagger.suggest.names import evidence as names
from geotagger.suggest.ring_sums import hits_between, mass_in_discs
from geotagger.suggest.scene import (
    IS_AREA,
    BoolArray,
    FloatArray,
    IntArray,
    Origin,
    PlaceTable,
    View,
    empty_table,
    joined,
)
from geotagger.suggest.terms import terms_of
from geotagger.suggest.world import log_lift, log_rest

HIT_RADII_M = np.array([100.0, 1e3, 25e3, 200e3, 750e3])
"""Street, quarter, city, region, country."""


@dataclass(frozen=True, slots=True)
class Fused:
    """The distributions of H photos.

    ``share`` (H, P) are the probabilities of the places, ``floor`` (H,) of "anywhere"; ``rings``
    (H, P, S) the motion model's shares around a place, ``scale_m`` (H, P, S) their sizes;
    ``mode`` (H,) indexes `calibration.MODES`, or is `PIXELS_ALONE`; ``apart_m`` (H, P, P) are
    distances between places; ``told`` is what neighbours along the stream add;
    ``far`` (H,) how far photos are from every anchor in time (see `anchors.far_in_time`).
    """

    view: View
    table: PlaceTable
    share: FloatArray
    floor: FloatArray
    rings: FloatArray
    scale_m: FloatArray
    mode: IntArray
    apart_m: FloatArray
    told: Passed
    far: FloatArray

    def of(self, count: int) -> Fused:
        """Return the distributions of the first photos."""
        parts = {name: getattr(self, name)[:count] for name in _BY_PHOTO}
        view, table = self.view.of(count), self.table.of(count)
        return Fused(view=view, table=table, told=self.told.of(count), **parts)


_BY_PHOTO = ("share", "floor", "rings", "scale_m", "mode", "apart_m", "far")

PIXELS_ALONE = len(MODES)
"""Mode of a photo of which nothing is known but what a world model sees in it, or its names."""


def propose(view: View) -> PlaceTable:
    """Return the places that all sources propose for the photos of a view."""
    table = empty_table(len(view.rows))
    for source in sources():
        more = source.propose(view, table)
        if more is not None:
            table = joined([table, more])
    return table


def modes_of(view: View) -> IntArray:
    """Return for each photo the index in `calibration.MODES` of what is known of it.

    It is `PIXELS_ALONE` where there are neither anchors nor look-alikes but a guess or a name.
    """
    time, look = view.has_time, view.has_look
    mode = np.where(time, np.where(look, 0, 1), np.where(look, 2, 3)).astype(np.intp)
    if len(view.scene.anchors) == 0:
        mode[(view.has_guess | view.has_names) & ~time & ~look] = PIXELS_ALONE
    return mode


def fuse(view: View, table: PlaceTable, calibration: Calibration) -> Fused:
    """Return the fused distributions of the photos of a view."""
    mode = modes_of(view)
    terms, kernel = terms_of(view, table), kernel_terms(view, table)
    fitted = np.minimum(mode, len(MODES) - 1)
    weights = np.stack([one.weights for one in calibration.modes])[fitted]
    matrix = np.stack([one.kernel for one in calibration.modes])[fitted]
    floor = np.array([one.floor for one in calibration.modes])[fitted]
    logits = (terms @ weights[..., None])[..., 0]
    floor = np.maximum(floor, _mixed_floor(view, table, logits))
    logits = logits + log_lift(view, table)
    logits = logits + names.log_lift(view, table) + zones.log_lift(view, table)
    # The model's cells and what names mean divide "anywhere on earth" among themselves.
    area = IS_AREA[table.origin]
    logits = logits + np.where(area, floor[:, None], 0.0)
    floor = floor + log_rest(view) + names.log_rest(view)
    logits = np.where(table.present, logits, -np.inf)
    told = passed(view, table, logits, floor)
    logits, floor = logits + told.lift, floor + told.floor
    top = np.maximum(logits.max(axis=1, initial=-np.inf), floor)
    share = np.exp(logits - top[:, None])
    rest = np.exp(floor - top)
    total = share.sum(axis=1) + rest
    rings = _softmax(kernel @ matrix)
    # A cell or a town is as wide as it is; how people move does not widen it.
    rings[area] = np.eye(len(SCALES_M))[0]
    radius = _own_radius(view, table)[..., None]
    return Fused(
        view=view,
        table=table,
        share=share / total[:, None],
        floor=rest / total,
        rings=rings,
        scale_m=np.hypot(SCALES_M, np.maximum(radius - _EXACT_M, 0.0)),
        mode=mode,
        apart_m=distances(table),
        told=told,
        far=far_in_time(view),
    )


def _mixed_floor(view: View, table: PlaceTable, logits: FloatArray) -> FloatArray:
    """Return the least logit (H,) of "anywhere on earth" where a folder may be a collection.

    The floors were fitted on albums that are one journey each. A folder without times may as well
    hold pictures from everywhere, and then its anchors say little against pixels or names that
    clearly point elsewhere.
    """
    mixed = ~view.has_time & (view.has_guess | view.has_names)
    of_album = table.present & ~IS_AREA[table.origin]
    known = np.where(of_album, logits, -np.inf)
    most = known.max(axis=1, initial=-np.inf)
    mixed &= np.isfinite(most)
    most = np.where(mixed, most, 0.0)
    whole = np.exp(np.where(mixed[:, None], known, -np.inf) - most[:, None]).sum(axis=1)
    log_odds = np.log(_MIXED) - np.log1p(-_MIXED)
    return np.where(mixed, most + np.log(np.maximum(whole, 1e-300)) + log_odds, -np.inf)


_MIXED = 0.1
"""How often a photo without a time is taken to be from elsewhere than its folder's anchors.

A cautious guess: there were no folders of collected pictures to measure it on.
"""

_EXACT_M = 50.0
"""Anchors known this well are exact: their error is in the fitted motion already."""


def _own_radius(view: View, table: PlaceTable) -> FloatArray:
    """Return how well each place itself is known, metres (H, P)."""
    radius = view.scene.radius_m
    cells = _cell_radius(view, table) + names.radius_m(view, table)
    if len(radius) == 0:
        return cells
    mine = table.is_anchor | table.on_the_way
    own = np.where(mine, radius[np.where(mine, table.index, 0)], 0.0)
    other = np.where(table.other >= 0, radius[table.other], 0.0)
    return np.maximum(np.maximum(own, other), cells)


def _cell_radius(view: View, table: PlaceTable) -> FloatArray:
    world = view.scene.world
    if world is None or len(world.radius_m) == 0:
        return np.zeros(table.lat.shape)
    cell = table.origin == Origin.WORLD
    return np.where(cell, world.radius_m[np.where(cell, table.index, 0)], 0.0)


def _softmax(logits: FloatArray) -> FloatArray:
    powers = np.asarray(logits - logits.max(axis=-1, keepdims=True), np.float64)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def distances(table: PlaceTable) -> FloatArray:
    """Return the distances between all places of each photo, metres (H, P, P).

    The chord between unit vectors keeps centimetres, which the cosine would not.
    """
    vectors = unit_vectors(table.lat.ravel(), table.lon.ravel()).reshape(*table.lat.shape, 3)
    out = np.zeros((*table.lat.shape, table.lat.shape[1]))
    for axis in range(3):
        apart = vectors[:, :, None, axis] - vectors[:, None, :, axis]
        apart *= apart
        out += apart
    np.sqrt(out, out=out)
    out *= 0.5
    np.arcsin(np.minimum(out, 1.0, out=out), out=out)
    out *= 2.0 * EARTH_RADIUS_M
    return out


def expected_hits(fused: Fused, rows: IntArray, at: IntArray, of: IntArray) -> FloatArray:
    """Return the hits (K, X) expected at some places of photos from other places of theirs.

    Parameters
    ----------
    rows
        The photos (K,).
    at, of
        Columns of the places at which the hits are expected (K, X), and of those that are weighed
        (K, M), -1 for none.
    """
    known = of >= 0
    of = np.maximum(of, 0)
    mine = rows[:, None]
    hits = hits_between(
        fused.apart_m[mine[..., None], at[:, :, None], of[:, None]],
        fused.scale_m[mine, of],
        fused.rings[mine, of],
        HIT_RADII_M,
    )
    return np.asarray((hits @ np.where(known, fused.share[mine, of], 0.0)[..., None])[..., 0])


def best_places(fused: Fused, active: BoolArray) -> IntArray:
    """Return the active place (H,) with the most expected hits from active places, else -1."""
    usable = fused.table.present & active
    count = usable.sum(axis=1)
    best = np.full(len(count), -1, np.intp)
    rows = np.flatnonzero(count)
    # Photos with as many places together; the columns stay in their order.
    rows = rows[np.argsort(count[rows], kind="stable")]
    for part in np.split(rows, range(_ALIKE, len(rows), _ALIKE)):
        if len(part):
            most = int(count[part[-1]])
            order = np.argsort(~usable[part], axis=1, kind="stable")[:, :most]
            known = np.arange(most) < count[part, None]
            gain = expected_hits(fused, part, order, np.where(known, order, -1))
            chosen = np.where(known, gain, -np.inf).argmax(axis=1)
            best[part] = order[np.arange(len(part)), chosen]
    return best


_ALIKE = 96
"""Photos whose places are compared together."""


def first_places(fused: Fused) -> IntArray:
    """Return the best place (H,) of each photo, -1 where there is none.

    A little more than the nearest anchor's expected hits is no gain that a model of people's
    motion can be trusted with: then the nearest anchor in time is the answer. No place can have
    more than the hits of discs around every place by itself, so that for most photos the other
    places need not be compared.
    """
    near = nearest_in_time(fused.view, fused.table)
    doubt = _DOUBT_HITS + _DOUBT_FAR * fused.far
    known = np.flatnonzero(near >= 0)
    every = np.broadcast_to(np.arange(fused.share.shape[1]), fused.share.shape)
    enough = np.full(len(near), -np.inf)
    enough[known] = expected_hits(fused, known, near[known, None], every[known])[:, 0]
    enough += doubt
    best = near.copy()
    rows = np.flatnonzero(_most_hits(fused) + _SINGLE > enough)
    if len(rows):
        active = np.zeros(fused.share.shape, bool)
        active[rows] = True
        better = best_places(fused, active)
        some = np.flatnonzero((better >= 0) & (near >= 0))
        gain = expected_hits(fused, some, better[some, None], every[some])[:, 0]
        better[some[gain < enough[some]]] = near[some[gain < enough[some]]]
        best[rows] = better[rows]
    return best


def _most_hits(fused: Fused) -> FloatArray:
    """Return how many hits (H,) no place of a photo can have more than."""
    square = np.square(fused.scale_m)
    within = np.zeros(square.shape)
    for radius in np.square(HIT_RADII_M).tolist():
        within += radius / (square + radius)
    return np.asarray(np.einsum("hps,hps,hp->h", within, fused.rings, fused.share), np.float64)


_SINGLE = 1e-5
"""What sums in single precision may be wrong by."""

_DOUBT_HITS, _DOUBT_FAR = 0.4, 0.8
"""Expected hits (of five) that another place must be ahead of the nearest anchor in time, and how
many more where every anchor is hours away: with whole days hidden, looks mislead more than the
fits know, which saw few such photos."""


def mass_around(
    fused: Fused, places: IntArray, radii_m: FloatArray, rows: IntArray | None = None
) -> FloatArray:
    """Return the fused mass (K, R) in discs of radii (R,) or (K, R) around one place per photo.

    ``rows`` (K,) are the photos that the places (K,) are of; all of them unless given.
    """
    rows = np.arange(len(places)) if rows is None else rows
    radii = np.broadcast_to(radii_m, (len(places), np.shape(radii_m)[-1]))
    weight = fused.share[rows, :, None] * fused.rings[rows]
    held = mass_in_discs(fused.apart_m[rows, places], radii, fused.scale_m[rows], weight)
    return np.minimum(held + fused.floor[rows, None] * uniform_within(radii), 1.0)
