"""A small world of simulated albums with a random location encoder, for quick tests."""

from __future__ import annotations

import math

import numpy as np
import torch

from geotagger.models.location_encoder import LocationEncoder
from geotagger.training.album.albums import SimulationConfig, Simulator
from geotagger.training.album.emissions import EmissionConfig
from geotagger.training.album.trips import TripConfig
from geotagger.training.album.world import WorldConfig

DIMENSION = 48


def random_tensors(dimension: int = DIMENSION, sigma: float = 6.0) -> dict[str, torch.Tensor]:
    """Return a location encoder of one capsule, its weights drawn at random."""
    drawing = torch.Generator().manual_seed(1)
    widths = (128, 64, 64, 64, dimension)
    start = "location_encoder.LocEnc0."
    found = {f"{start}capsule.0.b": sigma * torch.randn(64, 2, generator=drawing)}
    layers = ("capsule.1", "capsule.3", "capsule.5", "head.0")
    for name, before, after in zip(layers, widths, widths[1:], strict=False):
        weight = torch.randn(after, before, generator=drawing) * math.sqrt(2.0 / before)
        found[f"{start}{name}.weight"] = weight
        found[f"{start}{name}.bias"] = torch.zeros(after)
    return found


def places(count: int = 1500) -> np.ndarray:
    """Return made-up places (N, 2) in clusters all over the world, some by the date line."""
    rng = np.random.default_rng(3)
    centres = np.stack((rng.uniform(-60, 70, 60), rng.uniform(-180, 180, 60)), axis=1)
    centres[:6] = (-17.0, 179.98)
    found = centres[rng.integers(60, size=count)] + rng.normal(0.0, 0.3, (count, 2))
    found[:, 1] = (found[:, 1] + 180.0) % 360.0 - 180.0
    return found.astype(np.float32)


def small_config(**more: object) -> SimulationConfig:
    """Return a world of 120 spots."""
    settings: dict[str, object] = {
        "world": WorldConfig(spots=120, town_spots=3),
        "trips": TripConfig(median_photos=12.0, spread=0.6, most=40),
        "emissions": EmissionConfig(kinds=(0.3, 0.0, 0.1, 0.1, 0.1, 0.4)),
        "cell_photos": 120,
        "partition_albums": 400,
        "deepest": 8,
    }
    return SimulationConfig(**(settings | more))  # type: ignore[arg-type]


def small_simulator(**more: object) -> Simulator:
    """Return a simulator of that world."""
    return Simulator.build(LocationEncoder.load(random_tensors()), places(), small_config(**more))
