"""Open and close the catalog: one SQLite file in WAL mode, usable from several threads.

Each thread gets a connection of its own. What the tables mean stands in `schema`; the questions
asked of them stand in `queries`, `storing` and `review`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs

from geotagger.errors import CatalogCorruptError, CatalogError
from geotagger.library import schema

CATALOG_VARIABLE = "GEOTAGGER_CATALOG"
_BACKUP_EVERY_S = 24 * 3600.0
_STAMP = "stamp"
_NEXT_STAMP = """INSERT INTO settings VALUES (?, '1')
    ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)"""


def default_path() -> Path:
    """Return where the catalog lies unless told otherwise: a variable, else the data folder."""
    named = os.environ.get(CATALOG_VARIABLE)
    if named:
        return Path(named)
    return Path(platformdirs.user_data_dir("photo-geotagger", appauthor=False)) / "catalog.sqlite"


class Catalog:
    """The catalog file, opened. Use `open`; close it when done (also a context manager)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @classmethod
    def open(cls, path: Path | None = None) -> Catalog:
        """Open a catalog, making it if there is none.

        Raises
        ------
        CatalogTooNewError, CatalogCorruptError, CatalogError
            With the path and what to do; the file is left as it was.
        """
        catalog = cls(path or default_path())
        try:
            catalog.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogError(
                f"The folder of the catalog cannot be made: {error.strerror}.",
                path=catalog.path.parent,
                remedy="Choose another place with --catalog.",
            ) from error
        try:
            with catalog.reading() as connection:
                schema.migrate(connection, catalog.path)
                connection.execute("SELECT count(*) FROM roots").fetchone()
        except BaseException:
            catalog.close()
            raise
        return catalog

    def close(self) -> None:
        """Close all connections; other threads must be done."""
        with self._lock:
            self._closed = True
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection (autocommit; transactions are begun by hand)."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self.path, timeout=30.0, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            with self._lock:
                if self._closed:
                    connection.close()
                    raise CatalogError("The catalog was closed.", path=self.path)
                self._connections.append(connection)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            self._local.connection = connection
        return connection

    def release(self) -> None:
        """Close this thread's connection; for threads that end before the catalog is closed."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            self._local.connection = None
            with self._lock, suppress(ValueError):
                self._connections.remove(connection)
            connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection; SQLite's errors become errors with path and remedy."""
        try:
            yield self.connection()
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def stamp(self) -> str:
        """Return what differs from an earlier stamp if anything was written since, by anyone.

        What was written with ``writing(aside=True)`` does not count. Take the stamp before reading
        what is kept for as long as the stamp stays the same.
        """
        with self.reading() as connection:
            row = connection.execute(
                "SELECT value FROM settings WHERE key = ?", (_STAMP,)
            ).fetchone()
        return "" if row is None else str(row[0])

    @contextmanager
    def writing(self, *, aside: bool = False) -> Iterator[sqlite3.Connection]:
        """Give the connection inside one transaction: all of it is kept, or nothing.

        ``aside`` is for decisions, suggestions, estimates and guesses at whole albums only, which
        leave the `stamp` as it is.
        """
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                if not aside:
                    connection.execute(_NEXT_STAMP, (_STAMP,))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @property
    def backup_path(self) -> Path:
        """Where the daily copy of the catalog lies."""
        return self.path.with_name(self.path.name + ".backup")

    def back_up(self, *, now: float | None = None) -> bool:
        """Copy the catalog beside itself if the last copy is older than a day.

        The copy is complete before it takes the old one's place. Returns whether one was made.

        Raises
        ------
        CatalogError
            The disk is full or the folder is read-only; the old copy is still there.
        """
        now = time.time() if now is None else now
        with suppress(OSError):
            if now - self.backup_path.stat().st_mtime < _BACKUP_EVERY_S:
                return False
        fresh = self.backup_path.with_name(self.backup_path.name + ".new")
        try:
            fresh.unlink(missing_ok=True)
            copy = sqlite3.connect(fresh)
            try:
                with self.reading() as connection:
                    connection.backup(copy)
            finally:
                copy.close()
            fresh.replace(self.backup_path)
        except OSError as error:
            raise CatalogError(
                f"No backup of the catalog could be made: {error.strerror}.", path=fresh
            ) from error
        return True

    def setting(self, key: str, default: Any = None) -> Any:
        """Return a stored JSON value, or the default."""
        with self.reading() as connection:
            row = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return default if row is None else json.loads(row[0])

    def set_setting(self, key: str, value: Any) -> None:
        """Store a JSON value."""
        with self.writing() as connection:
            connection.execute("REPLACE INTO settings VALUES (?, ?)", (key, json.dumps(value)))

    def _explained(self, error: sqlite3.Error) -> CatalogError:
        text = str(error)
        if "full" in text:
            return CatalogError(
                "The disk that holds the catalog is full; what was not yet stored is lost, "
                "nothing else.",
                path=self.path,
                remedy="Free some space, or choose another place with --catalog.",
            )
        if "readonly" in text or "unable to open" in text:
            return CatalogError(
                "The catalog cannot be opened for writing.",
                path=self.path,
                remedy="Check the permissions, or choose another place with --catalog.",
            )
        if "locked" in text:
            return CatalogError(
                "The catalog is in use by another program that does not let go of it.",
                path=self.path,
                remedy="Close the other window or command and try again.",
            )
        backup = (
            f"Close the program and put the copy {self.backup_path.name} in its place"
            if self.backup_path.exists()
            else "Move the file away and scan your folders again"
        )
        return CatalogCorruptError(
            f"The catalog is damaged or is not a catalog ({text}). Your photos are not affected.",
            path=self.path,
            remedy=f"{backup}, or choose another one with --catalog.",
        )
