"""How bright pictures are: measured where they are decoded anyway, kept by content."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32) / 255.0
"""Shares of red, green and blue (ITU-R BT.709), taking values from 0 to 255 to 0 to 1."""


def brightness_of(images: Sequence[NDArray[np.uint8]]) -> list[float]:
    """Return the mean luminance of sRGB pictures (H, W, 3), 0 for black to 1 for white."""
    return [float(image.mean(axis=(0, 1), dtype=np.float32) @ _LUMINANCE) for image in images]


def store_brightness(
    connection: sqlite3.Connection, digests: Sequence[str], brightness: Sequence[float]
) -> None:
    """Keep the brightness of photos of these fingerprints."""
    connection.executemany(
        "REPLACE INTO brightness (fingerprint, mean) VALUES (?, ?)",
        zip(digests, brightness, strict=True),
    )
