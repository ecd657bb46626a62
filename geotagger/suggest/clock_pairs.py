"""Look-alikes between two cameras' streams, and what they say about the clocks.

Every photo's best look-alikes vote with a mixture of "taken within seconds, a minute, some minutes"
and "no relation", weighted by what such a likeness was worth on real albums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geotagger.suggest.clock_course import wall_s
from geotagger.suggest.types import AlbumPhoto

FloatArray = NDArray[np.float64]

MOST = 600
"""Photos of a camera that are compared; of more, an even sample is taken."""

MATCHES = 3
"""Look-alikes of each photo that vote."""

SAME_S = 150.0
"""Offsets that differ by less than this are one answer."""

PAIR_SHARE = 0.1
"""Likeness from which a pair that agrees counts: one such pair in ten is of one moment by chance,
and that it agrees with what the rhythm tells is seldom chance."""

LEAST_S = 90.0
"""Offsets below this change no suggestion and are not worth a person's attention."""

_GOOD_SHARE, _FEWEST = 0.25, 3
"""Pairs that tell an offset to the second are of such likeness, and so many."""

LOOK_WEIGHT = 0.6
"""Photos of one moment make several pairs: look-alikes count less than one by one."""

_LIKENESS = (0.40, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90)
_TOGETHER = (0.01, 0.03, 0.03, 0.06, 0.12, 0.25, 0.40, 0.65, 0.90, 0.97)
"""Share of nearest look-alikes with such a cosine that were taken within minutes: 32 real albums
dealt into random halves, MobileNetV2, 2,684 pairs."""

_SPREAD_S = (30.0, 120.0, 600.0)
_SPREAD_SHARES = (0.4, 0.35, 0.25)
"""How far apart in time two photos of one scene are: half a minute, two, ten. Two people's cameras
keep more distance than the halves of one stream, where most such pairs are within 10 s."""

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Stream:
    """The photos of one camera: times (N,) ascending, in seconds, and as its own clock says them.

    ``rows`` (N, D) are the embeddings, ``brightness`` (N,) may be NaN.
    """

    seconds: FloatArray
    walls: FloatArray
    rows: NDArray[np.float32]
    brightness: FloatArray

    @classmethod
    def of(
        cls, photos: Sequence[AlbumPhoto], seconds: FloatArray, rows: NDArray[np.intp]
    ) -> Stream:
        """Return the stream of some rows of an album whose photos have these times (all N,)."""
        rows = rows[np.argsort(seconds[rows], kind="stable")]
        if len(rows) > MOST:
            rows = rows[np.linspace(0, len(rows) - 1, MOST).astype(np.intp)]
        some = [photos[row] for row in rows.tolist()]
        stacked = np.stack([one.embedding for one in some if one.embedding is not None])
        light = [np.nan if one.brightness is None else one.brightness for one in some]
        walls = [wall_s(one.when) for one in some if one.when is not None]
        return cls(seconds[rows], np.array(walls), np.nan_to_num(stacked), np.array(light))


@dataclass(frozen=True, slots=True)
class Pairs:
    """The look-alikes of N photos of a stream among the reference's.

    ``difference`` (N, M) is what each would have to be added to the photo's time; ``share`` (N, M)
    the probability that it shows the moment; ``span`` over how long unrelated pairs are spread.
    """

    seconds: FloatArray
    walls: FloatArray
    difference: FloatArray
    share: FloatArray
    span: float

    def votes(self, offset: FloatArray | float) -> FloatArray:
        """Return each photo's log-likelihood (N,) of an offset, one for all or each its own."""
        away = np.abs(self.difference - np.reshape(offset, (-1, 1)))
        density = np.zeros(away.shape)
        for width, weight in zip(_SPREAD_S, _SPREAD_SHARES, strict=True):
            density += weight * np.exp(-away / width) / (2.0 * width)
        rest = 1.0 - self.share.sum(axis=1)
        return np.asarray(np.log(rest + (self.share * density).sum(axis=1) * self.span))

    def refined(self, offset: float, rows: slice = slice(None)) -> float:
        """Return the weighted median of what some photos tell around an offset; 0 stays 0."""
        difference, share = self.difference[rows], self.share[rows]
        near = (np.abs(difference - offset) <= SAME_S) & (share >= _GOOD_SHARE)
        if abs(offset) <= 2.0 or int(near.sum()) < _FEWEST:
            return offset
        values, weights = difference[near], share[near]
        order = np.argsort(values)
        reach = np.cumsum(weights[order])
        middle = float(values[order][np.searchsorted(reach, reach[-1] / 2.0)])
        usual = round(offset / 900.0) * 900.0
        # A clock that is off by whole quarters of an hour is off by its zone, not by its pairs'
        # noise; zones that are not whole hours apart are rare enough for a closer look.
        close = LEAST_S if usual % 3600.0 == 0.0 else LEAST_S / 2.0
        return usual if abs(middle - usual) <= close else middle

    def agreeing(self, offset: FloatArray | float) -> NDArray[np.bool_]:
        """Return which photos (N,) have a look-alike that agrees with an offset."""
        away = np.abs(self.difference - np.reshape(offset, (-1, 1)))
        return np.asarray(((away <= SAME_S) & (self.share >= PAIR_SHARE)).any(axis=1))


def pairs_of(stream: Stream, base: Stream) -> Pairs:
    """Return the look-alikes of a stream among those of the reference camera."""
    cosine = (stream.rows @ base.rows.T).astype(np.float64)
    count = min(MATCHES, cosine.shape[1])
    best = np.argpartition(-cosine, count - 1, axis=1)[:, :count]
    together = np.interp(np.take_along_axis(cosine, best, axis=1), _LIKENESS, _TOGETHER)
    # Together at most 0.97: nothing is known to show the moment.
    share = together / np.maximum(together.sum(axis=1, keepdims=True) / 0.97, 1.0)
    difference = base.seconds[best] - stream.seconds[:, None]
    spans = [float(np.ptp(one.seconds)) for one in (stream, base)]
    return Pairs(stream.seconds, stream.walls, difference, share, max(max(spans), _DAY_S / 4.0))
