"""What a backbone says of a simulated photo: a vector of the geo space with real kinds of error.

A photo is sharp, or tells its city, region, country or continent, or nothing. What it does not
tell, it makes up: it claims some liked spot of the area that it knows, with more or less
confidence, and noise lies over all. Errors repeat themselves within bursts, scenes and albums, as
they do on real photos: sharpness, claim and noise have a part that the album shares, a part that
drifts with time, and a part of the photo's own. Without it any product of probabilities looks
better than it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geotagger.training.album.trips import Trips
from geotagger.training.album.world import BLUR_LEVELS, World

KINDS = ("sharp", "city", "region", "country", "continent", "clueless")
_DRIFT_S = 600.0
_DRIFT_POWER = 0.7
_MOVE_KEEPS = 0.5
"""What of the shared part outlives a walk to another view."""


@dataclass(frozen=True, slots=True)
class EmissionConfig:
    """How good the backbone is and how its errors hang together.

    Attributes
    ----------
    kinds
        Shares of sharp, city, region, country, continent and clueless photos. These make the
        single-image classifier reach PlaNet's row (Table 2b).
    noise
        Length of the noise beside a unit vector: the backbone's noise level.
    noise_spread
        Albums' log standard deviation of it; for a model that is to serve several backbones.
    confidence
        Greatest weight of what a photo makes up against the mean of the area that it knows: how
        much a photo that knows little looks like a sharp one.
    album_share, scene_share
        Shares of the variance of sharpness that the album and the scene have in common.
    noise_album, noise_scene
        The same of the noise. On real albums the correlation of two photos' residuals was 0.41
        within a minute, 0.28 within ten, 0.18 within six hours and 0.15 beyond (MobileNetV2).
    follow
        How likely a photo makes the same claim as its scene: of photos within 10 seconds 28 %
        named the same wrong place, of those minutes apart 8 %.
    album_follow
        Share of photos that make the claim of their album instead.
    """

    kinds: tuple[float, ...] = (0.16, 0.0, 0.0, 0.03, 0.34, 0.47)
    noise: float = 0.4
    noise_spread: float = 0.0
    confidence: float = 0.55
    album_share: float = 0.15
    scene_share: float = 0.3
    noise_album: float = 0.2
    noise_scene: float = 0.3
    follow: float = 0.5
    album_follow: float = 0.3

    def __post_init__(self) -> None:
        if len(self.kinds) != len(KINDS) or min(self.kinds) < 0 or not sum(self.kinds) > 0:
            raise ValueError(f"kinds must be {len(KINDS)} shares, found {self.kinds}")
        for album, scene in (
            (self.album_share, self.scene_share),
            (self.noise_album, self.noise_scene),
        ):
            if min(album, scene) < 0 or album + scene > 1:
                raise ValueError("the shares of album and scene must be shares of 1 together")
        for name in ("confidence", "follow", "album_follow"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be from 0 to 1, found {getattr(self, name)}")
        if not (self.noise >= 0.0 and self.noise_spread >= 0.0):
            raise ValueError("noise and noise_spread must not be negative")


@dataclass(frozen=True, slots=True, eq=False)
class Emissions:
    """What the backbone gives for N photos: unit rows (N, D), kinds (N), noise level by album."""

    vectors: NDArray[np.float32]
    kinds: NDArray[np.int64]
    noise: NDArray[np.float64]


def keeping(gaps: NDArray[np.float64], moved: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the correlation (…) of a scene's shared part with that of the photo before."""
    kept = 1.0 / (1.0 + (np.maximum(gaps, 0.0) / _DRIFT_S) ** _DRIFT_POWER)
    return np.asarray(np.where(moved, _MOVE_KEEPS * kept, kept), np.float64)


