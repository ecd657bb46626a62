"""How far people move from one photo to the next: a mixture of staying, walking, going, flying.

A place that is weighed for a photo (an anchor, a point on the way) is not exactly where the photo
was taken. What lies between is a mixture of rings of eight sizes around the place, from a few
steps to an ocean. How much each size counts depends on the gap in time, on how far apart the
anchors around the photo are, and on how much the photos look alike; the calibration holds those
dependences.

Each ring has the density (1/pi) s^2 / (s^2 + r^2)^2, whose tails are heavy: half of it lies within
s, a hundredth beyond 10 s. It is what the stereographic projection makes of a uniform sphere, and
it takes discs to caps, so that the mass in any disc has a closed form.
"""

from __future__ import annotations

import numpy as np

from geotagger.earth.distance import EARTH_RADIUS_M
from geotagger.suggest.anchors import inside, log_fine_gap, log_gap, way_length
from geotagger.suggest.lookalikes import similarity_of
from geotagger.suggest.pace import pace
from geotagger.suggest.scene import IS_OUTSIDE, FloatArray, Origin, PlaceTable, View

SCALES_M = np.array([12.0, 60.0, 300.0, 1_500.0, 8e3, 4e4, 2.5e5, 1.5e6])
"""Median distances of the rings: same spot, same building, a walk, a quarter, a town away, a day
trip, a flight within and between continents."""

KERNEL_TERMS = (
    "one",
    "gap",
    "gap_squared",
    "way_length",
    "inside",
    "on_way",
    "on_way_length",
    "similarity",
    "far_in_time",
    "reference",
    "album",
    "fine_gap",
    "pace",
    "gap*pace",
    "short_pace",
    "gap*short_pace",
)
"""What the mixture depends on, in the order of the columns of `kernel_terms`."""


def kernel_terms(view: View, table: PlaceTable) -> FloatArray:
    """Return what the mixture of each place depends on, shape (H, P, len(KERNEL_TERMS))."""
    gap = log_gap(view, table)
    way = table.on_the_way
    similarity, known = similarity_of(view, table)
    length = np.broadcast_to(way_length(view)[:, None], table.lat.shape)
    ours = ~IS_OUTSIDE[table.origin]
    within = np.broadcast_to(inside(view)[:, None], table.lat.shape)
    columns = (
        ours,
        gap,
        gap**2 / 4.0,
        ours * length,
        ours * within,
        way,
        way * length,
        np.where(known, (similarity - 0.4) * 3.0, 0.0),
        table.origin == Origin.LOOKALIKE,
        (table.origin == Origin.REFERENCE) | (table.origin == Origin.RETRIEVED),
        table.origin == Origin.ALBUM,
        log_fine_gap(view, table),
        *(column for one in pace(view.scene) for column in (ours * one, ours * gap * one / 3.0)),
    )
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=-1)


def log_density(distance_m: FloatArray, scale_m: FloatArray) -> FloatArray:
    """Return the logarithm of a ring's density per square metre at a distance."""
    inner = np.log1p((distance_m / scale_m) ** 2)
    return np.asarray(-2.0 * inner - np.log(np.pi) - 2.0 * np.log(scale_m), np.float64)


def mass_within(distance_m: FloatArray, radius_m: FloatArray, scale_m: FloatArray) -> FloatArray:
    """Return the share of a ring in a disc of some radius whose centre is at a distance.

    The arguments broadcast. The plane stands in for the sphere; beyond 1,000 km, where they
    differ, the rings are wide enough for it not to matter.
    """
    square = np.square(scale_m)
    across = np.asarray(square + np.square(distance_m) - np.square(radius_m), np.float64)
    root = np.asarray(across * across + 4.0 * square * np.square(radius_m), np.float64)
    # In place: on an album's arrays, fresh memory costs more than the sums.
    np.sqrt(root, out=root)
    np.maximum(root, 1e-300, out=root)
    np.divide(across, root, out=across)
    np.subtract(1.0, across, out=across)
    across *= 0.5
    return across


def uniform_within(radius_m: FloatArray) -> FloatArray:
    """Return the share of the whole earth in a disc."""
    angle = np.minimum(np.asarray(radius_m, np.float64) / EARTH_RADIUS_M, np.pi)
    return np.asarray((1.0 - np.cos(angle)) / 2.0, np.float64)
