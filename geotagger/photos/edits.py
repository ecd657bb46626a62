"""A change of a file as a few replaced stretches of bytes, and the same backwards.

Writers say what to replace where; applying streams the rest through unchanged; the inverse is what
undo keeps. Offsets count from the start of the file before the change.
"""

from __future__ import annotations

import hashlib
import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20
HASH_SIZE = 32
MIN_GAP = 16
"""Equal bytes between two differences below which they become one: an edit costs 20 bytes."""
_HEADER = struct.Struct("<QQI")


@dataclass(frozen=True, slots=True)
class Edit:
    """The bytes from ``start`` to before ``end`` are replaced by ``data``."""

    start: int
    end: int
    data: bytes


def apply(edits: Sequence[Edit], source: BinaryIO, target: BinaryIO) -> tuple[bytes, bytes]:
    """Write the changed file to `target`; return the hashes of the old and the new content.

    Raises
    ------
    ValueError
        If the edits overlap, are out of order, or pass the end of the file.
    """
    old, new = new_hash(), new_hash()
    source.seek(0)
    position = 0
    for edit in edits:
        if edit.start < position or edit.end < edit.start:
            raise ValueError("the edits overlap or are out of order")
        _copy(source, target, edit.start - position, old, new)
        removed = source.read(edit.end - edit.start)
        if len(removed) != edit.end - edit.start:
            raise ValueError("an edit lies behind the end of the file")
        old.update(removed)
        new.update(edit.data)
        target.write(edit.data)
        position = edit.end
    _copy(source, target, None, old, new)
    return old.digest(), new.digest()


def _copy(
    source: BinaryIO,
    target: BinaryIO,
    length: int | None,
    old: hashlib.blake2b,
    new: hashlib.blake2b,
) -> None:
    while length is None or length > 0:
        chunk = source.read(CHUNK if length is None else min(CHUNK, length))
        if not chunk:
            if length is None:
                return
            raise ValueError("an edit lies behind the end of the file")
        old.update(chunk)
        new.update(chunk)
        target.write(chunk)
        length = None if length is None else length - len(chunk)


def new_hash() -> hashlib.blake2b:
    """Return the hash that tells whether a file is byte for byte the one that is meant."""
    return hashlib.blake2b(digest_size=HASH_SIZE)


def hash_of(path: Path) -> bytes | None:
    """Return the hash of a file's content, None if there is no file; raise OSError.

    What is no regular file, such as a pipe, has b"", which no file has; it is not waited for.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as source:
            return content_hash(source)
    except FileNotFoundError:
        return None


def content_hash(source: BinaryIO) -> bytes:
    """Return the hash of a whole file from its first byte."""
    source.seek(0)
    value = new_hash()
    while chunk := source.read(CHUNK):
        value.update(chunk)
    return value.digest()


def narrow(edits: Sequence[Edit], source: BinaryIO) -> list[Edit]:
    """Return edits with the same effect that touch as few bytes as possible.

    Bytes that an edit replaces by themselves are left out, so that undo data stays small: the
    append-only patch of a 30 kB Exif block comes to some 30 bytes.
    """
    result: list[Edit] = []
    for edit in edits:
        source.seek(edit.start)
        result.extend(_differences(edit, source.read(edit.end - edit.start)))
    return result


def _differences(edit: Edit, old: bytes) -> list[Edit]:
    common = min(len(old), len(edit.data))
    runs: list[tuple[int, int]] = []
    for block in range(0, common, 256):
        stop = min(block + 256, common)
        if old[block:stop] == edit.data[block:stop]:
            continue
        for index in range(block, stop):
            if old[index] == edit.data[index]:
                continue
            if runs and index - runs[-1][1] < MIN_GAP:
                runs[-1] = (runs[-1][0], index + 1)
            else:
                runs.append((index, index + 1))
    found = [Edit(edit.start + a, edit.start + b, edit.data[a:b]) for a, b in runs]
    if len(old) != len(edit.data):
        found.append(Edit(edit.start + common, edit.end, edit.data[common:]))
    return found


def invert(edits: Sequence[Edit], source: BinaryIO) -> list[Edit]:
    """Return the edits that turn the changed file back into `source`, the file before."""
    result: list[Edit] = []
    shift = 0
    for edit in edits:
        source.seek(edit.start)
        start = edit.start + shift
        old = source.read(edit.end - edit.start)
        result.append(Edit(start, start + len(edit.data), old))
        shift += len(edit.data) - len(old)
    return result


def encode(edits: Sequence[Edit]) -> bytes:
    """Return edits as bytes for the journal."""
    return b"".join(_HEADER.pack(e.start, e.end, len(e.data)) + e.data for e in edits)


def decode(blob: bytes) -> list[Edit]:
    """Return the edits of a journal entry; raise ValueError if it is damaged."""
    result: list[Edit] = []
    position = 0
    while position < len(blob):
        try:
            start, end, size = _HEADER.unpack_from(blob, position)
        except struct.error as error:
            raise ValueError("the undo data is damaged") from error
        position += _HEADER.size
        if position + size > len(blob):
            raise ValueError("the undo data is damaged")
        result.append(Edit(start, end, blob[position : position + size]))
        position += size
    return result
