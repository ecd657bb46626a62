"""Between the values that travel and the rows of the catalog: photo records and suggestions."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from geotagger.photos.record import (
    FileStamp,
    Gps,
    GpsState,
    Kind,
    PhotoRecord,
    TakenAt,
    TimeSource,
    Words,
)
from geotagger.suggest.types import Candidate, Suggestion

_EPOCH = datetime(1970, 1, 1)
SAME_PLACE_DEG = 1e-5
"""Seconds in files have four decimals: what reads back differs from what was asked by less."""
_MICROSECOND = timedelta(microseconds=1)

RECORD_COLUMNS = (
    "path",
    "folder",
    "kind",
    "size",
    "mtime_ns",
    "sidecar_stamp",
    "fingerprint",
    "wall_us",
    "offset_s",
    "time_source",
    "gps_state",
    "lat",
    "lon",
    "altitude_m",
    "error_m",
    "gps_source",
    "width",
    "height",
    "orientation",
    "camera",
    "camera_serial",
    "companions",
    "sidecar",
    "document",
    "note",
    "words",
    "error",
)


def encode_path(path: Path) -> bytes:
    """Return the path as the bytes that the catalog stores."""
    return os.fsencode(path)


def decode_path(stored: bytes) -> Path:
    """Return the path that `encode_path` stored."""
    return Path(os.fsdecode(stored))


def storable(text: str) -> str:
    """Return text that SQLite accepts: bytes of odd file names and lone surrogates escaped."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def below(root: Path) -> tuple[bytes, bytes]:
    """Return the half-open range of stored paths that lie below a folder."""
    start = encode_path(root).rstrip(os.fsencode(os.sep)) + os.fsencode(os.sep)
    return start, start[:-1] + bytes([start[-1] + 1])


def encode_time(taken_at: TakenAt | None) -> tuple[int | None, int | None, str | None]:
    """Return wall clock in microseconds, offset in seconds or None, source."""
    if taken_at is None:
        return None, None, None
    wall = taken_at.when.replace(tzinfo=None)
    offset = taken_at.when.utcoffset()
    known = taken_at.zone_known and offset is not None
    return (
        (wall - _EPOCH) // _MICROSECOND,
        round(offset.total_seconds()) if known and offset is not None else None,
        taken_at.source.value,
    )


def decode_time(wall_us: int | None, offset_s: int | None) -> datetime | None:
    """Return the aware time that `encode_time` stored; the zone is UTC if it was not known."""
    if wall_us is None:
        return None
    zone = UTC if offset_s is None else timezone(timedelta(seconds=offset_s))
    return (_EPOCH + wall_us * _MICROSECOND).replace(tzinfo=zone)


def encode_words(words: Words) -> str:
    """Return words as the JSON that the catalog stores."""
    whole = [list(words.captions), list(words.keywords), words.place]
    return storable(json.dumps(whole, ensure_ascii=False))


def decode_words(stored: str | None) -> Words:
    """Return the words that `encode_words` stored."""
    if not stored:
        return Words()
    captions, keywords, place = json.loads(stored)
    return Words(tuple(captions), tuple(keywords), place)


def values_of(record: PhotoRecord, sidecar_stamp: str) -> tuple[object, ...]:
    """Return a record as values in the order of `RECORD_COLUMNS`."""
    gps = record.gps
    return (
        encode_path(record.path),
        encode_path(record.path.parent),
        record.kind.value,
        record.stamp.size,
        record.stamp.mtime_ns,
        sidecar_stamp,
        record.fingerprint,
        *encode_time(record.taken_at),
        gps.state.value,
        gps.lat,
        gps.lon,
        gps.altitude_m,
        gps.error_m,
        gps.source,
        record.width,
        record.height,
        record.orientation,
        storable(record.camera),
        storable(record.camera_serial),
        json.dumps([os.fsdecode(encode_path(path)) for path in record.companions]),
        None if record.sidecar is None else encode_path(record.sidecar),
        int(record.looks_like_document),
        storable(record.note),
        encode_words(record.words),
        "",
    )


