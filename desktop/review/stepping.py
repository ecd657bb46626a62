"""Which photo comes next in a review."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from geotagger.library.rows import PhotoRow, PhotoState

OPEN = frozenset(
    {
        PhotoState.PENDING,
        PhotoState.CONFIDENT,
        PhotoState.AMBIGUOUS,
        PhotoState.INSUFFICIENT,
        PhotoState.FAILED,
    }
)
"""States of photos that wait for a decision."""


def next_open(
    rows: Sequence[PhotoRow], start: int, direction: int, leave_out: Collection[int] = ()
) -> int | None:
    """Return the row of the nearest open photo in a direction, round the end; None if none is."""
    for step in range(1, len(rows) + 1):
        at = (start + direction * step) % len(rows)
        if rows[at].state in OPEN and rows[at].id not in leave_out:
            return at
    return None
