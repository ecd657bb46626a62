"""The write journal: what was changed in which file and how to take it back, byte for byte.

It lives in the catalog's database. An entry and its undo data are durable before the file is
touched; which of old and new content a crash left is then decided by the content's hash.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from geotagger.library.write_files import Files
from geotagger.library.writer_lock import writer_lock
from geotagger.photos import edits
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.file_tasks import CutOff
from geotagger.photos.replace import Prepared

JOURNAL_SCHEMA = """
CREATE TABLE writes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at TEXT NOT NULL,             -- ISO 8601, UTC
    folder BLOB NOT NULL                  -- what the files have in common
);
CREATE TABLE write_files (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    write_id INTEGER NOT NULL REFERENCES writes (id) ON DELETE CASCADE,
    path BLOB NOT NULL,                   -- the photo, as the file system spells it
    destination BLOB NOT NULL,            -- the file that changes: the photo or its sidecar
    state TEXT NOT NULL,                  -- planned, prepared, done, failed, undoing, undone
    token TEXT NOT NULL,                  -- in the names of temporary files beside the destination
    created INTEGER NOT NULL DEFAULT 0,   -- whether the write made the file
    old_hash BLOB,
    new_hash BLOB,
    undo BLOB,                            -- edits that turn the new content into the old
    error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX write_files_by_write ON write_files (write_id);
CREATE INDEX write_files_by_state ON write_files (state);
"""

_COLUMNS = "id, write_id, path, destination, state, token, created, old_hash, new_hash, undo"
_OPEN = "('planned', 'prepared', 'undoing')"
INTERRUPTED = "The program ended before this file was written."


@dataclass(frozen=True, slots=True)
class WriteEntry:
    """One write in the history: how many files were written, failed, and were taken back."""

    id: int
    when: datetime
    count: int
    failed: int
    undone: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of one file whose write or undo a crash had cut off.

    ``outcome`` is "finished" (the write or undo had reached the file), "rolled back" (the file is
    as it was before), or "unclear" (``message`` says why; nothing was touched).
    """

    write_id: int
    path: Path
    destination: Path
    outcome: Literal["finished", "rolled back", "unclear"]
    message: str = ""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a write, as the journal has it; paths as the file system spells them."""

    id: int
    write_id: int
    path: Path
    destination: Path
    state: str
    token: str
    created: bool
    old_hash: bytes | None
    new_hash: bytes | None
    undo: bytes | None


@contextlib.contextmanager
def durable(connection: sqlite3.Connection) -> Iterator[None]:
    """Run a transaction that is on the disk when the context ends.

    The catalog normally runs with ``synchronous = NORMAL``, which may lose the last commits when
    the power fails; the journal must not.
    """
    if connection.in_transaction:
        raise sqlite3.ProgrammingError("the journal needs a transaction of its own")
    previous = connection.execute("PRAGMA synchronous").fetchone()[0]
    connection.execute("PRAGMA synchronous = FULL")
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    finally:
        connection.execute(f"PRAGMA synchronous = {int(previous)}")


def begin(
    connection: sqlite3.Connection, folder: Path, files: Sequence[tuple[Path, Path]]
) -> tuple[int, list[FileEntry]]:
    """Start a write of (photo, destination) pairs; return its id and an entry per pair."""
    with durable(connection):
        cursor = connection.execute(
            "INSERT INTO writes (started_at, folder) VALUES (?, ?)",
            (datetime.now(UTC).isoformat(), os.fsencode(folder)),
        )
        write_id = int(cursor.lastrowid or 0)
        connection.executemany(
            "INSERT INTO write_files (write_id, path, destination, state, token)"
            " VALUES (?, ?, ?, 'planned', ?)",
            [
                (write_id, os.fsencode(path), os.fsencode(destination), secrets.token_hex(8))
                for path, destination in files
            ],
        )
    return write_id, entries(connection, "write_id = ? ORDER BY id", (write_id,))


def entries(
    connection: sqlite3.Connection, condition: str, parameters: Sequence[object] = ()
) -> list[FileEntry]:
    """Return the files of writes that meet an SQL condition of this module's callers."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM write_files WHERE {condition}", parameters)
    return [_entry(tuple(row)) for row in rows]


def _entry(row: tuple[object, ...]) -> FileEntry:
    number, write_id, path, destination, state, token, created, old, new, undo = row
    return FileEntry(
        int(str(number)),
        int(str(write_id)),
        _path(path),
        _path(destination),
        str(state),
        str(token),
        bool(created),
        _blob(old),
        _blob(new),
        _blob(undo),
    )


def _path(value: object) -> Path:
    return Path(os.fsdecode(_blob(value) or b""))


def _blob(value: object) -> bytes | None:
    return value if isinstance(value, bytes) else None


def prepared(connection: sqlite3.Connection, changes: Sequence[tuple[FileEntry, Prepared]]) -> None:
    """Make durable what undo and recovery need of files; from here on they may change."""
    with durable(connection):
        for entry, change in changes:
            connection.execute(
                "UPDATE write_files SET state = 'prepared', destination = ?, created = ?,"
                " old_hash = ?, new_hash = ?, undo = ? WHERE id = ?",
                (
                    os.fsencode(change.path),
                    change.created,
                    change.old_hash,
                    change.new_hash,
                    edits.encode(change.undo),
                    entry.id,
                ),
            )


def settle_all(
    connection: sqlite3.Connection, entry_ids: Sequence[int], state: Literal["done", "undone"]
) -> None:
    """Note in one transaction what files are now; as with `settle`, it need not be synced."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(
            "UPDATE write_files SET state = ?, error = '' WHERE id = ?",
            [(state, entry_id) for entry_id in entry_ids],
        )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def undoing(connection: sqlite3.Connection, files: Sequence[FileEntry]) -> list[FileEntry]:
    """Note durably that files are about to be taken back; return them with tokens for that."""
    marked = [replace(entry, state="undoing", token=secrets.token_hex(8)) for entry in files]
    with durable(connection):
        connection.executemany(
            "UPDATE write_files SET state = 'undoing', token = ? WHERE id = ?",
            [(entry.token, entry.id) for entry in marked],
        )
    return marked


def settle(connection: sqlite3.Connection, entry_id: int, state: str, error: str = "") -> None:
    """Note what became of a file.

    This commit need not be synced: if it is lost, recovery finds the same answer by the hash.
    """
    connection.execute(
        "UPDATE write_files SET state = ?, error = ? WHERE id = ?", (state, error, entry_id)
    )
    if connection.in_transaction:
        connection.commit()


def forget_planned(connection: sqlite3.Connection, write_id: int) -> None:
    """Drop the files that a cancelled write did not come to, and a write without any file.

    A planned file with an error stays: its folder went silent, perhaps with a temporary file in it.
    """
    connection.execute(
        "DELETE FROM write_files WHERE write_id = ? AND state = 'planned' AND error = ''",
        (write_id,),
    )
    connection.execute(
        "DELETE FROM writes WHERE id = ?"
        " AND NOT EXISTS (SELECT 1 FROM write_files WHERE write_id = writes.id)",
        (write_id,),
    )
    if connection.in_transaction:
        connection.commit()


def history(connection: sqlite3.Connection) -> list[WriteEntry]:
    """Return the writes, newest first."""
    rows = connection.execute(
        "SELECT w.id, w.started_at, w.folder,"
        " coalesce(sum(f.state IN ('prepared', 'done', 'undoing', 'undone')), 0),"
        " coalesce(sum(f.state = 'failed'), 0), coalesce(sum(f.state = 'undone'), 0)"
        " FROM writes w LEFT JOIN write_files f ON f.write_id = w.id"
        " GROUP BY w.id ORDER BY w.id DESC"
    )
    return [
        WriteEntry(number, datetime.fromisoformat(when), count, failed, undone, _path(folder))
        for number, when, folder, count, failed, undone in rows
    ]


def recover(connection: sqlite3.Connection, *, pool: BoundedPool | None = None) -> list[Recovered]:
    """Finish or roll back what a crash left, remove its temporary files, and say which.

    To be run when the program starts. Does nothing while another instance is writing. With a
    ``pool`` a folder that does not answer costs seconds, and its files are tried again next time.
    """
    with writer_lock(connection, pool) as alone:
        if not alone:
            return []
        files = Files(pool)
        unsettled = entries(connection, f"state IN {_OPEN} ORDER BY id")
        return [resolve(connection, entry, files) for entry in unsettled]


def any_open(connection: sqlite3.Connection) -> bool:
    """Return whether there are files of which the journal does not know what became of them."""
    query = f"SELECT 1 FROM write_files WHERE state IN {_OPEN} LIMIT 1"
    return connection.execute(query).fetchone() is not None


def resolve(connection: sqlite3.Connection, entry: FileEntry, files: Files) -> Recovered:
    """Find out which content a cut-off write or undo left, and bring file and journal in order.

    Where that cannot be found out now, the entry stays open.
    """
    if entry.state == "planned":
        if not files.discard([(entry.destination, entry.token)]):
            return _told(entry, "unclear", "The folder does not answer; tried again next time.")
        settle(connection, entry.id, "failed", INTERRUPTED)
        return _told(entry, "rolled back", INTERRUPTED)
    forwards = entry.state == "prepared"
    before = None if entry.created else entry.old_hash
    after = entry.new_hash
    if not forwards:
        before, after = after, before
    order, message = files.put_in_order(CutOff(entry.destination, entry.token, before, after))
    if order == "away":
        return _told(entry, "unclear", message)
    if order == "after":
        settle(connection, entry.id, "done" if forwards else "undone")
        return _told(entry, "finished")
    if order == "changed":
        settle(connection, entry.id, "failed" if forwards else "done", message)
        return _told(entry, "unclear", message)
    settle(connection, entry.id, "failed" if forwards else "done", INTERRUPTED if forwards else "")
    return _told(entry, "rolled back", INTERRUPTED)


def _told(
    entry: FileEntry, outcome: Literal["finished", "rolled back", "unclear"], message: str = ""
) -> Recovered:
    return Recovered(entry.write_id, entry.path, entry.destination, outcome, message)
