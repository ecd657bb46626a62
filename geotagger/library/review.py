"""Decisions: a person's word on photos, and taking that word back."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from geotagger.library import queries
from geotagger.library.catalog import Catalog
from geotagger.library.rows import Change, Decision, PhotoState


def decide(catalog: Catalog, decisions: Sequence[Decision]) -> list[Change]:
    """Store decisions, all or none, and return what changed, for `revert` and `reapply`.

    Raises
    ------
    ValueError
        A decision with a place has no latitude and longitude, or they are out of range.
    """
    for decision in decisions:
        _check(decision)
    changes = []
    with catalog.writing(aside=True) as connection:
        for decision in decisions:
            before = _stored(connection, decision.photo_id)
            _store(connection, decision.photo_id, decision)
            changes.append(Change(decision.photo_id, before, decision))
    return changes


def revert(catalog: Catalog, changes: Iterable[Change]) -> None:
    """Put the decisions back that were there before the changes."""
    with catalog.writing(aside=True) as connection:
        for change in changes:
            _store(connection, change.photo_id, change.before)


def reapply(catalog: Catalog, changes: Iterable[Change]) -> None:
    """Make the changes again after `revert`."""
    with catalog.writing(aside=True) as connection:
        for change in changes:
            _store(connection, change.photo_id, change.after)


def confident(
    catalog: Catalog, root: Path, album: str | None = None, min_probability: float = 0.0
) -> list[int]:
    """Return the ids of the photos whose suggestion is confident and at least that probable."""
    rows = queries.photos(catalog, root, album, states={PhotoState.CONFIDENT})
    return [row.id for row in rows if (row.probability or 0.0) >= min_probability]


def _check(decision: Decision) -> None:
    if not decision.kind.has_place:
        return
    if decision.lat is None or decision.lon is None:
        raise ValueError(f"a decision of kind {decision.kind} needs latitude and longitude")
    if not (-90 <= decision.lat <= 90 and -180 <= decision.lon <= 180):
        raise ValueError(f"{decision.lat}, {decision.lon} is not a place on the earth")


def _stored(connection: sqlite3.Connection, photo_id: int) -> Decision | None:
    row = connection.execute("SELECT * FROM decisions WHERE photo_id = ?", (photo_id,)).fetchone()
    return None if row is None else queries.decision_of(row)


def _store(connection: sqlite3.Connection, photo_id: int, decision: Decision | None) -> None:
    connection.execute("DELETE FROM decisions WHERE photo_id = ?", (photo_id,))
    connection.execute("UPDATE photos SET write_error = '' WHERE id = ?", (photo_id,))
    if decision is None:
        return
    connection.execute(
        "INSERT INTO decisions (photo_id, kind, lat, lon, radius_m, place, proposed_by,"
        " decided_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            photo_id,
            decision.kind.value,
            decision.lat,
            decision.lon,
            decision.radius_m,
            decision.place,
            decision.proposed_by,
            time.time(),
        ),
    )
