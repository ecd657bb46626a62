"""What models make of photos, in the form in which the catalog keeps it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def encode_vector(vector: NDArray[np.float32]) -> bytes:
    """Return a unit vector of shape (D,) as little-endian half floats."""
    return vector.astype("<f2").tobytes()


def decode_vector(stored: bytes) -> NDArray[np.float32]:
    """Return the vector that `encode_vector` stored, float32, shape (D,)."""
    return np.frombuffer(stored, "<f2").astype(np.float32)


def encode_cells(classes: NDArray[np.int32], log_p: NDArray[np.float32]) -> tuple[bytes, bytes]:
    """Return classes (K,) and their log-probabilities (K,) as the catalog stores them."""
    return classes.astype("<i4").tobytes(), log_p.astype("<f4").tobytes()


def decode_cells(classes: bytes, log_p: bytes) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return what `encode_cells` stored."""
    return (
        np.frombuffer(classes, "<i4").astype(np.int32),
        np.frombuffer(log_p, "<f4").astype(np.float32),
    )


def rounded(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors (N, D) as they will be when read back from the catalog."""
    return vectors.astype("<f2").astype(np.float32)
