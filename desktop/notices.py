"""Which notice stands above the grid: at most one, the most useful first."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.library.snapshot import Snapshot
from geotagger.library.rows import PhotoState

_PLACED = (
    PhotoState.HAS_GPS,
    PhotoState.WRITTEN,
    PhotoState.ACCEPTED,
    PhotoState.CONFIDENT,
    PhotoState.AMBIGUOUS,
)
"""Photos with a place or a suggestion of one: names and pixels can tell without any GPS."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A line, the words of its button, and the name of what the button does."""

    text: str = ""
    button: str = ""
    action: str = ""


_NO_ANCHORS = Notice(
    "None of these photos has GPS, so there is nothing to start from and no suggestion yet. "
    "Place one photo by hand, and the others of its album follow.",
    "Search a place…",
    "search",
)
_NO_MODEL = Notice(
    "Photos are placed from the album around them. With a model installed, photos that look alike "
    "help too; everything stays on this computer.",
    "Install a model…",
    "model",
)


def choose_notice(
    snapshot: Snapshot | None, analysed: bool, has_model: bool | None, clocks: str = "",
    doubts: str = "",
) -> Notice:  # fmt: skip
    """Return the notice for what is open; an empty one if there is nothing to say.

    ``clocks`` is what is to be said of the cameras' clocks, empty if nothing; ``doubts`` of photos
    whose GPS disagrees with their neighbours.
    """
    if snapshot is None or snapshot.empty or not analysed:
        return Notice()
    if not any(snapshot.all_counts.get(state, 0) for state in _PLACED):
        return _NO_ANCHORS
    if clocks:
        return Notice(clocks, "Clocks…", "clocks")
    if doubts:
        return Notice(doubts, "Show…", "doubts")
    if has_model is False:
        return _NO_MODEL
    return Notice()
