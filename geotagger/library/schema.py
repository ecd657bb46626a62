"""The tables of the catalog and how older ones are brought up to date.

``PRAGMA user_version`` holds the schema version. Each migration takes the catalog from the version
of its index to the next one, inside one transaction. Paths are stored as the bytes that the file
system knows (``os.fsencode``), since a name need not be valid UTF-8.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from geotagger.errors import CatalogTooNewError
from geotagger.library.journal import JOURNAL_SCHEMA

APPLICATION_ID = 0x47544147
"""'GTAG': marks the file as a catalog of this program."""

_FIRST = """
CREATE TABLE roots (
    path BLOB PRIMARY KEY,
    opened_at REAL NOT NULL
);
CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE photos (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    folder BLOB NOT NULL,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    sidecar_stamp TEXT NOT NULL DEFAULT '',
    fingerprint TEXT NOT NULL,
    wall_us INTEGER,              -- wall clock, microseconds since 1970-01-01T00:00
    offset_s INTEGER,             -- seconds east of UTC, NULL if the zone is not known
    time_source TEXT,
    gps_state TEXT NOT NULL DEFAULT 'none',
    lat REAL, lon REAL, altitude_m REAL, error_m REAL,
    gps_source TEXT NOT NULL DEFAULT '',
    width INTEGER NOT NULL DEFAULT 0,
    height INTEGER NOT NULL DEFAULT 0,
    orientation INTEGER NOT NULL DEFAULT 1,
    camera TEXT NOT NULL DEFAULT '',
    camera_serial TEXT NOT NULL DEFAULT '',
    companions TEXT NOT NULL DEFAULT '[]',
    sidecar BLOB,
    document INTEGER NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    place TEXT NOT NULL DEFAULT '',
    missing INTEGER NOT NULL DEFAULT 0,
    written_lat REAL, written_lon REAL,  -- what this program wrote and the file still says
    write_error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX photos_by_folder ON photos (folder, wall_us);
CREATE INDEX photos_by_fingerprint ON photos (fingerprint);
CREATE TABLE suggestions (
    photo_id INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    lat REAL, lon REAL, radius_m REAL, probability REAL,  -- the best candidate's
    place TEXT NOT NULL DEFAULT '',
    candidates TEXT NOT NULL,     -- JSON, best first
    radii TEXT NOT NULL           -- JSON, pairs of level and metres
);
CREATE TABLE decisions (
    photo_id INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    lat REAL, lon REAL, radius_m REAL,
    place TEXT NOT NULL DEFAULT '',
    proposed_by TEXT NOT NULL DEFAULT '',
    decided_at REAL NOT NULL
);
CREATE TABLE embeddings (
    fingerprint TEXT NOT NULL,
    model TEXT NOT NULL,          -- name and version
    vector BLOB NOT NULL,         -- float16, little endian
    PRIMARY KEY (fingerprint, model)
) WITHOUT ROWID;
"""

_SECOND = """
CREATE TABLE cell_guesses (
    fingerprint TEXT NOT NULL,
    model TEXT NOT NULL,          -- as in embeddings
    partition TEXT NOT NULL,      -- key of the world model whose classes these are
    classes BLOB NOT NULL,        -- int32, little endian, the likeliest first
    log_p BLOB NOT NULL,          -- float32, little endian, of each class
    log_rest REAL NOT NULL,       -- of all other classes together
    PRIMARY KEY (fingerprint, model, partition)
) WITHOUT ROWID;
CREATE TABLE scenes (
    fingerprint TEXT NOT NULL,
    model TEXT NOT NULL,
    scene BLOB NOT NULL,          -- float16, little endian: indoor, natural, urban
    PRIMARY KEY (fingerprint, model)
) WITHOUT ROWID;
CREATE TABLE undecodable (
    fingerprint TEXT PRIMARY KEY,
    program TEXT NOT NULL,        -- the version that tried; another one tries again
    error TEXT NOT NULL
) WITHOUT ROWID;
"""

_THIRD = """
ALTER TABLE photos ADD COLUMN words TEXT;  -- JSON; NULL where they were not read yet
"""

_FOURTH = """
CREATE TABLE clocks (
    album BLOB NOT NULL,          -- the folder, as in photos
    camera TEXT NOT NULL,
    reference TEXT,               -- the estimate: the camera compared with,
    found_s REAL,                 -- seconds to add to the times, NULL where there is none,
    probability REAL, pairs INTEGER,
    decision TEXT,                -- a person's word: 'set', 'leave', NULL for none
    decided_s REAL,
    PRIMARY KEY (album, camera)
) WITHOUT ROWID;
CREATE TABLE clock_estimates (
    album BLOB PRIMARY KEY,
    basis TEXT NOT NULL           -- digest of the photos that the estimate was made of
) WITHOUT ROWID;
"""

_FIFTH = """
CREATE INDEX photos_by_time ON photos (wall_us);
"""

_SIXTH = """
CREATE TABLE brightness (
    fingerprint TEXT PRIMARY KEY,
    mean REAL NOT NULL            -- mean luminance of the picture, 0 to 1
) WITHOUT ROWID;
"""

_SEVENTH = """
ALTER TABLE clocks ADD COLUMN found_course TEXT;    -- JSON; NULL where one amount is added
ALTER TABLE clocks ADD COLUMN decided_course TEXT;  -- likewise
"""

MIGRATIONS: tuple[str, ...] = (
    _FIRST + JOURNAL_SCHEMA, _SECOND, _THIRD, _FOURTH, _FIFTH, _SIXTH, _SEVENTH,
)  # fmt: skip
VERSION = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a catalog up to this version of the program; a new file becomes an empty catalog.

    Raises
    ------
    CatalogTooNewError
        The catalog has a schema version that this program does not know; nothing was changed.
    sqlite3.DatabaseError
        The file is not a catalog, or is damaged.
    """
    version = _version(connection)
    if version > VERSION:
        raise CatalogTooNewError(
            f"This catalog was written by a newer version of the program (format {version}, "
            f"this program knows up to {VERSION}).",
            path=path,
            remedy="Update the program, or choose another catalog with --catalog.",
        )
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if version == 0:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables:
            raise sqlite3.DatabaseError("file is not a catalog of this program")
    elif application != APPLICATION_ID:
        raise sqlite3.DatabaseError("file is not a catalog of this program")
    if version == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in MIGRATIONS[_version(connection) :]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script one by one, so that they share one transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise ValueError("the last statement of the schema is not complete")
