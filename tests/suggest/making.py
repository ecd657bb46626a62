"""Albums made for a test, in a line each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from geotagger.suggest.types import AlbumPhoto, Anchor, AnchorKind

NOON = datetime(2022, 5, 14, 12, 0, tzinfo=UTC)


def photo(
    name: str,
    minutes: float | None,
    place: tuple[float, float] | None = None,
    *,
    kind: AnchorKind = AnchorKind.GPS,
    radius_m: float = 10.0,
    look: NDArray[np.float32] | None = None,
    fallback: bool = False,
    zone_known: bool = False,
    start: datetime = NOON,
) -> AlbumPhoto:
    """Return a photo so many minutes after noon, with a place if it is an anchor."""
    return AlbumPhoto(
        key=name,
        name=name,
        when=None if minutes is None else start + timedelta(minutes=minutes),
        zone_known=zone_known,
        time_is_fallback=fallback,
        anchor=None if place is None else Anchor(*place, radius_m, kind),
        embedding=look,
    )


def look(
    seed: int, near: NDArray[np.float32] | None = None, cosine: float = 0.0
) -> NDArray[np.float32]:
    """Return a random unit vector, or one with the given cosine to another."""
    vector = np.random.default_rng(seed).normal(size=64)
    if near is not None:
        vector -= (vector @ near) * near
        vector /= np.linalg.norm(vector)
        vector = cosine * near + np.sqrt(1.0 - cosine**2) * vector
    return np.asarray(vector / np.linalg.norm(vector), np.float32)
