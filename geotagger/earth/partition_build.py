"""Adaptive partitions from sorted leaves: levels are scanned from the roots down.

PlaNet (section 3) descends a quad-tree and splits cells until none holds more than t1 points, then
drops those under t2. With the leaves of all points sorted, how many lie in a cell is the difference
of two binary searches, so the work per level goes with the cells that are split, not with points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.cells import Floats, Ids, ranges
from geotagger.earth.distance import EARTH_RADIUS_M, to_degrees
from geotagger.earth.hierarchy import Hierarchy
from geotagger.earth.partition import Limits, Partition, check_limits
from geotagger.earth.partition_points import PointSource, sorted_leaves
from geotagger.earth.scheme import Scheme, scheme_of
from geotagger.errors import PartitionError
from geotagger.progress import CancelToken, Progress, ProgressCallback

_GROUP = 1 << 16
"""Points at once where means are taken; more if a single cell has more."""

_DISTANCE_BITS = 40
"""Half chords are sorted as whole numbers of so many bits, below 0.02 mm; cells above them."""

_NOWHERE = 1e-8
"""Shorter than this a mean of unit vectors has no direction; leaves are this wide."""


def build_partition(
    points: PointSource,
    limits: Limits,
    *,
    name: str = "cells",
    scheme: str = "s2",
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Partition:
    """Return the adaptive partition of points.

    Parameters
    ----------
    points
        Places (N, 2) in degrees, or chunks of them; see `partition_points`.
    limits
        When cells are split and dropped.
    scheme
        "s2" (PlaNet) or "latlon" (Revisiting IM2GPS).

    Raises
    ------
    PartitionError
        A point is no place, or the limits do not fit each other or the scheme.
    CancelledError
        The token was cancelled.
    """
    hierarchy = build_hierarchy(
        points, [limits], names=[name], scheme=scheme, progress=progress, cancel=cancel
    )
    return hierarchy.finest


def build_hierarchy(
    points: PointSource,
    limits: Sequence[Limits],
    *,
    names: Sequence[str],
    scheme: str = "s2",
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Hierarchy:
    """Return partitions of the same points, coarse to fine, with parents.

    The points are read once. Limits and names are given from coarse to fine; other parameters and
    errors are those of `build_partition`.

    Raises
    ------
    PartitionError
        Also if a cell would have no parent; see `Hierarchy.of`.
    """
    if len(limits) != len(names) or not limits:
        raise PartitionError(f"Expected a name for each partition, found {len(names)}.")
    try:
        way = scheme_of(scheme)
    except ValueError as error:
        raise PartitionError(f"The partition cannot be built: {error}.") from error
    for one in limits:
        check_limits(one, way)
    leaves = sorted_leaves(points, way, progress=progress, cancel=cancel)
    return Hierarchy.of(
        [
            partition_of_leaves(
                leaves, one, name=name, scheme=way, progress=progress, cancel=cancel
            )
            for one, name in zip(limits, names, strict=True)
        ]
    )


def partition_of_leaves(
    leaves: Ids,
    limits: Limits,
    *,
    name: str,
    scheme: Scheme,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Partition:
    """Return the partition of leaves that `sorted_leaves` gave; else as `build_partition`."""
    ids, starts, stops = _scan(leaves, limits, scheme)
    if not limits.keep_small:
        kept = stops - starts >= limits.min_count
        ids, starts, stops = ids[kept], starts[kept], stops[kept]
    mean = np.empty((len(ids), 3))
    radius = np.empty(len(ids))
    for group in _groups(starts, stops):
        if cancel is not None:
            cancel.raise_if_cancelled()
        mean[group], radius[group] = _measured(leaves, starts[group], stops[group], scheme)
        if progress is not None:
            progress(Progress(int(stops[group][-1]), len(leaves), "Measuring cells", name))
    lost = np.linalg.norm(mean, axis=1) < _NOWHERE
    if lost.any():
        # Points on opposite sides of the earth: only in the largest cells, where any place is bad.
        mean[lost] = scheme.centre_vectors(ids[lost])
        radius[lost] = np.minimum(scheme.circumradii_m(ids[lost]), np.pi * EARTH_RADIUS_M)
    lat, lon = to_degrees(mean)
    return Partition(
        name=name,
        scheme=scheme.name,
        ids=ids,
        counts=stops - starts,
        mean_lat=lat,
        mean_lon=lon,
        radius_m=radius,
        limits=limits,
        points=len(leaves),
    )


def _scan(
    leaves: Ids, limits: Limits, scheme: Scheme
) -> tuple[Ids, NDArray[np.int64], NDArray[np.int64]]:
    """Return cells that hold all points, ascending, and where their leaves start and stop."""
    lowest, deepest = check_limits(limits, scheme)
    cells = scheme.roots
    done: list[tuple[Ids, NDArray[np.int64], NDArray[np.int64]]] = []
    for level in range(deepest + 1):
        first, last = ranges(cells)
        starts = np.searchsorted(leaves, first, side="left").astype(np.int64)
        stops = np.searchsorted(leaves, last, side="right").astype(np.int64)
        counts = stops - starts
        split = counts > limits.max_count
        if limits.min_area_km2 > 0.0:
            split &= scheme.areas_m2(cells) > limits.min_area_km2 * 1e6
        split |= level < lowest
        split &= level < deepest
        taken = ~split & (counts > 0)
        done.append((cells[taken], starts[taken], stops[taken]))
        cells = cells[split & (counts > 0)]
        if len(cells) == 0:
            break
        cells = scheme.children(cells)
    ids, starts, stops = (np.concatenate(parts) for parts in zip(*done, strict=True))
    order = np.argsort(ids)
    return ids[order], starts[order], stops[order]


def _groups(starts: NDArray[np.int64], stops: NDArray[np.int64]) -> list[slice]:
    """Return runs of cells that together hold about `_GROUP` points; a larger cell is alone."""
    ends = np.cumsum(stops - starts)
    groups, at = [], 0
    while at < len(ends):
        before = int(ends[at - 1]) if at else 0
        after = max(at + 1, int(np.searchsorted(ends, before + _GROUP, side="right")))
        groups.append(slice(at, after))
        at = after
    return groups


def _measured(
    leaves: Ids, starts: NDArray[np.int64], stops: NDArray[np.int64], scheme: Scheme
) -> tuple[Floats, Floats]:
    """Return means of unit vectors (C, 3) and median distances from them (C), metres.

    The points are taken where the centres of their leaves are, within a centimetre.
    """
    counts = stops - starts
    if len(starts) == 1 and counts[0] > _GROUP:
        return _measured_large(leaves[starts[0] : stops[0]], scheme)
    # Dropped cells leave gaps between the kept ones.
    rows = np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    vectors = scheme.centre_vectors(leaves[rows])
    begin = np.cumsum(counts) - counts
    mean = np.add.reduceat(vectors, begin, axis=0) / counts[:, None]
    cell = np.repeat(np.arange(len(counts)), counts)
    keys = _distance_keys(vectors, _unit(mean)[cell])
    keys |= cell.astype(np.uint64) << np.uint64(_DISTANCE_BITS)
    keys.sort()
    return mean, _distances(keys[begin + (counts - 1) // 2])


def _measured_large(leaves: Ids, scheme: Scheme) -> tuple[Floats, Floats]:
    """Return the same for a single cell, its points in pieces."""
    pieces = [slice(at, at + _GROUP) for at in range(0, len(leaves), _GROUP)]
    total = np.zeros(3)
    for piece in pieces:
        total += scheme.centre_vectors(leaves[piece]).sum(axis=0)
    mean = (total / len(leaves))[None, :]
    keys = np.empty(len(leaves), np.uint64)
    for piece in pieces:
        keys[piece] = _distance_keys(scheme.centre_vectors(leaves[piece]), _unit(mean))
    middle = (len(keys) - 1) // 2
    keys.partition(middle)
    return mean, _distances(keys[middle : middle + 1])


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1), 1e-300)[:, None])


def _distance_keys(vectors: Floats, others: Floats) -> NDArray[np.uint64]:
    """Return half of the chords between unit vectors as whole numbers of `_DISTANCE_BITS` bits."""
    apart = vectors - others
    half = np.sqrt(np.einsum("nd,nd->n", apart, apart)) / 2.0
    # Rounding may push antipodes past 1.
    scaled = np.minimum(half, 1.0) * ((1 << _DISTANCE_BITS) - 1)
    return np.asarray(scaled.astype(np.uint64), np.uint64)


def _distances(keys: NDArray[np.uint64]) -> Floats:
    half = (keys & np.uint64((1 << _DISTANCE_BITS) - 1)) / ((1 << _DISTANCE_BITS) - 1)
    return np.asarray(2.0 * EARTH_RADIUS_M * np.arcsin(half), np.float64)
