"""How far the clocks of an album's cameras disagree, estimated from the photos themselves.

Two cameras on one outing see the same things at the same time. If a photo of one looks like a photo
of the other, the difference of their times is likely near the difference of their clocks; if the
cameras agree, many pairs tell the same difference. People also photograph at the same moments and
sleep in the same hours, and clocks are wrong in usual ways: not at all, by whole hours (zones,
daylight saving), seldom by some minutes, hardly ever by days.

For each camera the offset is found that makes its pairs likeliest: every photo's best look-alikes
vote with a mixture of "taken within seconds, a minute, some minutes" and "no relation", weighted by
what such a likeness was worth on real albums. Candidates are all differences that a pair tells, and
the usual errors. The probability of the winner is its share of the posterior.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from geotagger.suggest import timeline
from geotagger.suggest.dated_names import dated
from geotagger.suggest.daylight import Sky
from geotagger.suggest.types import AlbumPhoto, AnchorKind

FloatArray = NDArray[np.float64]

SURE = 0.8
"""Probability from which an offset is applied without asking; stated too low rather than too high."""

FEWEST = 3
"""Photos that a camera needs for its clock to be judged."""

MOST = 600
"""Photos of a camera that are compared; of more, an even sample is taken."""

MATCHES = 3
"""Look-alikes of each photo that vote."""

SAME_S = 150.0
"""Offsets that differ by less than this are one answer."""

_FEWEST_PAIRS = 1
"""Look-alike pairs that must agree before an offset is applied. Rhythm alone may be chance: of 141
cameras of other people's albums, set beside an album as if they had been there, 29 fitted some
offset surely by their rhythm, 11 by a pair too."""

_PAIR_SHARE = 0.1
"""Likeness from which a pair that agrees counts: one such pair in ten is of one moment by chance,
and that it agrees with what the rhythm tells is seldom chance."""

_LOOK_WEIGHT = 0.6
"""Photos of one moment make several pairs: look-alikes count less than one by one."""

LEAST_S = 90.0
"""Offsets below this change no suggestion and are not worth a person's attention."""

_LIKENESS = (0.40, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90)
_TOGETHER = (0.01, 0.03, 0.03, 0.06, 0.12, 0.25, 0.40, 0.65, 0.90, 0.97)
"""Share of nearest look-alikes with such a cosine that were taken within minutes: 32 real albums
dealt into random halves, MobileNetV2, 2,684 pairs."""

_SPREAD_S = (30.0, 120.0, 600.0)
_SPREAD_SHARES = (0.4, 0.35, 0.25)
"""How far apart in time two photos of one scene are: half a minute, two, ten. Two people's cameras
keep more distance than the halves of one stream, where most such pairs are within 10 s."""

_RESOLVED_S = 60.0
"""How finely look-alikes resolve an offset."""

