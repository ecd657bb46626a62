"""What a world model believes of a photo, as one vector of the geo space.

A picture's vector and a place's lie in different parts of a space that was trained by contrast,
and every backbone's errors are of their own kind. What a world model makes of a vector, calibrated
probabilities of cells, is the same for all. The mean of the cells' vectors under them is about a
place's own vector where the model is sure, and short where it is not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geotagger.models.location_encoder import LocationEncoder


def cell_vectors(encoder: LocationEncoder, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float32]:
    """Return the vectors (C, D) of cells by their mean places in degrees (C)."""
    return encoder.encode(np.asarray(lat, np.float64), np.asarray(lon, np.float64))


def beliefs(
    log_probabilities: NDArray[np.float32], vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return beliefs (N, D) for log-probabilities (N, C) over cells with vectors (C, D)."""
    return np.asarray(np.exp(log_probabilities) @ vectors, np.float32)
