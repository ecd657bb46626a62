"""The questions that the command line and the window ask of the catalog. Nothing is changed."""

from __future__ import annotations

import json
import os
import sqlite3
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from geotagger.library.catalog import Catalog
from geotagger.library.rows import (
    AlbumRow,
    Decision,
    DecisionKind,
    PhotoDetails,
    PhotoRow,
    PhotoState,
)
from geotagger.library.storing import (
    below,
    decode_candidates,
    decode_path,
    decode_time,
    encode_path,
    record_of,
)
from geotagger.photos.record import TimeSource

_STATE = """CASE
    WHEN p.missing THEN 'missing'
    WHEN p.error != '' THEN 'unreadable'
    WHEN d.kind IN ('accepted', 'moved') THEN
        CASE WHEN d.lat = p.written_lat AND d.lon = p.written_lon THEN 'written'
        WHEN p.write_error != '' THEN 'failed' ELSE 'accepted' END
    WHEN p.gps_state = 'complete' THEN 'has_gps'
    WHEN d.kind IN ('rejected', 'later') THEN d.kind
    WHEN p.document THEN 'excluded'
    WHEN s.state IS NOT NULL THEN s.state
    ELSE 'pending' END"""

_ROWS = f"""SELECT p.id, p.path, p.folder, p.wall_us, p.offset_s, p.time_source, p.width,
    p.height, p.orientation, p.camera, p.companions, p.error, p.write_error, p.lat, p.lon,
    p.gps_state, p.error_m, p.place, d.kind AS decision, d.lat AS d_lat, d.lon AS d_lon,
    d.radius_m AS d_radius, d.place AS d_place, s.lat AS s_lat, s.lon AS s_lon,
    s.radius_m AS s_radius, s.probability, s.place AS s_place, {_STATE} AS state
    FROM photos p
    LEFT JOIN decisions d ON d.photo_id = p.id
    LEFT JOIN suggestions s ON s.photo_id = p.id"""

_WITHOUT_PLACE = f"({_STATE}) NOT IN ('has_gps', 'written', 'missing', 'unreadable', 'excluded')"


def roots(catalog: Catalog) -> list[Path]:
    """Return the folders that were opened, the latest first."""
    with catalog.reading() as connection:
        rows = connection.execute("SELECT path FROM roots ORDER BY opened_at DESC").fetchall()
    return [decode_path(row["path"]) for row in rows]


def albums(catalog: Catalog, root: Path) -> list[AlbumRow]:
    """Return the folders below a root that hold photos, by path."""
    with catalog.reading() as connection:
        rows = connection.execute(
            f"""SELECT p.folder, count(*) AS n, sum({_WITHOUT_PLACE}) AS without,
                min(CASE WHEN p.time_source != 'file_mtime' THEN p.wall_us END) AS first,
                max(CASE WHEN p.time_source != 'file_mtime' THEN p.wall_us END) AS last
                FROM photos p LEFT JOIN decisions d ON d.photo_id = p.id
                LEFT JOIN suggestions s ON s.photo_id = p.id
                WHERE p.path >= ? AND p.path < ? AND NOT p.missing
                GROUP BY p.folder ORDER BY p.folder""",
            below(root),
        ).fetchall()
    found = []
    for row in rows:
        folder = decode_path(row["folder"])
        title = root.name or str(root) if folder == root else str(folder.relative_to(root))
        found.append(
            AlbumRow(
                id=album_id(folder),
                title=title,
                folder=folder,
                count=row["n"],
                without_gps=row["without"] or 0,
                first=decode_time(row["first"], None),
                last=decode_time(row["last"], None),
            )
        )
    return found


def album_id(folder: Path) -> str:
    """Return the identifier of the album that a folder is."""
    return os.fsdecode(encode_path(folder))


def photos(
    catalog: Catalog,
    root: Path,
    album: str | None = None,
    states: Collection[PhotoState] | None = None,
    search: str = "",
) -> list[PhotoRow]:
    """Return the photos below a root in chronological order, those without a time last.

    ``album`` and ``states`` narrow the choice; every word of ``search`` must occur in the path
    below the root, the place, the camera or the date (YYYY-MM-DD), whatever its case or accents.
    """
    where, values = _within(root, album)
    with catalog.reading() as connection:
        rows = connection.execute(
            f"{_ROWS} WHERE {where} ORDER BY p.wall_us IS NULL, p.wall_us, p.path", values
        ).fetchall()
    found: Iterable[PhotoRow] = (_photo_row(row) for row in rows)
    if states is not None:
        found = (row for row in found if row.state in states)
    words = plain(search).split()
    if words:
        found = (row for row in found if _mentions(row, root, words))
    return list(found)


