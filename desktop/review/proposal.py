"""The place that Enter would accept for the current photo, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from geotagger.library.rows import DecisionKind, PhotoDetails, PhotoState

FIXED = frozenset(
    {PhotoState.HAS_GPS, PhotoState.WRITTEN, PhotoState.UNREADABLE, PhotoState.MISSING}
)
"""States of photos that get no decision: the place is in the file, or there is no file."""


class Source(Enum):
    """Where a proposal comes from."""

    CANDIDATE = "candidate"
    BY_HAND = "by hand"
    DECIDED = "decided"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A place for the current photo; ``index`` is the candidate's, None for other sources."""

    source: Source
    lat: float
    lon: float
    radius_m: float | None = None
    place: str = ""
    index: int | None = None


def placeable(details: PhotoDetails) -> bool:
    """Whether a person can decide where the photo was taken."""
    return details.row.state not in FIXED


def first_proposal(details: PhotoDetails) -> Proposal | None:
    """Return what is proposed when a photo comes up: decided place, own GPS, best candidate."""
    row, decision = details.row, details.decision
    if decision is not None and decision.kind.has_place:
        assert decision.lat is not None and decision.lon is not None
        return Proposal(
            Source.DECIDED, decision.lat, decision.lon, decision.radius_m, decision.place
        )
    if row.state is PhotoState.HAS_GPS and row.lat is not None and row.lon is not None:
        return Proposal(Source.FILE, row.lat, row.lon, row.radius_m, row.place)
    if decision is not None and decision.kind is DecisionKind.REJECTED:
        return None
    return candidate_proposal(details, 0)


def candidate_proposal(details: PhotoDetails, index: int) -> Proposal | None:
    """Return a candidate of a photo as a proposal, None if there are not so many."""
    if not 0 <= index < len(details.candidates):
        return None
    one = details.candidates[index]
    return Proposal(Source.CANDIDATE, one.lat, one.lon, one.radius_m, one.place, index)
