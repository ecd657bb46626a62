"""What the album's networks read of each photo, and many albums side by side in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

EXTRAS = 4
"""Numbers beside the embedding: gap, first of the album, anchor, noise level or doubt."""

_SECONDS_LOG = 15.0
"""log1p of a month; gaps come to about 0…1."""


@dataclass(frozen=True, slots=True, eq=False)
class AlbumPhotos:
    """N photos of one album in chronological order, as a model reads them.

    Attributes
    ----------
    vectors
        Embeddings of the backbone (N, D), unit rows, float32; for an anchor the exact encoding of
        its place.
    seconds
        Times (N) from any beginning, not descending.
    anchors
        Which photos are anchors (N).
    noise
        The backbone's noise level: the length of its noise beside a unit vector.

    Raises
    ------
    ValueError
        Shapes do not fit, there is no photo, values are no numbers, or time runs back.
    """

    vectors: NDArray[np.float32]
    seconds: NDArray[np.float64]
    anchors: NDArray[np.bool_]
    noise: float = 0.5

    def __post_init__(self) -> None:
        count = len(self.vectors)
        if self.vectors.ndim != 2 or count == 0:
            raise ValueError(f"expected vectors (N, D) of 1 photo or more: {self.vectors.shape}")
        if self.seconds.shape != (count,) or self.anchors.shape != (count,):
            raise ValueError(f"expected {count} times and flags of anchors")
        if not (np.isfinite(self.vectors).all() and np.isfinite(self.seconds).all()):
            raise ValueError("a vector or a time is no number")
        if np.any(np.diff(self.seconds) < 0.0):
            raise ValueError("the photos are not in chronological order")
        if not (np.isfinite(self.noise) and self.noise >= 0.0):
            raise ValueError(f"the noise level must not be negative, found {self.noise}")

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def gaps(self) -> NDArray[np.float64]:
        """Seconds since the photo before (N), 0 for the first."""
        return np.diff(self.seconds, prepend=self.seconds[:1])

    def features(self) -> NDArray[np.float32]:
        """Return what a network reads (N, D + 4)."""
        extra = np.zeros((len(self), EXTRAS), np.float32)
        extra[:, 0] = np.log1p(self.gaps) / _SECONDS_LOG
        extra[0, 1] = 1.0
        extra[:, 2] = self.anchors
        # Beliefs are shorter than unit vectors: the less sure, the shorter.
        extra[:, 3] = self.noise + 1.0 - np.linalg.norm(self.vectors, axis=1)
        return np.concatenate((self.vectors, extra), axis=1)

    def part(self, rows: slice) -> AlbumPhotos:
        """Return some photos of the album that follow each other."""
        return AlbumPhotos(self.vectors[rows], self.seconds[rows], self.anchors[rows], self.noise)


def pieces(length: int, cut: int) -> list[slice]:
    """Return slices of at most ``cut`` photos that make up an album; 0 does not cut."""
    if cut < 1:
        return [slice(0, length)]
    return [slice(start, min(start + cut, length)) for start in range(0, length, cut)]


def padded(albums: Sequence[AlbumPhotos]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return features (B, T, D + 4), zero beyond an album's end, and the lengths (B)."""
    import torch

    lengths = torch.tensor([len(album) for album in albums])
    width = albums[0].vectors.shape[1] + EXTRAS
    found = torch.zeros((len(albums), int(lengths.max()), width))
    for row, album in enumerate(albums):
        found[row, : len(album)] = torch.from_numpy(album.features())
    return found, lengths
