"""How far an album's photographer moves in a given time, against what is usual.

The anchors themselves tell. A pace near zero is a traveller on foot in towns; a high one a journey
by car or air; a very high one over short gaps a clock that cannot be trusted, as of photos that
were all given the time of their export. Evidence in time counts less there.
"""

from __future__ import annotations

import numpy as np

from geotagger.earth.distance import haversine_m
from geotagger.suggest.same_objects import SameArrays
from geotagger.suggest.scene import FloatArray, Scene

SHORT_GAP_S = 1_800.0
"""Gaps below it show whether the clock can be trusted."""

USUAL_SLOPE, USUAL_LEVEL = 0.75, 0.7
"""Logarithm of the metres between consecutive anchors per logarithm of the seconds: close to the
median of 26 traces of city walks and journeys by train, where the pace is within half of zero."""

_RANGE = (-4.0, 8.0)
_UNKNOWN = 2.0
"""So many gaps of a usual pace are taken as seen beforehand, so that one gap proves little."""


def pace(scene: Scene) -> FloatArray:
    """Return the album's pace over all gaps and over short ones, shape (2,), logarithmic."""
    if scene.timed < 2:
        return np.zeros(2)
    arrays = scene.anchors, scene.active, scene.lat, scene.lon
    return _LAST.get(arrays, lambda: _find(scene))


_LAST: SameArrays[FloatArray] = SameArrays()


def _find(scene: Scene) -> FloatArray:
    gap = np.diff(scene.active[scene.anchors[: scene.timed]])
    lat, lon = scene.lat[: scene.timed], scene.lon[: scene.timed]
    distance = haversine_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    usual = USUAL_SLOPE * np.log(gap + 30.0) + USUAL_LEVEL
    excess = np.clip(np.log(distance + 20.0) - usual, *_RANGE)
    short = gap < SHORT_GAP_S
    return np.array(
        [
            excess.sum() / (len(excess) + _UNKNOWN),
            excess[short].sum() / (short.sum() + _UNKNOWN),
        ]
    )
