"""The questions that the command line and the window ask of the catalog. Nothing is changed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path

from geotagger.library import stored_rows
from geotagger.library.catalog import Catalog
from geotagger.library.listing import Listing
from geotagger.library.rows import Decision, DecisionKind, PhotoDetails, PhotoRow, PhotoState
from geotagger.library.storing import below, decode_candidates, decode_path, record_of


def roots(catalog: Catalog) -> list[Path]:
    """Return the folders that were opened, the latest first."""
    with catalog.reading() as connection:
        rows = connection.execute("SELECT path FROM roots ORDER BY opened_at DESC").fetchall()
    return [decode_path(row["path"]) for row in rows]


def folders(catalog: Catalog, root: Path) -> list[str]:
    """Return the ids of the albums below a root, by path; photos that are gone do not count."""
    with catalog.reading() as connection:
        rows = connection.execute(
            """SELECT DISTINCT folder FROM photos
               WHERE path >= ? AND path < ? AND NOT missing ORDER BY folder""",
            below(root),
        ).fetchall()
    return [os.fsdecode(row["folder"]) for row in rows]


def photos(
    catalog: Catalog,
    root: Path,
    album: str | None = None,
    states: Collection[PhotoState] | None = None,
    search: str = "",
) -> list[PhotoRow]:
    """Return the photos below a root that match; see `Listing.chosen`."""
    return Listing.load(catalog, root).chosen(album, states, search)


def photos_by_id(catalog: Catalog, photo_ids: Sequence[int]) -> list[PhotoRow]:
    """Return the rows of some photos, in the order of the ids; unknown ids are left out."""
    with catalog.reading() as connection:
        found = {row.id: row for row in stored_rows.rows_of(connection, photo_ids)}
    return [found[photo_id] for photo_id in photo_ids if photo_id in found]


def details(catalog: Catalog, photo_id: int) -> PhotoDetails:
    """Return everything about one photo.

    Raises
    ------
    KeyError
        There is no such photo.
    """
    with catalog.reading() as connection:
        row = next(stored_rows.rows_of(connection, [photo_id]), None)
        if row is None:
            raise KeyError(photo_id)
        stored = connection.execute("SELECT * FROM photos WHERE id = ?", (photo_id,)).fetchone()
        suggested = connection.execute(
            "SELECT candidates FROM suggestions WHERE photo_id = ?", (photo_id,)
        ).fetchone()
        decided = connection.execute(
            "SELECT * FROM decisions WHERE photo_id = ?", (photo_id,)
        ).fetchone()
    return PhotoDetails(
        row=row,
        record=record_of(stored),
        candidates=decode_candidates(None if suggested is None else suggested["candidates"]),
        decision=None if decided is None else decision_of(decided),
    )


def decision_of(row: sqlite3.Row) -> Decision:
    """Return the decision that a row of ``decisions`` holds."""
    return Decision(
        photo_id=row["photo_id"],
        kind=DecisionKind(row["kind"]),
        lat=row["lat"],
        lon=row["lon"],
        radius_m=row["radius_m"],
        place=row["place"],
        proposed_by=row["proposed_by"],
    )
