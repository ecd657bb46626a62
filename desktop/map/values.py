"""The values that the window gives to the map."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MapPhoto:
    """A photo on the map: its catalog id, place in degrees, state (a `PhotoState`), and title."""

    id: int
    lat: float
    lon: float
    state: str
    title: str = ""


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
