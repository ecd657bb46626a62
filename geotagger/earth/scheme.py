"""The two ways to cut the earth into nested cells, with one face for partitions to build on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geotagger.earth import cells, latlon_cells
from geotagger.earth.cells import Floats, Ids, Levels
from geotagger.earth.distance import haversine_m

_ONE = np.uint64(1)


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a partition's cells lie on the earth.

    In both schemes a cell's leaves are the ids from ``id - (last bit - 1)`` to
    ``id + (last bit - 1)``, so everything but the geometry is shared.

    Attributes
    ----------
    name
        "s2" or "latlon", as in files.
    max_level
        The level of the leaves.
    bits
        Bits of an id for a level: a cell has ``2**bits`` children.
    roots
        The cells of level 0.
    leaves
        Latitudes and longitudes (N) in degrees to the leaves that hold them.
    levels, centre_vectors, areas_m2
        Levels, unit vectors of the centres (N, 3), areas of cells.
    outlines
        Points around cells (N, 4 · steps, 2).
    valid
        Which numbers are ids of cells.
    """

    name: str
    max_level: int
    bits: int
    roots: Ids
    leaves: Callable[[ArrayLike, ArrayLike], Ids]
    levels: Callable[[Ids], Levels]
    centres: Callable[[Ids], tuple[Floats, Floats]]
    centre_vectors: Callable[[Ids], Floats]
    areas_m2: Callable[[Ids], Floats]
    outlines: Callable[[Ids, int], Floats]
    valid: Callable[[Ids], NDArray[np.bool_]]

    def children(self, ids: Ids) -> Ids:
        """Return the cells (N · 2**bits) inside cells that are no leaves, in ascending order."""
        last = cells.last_bits(ids)
        count = 1 << self.bits
        small = last >> np.uint64(self.bits)
        first = ids - last + small
        steps = np.arange(count, dtype=np.uint64)[None, :] * (small << _ONE)[:, None]
        return np.asarray(first[:, None] + steps, np.uint64).ravel()

    def circumradii_m(self, ids: Ids) -> Floats:
        """Return how far the farthest point of each cell's outline is from its centre (N)."""
        lat, lon = self.centres(ids)
        # Edges of large cells bend away from the corners; eight points on each catch that.
        around = self.outlines(ids, 8)
        return np.asarray(
            haversine_m(lat[:, None], lon[:, None], around[..., 0], around[..., 1]).max(axis=1)
        )


S2 = Scheme(
    name="s2",
    max_level=cells.MAX_LEVEL,
    bits=2,
    roots=(np.arange(cells.FACES, dtype=np.uint64) << np.uint64(61)) | np.uint64(1 << 60),
    leaves=cells.cell_ids,
    levels=cells.cell_levels,
    centres=cells.cell_centres,
    centre_vectors=cells.centre_vectors,
    areas_m2=cells.areas_m2,
    outlines=cells.cell_outlines,
    valid=cells.valid,
)

LATLON = Scheme(
    name="latlon",
    max_level=latlon_cells.MAX_LEVEL,
    bits=1,
    roots=np.array([1 << 60], np.uint64),
    leaves=latlon_cells.cell_ids,
    levels=latlon_cells.cell_levels,
    centres=latlon_cells.cell_centres,
    centre_vectors=latlon_cells.centre_vectors,
    areas_m2=latlon_cells.areas_m2,
    outlines=latlon_cells.cell_outlines,
    valid=latlon_cells.valid,
)

_SCHEMES = {scheme.name: scheme for scheme in (S2, LATLON)}
NAMES = tuple(_SCHEMES)


def scheme_of(name: str) -> Scheme:
    """Return the scheme of a name.

    Raises
    ------
    ValueError
        There is none of that name.
    """
    if name not in _SCHEMES:
        raise ValueError(f"the schemes are {', '.join(NAMES)}; there is no {name!r}")
    return _SCHEMES[name]