def emit(
    world: World, trips: Trips, rng: np.random.Generator, config: EmissionConfig | None = None
) -> Emissions:
    """Return what a backbone says of the photos of trips, album after album (N rows)."""
    config = config or EmissionConfig()
    mask = trips.mask
    albums, photos = mask.shape
    kept = keeping(trips.gaps, trips.moved)
    kept[:, 0] = 0.0
    own = 1.0 - config.album_share - config.scene_share
    # Sharpness: a normal number whose quantiles are the kinds.
    latent = np.sqrt(config.album_share) * rng.standard_normal((albums, 1))
    latent = latent + np.sqrt(config.scene_share) * _drifting(kept, rng)
    latent += np.sqrt(own) * rng.standard_normal((albums, photos))
    kinds = np.searchsorted(_quantiles(config.kinds), latent[mask])
    spots = trips.spots[mask]
    claims = _claims(world, trips, kinds, kept, rng, config)
    rows = world.encode(spots, trips.north_m[mask], trips.east_m[mask])
    for level in range(len(BLUR_LEVELS) + 1):
        here = np.flatnonzero(kinds == level + 1)
        if len(here) == 0:
            continue
        if level < len(BLUR_LEVELS):
            known = world.area_vectors[level][world.areas[level, spots[here]]]
        else:
            known = (world.share @ world.vectors)[None]
        # Unit length, as everything that a backbone says: what tells little lies near the mean.
        known = known / np.maximum(np.linalg.norm(known, axis=1, keepdims=True), 1e-12)
        trust = np.float32(config.confidence) * rng.random((len(here), 1), np.float32)
        rows[here] = trust * world.vectors[claims[here]] + (1 - trust) * known
    levels = config.noise * np.exp(config.noise_spread * rng.standard_normal(albums))
    rows += _noise(mask, kept, levels, rows.shape[1], rng, config)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return Emissions(np.asarray(rows, np.float32), kinds, levels)


def _quantiles(shares: tuple[float, ...]) -> NDArray[np.float64]:
    from statistics import NormalDist

    total = np.cumsum(shares)[:-1] / sum(shares)
    return np.array([NormalDist().inv_cdf(float(np.clip(one, 1e-9, 1 - 1e-9))) for one in total])


def _drifting(kept: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return normal numbers (B, T) whose correlation with the one before is ``kept``."""
    found = rng.standard_normal(kept.shape)
    for step in range(1, kept.shape[1]):
        rho = kept[:, step]
        found[:, step] = rho * found[:, step - 1] + np.sqrt(1.0 - rho**2) * found[:, step]
    return found


def _claims(
    world: World,
    trips: Trips,
    kinds: NDArray[np.int64],
    kept: NDArray[np.float64],
    rng: np.random.Generator,
    config: EmissionConfig,
) -> NDArray[np.intp]:
    """Return the spots (N) that photos name where they know only an area: their own or the scene's.

    A scene's claim is a number from 0 to 1 that is read within the area that the photo knows, so
    that photos of one scene name the same spot even if they know areas of different size.
    """
    mask = trips.mask
    shared = rng.random(mask.shape)
    fresh = rng.random(mask.shape) > kept
    for step in range(1, mask.shape[1]):
        shared[:, step] = np.where(fresh[:, step], shared[:, step], shared[:, step - 1])
    follows = rng.random(mask.shape) < np.sqrt(config.follow)
    uniform = np.where(follows, shared, rng.random(mask.shape))
    album = rng.random((len(mask), 1))
    uniform = np.where(rng.random(mask.shape) < config.album_follow, album, uniform)[mask]
    spots = trips.spots[mask]
    found = spots.copy()
    for level in range(len(BLUR_LEVELS) + 1):
        here = np.flatnonzero(kinds == level + 1)
        found[here] = world.claim(level, spots[here], uniform[here])
    return found


def _noise(
    mask: NDArray[np.bool_],
    kept: NDArray[np.float64],
    levels: NDArray[np.float64],
    size: int,
    rng: np.random.Generator,
    config: EmissionConfig,
) -> NDArray[np.float32]:
    """Return noise (N, D) of mean length ``levels``, shared in part by album and scene."""
    albums, photos = mask.shape
    base = rng.standard_normal((albums, size), np.float32)
    drift = rng.standard_normal((albums, size), np.float32)
    shape = np.sqrt([config.noise_album, config.noise_scene]).astype(np.float32)
    found = np.zeros((albums, photos, size), np.float32)
    for step in range(photos):
        live = np.flatnonzero(mask[:, step])
        rho = kept[live, step, None].astype(np.float32)
        fresh = rng.standard_normal((len(live), size), np.float32)
        drift[live] = rho * drift[live] + np.sqrt(1.0 - rho**2) * fresh
        found[live, step] = shape[0] * base[live] + shape[1] * drift[live]
    rows = found[mask]
    own = np.float32(np.sqrt(1.0 - config.noise_album - config.noise_scene))
    rows += own * rng.standard_normal(rows.shape, np.float32)
    album = np.nonzero(mask)[0]
    rows *= (levels[album] / np.sqrt(size)).astype(np.float32)[:, None]
    return np.asarray(rows, np.float32)
