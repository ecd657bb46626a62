"""Partitions of one set of points, coarse to fine, in which every cell has one parent.

The hierarchical model (section 3.4) builds them with one τ_min and falling τ_max: the coarse cell
around a fine one then holds at least as many points, so it was not dropped, and it was split no
further than the fine one. Here that is checked, not assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.partition import Partition
from geotagger.errors import PartitionError

Classes = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Hierarchy:
    """Partitions and how their classes lie in each other; made by `Hierarchy.of`.

    Attributes
    ----------
    partitions
        From coarse to fine.
    parents
        One array less than partitions: ``parents[k]`` gives for each class of
        ``partitions[k + 1]`` its class in ``partitions[k]``.
    """

    partitions: tuple[Partition, ...]
    parents: tuple[Classes, ...]

    @classmethod
    def of(cls, partitions: Sequence[Partition]) -> Hierarchy:
        """Return the hierarchy of partitions given from coarse to fine.

        Raises
        ------
        PartitionError
            There are none, their schemes, names or points differ or repeat, or a cell has no parent
            because the coarser partition dropped it, or split it further.
        """
        given = tuple(partitions)
        if not given:
            raise PartitionError("A hierarchy needs one partition or more.")
        names = [one.name for one in given]
        if len(set(names)) < len(names):
            raise PartitionError(f"The partitions need names of their own, found {names}.")
        return cls(given, tuple(_parents(a, b) for a, b in pairwise(given)))

    @property
    def finest(self) -> Partition:
        """The partition with the smallest cells."""
        return self.partitions[-1]

    def paths(self) -> NDArray[np.int32]:
        """Return for each class of the finest partition its class in each (C, partitions)."""
        path = [np.arange(self.finest.size, dtype=np.int32)]
        for parents in reversed(self.parents):
            path.append(parents[path[-1]])
        return np.stack(path[::-1], axis=1)


def _parents(coarse: Partition, fine: Partition) -> Classes:
    """Return the class in the coarse partition of each class of the fine one."""
    if coarse.scheme != fine.scheme:
        raise PartitionError(
            f"Partitions of the schemes {coarse.scheme} and {fine.scheme} make no hierarchy."
        )
    if coarse.points != fine.points:
        raise PartitionError(
            f"The partitions {coarse.name} and {fine.name} are not of the same points: "
            f"{coarse.points:,} and {fine.points:,}."
        )
    # The id of a cell larger than the coarse ones inside it lies between theirs: no class either.
    found = coarse.classes_of_leaves(fine.ids)
    orphans = np.flatnonzero(found < 0)
    if len(orphans):
        raise PartitionError(
            f"{len(orphans):,} of {fine.size:,} cells of the partition {fine.name} have no parent "
            f"in {coarse.name}: it dropped them or split them further.",
            remedy="Build both from the same points with the same least count and level bounds, "
            "the coarser with the larger most count.",
        )
    held = np.bincount(found, weights=fine.counts, minlength=coarse.size)
    if np.any(held > coarse.counts):
        raise PartitionError(
            f"The partitions {coarse.name} and {fine.name} are not of the same points: "
            "a cell holds fewer than the cells inside it."
        )
    found.setflags(write=False)
    return found
