"""One writer at a time per catalog, also between two running instances of the program."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from geotagger.photos.bounded import BoundedPool

if os.name == "nt":
    import msvcrt
else:
    import fcntl

_ORPHAN_S = 10.0
"""Seconds to wait for the workers of a writer that was killed; they end after the file in hand."""
_SLICE_S = 0.02


@contextlib.contextmanager
def writer_lock(connection: sqlite3.Connection, pool: BoundedPool | None = None) -> Iterator[bool]:
    """Give whether this caller is the only writer, for as long as the context lasts.

    The lock is one of the operating system on a file beside the catalog; it ends with the process
    and, where a ``pool`` does the work, with the last of its workers. So a crash leaves no stale
    lock, and nobody settles what a worker that outlives its parent is still changing. A catalog in
    memory has only one user and needs none.
    """
    path = _lock_path(connection)
    if path is None:
        yield True
        return
    with path.open("a+b") as stream:
        alone = _take(stream)
        if not alone:
            yield False
            return
        try:
            if pool is not None:
                pool.lend(stream.fileno())
            yield True
        finally:
            if pool is not None:
                pool.lend(None)
            _release(stream)


def _take(stream: BinaryIO) -> bool:
    """Lock the open file; waits only for workers whose parent was killed."""
    deadline = time.monotonic() + _ORPHAN_S
    while not _try(stream):
        if not _holder_is_gone(stream) or time.monotonic() > deadline:
            return False
        time.sleep(_SLICE_S)
    if os.name != "nt":
        with contextlib.suppress(OSError):  # on a full disk the lock still holds
            stream.truncate(0)
            stream.write(str(os.getpid()).encode())
            stream.flush()
    return True


def _try(stream: BinaryIO) -> bool:
    try:
        if os.name == "nt":
            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Windows says EACCES for "taken"; a file system without locks cannot say anything.
        return os.name != "nt"
    return True


def _holder_is_gone(stream: BinaryIO) -> bool:
    """Return whether the process that took the lock is no more."""
    if os.name == "nt":
        return False
    try:
        stream.seek(0)
        os.kill(int(stream.read(20)), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError, OverflowError):
        return False
    return False


def _release(stream: BinaryIO) -> None:
    """Unlock, also for the workers that hold the open file; on Windows closing does it."""
    if os.name != "nt":
        with contextlib.suppress(OSError):
            fcntl.flock(stream, fcntl.LOCK_UN)


def _lock_path(connection: sqlite3.Connection) -> Path | None:
    for _, name, file in connection.execute("PRAGMA database_list"):
        if name == "main" and file:
            return Path(file + ".writing")
    return None
