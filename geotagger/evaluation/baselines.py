"""What a person or another program would do instead: simple rules to compare with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geotagger.earth.distance import haversine_m, interpolate, spherical_mean
from geotagger.suggest.dated_names import dated
from geotagger.suggest.scene import FloatArray, IntArray, Scene, scene_of

Baseline = Callable[[Scene], tuple[FloatArray, FloatArray]]
"""From an album to one place per target: two arrays (T,) of degrees, NaN where it has none."""


def _gaps(scene: Scene) -> FloatArray:
    times = scene.seconds[scene.targets]
    gaps = np.abs(scene.seconds[scene.anchors][None, :] - times[:, None])
    return np.where(np.isfinite(gaps), gaps, np.inf)


def _at(scene: Scene, index: IntArray, known: np.ndarray) -> tuple[FloatArray, FloatArray]:
    return (
        np.where(known, scene.lat[index], np.nan),
        np.where(known, scene.lon[index], np.nan),
    )


def nearest_in_time(limit_s: float = np.inf) -> Baseline:
    """Return the rule "the place of the anchor nearest in time, if it is near enough"."""

    def rule(scene: Scene) -> tuple[FloatArray, FloatArray]:
        gaps = _gaps(scene)
        index = gaps.argmin(axis=1)
        least = gaps[np.arange(len(gaps)), index]
        return _at(scene, index, np.isfinite(least) & (least <= limit_s))

    return rule


def nearest_in_time_by_names(scene: Scene) -> tuple[FloatArray, FloatArray]:
    """Return the same, unbounded, where days in file names are believed as `suggest` does it."""
    again = scene_of(dated(scene.photos), scene.references)
    return nearest_in_time()(again)


def interpolation(scene: Scene) -> tuple[FloatArray, FloatArray]:
    """Return the places on the great circle between the anchors before and after.

    Outside of the album's first and last anchor, the place of that one.
    """
    times = scene.seconds[scene.targets]
    if scene.timed == 0:
        return np.full(len(times), np.nan), np.full(len(times), np.nan)
    after = np.searchsorted(scene.anchor_seconds, np.nan_to_num(times))
    first = np.clip(after - 1, 0, scene.timed - 1)
    second = np.clip(after, 0, scene.timed - 1)
    start, end = scene.anchor_seconds[first], scene.anchor_seconds[second]
    span = end - start
    share = np.where(span > 0.0, (times - start) / np.where(span > 0.0, span, 1.0), 0.0)
    lat, lon = interpolate(
        scene.lat[first], scene.lon[first], scene.lat[second], scene.lon[second], share
    )
    known = np.isfinite(times)
    return np.where(known, lat, np.nan), np.where(known, lon, np.nan)


def album_mean(scene: Scene) -> tuple[FloatArray, FloatArray]:
    """Return the spherical mean of the album's anchors for all photos."""
    count = len(scene.targets)
    try:
        lat, lon = spherical_mean(scene.lat, scene.lon)
    except ValueError:
        lat = lon = np.nan
    return np.full(count, lat), np.full(count, lon)


def nearest_lookalike(scene: Scene) -> tuple[FloatArray, FloatArray]:
    """Return the places of the anchors with the most similar embedding."""
    cosines = scene.embeddings[scene.targets] @ scene.embeddings[scene.anchors].T
    usable = scene.seen[scene.targets][:, None] & scene.seen[scene.anchors][None, :]
    cosines = np.where(usable, cosines, -np.inf)
    index = cosines.argmax(axis=1)
    return _at(scene, index, np.asarray(usable.any(axis=1)))


def best_anchor(scene: Scene, lat: FloatArray, lon: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the places of the anchors that are nearest to the truth: an oracle, for reference."""
    away = haversine_m(lat[:, None], lon[:, None], scene.lat, scene.lon)
    index = away.argmin(axis=1)
    return _at(scene, index, np.ones(len(index), bool))
