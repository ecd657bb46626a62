"""Hidden photos help each other: forward-backward along each camera's stream.

Between two anchors a camera takes photos whose places nobody knows, yet they hang together: what
was taken a minute later was taken here, too, and if one of the two looks like an anchor, both are
near it. The states of a photo are the places that all sources propose for it and "anywhere on
earth"; from one photo of a stream to the next the camera may have stayed, walked, driven or flown,
and each of the four binds two places that are no further apart than it goes, the less the more time
has passed, the more the more the two photos look alike.

Anchors cut a stream into runs: what they say of the photos around them is in those photos' own
terms already, and would be counted twice if it went along the chain as well. For the same reason
the bonds are no densities of motion but were fitted with the photos' own terms in place: they hold
what is left to say once those are heard, and that is little. Photos further than `REACH` steps are
not waited for, so that an album of any size is worked on in parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geotagger.earth.distance import EARTH_RADIUS_M, haversine_m, unit_vectors
from geotagger.suggest.scene import BoolArray, FloatArray, IntArray, PlaceTable, Scene, View

KINDS = ("stay", "walk", "drive", "fly")
REACH_M = np.array([100.0, 1e3, 25e3, 200e3])
"""How far one gets in each of `KINDS` and is still bound."""

FADES_S = np.array([1_200.0, 7_200.0, 36_000.0, 86_400.0])
"""After how long a bond of each of `KINDS` has faded to a third."""

BONDS = ("time", "likeness")
"""Each kind's bond: by the time alone, and times how much two photos look alike."""

BOND = np.array([[0.35, 0.0, 0.1, 0.6], [0.0, 0.0, 0.05, 0.35]])
"""Strengths by `BONDS` and `KINDS`: logarithms of how much likelier near places are.

Medians of six fits by greatest likelihood, each on the hidden photos of other albums than the
sixth it left out. None was above 0.8, and they made those albums likelier by 0.001 to 0.007 per
photo: beside anchors before and after, a photo's hidden neighbours tell hardly anything new.
"""

LONGEST_S = 86_400.0
"""Photos further apart are not bound."""

REACH = 8
"""Steps along a run that are heard."""

_USUAL_COSINE = 0.35

_SAME_M = 1e3
"""A neighbour that points so near points to the same place."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Photos in the order of their streams.

    ``order`` (T,) are indices of photos; ``run`` (T,) the number of each one's run, ascending;
    photos of which no bond is known have a run of their own.
    """

    order: IntArray
    run: IntArray


@dataclass(frozen=True, slots=True)
class Passed:
    """What the other photos of a run tell of each place of H photos.

    ``lift`` (H, P) and ``floor`` (H,) are added to the logits of the places and of "anywhere";
    ``teller`` (H,) is the photo bound the closest, -1 where there is none; ``agrees`` (H, P) is
    where that one's own evidence points to the same place.
    """

    lift: FloatArray
    floor: FloatArray
    teller: IntArray
    agrees: BoolArray

    def of(self, count: int) -> Passed:
        """Return what the first photos are told."""
        return Passed(*(getattr(self, name)[:count] for name in self.__slots__))


def runs_of(scene: Scene, rows: IntArray) -> Runs:
    """Return the runs of some photos of a scene.

    A run goes on while the camera is the same, the times are certain and near, and no anchor of any
    camera lies in between.
    """
    cameras = np.unique([scene.photos[row].camera for row in rows], return_inverse=True)[1]
    times = scene.seconds[rows]
    by_time = np.lexsort((np.nan_to_num(times, nan=np.inf), cameras))
    order = rows[by_time]
    times, cameras = times[by_time], cameras[by_time]
    certain = np.isfinite(times) & (scene.doubt[order] == 0.0)
    anchors = scene.anchor_seconds
    passed = np.searchsorted(anchors, times[1:], "left") - np.searchsorted(
        anchors, times[:-1], "right"
    )
    with np.errstate(invalid="ignore"):
        goes_on = (np.diff(times) <= LONGEST_S) & (passed <= 0)
    goes_on &= (cameras[1:] == cameras[:-1]) & certain[1:] & certain[:-1]
    run = np.concatenate([[0], np.cumsum(~goes_on)]) if len(order) else np.zeros(0, np.intp)
    return Runs(order, run.astype(np.intp))


def with_company(runs: Runs, rows: IntArray) -> IntArray:
    """Return photos and behind them those within `REACH` steps that they are bound to."""
    at = np.flatnonzero(np.isin(runs.order, rows))
    near = at[:, None] + np.arange(-REACH, REACH + 1)
    inside = (near >= 0) & (near < len(runs.order))
    near = np.where(inside, near, at[:, None])
    near = np.where(runs.run[near] == runs.run[at][:, None], near, at[:, None])
    more = np.setdiff1d(runs.order[np.unique(near)], rows)
    return np.concatenate([rows, more])


