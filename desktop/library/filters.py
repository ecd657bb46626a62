"""The filters of the photo grid: which states each of them shows, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from geotagger.library.rows import PhotoState

_S = PhotoState


@dataclass(frozen=True, slots=True)
class Filter:
    """A choice of states; ``sign`` is the state whose sign stands before it, if any."""

    id: str
    text: str
    states: frozenset[PhotoState] | None
    sign: PhotoState | None = None

    def count(self, counts: Mapping[PhotoState, int]) -> int:
        """Return how many photos the filter shows."""
        return sum(n for state, n in counts.items() if self.states is None or state in self.states)


WITHOUT_GPS = frozenset(
    {
        _S.PENDING, _S.CONFIDENT, _S.AMBIGUOUS, _S.INSUFFICIENT,
        _S.ACCEPTED, _S.REJECTED, _S.LATER, _S.FAILED, _S.EXCLUDED, _S.UNREADABLE,
    }
)  # fmt: skip

FILTERS: tuple[Filter, ...] = (
    Filter("all", "All photos", None),
    Filter("no_gps", "Without GPS", WITHOUT_GPS, _S.PENDING),
    Filter("suggested", "Suggested", frozenset({_S.CONFIDENT}), _S.CONFIDENT),
    Filter("ambiguous", "Ambiguous", frozenset({_S.AMBIGUOUS}), _S.AMBIGUOUS),
    Filter("insufficient", "Too little evidence", frozenset({_S.INSUFFICIENT}), _S.INSUFFICIENT),
    Filter("later", "Left for later", frozenset({_S.LATER}), _S.LATER),
    Filter("rejected", "Rejected", frozenset({_S.REJECTED}), _S.REJECTED),
    Filter("accepted", "Accepted", frozenset({_S.ACCEPTED}), _S.ACCEPTED),
    Filter("written", "Written", frozenset({_S.WRITTEN}), _S.WRITTEN),
    Filter("has_gps", "With GPS", frozenset({_S.HAS_GPS}), _S.HAS_GPS),
    Filter("excluded", "Screenshots, scans", frozenset({_S.EXCLUDED}), _S.EXCLUDED),
    Filter(
        "failed",
        "Failed or unreadable",
        frozenset({_S.FAILED, _S.UNREADABLE, _S.MISSING}),
        _S.FAILED,
    ),
)

BY_ID: dict[str, Filter] = {one.id: one for one in FILTERS}