_DAY_S = 86_400.0
_ACTIVITY_WIDTH_S = 1_800.0
_LONGEST_ZONE_H = 14.5
"""Whole hours beyond it are hardly a zone's."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """What to add to a camera's times so that they agree with the reference camera's.

    ``probability`` is that of the true offset being within `SAME_S`; ``pairs`` how many look-alike
    photos agree with it.
    """

    camera: str
    reference: str
    offset_s: float
    probability: float
    pairs: int

    @property
    def sure(self) -> bool:
        """Whether it may be applied without asking.

        On random halves of 32 real albums (six draws each), 147 of 149 such offsets were right
        within 5 minutes when the second half's clock was off by zones, daylight saving or minutes,
        and one of 155 was moved that was right.
        """
        return self.probability >= SURE and self.pairs >= _FEWEST_PAIRS

    @property
    def matters(self) -> bool:
        """Whether it changes anything."""
        return abs(self.offset_s) >= LEAST_S


def estimate(photos: Sequence[AlbumPhoto]) -> list[ClockOffset]:
    """Return the offset of every camera of an album but the reference one.

    The reference is the camera with most GPS of its own, since such a clock is set by a network;
    among equals the one with most photos. Cameras with fewer than `FEWEST` photos that have a time
    and an embedding are left out, and so is an album of one camera. Days that file names tell where
    the clock tells of an export are no times of a clock (see `dated_names`).
    """
    photos = dated(photos)
    seconds = timeline.seconds(photos)
    streams = _streams(photos, seconds)
    if len(streams) < 2:
        return []
    reference = max(streams, key=lambda name: (_own_gps(photos, streams[name]), len(streams[name])))
    base = _Stream.of(photos, seconds, streams[reference])
    sky = Sky.over(photos, streams[reference])
    out = []
    for camera, rows in streams.items():
        if camera != reference:
            found = _offset(_Stream.of(photos, seconds, rows), base, sky)
            out.append(ClockOffset(camera, reference, *found))
    return out


def corrected(photos: Sequence[AlbumPhoto], offsets: Sequence[ClockOffset]) -> list[AlbumPhoto]:
    """Return the photos with the offsets added to the times of their cameras."""
    return shifted(photos, {one.camera: one.offset_s for one in offsets})


def shifted(photos: Sequence[AlbumPhoto], seconds: Mapping[str, float]) -> list[AlbumPhoto]:
    """Return the photos with seconds added to the times of the cameras that are named."""
    shift = {camera: timedelta(seconds=one) for camera, one in seconds.items()}
    return [_moved(photo, shift.get(photo.camera)) for photo in photos]


def as_taken(photos: Sequence[AlbumPhoto], seconds: Mapping[str, float]) -> list[AlbumPhoto]:
    """Return the photos with the times at which they were taken, as far as is known.

    Clocks are corrected as `shifted` does; then days in file names are believed where the clock
    tells of an export, which no camera's clock was right or wrong about.
    """
    return dated(shifted(photos, seconds))


def _moved(photo: AlbumPhoto, shift: timedelta | None) -> AlbumPhoto:
    if photo.when is None or shift is None:
        return photo
    try:
        return replace(photo, when=photo.when + shift)
    except OverflowError:  # a clock at the end of time: nothing is known of it
        return replace(photo, when=None)


def _streams(photos: Sequence[AlbumPhoto], seconds: FloatArray) -> dict[str, NDArray[np.intp]]:
    """Return the rows of each camera that can be compared."""
    rows: dict[str, list[int]] = {}
    length = next((len(one.embedding) for one in photos if one.embedding is not None), 0)
    for index, photo in enumerate(photos):
        usable = photo.embedding is not None and len(photo.embedding) == length
        if usable and np.isfinite(seconds[index]) and not photo.time_is_fallback:
            rows.setdefault(photo.camera, []).append(index)
    return {name: np.array(one, np.intp) for name, one in rows.items() if len(one) >= FEWEST}


def _own_gps(photos: Sequence[AlbumPhoto], rows: NDArray[np.intp]) -> int:
    anchors = (photos[row].anchor for row in rows)
    return sum(anchor is not None and anchor.kind is AnchorKind.GPS for anchor in anchors)


@dataclass(frozen=True, slots=True)
class _Stream:
    """Times (N,) ascending in seconds, unit rows (N, D), brightness (N,) or NaN."""

    seconds: FloatArray
    rows: NDArray[np.float32]
    brightness: FloatArray

    @classmethod
    def of(
        cls, photos: Sequence[AlbumPhoto], seconds: FloatArray, rows: NDArray[np.intp]
    ) -> _Stream:
        rows = rows[np.argsort(seconds[rows], kind="stable")]
        if len(rows) > MOST:
            rows = rows[np.linspace(0, len(rows) - 1, MOST).astype(np.intp)]
        vectors = [photos[row].embedding for row in rows]
        stacked = np.stack([one for one in vectors if one is not None])
        light = [photos[row].brightness for row in rows]
        brightness = np.array([np.nan if one is None else one for one in light], np.float64)
        return cls(seconds[rows], np.nan_to_num(stacked), brightness)


def _offset(stream: _Stream, base: _Stream, sky: Sky | None) -> tuple[float, float, int]:
    """Return offset in seconds, its probability, and the number of pairs that agree."""
    cosine = (stream.rows @ base.rows.T).astype(np.float64)
    count = min(MATCHES, cosine.shape[1])
    best = np.argpartition(-cosine, count - 1, axis=1)[:, :count]
    likeness = np.take_along_axis(cosine, best, axis=1)
    difference = base.seconds[best] - stream.seconds[:, None]
    share = _shares(likeness)
    candidates = _candidates(difference, share)
    score = _LOOK_WEIGHT * _look_score(candidates, difference, share, _span(stream, base))
    score += _activity_score(candidates, stream, base)
    if sky is not None:
        score += sky.log_score(candidates, stream.seconds, stream.brightness)
    score += _log_prior(candidates)
    top = int(score.argmax())
    winner = _refined(float(candidates[top]), difference, share)
    mass = np.exp(score - score[top])
    # Many candidates beside each other are one answer; the best of each answer speaks for it.
    total = _answers(candidates, mass)
    probability = float(mass[top] / total)
    agree = (np.abs(difference - winner) <= SAME_S) & (share >= _PAIR_SHARE)
    return winner, probability, int(agree.any(axis=1).sum())


def _shares(likeness: FloatArray) -> FloatArray:
    """Return the probability (N, M) that each match shows the moment; together at most 0.97."""
    together = np.interp(likeness, _LIKENESS, _TOGETHER)
    return np.asarray(together / np.maximum(together.sum(axis=1, keepdims=True) / 0.97, 1.0))


def _candidates(difference: FloatArray, share: FloatArray) -> FloatArray:
    """Return the offsets worth a look: the usual errors, and what each likely pair tells."""
    quarters = np.arange(-26 * 4, 26 * 4 + 1) * 900.0
    told = difference[share >= min(0.05, float(share.max()))]
    return np.unique(np.concatenate([quarters, np.round(told)]))


def _span(stream: _Stream, base: _Stream) -> float:
    """Return over how long unrelated pairs are spread, in seconds."""
    spans = [float(np.ptp(one.seconds)) for one in (stream, base)]
    return max(max(spans), _DAY_S / 4.0)


def _look_score(
    candidates: FloatArray, difference: FloatArray, share: FloatArray, span: float
) -> FloatArray:
    """Return the log-likelihood (K,) of the pairs' differences (N, M) for each offset."""
    out = np.empty(len(candidates))
    rest = 1.0 - share.sum(axis=1)
    for number, offset in enumerate(candidates):
        away = np.abs(difference - offset)
        density = np.zeros(away.shape)
        for width, weight in zip(_SPREAD_S, _SPREAD_SHARES, strict=True):
            density += weight * np.exp(-away / width) / (2.0 * width)
        out[number] = np.log(rest + (share * density).sum(axis=1) * span).sum()
    return out