def passed(
    view: View, table: PlaceTable, logits: FloatArray, floor: FloatArray, bond: FloatArray = BOND
) -> Passed:
    """Return what forward-backward brings each photo from the others of its run.

    Parameters
    ----------
    logits, floor
        What the photo's own evidence says of its places (H, P), -inf where there is none, and of
        "anywhere" (H,).
    bond
        Strengths (len(BONDS), len(KINDS)).
    """
    count, places = table.lat.shape
    nothing = np.zeros((count, places))
    out = Passed(nothing, np.zeros(count), np.full(count, -1, np.intp), nothing.astype(bool))
    runs = runs_of(view.scene, view.rows)
    if count < 2 or places == 0:
        return out
    row_of = np.full(len(view.scene.photos), -1, np.intp)
    row_of[view.rows] = np.arange(count)
    order = row_of[runs.order]
    step = np.flatnonzero(runs.run[1:] == runs.run[:-1])
    if len(step) == 0:
        return out
    first, second = order[step], order[step + 1]
    strength = np.einsum("sbk,bk->sk", features(view, first, second), bond)
    factors = np.ones((len(step), places + 1, places + 1))
    factors[:, :places, :places] = np.exp(bound(table, first, second, strength))
    whole = np.concatenate([logits, floor[:, None]], axis=1)[order]
    own = np.exp(whole - whole.max(axis=1, keepdims=True))
    messages = _both_ways(own, factors, runs.run, step)
    log = np.log(np.maximum(messages, 1e-30))
    # What is told of no place in particular tells nothing: the mean by the photo's own evidence.
    log -= ((own * log).sum(axis=1) / own.sum(axis=1))[:, None]
    lift, rest = np.empty_like(out.lift), np.empty(count)
    lift[order], rest[order] = log[:, :-1], log[:, -1]
    teller = _tellers(count, first, second, strength)
    agrees = _agree(table, logits, teller)
    return Passed(lift, rest, np.where(teller >= 0, view.rows[teller], -1), agrees)


def features(view: View, first: IntArray, second: IntArray) -> FloatArray:
    """Return what the strengths of S steps depend on (S, len(BONDS), len(KINDS))."""
    scene = view.scene
    one, other = view.rows[first], view.rows[second]
    gap = np.abs(scene.seconds[other] - scene.seconds[one])
    fade = np.exp(-gap[:, None] / FADES_S)
    cosine = np.einsum("sd,sd->s", scene.embeddings[one], scene.embeddings[other])
    seen = scene.seen[one] & scene.seen[other]
    alike = np.where(seen, np.clip((cosine - _USUAL_COSINE) * 3.0, -0.5, 2.0), 0.0)
    return np.stack([fade, fade * alike[:, None]], axis=1)


def bound(table: PlaceTable, first: IntArray, second: IntArray, strength: FloatArray) -> FloatArray:
    """Return the log-factors of all pairs of places of S steps (S, P, P)."""
    square = squares(table, first, second)
    out = np.zeros(square.shape)
    for kind, reach in enumerate(REACH_M):
        out += strength[:, kind, None, None] / (1.0 + square / reach**2)
    return out


def squares(table: PlaceTable, first: IntArray, second: IntArray) -> FloatArray:
    """Return the squared distances of all pairs of places of S steps, square metres (S, P, P)."""
    vectors = unit_vectors(table.lat.ravel(), table.lon.ravel()).reshape(*table.lat.shape, 3)
    cosine = vectors[first] @ vectors[second].transpose(0, 2, 1)
    return np.asarray(np.maximum(2.0 - 2.0 * cosine, 0.0) * EARTH_RADIUS_M**2, np.float64)


def _both_ways(own: FloatArray, factors: FloatArray, run: IntArray, step: IntArray) -> FloatArray:
    """Return the product of the messages from before and from after (T, P).

    ``own`` (T, P) are likelihoods in the order of the runs, ``factors`` (S, P, P) those of the
    steps, which lead from ``step`` (S,) to the place after it.
    """
    before, after = np.ones_like(own), np.ones_like(own)
    start = np.flatnonzero(np.diff(run, prepend=-1))
    position = np.arange(len(run)) - start[run]
    at = position[step]
    for turn in range(int(at.max()) + 1):
        now = np.flatnonzero(at == turn)
        here = step[now]
        told = np.einsum("sp,spq->sq", own[here] * before[here], factors[now])
        before[here + 1] = told / told.max(axis=1, keepdims=True)
    for turn in range(int(at.max()), -1, -1):
        now = np.flatnonzero(at == turn)
        here = step[now]
        told = np.einsum("sq,spq->sp", own[here + 1] * after[here + 1], factors[now])
        after[here] = told / told.max(axis=1, keepdims=True)
    return before * after


def _agree(table: PlaceTable, logits: FloatArray, teller: IntArray) -> BoolArray:
    """Return where (H, P) the teller's likeliest place is a walk away at most."""
    best = logits.argmax(axis=1)
    rows = np.arange(len(best))
    lat, lon = table.lat[rows, best][teller], table.lon[rows, best][teller]
    near = haversine_m(table.lat, table.lon, lat[:, None], lon[:, None]) <= _SAME_M
    told = (teller >= 0) & np.isfinite(logits[rows, best][teller])
    return np.asarray(near & told[:, None], bool)


def _tellers(count: int, first: IntArray, second: IntArray, strength: FloatArray) -> IntArray:
    """Return for each row the neighbour with the strongest bond."""
    total = strength.sum(axis=1)
    best, teller = np.zeros(count), np.full(count, -1, np.intp)
    for mine, theirs in ((first, second), (second, first)):
        better = total > best[mine]
        best[mine[better]] = total[better]
        teller[mine[better]] = theirs[better]
    return teller
