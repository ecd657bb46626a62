"""The world of the simulation: real spots, how liked they are, which lie how far from which.

Spots are places of the geo space's gallery, so they lie where people take photos. Their popularity
follows Zipf's law, as visits to sights do. A photo is taken within some hundred metres of a spot;
the vector of its exact place comes from the spot's own by its slope, which the encoder is smooth
enough for (1 km moves a vector by 0.17, 5 km by 0.63).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.cells import cell_ids
from geotagger.earth.distance import EARTH_RADIUS_M, destination, unit_vectors
from geotagger.training.album.motion import MOVE_EDGES_M
from geotagger.training.album.narrowing import PlaceEncoder

BLUR_LEVELS = (8, 5, 3, 1)
"""Levels of the S2 cells that a city, region, country and continent stand for: 35, 280, 1,100 and
4,500 km wide."""

_CANDIDATES = 24
"""Spots to go to that are kept per spot and class of distance."""
_SLOPE_M = 100.0
_FIRST_RING = 2
"""Moves of shorter classes stay at the spot."""


@dataclass(frozen=True, slots=True)
class WorldConfig:
    """Which world is simulated.

    Attributes
    ----------
    spots
        How many places of the gallery are visited.
    town_share
        Share of them that lie in towns with other spots; the rest is drawn at random.
    town_spots
        Spots of a town on average.
    zipf
        Exponent of their popularity. It is small: a world of so few spots in which some have
        several per cent of all photos would reward naming them blindly, and PlaNet's cells have
        0.01 % each at most.
    seed
        Of the drawing of spots and popularity.
    """

    spots: int = 1500
    town_share: float = 0.7
    town_spots: int = 8
    zipf: float = 0.4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.spots < 2 or self.town_spots < 1:
            raise ValueError("a world has 2 spots or more, a town 1 or more")
        if not 0.0 <= self.town_share <= 1.0:
            raise ValueError(f"town_share must be from 0 to 1, found {self.town_share}")
        if not 0.0 <= self.zipf <= 5.0:
            raise ValueError(f"zipf must be from 0 to 5, found {self.zipf}")


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """P spots and what is known about them.

    Attributes
    ----------
    lat, lon
        Places (P), degrees.
    share
        Popularity (P), sums to 1.
    vectors
        Unit rows of the geo space (P, D), float32.
    slopes
        Change of the vector per 100 m to the north and to the east (2, P, D), float32.
    rings
        For each class of distance from 1 km on, spots to go to (4, P, 24), drawn by popularity;
        where no spot lies in the ring, those of the nearest ring that has one.
    areas
        The number of each spot's cell of each blur level (4, P).
    area_vectors
        For each blur level the mean vector of each cell (A, D), popular spots counting more.
    area_spots
        For each blur level the spots sorted by cell, with where each cell begins, and the
        cumulated popularity in that order.
    """

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    share: NDArray[np.float64]
    vectors: NDArray[np.float32]
    slopes: NDArray[np.float32]
    rings: NDArray[np.int32]
    areas: NDArray[np.int32]
    area_vectors: tuple[NDArray[np.float32], ...]
    area_spots: tuple[tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp]], ...]

    @property
    def size(self) -> int:
        """How many spots there are, P."""
        return len(self.lat)

    def places(
        self, spot: NDArray[np.intp], north_m: NDArray[np.float64], east_m: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return latitudes and longitudes (…) some metres from spots (…)."""
        bearing = np.degrees(np.arctan2(east_m, north_m))
        return destination(self.lat[spot], self.lon[spot], bearing, np.hypot(north_m, east_m))

    def encode(
        self, spot: NDArray[np.intp], north_m: NDArray[np.float64], east_m: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Return unit rows (N, D) of places some metres from spots (N)."""
        rows = self.vectors[spot]
        rows = rows + self.slopes[0, spot] * (north_m / _SLOPE_M).astype(np.float32)[:, None]
        rows += self.slopes[1, spot] * (east_m / _SLOPE_M).astype(np.float32)[:, None]
        norm = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.maximum(norm, 1e-12), np.float32)

    def claim(
        self, level: int, spot: NDArray[np.intp], uniform: NDArray[np.float64]
    ) -> NDArray[np.intp]:
        """Return spots (N), by popularity, of the same cell of a blur level; the fifth is all."""
        if level >= len(BLUR_LEVELS):
            found = np.searchsorted(np.cumsum(self.share), uniform)
            return np.asarray(np.minimum(found, self.size - 1), np.intp)
        order, total, starts = self.area_spots[level]
        area = self.areas[level, spot]
        low, high = total[starts[area]], total[starts[area + 1]]
        found = np.searchsorted(total, low + uniform * (high - low), side="right") - 1
        return np.asarray(order[np.clip(found, starts[area], starts[area + 1] - 1)], np.intp)


def build_world(encoder: PlaceEncoder, gallery: NDArray[np.float32], config: WorldConfig) -> World:
    """Return the world of a configuration; the same for the same gallery, weights and seed.

    Raises
    ------
    ValueError
        The gallery has fewer places than spots are wanted.
    """
    if len(gallery) < config.spots:
        raise ValueError(f"{config.spots} spots are wanted, the gallery has {len(gallery)} places")
    rng = np.random.default_rng([config.seed, 101])
    chosen = _choose(gallery, config, rng)
    lat, lon = gallery[chosen, 0].astype(np.float64), gallery[chosen, 1].astype(np.float64)
    share = np.asarray((1.0 + rng.permutation(len(lat))) ** -config.zipf, np.float64)
    share /= share.sum()
    vectors = encoder.encode(lat, lon)
    slopes = np.stack(
        [
            encoder.encode(*destination(lat, lon, bearing, _SLOPE_M)) - vectors
            for bearing in (0.0, 90.0)
        ]
    )
    areas, means, members = [], [], []
    for level in BLUR_LEVELS:
        _, area = np.unique(cell_ids(lat, lon, level), return_inverse=True)
        order = np.argsort(area, kind="stable")
        starts = np.searchsorted(area[order], np.arange(area.max() + 2))
        weights = share[order]
        total = np.concatenate(([0.0], np.cumsum(weights)))
        sums = np.add.reduceat(vectors[order] * weights[:, None], starts[:-1], axis=0)
        mean = sums / np.add.reduceat(weights, starts[:-1])[:, None]
        means.append(mean.astype(np.float32))
        areas.append(area)
        members.append((order, total, starts))
    return World(
        lat,
        lon,
        share,
        vectors,
        slopes.astype(np.float32),
        _rings(lat, lon, share, rng),
        np.asarray(areas, np.int32),
        tuple(means),
        tuple(members),
    )


def _choose(
    gallery: NDArray[np.float32], config: WorldConfig, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return rows of the gallery: towns with several spots each, and spots for themselves."""
    points = unit_vectors(gallery[:, 0], gallery[:, 1])
    wanted = int(config.spots * config.town_share)
    chosen: set[int] = set()
    for centre in rng.permutation(len(gallery)):
        if len(chosen) >= wanted:
            break
        near = np.flatnonzero(points @ points[centre] > np.cos(15e3 / EARTH_RADIUS_M))
        count = 1 + rng.poisson(config.town_spots - 1)
        chosen.update(rng.choice(near, min(count, len(near)), replace=False).tolist())
    rest = np.setdiff1d(np.arange(len(gallery)), np.fromiter(chosen, np.intp))
    missing = max(0, config.spots - len(chosen))
    found = [*chosen, *rng.choice(rest, missing, replace=False).tolist()]
    return np.sort(np.array(found, np.intp))[: config.spots]


def _rings(
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    share: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    points = unit_vectors(lat, lon)
    classes = len(MOVE_EDGES_M) + 1 - _FIRST_RING
    found = np.full((classes, len(lat), _CANDIDATES), -1, np.int32)
    for spot in range(len(lat)):
        metres = np.arccos(np.clip(points @ points[spot], -1.0, 1.0)) * EARTH_RADIUS_M
        metres[spot] = -1.0
        ring = np.digitize(metres, MOVE_EDGES_M, right=True)
        ring[spot] = -1
        for number in range(classes):
            here = np.flatnonzero(ring == number + _FIRST_RING)
            if len(here):
                # The nearer the likelier, beside popularity: most trips go to the next town.
                chance = share[here] / metres[here]
                total = np.cumsum(chance)
                at = np.searchsorted(total, rng.random(_CANDIDATES) * total[-1])
                found[number, spot] = here[np.minimum(at, len(here) - 1)]
    held = found[:, :, 0] >= 0
    for number in range(classes):
        for other in sorted(range(classes), key=lambda one: (abs(one - number), one)):
            empty = (found[number, :, 0] < 0) & held[other]
            found[number, empty] = found[other, empty]
    # A spot that has no other: it stays where it is.
    alone = found[:, :, 0] < 0
    found[alone] = np.broadcast_to(np.arange(len(lat))[None, :, None], found.shape)[alone]
    return found
