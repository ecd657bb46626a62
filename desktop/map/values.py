"""The values that the window gives to the map."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_AT_ONCE = 4000
"""Photos in one command: few enough that neither side stalls."""


def wrap_lon(lon: float) -> float:
    """Return a longitude brought into [-180, 180)."""
    return lon if -180.0 <= lon < 180.0 else (lon + 180.0) % 360.0 - 180.0


def plain_text(text: str) -> str:
    """Return text without lone surrogates, which names that are not UTF-8 bring along."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class MapPhoto:
    """A photo on the map: its catalog id, place in degrees, state (a `PhotoState`), and title."""

    id: int
    lat: float
    lon: float
    state: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class PreparedPhotos:
    """Photos as the page takes them, made by `prepare` where it may take time.

    ``parts`` are JSON lists; ``corners`` are (latitude, longitude) between which all of them lie.
    """

    parts: tuple[str, ...] = ("[]",)
    corners: tuple[tuple[float, float], ...] = ()


def prepare(photos: Iterable[MapPhoto]) -> PreparedPhotos:
    """Make photos ready to be shown; those without a place are left out. For a worker."""
    rows = [
        (photo.id, photo.lat, wrap_lon(photo.lon), str(photo.state), plain_text(photo.title))
        for photo in photos
        if math.isfinite(photo.lat) and math.isfinite(photo.lon)
    ]
    parts = [
        json.dumps(rows[at : at + _AT_ONCE], allow_nan=False)
        for at in range(0, max(1, len(rows)), _AT_ONCE)
    ]
    return PreparedPhotos(tuple(parts), tuple(_corners(rows)))


def _corners(rows: Sequence[tuple[int, float, float, str, str]]) -> list[tuple[float, float]]:
    """Return a few places that span what all of them span, the gaps between them kept."""
    bins: dict[int, list[float]] = {}
    for _, lat, lon, _, _ in rows:
        span = bins.setdefault(math.floor(lon), [lat, lat, lon, lon])
        span[:] = min(span[0], lat), max(span[1], lat), min(span[2], lon), max(span[3], lon)
    return [
        corner
        for south, north, west, east in bins.values()
        for corner in ((south, west), (north, east))
    ]


@dataclass(frozen=True, slots=True)
class MapCandidate:
    """A numbered candidate: ``index`` from 0, place in degrees, radius in metres that holds it.

    ``probability`` is between 0 and 1; ``label`` is the name of the place.
    """

    index: int
    lat: float
    lon: float
    radius_m: float
    probability: float
    label: str = ""