def record_of(row: sqlite3.Row) -> PhotoRecord:
    """Return the record that a row of ``photos`` holds."""
    when = decode_time(row["wall_us"], row["offset_s"])
    taken_at = (
        None
        if when is None or row["time_source"] is None
        else TakenAt(when, row["offset_s"] is not None, TimeSource(row["time_source"]))
    )
    return PhotoRecord(
        path=decode_path(row["path"]),
        kind=Kind(row["kind"]),
        stamp=FileStamp(row["size"], row["mtime_ns"]),
        fingerprint=row["fingerprint"],
        taken_at=taken_at,
        gps=Gps(
            state=GpsState(row["gps_state"]),
            lat=row["lat"],
            lon=row["lon"],
            altitude_m=row["altitude_m"],
            error_m=row["error_m"],
            source=row["gps_source"],
        ),
        width=row["width"],
        height=row["height"],
        orientation=row["orientation"],
        camera=row["camera"],
        camera_serial=row["camera_serial"],
        companions=tuple(Path(path) for path in json.loads(row["companions"])),
        sidecar=None if row["sidecar"] is None else decode_path(row["sidecar"]),
        looks_like_document=bool(row["document"]),
        note=row["note"],
        words=decode_words(row["words"]),
    )


def store_record(connection: sqlite3.Connection, record: PhotoRecord, sidecar_stamp: str) -> int:
    """Insert or update the row of a record and return its id.

    A row at the same path is updated. Otherwise a row with the same content whose file is gone,
    while its folder is still there, is the same photo moved or renamed: it keeps its id and with
    it decisions and suggestions. What was suggested or decided for other content is dropped: a
    file whose time and camera both changed is another photo under an old name.
    """
    values = values_of(record, sidecar_stamp)
    row = connection.execute(
        "SELECT id, fingerprint, wall_us, camera FROM photos WHERE path = ?", (values[0],)
    ).fetchone()
    if row is None:
        row = _moved_from(connection, record)
    if row is None:
        marks = ", ".join("?" * len(RECORD_COLUMNS))
        cursor = connection.execute(
            f"INSERT INTO photos ({', '.join(RECORD_COLUMNS)}) VALUES ({marks})", values
        )
        return int(cursor.lastrowid or 0)
    photo_id = int(row["id"])
    gps = record.gps
    place = (gps.lat, gps.lon, SAME_PLACE_DEG)
    # A place makes a photo of what looks like a document, but not one that was written by us.
    document = "document AND coalesce(abs(? - written_lat) + abs(? - written_lon), 1) <= ?"
    connection.execute(
        f"UPDATE photos SET {_ASSIGNMENTS}, document = max(?, {document}), missing = 0, place = '',"
        " write_error = '' WHERE id = ?",
        (*_but_document(values), int(record.looks_like_document), *place, photo_id),
    )
    forget_other_places(connection, photo_id)
    if row["fingerprint"] not in {record.fingerprint, ""}:
        connection.execute("DELETE FROM suggestions WHERE photo_id = ?", (photo_id,))
        wall_us = encode_time(record.taken_at)[0]
        if row["wall_us"] != wall_us and row["camera"] != record.camera:
            connection.execute("DELETE FROM decisions WHERE photo_id = ?", (photo_id,))
    return photo_id


_ASSIGNMENTS = ", ".join(f"{column} = ?" for column in RECORD_COLUMNS if column != "document")


def _but_document(values: tuple[object, ...]) -> tuple[object, ...]:
    at = RECORD_COLUMNS.index("document")
    return values[:at] + values[at + 1 :]


def forget_other_places(connection: sqlite3.Connection, photo_id: int) -> None:
    """Drop the note of what was written where the file does not say that place any more."""
    connection.execute(
        "UPDATE photos SET written_lat = NULL, written_lon = NULL WHERE id = ? AND"
        " coalesce(abs(lat - written_lat) + abs(lon - written_lon), 1) > ?",
        (photo_id, SAME_PLACE_DEG),
    )


def refresh_record(
    connection: sqlite3.Connection,
    photo_id: int,
    record: PhotoRecord,
    sidecar_stamp: str,
) -> None:
    """Update a row after the program itself changed the file.

    Suggestion and decision stay, and the embeddings follow the new fingerprint, since the picture
    is the same.
    """
    old = connection.execute("SELECT fingerprint FROM photos WHERE id = ?", (photo_id,)).fetchone()[
        "fingerprint"
    ]
    document = int(record.looks_like_document)
    connection.execute(
        f"UPDATE photos SET {_ASSIGNMENTS}, document = max(?, document), missing = 0 WHERE id = ?",
        (*_but_document(values_of(record, sidecar_stamp)), document, photo_id),
    )
    if old != record.fingerprint:
        connection.execute(
            "INSERT OR IGNORE INTO embeddings (fingerprint, model, vector)"
            " SELECT ?, model, vector FROM embeddings WHERE fingerprint = ?",
            (record.fingerprint, old),
        )
        connection.execute(
            "INSERT OR IGNORE INTO brightness (fingerprint, mean)"
            " SELECT ?, mean FROM brightness WHERE fingerprint = ?",
            (record.fingerprint, old),
        )


