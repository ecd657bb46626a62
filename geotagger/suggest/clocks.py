"""How far the clocks of an album's cameras disagree, estimated from the photos themselves.

Two cameras on one outing see the same things at the same time. If a photo of one looks like a photo
of the other, the difference of their times is likely near the difference of their clocks; if the
cameras agree, many pairs tell the same difference. People also photograph at the same moments and
sleep in the same hours, and clocks are wrong in usual ways: not at all, by whole hours (zones,
daylight saving), seldom by some minutes, hardly ever by days.

For each camera the offset is found that makes its pairs likeliest (see `clock_pairs`), its rhythm,
its hours of the day (`daylight`) and its own places (`clock_places`). Candidates are all
differences that a pair tells, and the usual errors. The probability of the winner is its share of
the posterior. Where the pairs tell that the clock gained, lost or was set in between, the offset
runs as `clock_drift` finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from geotagger.suggest import timeline
from geotagger.suggest.clock_course import Correction, Corrections, Course, at
from geotagger.suggest.clock_drift import course_of
from geotagger.suggest.clock_pairs import LEAST_S, LOOK_WEIGHT, SAME_S, Pairs, Stream, pairs_of
from geotagger.suggest.clock_places import Places
from geotagger.suggest.dated_names import dated
from geotagger.suggest.daylight import Sky
from geotagger.suggest.types import AlbumPhoto, AnchorKind

FloatArray = NDArray[np.float64]

SURE = 0.8
"""Probability from which an offset is applied without asking; it is stated too low mostly."""

FEWEST = 3
"""Photos that a camera needs for its clock to be judged."""

_FEWEST_PAIRS = 1
"""Look-alike pairs that must agree before an offset is applied. Rhythm alone may be chance: of 141
cameras of other people's albums, set beside an album as if they had been there, 29 fitted some
offset surely by their rhythm, 12 by a pair too."""

_MOSTLY, _OF_PHONES = 0.5, 0.75
"""What has GPS for half of its photos is a phone, whose clock a network sets. Where two phones
disagree, one has rather followed the other from sight to sight: so a person is asked."""

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
    photos agree with it. Where the clock surely gains or loses, or was set in between, ``course``
    tells how the offset runs, and ``offset_s`` is that of the camera's middle photo.
    """

    camera: str
    reference: str
    offset_s: float
    probability: float
    pairs: int
    course: Course | None = None

    @property
    def correction(self) -> Correction:
        """What is added to the camera's times."""
        return self.offset_s if self.course is None else self.course

    @property
    def sure(self) -> bool:
        """Whether it may be applied without asking.

        On random halves of 32 real albums (five draws each), 121 of 124 such offsets were right
        within 5 minutes when the second half's clock was off by zones, daylight saving or minutes,
        and one of 129 was moved that was right.
        """
        return self.probability >= SURE and self.pairs >= _FEWEST_PAIRS

    @property
    def matters(self) -> bool:
        """Whether it changes anything."""
        return self.course is not None or abs(self.offset_s) >= LEAST_S


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
    base = Stream.of(photos, seconds, streams[reference])
    sky = Sky.over(photos, streams[reference])
    there = Places.of(photos, seconds, streams[reference])
    out = []
    for camera, rows in streams.items():
        if camera == reference:
            continue
        stream = Stream.of(photos, seconds, rows)
        places = Places.of(photos, seconds, rows)

        def told(offsets: FloatArray, one: Stream = stream, own: Places = places) -> FloatArray:
            score = own.log_score(offsets, there)
            if sky is not None:
                score += sky.log_score(offsets, one.seconds, one.brightness)
            return score

        found = _found(camera, reference, stream, base, told)
        phones = min(len(places.seconds) / len(rows), len(there.seconds) / len(streams[reference]))
        if found.matters and phones >= _MOSTLY:
            found = replace(found, probability=min(found.probability, _OF_PHONES))
        out.append(found)
    return out