def photos_by_id(catalog: Catalog, photo_ids: Sequence[int]) -> list[PhotoRow]:
    """Return the rows of some photos, in the order of the ids; unknown ids are left out."""
    found: dict[int, PhotoRow] = {}
    with catalog.reading() as connection:
        for at in range(0, len(photo_ids), 500):
            part = list(photo_ids[at : at + 500])
            marks = ", ".join("?" * len(part))
            for row in connection.execute(f"{_ROWS} WHERE p.id IN ({marks})", part):
                found[row["id"]] = _photo_row(row)
    return [found[photo_id] for photo_id in photo_ids if photo_id in found]


def details(catalog: Catalog, photo_id: int) -> PhotoDetails:
    """Return everything about one photo.

    Raises
    ------
    KeyError
        There is no such photo.
    """
    with catalog.reading() as connection:
        row = connection.execute(f"{_ROWS} WHERE p.id = ?", (photo_id,)).fetchone()
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
        row=_photo_row(row),
        record=record_of(stored),
        candidates=decode_candidates(None if suggested is None else suggested["candidates"]),
        decision=None if decided is None else decision_of(decided),
    )


def counts(catalog: Catalog, root: Path, album: str | None = None) -> dict[PhotoState, int]:
    """Return how many photos below a root are in each state."""
    where, values = _within(root, album)
    with catalog.reading() as connection:
        rows = connection.execute(
            f"""SELECT {_STATE} AS state, count(*) AS n FROM photos p
                LEFT JOIN decisions d ON d.photo_id = p.id
                LEFT JOIN suggestions s ON s.photo_id = p.id
                WHERE {where} GROUP BY 1""",
            values,
        ).fetchall()
    return {PhotoState(row["state"]): row["n"] for row in rows}


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


def plain(text: str) -> str:
    """Return text without accents and case, for searching."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _within(root: Path, album: str | None) -> tuple[str, list[bytes]]:
    """Return the condition, with its values, for photos below a root or in one of its albums."""
    if album is None:
        return "p.path >= ? AND p.path < ?", list(below(root))
    return "p.path >= ? AND p.path < ? AND p.folder = ?", [*below(root), os.fsencode(album)]


def _mentions(row: PhotoRow, root: Path, words: list[str]) -> bool:
    date = row.when.date().isoformat() if row.when is not None else ""
    text = plain(f"{row.path.relative_to(root)} {row.place} {row.camera} {date}")
    return all(word in text for word in words)


def _photo_row(row: sqlite3.Row) -> PhotoRow:
    path = decode_path(row["path"])
    state = PhotoState(row["state"])
    lat, lon, radius, place, probability = None, None, None, "", None
    if row["decision"] in {"accepted", "moved"}:
        lat, lon, radius, place = row["d_lat"], row["d_lon"], row["d_radius"], row["d_place"]
    elif row["gps_state"] == "complete":
        lat, lon, radius, place = row["lat"], row["lon"], row["error_m"], row["place"]
    elif row["decision"] != "rejected" and row["s_lat"] is not None:
        lat, lon, radius, place = row["s_lat"], row["s_lon"], row["s_radius"], row["s_place"]
        probability = row["probability"]
    source = row["time_source"]
    turned = row["orientation"] >= 5
    return PhotoRow(
        id=row["id"],
        path=path,
        name=path.name,
        folder=path.parent,
        when=decode_time(row["wall_us"], row["offset_s"]),
        zone_known=row["offset_s"] is not None,
        time_is_fallback=source is not None and TimeSource(source).is_fallback,
        state=state,
        lat=lat,
        lon=lon,
        place=place,
        probability=probability,
        radius_m=radius,
        width=row["height"] if turned else row["width"],
        height=row["width"] if turned else row["height"],
        camera=row["camera"],
        companions=0 if row["companions"] == "[]" else len(json.loads(row["companions"])),
        error=row["error"] or row["write_error"],
    )
