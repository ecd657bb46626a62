"""Simulated albums as the models read them: embeddings, gaps, anchors, cells; fresh by seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.partition import Limits, Partition
from geotagger.earth.partition_build import build_partition
from geotagger.models.album.inputs import AlbumPhotos
from geotagger.training.album.emissions import EmissionConfig, emit
from geotagger.training.album.narrowing import PlaceEncoder, narrowed
from geotagger.training.album.trips import TripConfig, draw_trips
from geotagger.training.album.world import World, WorldConfig, build_world

_CLASS_STREAM, _ALBUM_STREAM = 102, 103


@dataclass(frozen=True, slots=True)
class SimulationConfig:
    """Everything that albums are drawn from.

    Attributes
    ----------
    world, trips, emissions
        See there.
    anchor_share
        Share of albums that have anchors, and greatest share of anchors in one.
    cell_photos
        A cell with more of the photos that the partition is built from is split (PlaNet's t1);
        those with less than a fiftieth of it are dropped.
    partition_albums
        How many albums the partition is built from.
    deepest
        Deepest level of the cells; 13 is about 1 km wide.
    dimension
        Length of the vectors, along the main directions of the geo space; 0 takes all of it.
    """

    world: WorldConfig = field(default_factory=WorldConfig)
    trips: TripConfig = field(default_factory=TripConfig)
    emissions: EmissionConfig = field(default_factory=EmissionConfig)
    anchor_share: float = 0.0
    cell_photos: int = 200
    partition_albums: int = 6000
    deepest: int = 13
    dimension: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.anchor_share <= 1.0:
            raise ValueError(f"anchor_share must be from 0 to 1, found {self.anchor_share}")
        if min(self.cell_photos, self.partition_albums) < 1 or not 0 <= self.deepest <= 30:
            raise ValueError("cell_photos and partition_albums must be positive, deepest 0 to 30")
        if self.dimension < 0:
            raise ValueError(f"dimension must not be negative, found {self.dimension}")


@dataclass(frozen=True, slots=True, eq=False)
class DrawnAlbum:
    """One simulated album: what a model reads, and the truth.

    Attributes
    ----------
    photos
        The input.
    lat, lon
        True places (N), degrees.
    classes
        True cells (N), -1 where the partition has none.
    kinds
        How much each photo tells (N), an index of `geotagger.training.album.emissions.KINDS`.
    """

    photos: AlbumPhotos
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    classes: NDArray[np.int32]
    kinds: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Simulator:
    """A world, the partition of its photos, the cells' vectors; draws albums.

    Attributes
    ----------
    vectors
        Mean vector of each cell's photos (C, D), float32, unit rows.
    log_prior
        Logarithm of each cell's share of the photos (C), float32.
    """

    config: SimulationConfig
    world: World
    partition: Partition
    vectors: NDArray[np.float32]
    log_prior: NDArray[np.float32]

    @classmethod
    def build(
        cls, encoder: PlaceEncoder, gallery: NDArray[np.float32], config: SimulationConfig
    ) -> Simulator:
        """Return the simulator of a configuration; the same for the same weights and gallery."""
        world = build_world(narrowed(encoder, gallery, config.dimension), gallery, config.world)
        rng = np.random.default_rng([config.world.seed, _CLASS_STREAM])
        trips = draw_trips(world, config.partition_albums, rng, config.trips)
        mask = trips.mask
        spots, north, east = trips.spots[mask], trips.north_m[mask], trips.east_m[mask]
        lat, lon = world.places(spots, north, east)
        limits = Limits(
            config.cell_photos, max(1, config.cell_photos // 50), max_level=config.deepest
        )
        partition = build_partition(np.stack((lat, lon), axis=1), limits, name="simulated")
        classes = partition.classes_of(lat, lon)
        held = np.flatnonzero(classes >= 0)
        held = held[np.argsort(classes[held], kind="stable")]
        sums = np.zeros((partition.size, world.vectors.shape[1]), np.float64)
        for start in range(0, len(held), 1 << 14):
            part = held[start : start + (1 << 14)]
            rows = world.encode(spots[part], north[part], east[part])
            cells, first = np.unique(classes[part], return_index=True)
            sums[cells] += np.add.reduceat(rows, first, axis=0)
        vectors = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
        prior = np.bincount(classes[held], minlength=partition.size) + 0.5
        return cls(
            config,
            world,
            partition,
            np.asarray(vectors, np.float32),
            np.asarray(np.log(prior / prior.sum()), np.float32),
        )

    def draw(self, count: int, seed: tuple[int, ...]) -> list[DrawnAlbum]:
        """Return ``count`` albums of a seed (any numbers); another seed gives other albums."""
        rng = np.random.default_rng([_ALBUM_STREAM, *seed])
        trips = draw_trips(self.world, count, rng, self.config.trips)
        mask = trips.mask
        said = emit(self.world, trips, rng, self.config.emissions)
        spots, north, east = trips.spots[mask], trips.north_m[mask], trips.east_m[mask]
        lat, lon = self.world.places(spots, north, east)
        classes = self.partition.classes_of(lat, lon)
        rows, anchored = said.vectors, np.zeros(len(spots), np.bool_)
        if self.config.anchor_share > 0.0:
            has = rng.random(count) < self.config.anchor_share
            share = np.where(has, self.config.anchor_share * rng.random(count), 0.0)
            anchored = rng.random(len(spots)) < np.repeat(share, trips.lengths)
            rows[anchored] = self.world.encode(spots[anchored], north[anchored], east[anchored])
        gaps = trips.gaps[mask]
        ends = np.cumsum(trips.lengths)
        return [
            DrawnAlbum(
                AlbumPhotos(rows[part], np.cumsum(gaps[part]), anchored[part], float(noise)),
                lat[part],
                lon[part],
                classes[part],
                said.kinds[part],
            )
            for part, noise in zip(_slices(ends), said.noise, strict=True)
        ]


def _slices(ends: NDArray[np.int64]) -> Iterator[slice]:
    start = 0
    for end in ends.tolist():
        yield slice(start, end)
        start = end
