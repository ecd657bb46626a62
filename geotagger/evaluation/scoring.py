"""How far placed photos are from the truth: ours, and what simple rules would have said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from geotagger.earth.distance import haversine_m
from geotagger.evaluation import baselines
from geotagger.evaluation.completion_result import LEVELS, MethodResult
from geotagger.suggest.scene import FloatArray, scene_of
from geotagger.suggest.types import AlbumPhoto, Suggestion

Truth = Mapping[str, tuple[float, float]]
"""Keys of hidden photos and their places in degrees."""

ORACLE = "best_anchor_oracle"
"""The anchor that is nearest to the truth: what no rule that copies an anchor can beat."""


def rules(with_look: bool) -> dict[str, baselines.Baseline]:
    """Return the simple rules by name; the one by looks only where there are embeddings."""
    found: dict[str, baselines.Baseline] = {
        "nearest_in_time": baselines.nearest_in_time(),
        "nearest_in_time_24h": baselines.nearest_in_time(86_400.0),
        "nearest_in_time_1h": baselines.nearest_in_time(3_600.0),
        "interpolation_in_time": baselines.interpolation,
        "album_mean": baselines.album_mean,
    }
    if with_look:
        found["nearest_lookalike"] = baselines.nearest_lookalike
    return found


def score_ours(suggestions: Sequence[Suggestion], truth: Truth) -> MethodResult:
    """Return the errors, radii and odds of suggestions; those without a truth are left out."""
    known = [one for one in suggestions if one.key in truth]
    errors = np.full(len(known), np.inf)
    radii = np.zeros((len(known), len(LEVELS)))
    stated = np.zeros(len(known))
    held = np.zeros(len(known), bool)
    for row, one in enumerate(known):
        if not one.candidates:
            continue
        best = one.candidates[0]
        lat, lon = truth[one.key]
        errors[row] = float(haversine_m(lat, lon, best.lat, best.lon))
        radii[row] = [radius for _, radius in one.radii_m]
        stated[row] = best.probability
        held[row] = bool(errors[row] <= best.radius_m)
    return MethodResult(errors, radii, stated, held)


def score_simple(
    photos: Sequence[AlbumPhoto], truth: Truth, chosen: Mapping[str, baselines.Baseline]
) -> dict[str, FloatArray]:
    """Return the errors (T,) of each rule and of the oracle, in metres; infinite for no place.

    The photos without an anchor must be those of ``truth``.
    """
    scene = scene_of(photos, None)
    places = [truth[scene.photos[row].key] for row in scene.targets]
    lat = np.array([one[0] for one in places])
    lon = np.array([one[1] for one in places])
    placed = {name: rule(scene) for name, rule in chosen.items()}
    placed[ORACLE] = baselines.best_anchor(scene, lat, lon)
    errors: dict[str, FloatArray] = {}
    for name, (guess_lat, guess_lon) in placed.items():
        away = haversine_m(lat, lon, guess_lat, guess_lon)
        errors[name] = np.where(np.isfinite(away), away, np.inf)
    return errors


def joined(parts: Sequence[MethodResult]) -> MethodResult:
    """Return the results of several albums or seeds as one."""
    radii = [one.radius_m for one in parts if one.radius_m is not None]
    stated = [one.stated for one in parts if one.stated is not None]
    held = [one.held for one in parts if one.held is not None]
    return MethodResult(
        np.concatenate([one.error_m for one in parts]),
        np.concatenate(radii) if radii else None,
        np.concatenate(stated) if stated else None,
        np.concatenate(held) if held else None,
    )
