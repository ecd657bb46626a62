"""One writer at a time per catalog, also between two running instances of the program."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

if os.name == "nt":
    import msvcrt
else:
    import fcntl


@contextlib.contextmanager
def writer_lock(connection: sqlite3.Connection) -> Iterator[bool]:
    """Give whether this caller is the only writer, for as long as the context lasts.

    The lock is one of the operating system on a file beside the catalog; it ends with the process,
    so a crash leaves no stale lock. A catalog in memory has only one user and needs none.
    """
    path = _lock_path(connection)
    if path is None:
        yield True
        return
    with path.open("a+b") as stream:
        yield _take(stream)


def _take(stream: BinaryIO) -> bool:
    """Lock the open file without waiting; closing it unlocks."""
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


def _lock_path(connection: sqlite3.Connection) -> Path | None:
    for _, name, file in connection.execute("PRAGMA database_list"):
        if name == "main" and file:
            return Path(file + ".writing")
    return None