def _activity_score(candidates: FloatArray, stream: _Stream, base: _Stream) -> FloatArray:
    """Return how well the moments of both cameras' photos fall together (K,)."""
    span = _span(stream, base)
    out = np.zeros(len(candidates))
    for number, offset in enumerate(candidates):
        at = stream.seconds + offset
        right = np.clip(np.searchsorted(base.seconds, at), 0, len(base.seconds) - 1)
        left = np.maximum(right - 1, 0)
        gap = np.minimum(np.abs(base.seconds[right] - at), np.abs(at - base.seconds[left]))
        density = np.exp(-gap / _ACTIVITY_WIDTH_S) / (2.0 * _ACTIVITY_WIDTH_S)
        out[number] = np.log1p(density * span / (2.0 * len(base.seconds))).sum()
    return out


def _log_prior(offsets: FloatArray) -> FloatArray:
    """Return the logarithm of how usual offsets are.

    Whole hours and their quarters are points; for the rest it is the share of `_RESOLVED_S`, as a
    pair's difference is one of many that might have been told.
    """
    hours = np.abs(offsets) / 3600.0
    whole = np.abs(hours - np.round(hours)) * 3600.0 <= 2.0
    quarter = np.abs(hours * 4.0 - np.round(hours * 4.0)) * 900.0 <= 2.0
    minutes = 0.10 * np.exp(-hours) * (_RESOLVED_S / 3600.0)
    anywhere = 0.01 * (_RESOLVED_S / _DAY_S) / (1.0 + hours / 24.0) ** 2
    prior = minutes + anywhere
    prior = prior + np.where(quarter & (hours <= 26.5), 0.02 / 208.0, 0.0)
    prior = prior + np.where(whole & (hours <= 26.5), 0.01 / 52.0, 0.0)
    prior = prior + np.where(whole & (hours <= _LONGEST_ZONE_H), 0.22 / 28.0, 0.0)
    prior = prior + np.where(whole & (np.round(hours) == 1), 0.05, 0.0)
    prior = np.where(np.abs(offsets) <= LEAST_S, 0.55, prior)
    return np.asarray(np.log(prior), np.float64)


def _refined(offset: float, difference: FloatArray, share: FloatArray) -> float:
    """Return the weighted median of the differences around an offset; 0 stays 0."""
    near = (np.abs(difference - offset) <= SAME_S) & (share >= 0.25)
    if abs(offset) <= 2.0 or int(near.sum()) < FEWEST:
        return offset
    values, weights = difference[near], share[near]
    order = np.argsort(values)
    reach = np.cumsum(weights[order])
    middle = float(values[order][np.searchsorted(reach, reach[-1] / 2.0)])
    usual = round(offset / 900.0) * 900.0
    # A clock that is off by whole quarters of an hour is off by its zone, not by its pairs' noise;
    # zones that are not whole hours apart are rare enough to be held to a closer look.
    close = LEAST_S if usual % 3600.0 == 0.0 else LEAST_S / 2.0
    return usual if abs(middle - usual) <= close else middle


def _answers(candidates: FloatArray, mass: FloatArray) -> float:
    """Return the summed mass of answers, each the best of the candidates around it."""
    left = mass.copy()
    total = 0.0
    while True:
        best = int(left.argmax())
        if left[best] <= 1e-9:
            return max(total, 1e-300)
        total += float(left[best])
        left[np.abs(candidates - candidates[best]) <= SAME_S] = 0.0
