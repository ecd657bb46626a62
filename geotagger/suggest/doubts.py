"""Anchors whose GPS disagrees with their neighbours: far strays, places of a wrong clock.

Seen in order of time, an anchor is either right, and then reached from the last right one as people
move, or it is a stray that may lie anywhere. How likely each of the two is comes from summing over
all ways to tell them apart (forward-backward where the state is the last right anchor), so that two
strays in a row, or a stray beside a journey, are judged by what lies around both.

How people move is kept simple and generous: a ring whose size grows with the time passed, with
heavy tails as far as one can drive or fly in that time, beyond it next to nothing; and who was
elsewhere comes back to where they were before as often as not, so that an outing is no stray. What
a person has accepted is never doubted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.suggest.pace import USUAL_LEVEL, USUAL_SLOPE
from geotagger.suggest.scene import FloatArray, Scene, scene_of
from geotagger.suggest.types import AlbumPhoto, AnchorKind

STRAY = 0.01
"""How often an anchor is taken to be a stray beforehand: a guess, phones are mostly right."""

MOST_STRAYS = 6
"""Strays in a row that are seen through; of more, the right ones would be the minority."""

DOUBTED = 0.8
"""Probability from which an anchor is no evidence."""

MOST_SHARE = 0.2
"""Where more of the anchors disagree, the times are wrong and not the places."""

_TAIL = 0.1
"""Share of steps that are journeys of any length that can be driven or flown."""

_IMPOSSIBLE = 1e-6
"""The same for those that cannot; clocks may be wrong."""

_RETURN = 0.2
"""Share of steps that lead back to the place of one of the anchors before the last. A quarter of
the moves beyond 1 km in 59 real albums and tracks do."""

_RETURNS_TO = 3
"""Anchors before the last that one may come back to."""

_DRIVE_M_S, _SLACK_M = 45.0, 3_000.0
_FLIGHT_M_S, _BOARDING_S = 250.0, 3_600.0
"""Nobody is in the air within an hour of a photo on the ground far away."""
_LEAST_M = 1_000.0
"""What is nearer is no stray: within it all places are as likely."""
_NATURAL = float(np.log(2.0e7 / _LEAST_M))


def anchor_doubts(photos: Sequence[AlbumPhoto]) -> dict[str, float]:
    """Return for each photo with a place the probability that its GPS is not where it was taken.

    0 where nothing can be said: photos without a time, and albums with fewer than three anchors
    that have one.
    """
    scene = scene_of(photos, None)
    values = doubts_of(scene)
    keys = [scene.photos[index].key for index in scene.anchors]
    return dict(zip(keys, values.tolist(), strict=True))


def doubted(scene: Scene) -> frozenset[str]:
    """Return the keys of the photos whose places are not to be anchors."""
    doubts = doubts_of(scene)
    strays = np.flatnonzero(doubts > DOUBTED)
    if len(strays) > 1 and float(doubts.sum()) > MOST_SHARE * scene.timed:
        return frozenset()
    return frozenset(scene.photos[scene.anchors[index]].key for index in strays)


def doubts_of(scene: Scene) -> FloatArray:
    """Return the probabilities (A,) that the anchors of a scene are strays."""
    out = np.zeros(len(scene.anchors))
    certain = scene.doubt[scene.anchors[: scene.timed]] == 0.0
    at = np.flatnonzero(certain)
    if len(at) < 3:
        return out
    lat, lon, times = scene.lat[at], scene.lon[at], scene.seconds[scene.anchors[at]]
    accepted = np.array([_accepted(scene, int(index)) for index in at])
    stray = np.where(accepted, 0.0, STRAY)
    out[at] = _strays(lat, lon, times, np.maximum(stray, 1e-12))
    out[at[accepted]] = 0.0
    return out


def _accepted(scene: Scene, anchor: int) -> bool:
    known = scene.photos[scene.anchors[anchor]].anchor
    return known is not None and known.kind is AnchorKind.ACCEPTED


def _strays(lat: FloatArray, lon: FloatArray, times: FloatArray, stray: FloatArray) -> FloatArray:
    """Return the posterior probability (N,) of being a stray, for anchors in order of time."""
    count, reach = len(lat), MOST_STRAYS + 1
    # [s, j] is about how j is reached from the anchor s + 1 places before it.
    first = np.arange(count) - np.arange(1, reach + 1)[:, None]
    known, first = first >= 0, np.maximum(first, 0)
    away, gap = haversine_m(lat[first], lon[first], lat, lon), times - times[first]
    moves = np.where(known, _log_move(away, gap) + np.log1p(-stray), -np.inf)
    astray = np.where(known, _log_anywhere(away) + np.log(stray), -np.inf)
    moves[0] = np.logaddexp(moves[0], _log_return(away, gap[0], known) + np.log1p(-stray))
    # A run of strays after the right anchor i, each seen from it.
    skipped = np.zeros((reach, count))
    for back in range(2, reach + 1):
        skipped[back - 1, back:] = (
            skipped[back - 2, back - 1 : -1] + astray[back - 2, back - 1 : -1]
        )
    edges = moves + skipped
    # Strays at either end have no right anchor before or after; they are as likely as any place.
    lonely = np.log(stray) - _NATURAL - 2.0 * np.log(1e5)
    first = np.concatenate([[0.0], np.cumsum(lonely)])
    last = first[-1] - first[1:]
    ends = np.arange(count)
    begin = np.where(ends <= MOST_STRAYS, first[:-1] - 2.0 * np.log(1e5), -np.inf)
    finish = np.where(ends >= count - 1 - MOST_STRAYS, last, -np.inf)
    before, after = _summed(begin, edges), _summed_back(finish, edges)
    whole = _log_sum((before + finish).tolist())
    if not math.isfinite(whole):
        return np.zeros(count)
    return np.asarray(np.clip(1.0 - np.exp(before + after - whole), 0.0, 1.0), np.float64)


def _summed(begin: FloatArray, edges: FloatArray) -> FloatArray:
    """Return the log-sums (N,) over all ways that lead to each anchor.

    ``edges`` (S, N) lead to each anchor from those before it. One by one: seven plain numbers are
    added up in less time than an array of them is made.
    """
    reach, out = len(edges), begin.tolist()
    for here, edge in enumerate(edges.T.tolist()):
        ways = [out[here - 1 - step] + edge[step] for step in range(min(reach, here))]
        out[here] = _log_sum([out[here], *ways])
    return np.array(out)


def _summed_back(finish: FloatArray, edges: FloatArray) -> FloatArray:
    """Return the log-sums (N,) over all ways that lead on from each anchor."""
    reach, count, out = len(edges), len(finish), finish.tolist()
    to = edges.T.tolist()
    for here in range(count - 2, -1, -1):
        ways = range(min(reach, count - 1 - here))
        onward = [out[here + 1 + step] + to[here + 1 + step][step] for step in ways]
        out[here] = _log_sum([out[here], *onward])
    return np.array(out)


def _log_return(away: FloatArray, gap: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """Return the log-density (N,) of each anchor as a way back to one before its last.

    ``away`` (S, N) are the distances from the anchors before, the last first, where they are
    ``known``; ``gap`` (N,) is the time since the last.
    """
    scale = _usual_m(gap)
    there = away[1 : _RETURNS_TO + 1]
    ring = np.log(scale**2 / np.pi) - 2.0 * np.log(scale**2 + there**2)
    reached = _reachable(away[0], gap) & known[1 : _RETURNS_TO + 1]
    found = np.where(reached, ring + np.log(_RETURN / _RETURNS_TO), -np.inf)
    return np.asarray(np.logaddexp.reduce(found, axis=0), np.float64)


def _usual_m(gap: FloatArray) -> FloatArray:
    return np.asarray(
        np.exp(USUAL_SLOPE * np.log(np.maximum(gap, 0.0) + 30.0) + USUAL_LEVEL), np.float64
    )


def _reachable(away: FloatArray, gap: FloatArray) -> NDArray[np.bool_]:
    """Return whether one can be so far away, metres, after so many seconds."""
    passed = np.maximum(gap, 0.0)
    flown = _FLIGHT_M_S * np.maximum(passed - _BOARDING_S, 0.0)
    return np.asarray(away <= _SLACK_M + np.maximum(_DRIVE_M_S * passed, flown), np.bool_)


def _log_move(away: FloatArray, gap: FloatArray) -> FloatArray:
    """Return the log-density per square metre of moving so far in so many seconds."""
    scale = _usual_m(gap)
    usual = scale**2 / (np.pi * (scale**2 + away**2) ** 2)
    tail = np.where(_reachable(away, gap), _TAIL, _IMPOSSIBLE)
    share = 1.0 - _TAIL - _RETURN
    return np.asarray(np.log(share * usual + tail * np.exp(_log_anywhere(away))), np.float64)


def _log_anywhere(away: FloatArray) -> FloatArray:
    """Return the log-density of a place at a distance of which nothing is known, not its scale."""
    return np.asarray(
        -np.log(2.0 * np.pi * _NATURAL) - 2.0 * np.log(np.maximum(away, _LEAST_M)), np.float64
    )


def _log_sum(values: Sequence[float]) -> float:
    top = max(values)
    if not math.isfinite(top):
        return -math.inf
    return top + math.log(sum(math.exp(value - top) for value in values))
