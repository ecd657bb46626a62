"""Computed vectors kept on disk: found by their key, checked, mapped rather than read."""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from geotagger.cache import cache_folder

_SUFFIX = ".vectors"
_TAIL = struct.Struct("<4sI")
_MARK = b"GVC1"
_BLOCK = 1 << 22
_KEPT = 4
"""Files of one folder that are kept, the last used ones; each may have 200 MB."""


def default_cache() -> Path:
    """Return the user's folder for what can be computed again from models."""
    return cache_folder("geo-space")


def read_vectors(folder: Path, key: str, shape: tuple[int, int]) -> NDArray[np.float32] | None:
    """Return the vectors under a key as a read-only map, None if missing, damaged or misshapen."""
    path = folder / (key + _SUFFIX)
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
        if vectors.shape != shape or vectors.dtype != np.float32 or not vectors.flags.c_contiguous:
            return None
        size = path.stat().st_size
        with path.open("rb") as file:
            told = _crc(file, size - _TAIL.size)
            mark, crc = _TAIL.unpack(file.read(_TAIL.size))
        header = size - _TAIL.size - vectors.nbytes
        if mark != _MARK or crc != told or not 0 < header < 1024:
            return None
    except (OSError, ValueError, EOFError, struct.error):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    found: NDArray[np.float32] = vectors
    return found


def write_vectors(folder: Path, key: str, vectors: NDArray[np.float32]) -> bool:
    """Keep vectors under a key, whole or not at all; return whether that went."""
    temporary = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".unfinished-", dir=folder)
        temporary = Path(name)
        with os.fdopen(handle, "w+b") as file:
            np.save(file, np.ascontiguousarray(vectors, np.float32), allow_pickle=False)
            length = file.tell()
            file.seek(0)
            crc = _crc(file, length)
            file.seek(length)
            file.write(_TAIL.pack(_MARK, crc))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / (key + _SUFFIX))
        _forget_old(folder)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        return False
    return True


def _forget_old(folder: Path) -> None:
    found = sorted(folder.glob("*" + _SUFFIX), key=lambda path: path.stat().st_mtime)
    for path in found[:-_KEPT]:
        # One that another process has open stays on systems that forbid removing it.
        with contextlib.suppress(OSError):
            path.unlink()


def _crc(file: IO[bytes], length: int) -> int:
    crc = 0

    while length > 0:
        block = file.read(min(length, _BLOCK))
        if not block:
            break
        length -= len(block)
        crc = zlib.crc32(block, crc)
    return crc
