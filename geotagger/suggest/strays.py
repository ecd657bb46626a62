"""Photos whose own GPS disagrees with their neighbours: a stray fix, or a wrong clock.

A phone that had no satellites writes where it last was, a program pastes one place into many files,
and a clock that is off puts a right place at a wrong time. Such a photo is one that cannot have
been reached from nearly all photos around it in time, while those could well be of one journey.
Who flew between two photos is left alone: there, those before and those after do not fit each other
either. Each camera is held against itself, for two people may be in two places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.suggest import timeline
from geotagger.suggest.doubts import doubted
from geotagger.suggest.parties import groups_of
from geotagger.suggest.reasons import duration
from geotagger.suggest.scene import scene_of
from geotagger.suggest.types import AlbumPhoto, AnchorKind

FloatArray = NDArray[np.float64]

AROUND = 4
"""Neighbours on each side that are asked."""

WITHIN_S = 12 * 3600.0
"""Neighbours further in time are not asked: in half a day one may be anywhere."""

_SLACK_M = 2_000.0
_TRAVEL_M_S = 40.0
"""The fastest usual journey on the ground over many minutes; those around must fit it."""
_OUT_OF_REACH = 1.5
"""So many times further than a journey takes one is out of reach, not merely fast."""

_FEWEST = 3
_APART, _AGREED = 0.75, 0.75
"""Share of neighbours out of reach, and of pairs among those that fit each other."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A photo with GPS that disagrees, and the neighbour in time that shows it best."""

    key: str
    neighbour: str
    away_m: float
    gap_s: float

    @property
    def detail(self) -> str:
        """How far it is from which neighbour: "12 km from IMG_1.jpg, 5 min apart in time"."""
        when = "at the same time" if self.gap_s < 0.5 else f"{duration(self.gap_s)} apart in time"
        return f"{_far(self.away_m)} from {self.neighbour}, {when}"

    @property
    def words(self) -> str:
        """The sentence that tells it."""
        return (
            f"This photo's GPS disagrees with its neighbours: {self.detail}."
            " Its place or its clock may be wrong."
        )


def strays(photos: Sequence[AlbumPhoto]) -> list[Stray]:
    """Return the photos of an album whose own GPS disagrees with their neighbours in time.

    Those are among them that suggestions leave out as evidence (see `doubts`), and those that
    cannot be reached from nearly all around them. For the latter each camera is held against
    itself, so that a clock wrong for all of its photos matters not. Photos with an accepted place
    are asked as neighbours and never reported.
    """
    known = [
        photo
        for photo in photos
        if photo.anchor is not None
        and not photo.time_is_fallback
        and np.isfinite([photo.anchor.lat, photo.anchor.lon]).all()
        and abs(photo.anchor.lat) <= 90.0
    ]
    times = timeline.seconds(known)
    streams: dict[str, list[int]] = {}
    for index in np.flatnonzero(np.isfinite(times)).tolist():
        streams.setdefault(known[index].camera, []).append(index)
    found: dict[str, tuple[float, Stray]] = {}
    for rows in streams.values():
        order = sorted(rows, key=lambda index: float(times[index]))
        for when, stray in _of_stream([known[index] for index in order], times[order]):
            found[stray.key] = when, stray
    time_of = {photo.key: float(when) for photo, when in zip(known, times, strict=True)}
    for group in groups_of(known):
        for stray in _left_out(group, time_of):
            found.setdefault(stray.key, (time_of[stray.key], stray))
    return [stray for _, stray in sorted(found.values(), key=lambda one: one[0])]


def _left_out(group: Sequence[AlbumPhoto], time_of: Mapping[str, float]) -> Iterator[Stray]:
    """Yield the photos of a party that are no evidence, with the nearest in time that is."""
    astray = doubted(scene_of(group, None))
    if not astray:
        return
    kept = [one for one in group if one.key not in astray and np.isfinite(time_of[one.key])]
    if not kept:
        return
    times = np.array([time_of[one.key] for one in kept])
    for photo in group:
        if photo.key in astray and photo.anchor is not None:
            gap = np.abs(times - time_of[photo.key])
            other = kept[int(gap.argmin())]
            assert other.anchor is not None
            away = haversine_m(
                photo.anchor.lat, photo.anchor.lon, other.anchor.lat, other.anchor.lon
            )
            yield Stray(photo.key, other.name, float(away), float(gap.min()))


def _of_stream(photos: Sequence[AlbumPhoto], times: FloatArray) -> list[tuple[float, Stray]]:
    count = len(photos)
    if count <= _FEWEST:
        return []
    lat = np.array([one.anchor.lat if one.anchor is not None else np.nan for one in photos])
    lon = np.array([one.anchor.lon if one.anchor is not None else np.nan for one in photos])
    steps = np.array([step for step in range(-AROUND, AROUND + 1) if step], np.intp)
    beside = np.arange(count)[:, None] + steps[None, :]
    inside = (beside >= 0) & (beside < count)
    beside = np.clip(beside, 0, count - 1)
    gap = np.abs(times[beside] - times[:, None])
    asked = inside & (gap <= WITHIN_S)
    away = haversine_m(lat[:, None], lon[:, None], lat[beside], lon[beside])
    apart = asked & (away > _OUT_OF_REACH * _reach(gap))
    enough = asked.sum(axis=1) >= _FEWEST
    suspect = enough & (apart.sum(axis=1) >= _APART * np.maximum(asked.sum(axis=1), 1))
    out: list[tuple[float, Stray]] = []
    for row in np.flatnonzero(suspect).tolist():
        anchor = photos[row].anchor
        if anchor is None or anchor.kind is not AnchorKind.GPS:
            continue
        against = beside[row][apart[row]]
        if not _fit_each_other(times[against], lat[against], lon[against]):
            continue
        nearest = int(np.where(apart[row], gap[row], np.inf).argmin())
        other = int(beside[row, nearest])
        told = Stray(
            photos[row].key,
            photos[other].name,
            float(away[row, nearest]),
            float(gap[row, nearest]),
        )
        out.append((float(times[row]), told))
    return out


def _fit_each_other(times: FloatArray, lat: FloatArray, lon: FloatArray) -> bool:
    """Return whether most pairs of photos could be of one journey on the ground."""
    first, second = np.triu_indices(len(times), 1)
    if len(first) == 0:
        return False
    away = haversine_m(lat[first], lon[first], lat[second], lon[second])
    fits = away <= _reach(np.abs(times[first] - times[second]))
    return bool(fits.mean() >= _AGREED)


def _reach(gap_s: FloatArray) -> FloatArray:
    return _SLACK_M + _TRAVEL_M_S * gap_s


def _far(metres: float) -> str:
    return f"{metres / 1000.0:,.0f} km" if metres >= 9_500.0 else f"{metres / 1000.0:.1f} km"