def sure_corrections(found: Sequence[ClockOffset]) -> dict[str, Correction]:
    """Return by camera what is applied without asking."""
    return {one.camera: one.correction for one in found if one.sure and one.matters}


def shifted(photos: Sequence[AlbumPhoto], corrections: Corrections) -> list[AlbumPhoto]:
    """Return the photos with the corrections added to the times of the cameras that are named."""
    return [_moved(photo, corrections.get(photo.camera)) for photo in photos]


def as_taken(photos: Sequence[AlbumPhoto], corrections: Corrections) -> list[AlbumPhoto]:
    """Return the photos with the times at which they were taken, as far as is known.

    Clocks are corrected as `shifted` does; then days in file names are believed where the clock
    tells of an export, which no camera's clock was right or wrong about.
    """
    return dated(shifted(photos, corrections))


def _moved(photo: AlbumPhoto, correction: Correction | None) -> AlbumPhoto:
    when = photo.when
    if when is None or correction is None:
        return photo
    return replace(photo, when=_corrected(when, when.tzinfo, correction))


@lru_cache(maxsize=32_768)
def _corrected(when: datetime, _zone: tzinfo | None, correction: Correction) -> datetime | None:
    """Return what a time is corrected to; kept, as after a decision the clocks are as they were.

    Times of different zones may be equal, so that the zone is part of the question.
    """
    try:
        return when + timedelta(seconds=at(correction, when))
    except OverflowError:  # a clock at the end of time: nothing is known of it
        return None


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


def _found(
    camera: str,
    reference: str,
    stream: Stream,
    base: Stream,
    told: Callable[[FloatArray], FloatArray],
) -> ClockOffset:
    pairs = pairs_of(stream, base)
    candidates = _candidates(pairs)
    votes = np.stack([pairs.votes(float(one)) for one in candidates])
    score = LOOK_WEIGHT * votes.sum(axis=1)
    score += _activity_score(candidates, stream, base, pairs.span)
    score += told(candidates) + log_prior(candidates)
    top = int(score.argmax())
    winner = pairs.refined(float(candidates[top]))
    mass = np.exp(score - score[top])
    # Many candidates beside each other are one answer; the best of each answer speaks for it.
    probability = float(mass[top] / _answers(candidates, mass))
    agree = int(pairs.agreeing(winner).sum())
    constant = ClockOffset(camera, reference, winner, probability, agree)
    run = course_of(pairs, candidates, votes, log_prior)
    if run is None:
        return constant
    middle = run.course.at(float(np.median(stream.walls)))
    return ClockOffset(camera, reference, middle, run.probability, run.pairs, run.course)


def _candidates(pairs: Pairs) -> FloatArray:
    """Return the offsets worth a look: the usual errors, and what each likely pair tells."""
    quarters = np.arange(-26 * 4, 26 * 4 + 1) * 900.0
    told = pairs.difference[pairs.share >= min(0.05, float(pairs.share.max()))]
    return np.unique(np.concatenate([quarters, np.round(told)]))


def _activity_score(
    candidates: FloatArray, stream: Stream, base: Stream, span: float
) -> FloatArray:
    """Return how well the moments of both cameras' photos fall together (K,)."""
    out = np.zeros(len(candidates))
    for number, offset in enumerate(candidates):
        at = stream.seconds + offset
        right = np.clip(np.searchsorted(base.seconds, at), 0, len(base.seconds) - 1)
        left = np.maximum(right - 1, 0)
        gap = np.minimum(np.abs(base.seconds[right] - at), np.abs(at - base.seconds[left]))
        density = np.exp(-gap / _ACTIVITY_WIDTH_S) / (2.0 * _ACTIVITY_WIDTH_S)
        out[number] = np.log1p(density * span / (2.0 * len(base.seconds))).sum()
    return out


def log_prior(offsets: FloatArray) -> FloatArray:
    """Return the logarithm of how usual offsets (K,) are.

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
