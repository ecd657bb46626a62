"""Small pictures for lists and the map: made in bounded workers, kept beside the catalog."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from geotagger.library import queries
from geotagger.library.catalog import Catalog
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.decode import load_jpeg_bytes

_TIMEOUT_S = 30.0
_MEMORY = 2 << 30
CACHE_BYTES = 1 << 30
"""What the kept thumbnails may take on disk before the oldest are dropped."""


class Thumbnails:
    """JPEG thumbnails of catalogued photos. Thread-safe; `jpeg` blocks, so call it off the GUI.

    The cache is an SQLite file of its own beside the catalog: losing it loses nothing.
    """

    def __init__(self, catalog: Catalog, workers: int | None = None) -> None:
        self._catalog = catalog
        self._path = catalog.path.with_name(catalog.path.name + ".thumbnails")
        self._pool = BoundedPool(
            workers or max(1, min(4, os.cpu_count() or 1)), _TIMEOUT_S, _MEMORY
        )
        self._lock = threading.Lock()
        self._cache = self._open()

    def __enter__(self) -> Thumbnails:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers and close the cache."""
        self._pool.close()
        with self._lock:
            self._cache.close()

    def jpeg(self, photo_id: int, max_side: int = 256) -> bytes:
        """Return a JPEG of a photo, upright, its longer side at most ``max_side`` pixels.

        Raises
        ------
        KeyError
            There is no such photo.
        UnreadableFileError, OSError
            Its pixels cannot be read.
        """
        record = queries.details(self._catalog, photo_id).record
        key = _key(record.path, record.stamp.size, record.stamp.mtime_ns, max_side)
        with self._lock, suppress(sqlite3.Error):
            row = self._cache.execute("SELECT jpeg FROM jpegs WHERE key = ?", (key,)).fetchone()
            if row is not None:
                return bytes(row[0])
        made: bytes = self._pool.run(load_jpeg_bytes, record.path, max_side)
        # A full disk costs the cache, not the picture.
        with self._lock, suppress(sqlite3.Error):
            self._cache.execute("REPLACE INTO jpegs (key, jpeg) VALUES (?, ?)", (key, made))
            self._trim()
        return made

    def _open(self) -> sqlite3.Connection:
        try:
            return _connect(self._path)
        except sqlite3.Error:
            with suppress(OSError):
                self._path.unlink()
        try:
            return _connect(self._path)
        except sqlite3.Error:
            return _connect(Path(":memory:"))

    def _trim(self) -> None:
        pages = self._cache.execute("PRAGMA page_count").fetchone()[0]
        free = self._cache.execute("PRAGMA freelist_count").fetchone()[0]
        size = self._cache.execute("PRAGMA page_size").fetchone()[0]
        if (pages - free) * size > CACHE_BYTES:
            self._cache.execute(
                "DELETE FROM jpegs WHERE rowid IN (SELECT rowid FROM jpegs ORDER BY rowid"
                " LIMIT (SELECT count(*) / 10 + 1 FROM jpegs))"
            )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS jpegs (key BLOB NOT NULL UNIQUE, jpeg BLOB NOT NULL)"
        )
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _key(path: Path, size: int, mtime_ns: int, max_side: int) -> bytes:
    text = os.fsencode(path) + f"|{size}|{mtime_ns}|{max_side}".encode()
    return hashlib.blake2b(text, digest_size=16).digest()
