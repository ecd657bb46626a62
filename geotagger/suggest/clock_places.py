"""Plausible motion: where both cameras were, as evidence of how far their clocks disagree.

If a camera has places of its own and was together with the reference, the reference was near each
of them at that time. An offset at which it was hours away then is not plausible, and one at which
it was near each of them is the more so, the less of the album was spent there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.suggest import timeline
from geotagger.suggest.types import AlbumPhoto, AnchorKind

FloatArray = NDArray[np.float64]

_SLACK_M, _PACE_M_S = 1_000.0, 8.0
"""How far from the reference's place somebody of its party is at once, and a ride through town for
the time between both photos."""

_LONGEST_S = 3_600.0
"""A place of the reference that is further in time tells nothing."""

_ELSEWHERE = 0.1
"""Share of places that are wrong, or at which a party was not together."""

_SCENE_S = 1_800.0
_MOST = 200
"""Places of a camera that are looked at; of more, an even sample."""


class Places:
    """The places that cameras state themselves: seconds (A,) ascending, degrees (A,)."""

    def __init__(self, seconds: FloatArray, lat: FloatArray, lon: FloatArray) -> None:
        order = np.argsort(seconds, kind="stable")
        self.seconds, self.lat, self.lon = seconds[order], lat[order], lon[order]

    @classmethod
    def of(
        cls, photos: Sequence[AlbumPhoto], seconds: FloatArray, rows: NDArray[np.intp]
    ) -> Places:
        """Return those of some rows of an album whose photos have these times.

        Places that a person accepted are none: they came from suggestions, which an offset made.
        """
        known = []
        for row in rows.tolist():
            anchor = photos[row].anchor
            if anchor is None or anchor.kind is not AnchorKind.GPS:
                continue
            if np.isfinite([anchor.lat, anchor.lon]).all() and abs(anchor.lat) <= 90.0:
                known.append((seconds[row], anchor.lat, anchor.lon))
        table = np.array(known, np.float64).reshape(-1, 3)
        return cls(table[:, 0], table[:, 1], table[:, 2])

    def log_score(self, offsets: FloatArray, base: Places) -> FloatArray:
        """Return how much likelier offsets (K,) are than none in particular, log.

        ``base`` are the reference's places. Of several places within half an hour each counts in
        part. Zeros where either has no places.
        """
        if len(self.seconds) == 0 or len(base.seconds) == 0:
            return np.zeros(len(offsets))
        rows = np.arange(len(self.seconds))
        if len(rows) > _MOST:
            rows = np.linspace(0, len(rows) - 1, _MOST).astype(np.intp)
        at = self.seconds[rows]
        away = haversine_m(
            self.lat[rows, None], self.lon[rows, None], base.lat[None, :], base.lon[None, :]
        )
        _, scene, count = np.unique(
            np.floor(at / _SCENE_S), return_inverse=True, return_counts=True
        )
        share = 1.0 / count[scene]
        usual = (away <= _SLACK_M + _PACE_M_S * _SCENE_S / 2.0).mean(axis=1)
        within = (1.0 - _ELSEWHERE) + _ELSEWHERE * usual
        beyond = np.full(len(rows), _ELSEWHERE)
        lift = np.log(within / ((1.0 - _ELSEWHERE) * usual + _ELSEWHERE))
        fall = np.log(beyond / ((1.0 - _ELSEWHERE) * (1.0 - usual) + _ELSEWHERE))
        out = np.empty(len(offsets))
        index = np.arange(len(rows))
        for number, offset in enumerate(offsets):
            near = timeline.nearest(base.seconds, at + offset)
            gap = np.abs(base.seconds[near] - at - offset)
            together = away[index, near] <= _SLACK_M + _PACE_M_S * gap
            told = np.where(together, lift, fall)
            out[number] = (np.where(gap <= _LONGEST_S, told, 0.0) * share).sum()
        return out