def store_error(
    connection: sqlite3.Connection, path: Path, kind: Kind, stamp: FileStamp, error: str
) -> int:
    """Insert or update the row of a file that cannot be read and return its id."""
    connection.execute(
        "INSERT INTO photos (path, folder, kind, size, mtime_ns, fingerprint, error)"
        " VALUES (?, ?, ?, ?, ?, '', ?)"
        " ON CONFLICT (path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,"
        " error = excluded.error, missing = 0",
        (
            encode_path(path),
            encode_path(path.parent),
            kind.value,
            stamp.size,
            stamp.mtime_ns,
            storable(error),
        ),
    )
    row = connection.execute(
        "SELECT id FROM photos WHERE path = ?", (encode_path(path),)
    ).fetchone()
    return int(row["id"])


def _moved_from(connection: sqlite3.Connection, record: PhotoRecord) -> sqlite3.Row | None:
    rows = connection.execute(
        "SELECT id, path, folder, fingerprint, wall_us, camera FROM photos"
        " WHERE fingerprint = ? AND size = ? AND error = ''",
        (record.fingerprint, record.stamp.size),
    ).fetchall()
    for row in rows:
        old = decode_path(row["path"])
        if not os.path.lexists(old) and _was_reachable(old, record.path):
            found: sqlite3.Row = row
            return found
    return None


def _was_reachable(old: Path, new: Path) -> bool:
    """Tell whether the old path is gone for good and not on a disk that is merely unplugged.

    Where its folder is still there, or it shared a folder with the new path (a folder that was
    renamed inside the library), the file was moved. A whole tree that vanished may be a volume
    that is not mounted: then the new file is a copy.
    """
    if old.parent.is_dir():
        return True
    common = Path(os.path.commonpath([old, new])) if old.anchor == new.anchor else Path(old.anchor)
    return len(common.parts) > 2


def encode_candidates(candidates: Iterable[Candidate]) -> str:
    """Return candidates as the JSON that the catalog stores and `suggest` prints.

    A reason may name a file whose name is not UTF-8; its odd bytes become escapes of JSON.
    """
    whole = [
        {
            "lat": candidate.lat,
            "lon": candidate.lon,
            "radius_m": candidate.radius_m,
            "probability": candidate.probability,
            "place": candidate.place,
            "reasons": list(candidate.reasons),
        }
        for candidate in candidates
    ]
    return storable(_JSON.encode(whole))


_JSON = json.JSONEncoder(ensure_ascii=False)
"""Made once: `json.dumps` with an option makes another one for every photo."""


def store_suggestions(
    connection: sqlite3.Connection, made: Iterable[tuple[int, Suggestion]]
) -> None:
    """Put suggestions, by photo, in the place of former ones; photos that are gone are skipped."""
    connection.executemany(
        "REPLACE INTO suggestions"
        " (photo_id, state, lat, lon, radius_m, probability, place, candidates, radii)"
        " SELECT id, ?, ?, ?, ?, ?, ?, ?, ? FROM photos WHERE id = ?",
        [(*_suggested(one), photo_id) for photo_id, one in made],
    )


def _suggested(made: Suggestion) -> tuple[object, ...]:
    """Return the state, the best candidate's place and name, all candidates, and the radii."""
    rest = encode_candidates(made.candidates), _JSON.encode(made.radii_m)
    if not made.candidates:
        return made.state.value, None, None, None, None, "", *rest
    best = made.candidates[0]
    where = best.lat, best.lon, best.radius_m, best.probability, best.place
    return made.state.value, *where, *rest


def decode_candidates(stored: str | None) -> tuple[Candidate, ...]:
    """Return the candidates that `encode_candidates` stored."""
    if not stored:
        return ()
    return tuple(
        Candidate(**{**candidate, "reasons": tuple(candidate["reasons"])})
        for candidate in json.loads(stored)
    )
