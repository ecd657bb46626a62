"""The classes of a model: cells of the earth, their counts and mean places, whose a place is.

PlaNet (section 3) and the hierarchical model (section 3.1) take S2 cells, Revisiting IM2GPS
(section 3) halved boxes of latitude and longitude; a `Partition` is the same for both.
`geotagger.earth.partition_build` makes partitions, `geotagger.earth.partition_file` keeps them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geotagger.earth.cells import Floats, Ids, Levels, last_bits, ranges
from geotagger.earth.scheme import Scheme, scheme_of
from geotagger.errors import PartitionError

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """When a cell is split and when it is dropped.

    Attributes
    ----------
    max_count
        τ_max (t1): a cell with more points is split.
    min_count
        τ_min (t2): a cell with fewer points is dropped when all are split.
    min_level, max_level
        Cells are split at least and at most this often; None is the level of the scheme's leaves.
    min_area_km2
        A cell of this area or less is not split (Vo et al.); 0 sets no bound.
    keep_small
        Keep cells with fewer than ``min_count`` points; cells without any are never kept.
    """

    max_count: int
    min_count: int = 1
    min_level: int = 0
    max_level: int | None = None
    min_area_km2: float = 0.0
    keep_small: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """Cells that do not overlap, in ascending order of id; a class is the place in that order.

    Attributes
    ----------
    name
        For people: "coarse", "fine", …
    scheme
        "s2" or "latlon".
    ids
        The cells (C), ascending.
    counts
        Points that it was built from, by cell (C).
    mean_lat, mean_lon
        Mean place of the cell's points on the sphere (C), degrees: what the hierarchical model
        answers with (Class2GPS, section 3.4).
    radius_m
        Distance from the mean place that holds half of the cell's points (C), metres; the
        circumradius of the cell where that is not known.
    limits
        What it was built with.
    points
        All points that it was built from, those of dropped cells among them.
    centre_lat, centre_lon
        Centres of the cells (C), degrees.

    Raises
    ------
    PartitionError
        Shapes differ, ids are no cells, out of order or overlapping, counts are below 1 or more
        than all points, a place or radius is not finite or out of range.
    """

    name: str
    scheme: str
    ids: Ids
    counts: NDArray[np.int64]
    mean_lat: Floats
    mean_lon: Floats
    radius_m: Floats
    limits: Limits
    points: int
    centre_lat: Floats = field(init=False)
    centre_lon: Floats = field(init=False)
    _first: Ids = field(init=False, repr=False)
    _last: Ids = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            scheme = scheme_of(self.scheme)
        except ValueError as error:
            raise PartitionError(f"The partition cannot be used: {error}.") from error
        set_to = object.__setattr__
        set_to(self, "ids", np.array(self.ids, np.uint64))
        set_to(self, "counts", np.array(self.counts, np.int64))
        for name in ("mean_lat", "mean_lon", "radius_m"):
            set_to(self, name, np.array(getattr(self, name), np.float64))
        _check(self, scheme)
        lat, lon = scheme.centres(self.ids)
        first, last = ranges(self.ids)
        for name, value in (
            ("centre_lat", lat),
            ("centre_lon", lon),
            ("_first", first),
            ("_last", last),
        ):
            set_to(self, name, value)
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    @property
    def size(self) -> int:
        """How many classes there are, C."""
        return len(self.ids)

    @property
    def levels(self) -> Levels:
        """How often the roots were split for each cell (C)."""
        return scheme_of(self.scheme).levels(self.ids)

    @property
    def dropped_points(self) -> int:
        """How many of the points have no class because their cells were dropped."""
        return self.points - int(self.counts.sum())

    @property
    def digest(self) -> str:
        """A short name for the classes themselves: scheme and cells, whatever their counts."""
        text = f"{self.scheme} ".encode() + self.ids.astype("<u8").tobytes()
        return hashlib.sha256(text).hexdigest()[:16]

    def classes_of(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.int32]:
        """Return the classes (N) of places in degrees, -1 where no cell of the partition is.

        Raises
        ------
        ValueError
            As `geotagger.earth.cells.cell_ids` does.
        """
        return self.classes_of_leaves(scheme_of(self.scheme).leaves(lat, lon))

    def classes_of_leaves(self, leaves: Ids) -> NDArray[np.int32]:
        """Return the classes (N) of leaves, or of any cells not larger than the classes' own."""
        found = np.full(len(leaves), -1, np.int32)
        if self.size == 0:
            return found
        for start in range(0, len(leaves), _CHUNK):
            part = leaves[start : start + _CHUNK]
            at = np.searchsorted(self._first, part, side="right") - 1
            inside = (at >= 0) & (part <= self._last.take(np.maximum(at, 0)))
            found[start : start + _CHUNK] = np.where(inside, at, -1)
        return found

    def outlines(self, classes: ArrayLike, *, steps: int = 1) -> Floats:
        """Return points (N, 4 · steps, 2) around the cells of classes, latitude and longitude."""
        return scheme_of(self.scheme).outlines(self.ids[np.asarray(classes, np.int64)], steps)


def check_limits(limits: Limits, scheme: Scheme) -> tuple[int, int]:
    """Return the lowest and the highest level of the limits.

    Raises
    ------
    PartitionError
        They contradict each other or are out of range.
    """
    deepest = scheme.max_level if limits.max_level is None else limits.max_level
    problem = ""
    if limits.max_count < 1:
        problem = "the most points of a cell must be 1 or more"
    elif limits.min_count < 0:
        problem = "the fewest points of a cell cannot be negative"
    elif limits.min_count > limits.max_count:
        problem = "the fewest points of a cell are more than the most"
    elif not 0 <= limits.min_level <= deepest <= scheme.max_level:
        problem = (
            f"levels go from 0 to {scheme.max_level} in the scheme {scheme.name}, "
            f"the lowest first; found {limits.min_level} and {deepest}"
        )
    elif not 0.0 <= limits.min_area_km2 < float("inf"):
        problem = "the smallest area must be a number of square kilometres"
    if problem:
        raise PartitionError(f"The limits of the partition do not fit: {problem}.")
    return limits.min_level, deepest


def _check(one: Partition, scheme: Scheme) -> None:
    check_limits(one.limits, scheme)
    total = len(one.ids)
    for name in ("ids", "counts", "mean_lat", "mean_lon", "radius_m"):
        shape = getattr(one, name).shape
        if shape != (total,):
            raise PartitionError(f"Expected {name} of {total} cells, found shape {shape}.")
    if not scheme.valid(one.ids).all():
        raise PartitionError(f"An id is that of no cell of the scheme {scheme.name}.")
    reach = last_bits(one.ids) - np.uint64(1)
    if np.any((one.ids - reach)[1:] <= (one.ids + reach)[:-1]):
        raise PartitionError("The cells are out of order or overlap.")
    if total and (one.counts.min() < 1 or one.counts.max() > one.points):
        raise PartitionError("The counts of the cells do not fit the number of points.")
    # Each count is at most `points`, so as floats the sum cannot wrap round.
    if float(one.counts.sum(dtype=np.float64)) > one.points or not 0 <= one.points < 1 << 53:
        raise PartitionError("The counts of the cells do not fit the number of points.")
    # Written so that a NaN fails too.
    places_fit = np.all(np.abs(one.mean_lat) <= 90.0) and np.all(np.abs(one.mean_lon) <= 180.0)
    if not (places_fit and np.all((one.radius_m >= 0.0) & (one.radius_m <= 2.1e7))):
        raise PartitionError("A mean place or a radius is no number in range.")
