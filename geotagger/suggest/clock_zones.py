"""What the offset from UTC that a camera wrote beside the time says about the place.

A phone's offset is that of the place. A camera's may be that of home, or wrong by the hour of
daylight saving, and some programs write +00:00 whatever the place. So the offset is a mixture: with
some probability it is the place's, else that of anywhere. The album's own anchors tell how far a
camera's offsets can be believed: each one whose offset fits its place, or does not, counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import wrap_lon
from geotagger.earth.zone_map import shared
from geotagger.suggest.types import AlbumPhoto

FloatArray = NDArray[np.float64]

BELIEF = (1.5, 0.5)
"""Offsets that were right and wrong, as if seen before: three cameras in four tell the place's.

Of eight photos of phones at hand that state place and offset, seven told the place's. Cameras
without GPS, of which none could be checked, more often stay on home time.
"""

UTC_BELIEF = (0.25, 1.75)
"""The same for +00:00, which is as often what a program writes that knows no better."""

MOST_LIFT = 2.5
_MOST_BELIEF = 20.0
_SUMMER = 0.1
"""Share of the right clocks that are off by the hour of daylight saving."""

_SUMMER_S = 3600
_HOUR_DEGREES = 15.0
_SEA_S = 3600
"""At sea a clock within an hour of the sun's counts as right."""


def offset_of(photo: AlbumPhoto) -> int | None:
    """Return the offset from UTC that a photo states, in seconds, None where it states none."""
    if photo.when is None or not photo.zone_known or photo.time_is_fallback:
        return None
    shift = photo.when.utcoffset()
    return None if shift is None else round(shift.total_seconds())


def written(offset_s: int) -> str:
    """Return an offset as people write it: "UTC+5:30"."""
    minutes = round(abs(offset_s) / 60)
    rest = f":{minutes % 60:02d}" if minutes % 60 else ""
    return f"UTC{'-' if offset_s < 0 else '+'}{minutes // 60}{rest}"


def fits(photo: AlbumPhoto, offset_s: int, lat: FloatArray, lon: FloatArray) -> FloatArray:
    """Return how well an offset fits places (P,): 1 as the place's own, less if an hour off."""
    if photo.when is None:
        return np.zeros(len(lat))
    score, _ = _by_zone(offset_s, photo.when.year, photo.when.month)
    zones = shared().zones_at(lat, lon)
    sun = np.abs(wrap_lon(lon) / _HOUR_DEGREES * 3600.0 - offset_s) <= _SEA_S
    return np.asarray(np.where(zones >= 0, score[zones], sun), np.float64)


@lru_cache(maxsize=4096)
def _by_zone(offset_s: int, year: int, month: int) -> tuple[FloatArray, float]:
    """Return how well an offset fits each zone (Z,), and the world as a whole."""
    around = shared().offsets_around(datetime(year, month, 1))
    away = np.abs(around - offset_s).min(axis=1)
    score = np.where(away == 0, 1.0, np.where(away == _SUMMER_S, _SUMMER, 0.0))
    return score, float((score * shared().weight).sum())


def believed_of(
    photos: Sequence[AlbumPhoto], lat: FloatArray, lon: FloatArray
) -> dict[str, tuple[float, float]]:
    """Return by camera how many offsets of photos with known places (N,) are right, and wrong."""
    alike = rows_by_clock(photos)
    counts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for (offset, *_, camera), rows in alike.items():
        right = float(fits(photos[rows[0]], offset, lat[rows], lon[rows]).sum())
        counts[camera][0] += right
        counts[camera][1] += len(rows) - right
    # An album's anchors share one clock: many of them are hardly more than a few.
    return {
        camera: (
            right * _MOST_BELIEF / max(right + wrong, _MOST_BELIEF),
            wrong * _MOST_BELIEF / max(right + wrong, _MOST_BELIEF),
        )
        for camera, (right, wrong) in counts.items()
    }


def rows_by_clock(photos: Sequence[AlbumPhoto]) -> dict[tuple[int, int, int, str], list[int]]:
    """Return the rows of photos that state an offset, by offset, year, month and camera."""
    alike: dict[tuple[int, int, int, str], list[int]] = defaultdict(list)
    for row, photo in enumerate(photos):
        offset = offset_of(photo)
        if offset is not None and photo.when is not None:
            alike[offset, photo.when.year, photo.when.month, photo.camera].append(row)
    return alike


def lift_at(
    photo: AlbumPhoto,
    offset_s: int,
    lat: float,
    lon: float,
    believed: Mapping[str, tuple[float, float]],
) -> float:
    """Return `lift` for one place; quick where many places are near each other."""
    assert photo.when is not None
    month = datetime(photo.when.year, photo.when.month, 1)
    counts = believed.get(photo.camera, (0.0, 0.0))
    return _lift_at(offset_s, month, round(lat, 2), round(lon, 2), counts)


@lru_cache(maxsize=65_536)
def _lift_at(
    offset_s: int, month: datetime, lat: float, lon: float, counts: tuple[float, float]
) -> float:
    one = AlbumPhoto(key="", name="", when=month)
    return float(lift(one, offset_s, np.array([lat]), np.array([lon]), {"": counts})[0])


def lift(
    photo: AlbumPhoto,
    offset_s: int,
    lat: FloatArray,
    lon: FloatArray,
    believed: Mapping[str, tuple[float, float]],
) -> FloatArray:
    """Return how much likelier the offset is at places (P,) than anywhere, log, bounded.

    ``believed`` is what `believed_of` gives.
    """
    assert photo.when is not None
    _, usual = _by_zone(offset_s, photo.when.year, photo.when.month)
    prior = BELIEF if offset_s != 0 else UTC_BELIEF
    right, wrong = believed.get(photo.camera, (0.0, 0.0))
    trust = (prior[0] + right) / (sum(prior) + right + wrong)
    ratio = fits(photo, offset_s, lat, lon) / max(usual, 0.01)
    return np.asarray(np.clip(np.log(1.0 - trust + trust * ratio), -MOST_LIFT, MOST_LIFT))
