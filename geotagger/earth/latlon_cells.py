"""Cells made by halving longitude and latitude, whichever side is longer, with ids like S2's.

Vo et al. (Revisiting IM2GPS, section 3) start with the whole world and halve a cell along its
longer side, evenly. Sides are compared in degrees, so the way down is the same everywhere: 360 by
180 is halved in longitude, the square of 180 in latitude, and so on in turns. A cell is then a
prefix of the interleaved bits of longitude and latitude. As in S2 an id is the prefix, a one, and
zeros, so a cell's leaves are a range of ids with its own in the middle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geotagger.earth.cells import Floats, Ids, Levels, checked_places, last_bits
from geotagger.earth.distance import EARTH_RADIUS_M, unit_vectors, wrap_lon

MAX_LEVEL = 60
"""Halvings down to a leaf, about 4 by 2 cm at the equator; 0 is the whole world."""

_BITS = MAX_LEVEL // 2
_SIDE = 1 << _BITS
_ONE = np.uint64(1)
_SPREADS = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


def cell_ids(lat: ArrayLike, lon: ArrayLike) -> Ids:
    """Return the ids (N) of the leaves that hold the places, degrees.

    Raises
    ------
    ValueError
        As `geotagger.earth.cells.cell_ids` does.
    """
    phi, lam = checked_places(lat, lon)
    east = np.floor((wrap_lon(lam) + 180.0) * (_SIDE / 360.0))
    north = np.floor((phi + 90.0) * (_SIDE / 180.0))
    columns = np.clip(east, 0, _SIDE - 1).astype(np.uint64)
    rows = np.clip(north, 0, _SIDE - 1).astype(np.uint64)
    bits = (_spread(columns) << _ONE) | _spread(rows)
    return np.asarray((bits << _ONE) | _ONE, np.uint64)


def cell_levels(ids: Ids) -> Levels:
    """Return how often the world was halved for each cell (N)."""
    return np.asarray(MAX_LEVEL + 1 - np.frexp(last_bits(ids).astype(np.float64))[1], np.int64)


def cell_boxes(ids: Ids) -> tuple[Floats, Floats, Floats, Floats]:
    """Return south, west, north, east of cells (N each), degrees; east is above west."""
    levels = cell_levels(ids)
    bits = (ids - last_bits(ids)) >> _ONE
    west = _gathered(bits >> _ONE) * (360.0 / _SIDE) - 180.0
    south = _gathered(bits) * (180.0 / _SIDE) - 90.0
    width = np.ldexp(360.0, -((levels + 1) // 2))
    height = np.ldexp(180.0, -(levels // 2))
    return south, west, south + height, west + width


def cell_centres(ids: Ids) -> tuple[Floats, Floats]:
    """Return latitudes and longitudes (N) of the middles of cells, degrees."""
    south, west, north, east = cell_boxes(ids)
    return (south + north) / 2.0, wrap_lon((west + east) / 2.0)


def centre_vectors(ids: Ids) -> Floats:
    """Return unit vectors (N, 3) of the middles of cells."""
    return unit_vectors(*cell_centres(ids))


def cell_outlines(ids: Ids, steps: int) -> Floats:
    """Return points (N, 4 · steps, 2) around cells, latitude and longitude, counter-clockwise.

    Edges follow meridians and parallels, in equal steps; longitudes may reach 180.
    """
    south, west, north, east = (edge[:, None] for edge in cell_boxes(ids))
    share = np.arange(steps)[None, :] / steps
    rest = 1.0 - share
    flat = np.ones_like(share)
    lat = (south * flat, south * rest + north * share, north * flat, north * rest + south * share)
    lon = (west * rest + east * share, east * flat, east * rest + west * share, west * flat)
    return np.stack((np.concatenate(lat, axis=1), np.concatenate(lon, axis=1)), axis=-1)


def areas_m2(ids: Ids) -> Floats:
    """Return the areas (N) of cells on the sphere, square metres."""
    south, west, north, east = (np.radians(edge) for edge in cell_boxes(ids))
    # sin n - sin s as a product keeps the digits of flat cells.
    band = 2.0 * np.cos((north + south) / 2.0) * np.sin((north - south) / 2.0)
    return np.asarray(band * (east - west) * EARTH_RADIUS_M**2, np.float64)


def valid(ids: Ids) -> NDArray[np.bool_]:
    """Return which ids (N) are those of cells."""
    return np.asarray((ids > 0) & (ids >> np.uint64(61) == 0), np.bool_)


def _spread(bits: Ids) -> Ids:
    """Return numbers of 32 bits with a zero before each bit."""
    for shift, mask in _SPREADS:
        bits = (bits | (bits << np.uint64(shift))) & np.uint64(mask)
    return bits


def _gathered(bits: Ids) -> Floats:
    """Return the numbers made of every other bit, the lowest among them; undoes `_spread`."""
    bits = bits & np.uint64(0x5555555555555555)
    for shift, mask in (*[(s, m) for s, m in reversed(_SPREADS)][1:], (32, 0x00000000FFFFFFFF)):
        bits = (bits | (bits >> np.uint64(shift // 2))) & np.uint64(mask)
    return bits.astype(np.float64)
