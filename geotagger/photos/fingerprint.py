"""The identity of a photo's content, cheap enough for a library on a network share."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

from geotagger.errors import UnreadableFileError
from geotagger.photos.opening import explain_os_error, open_regular

_END = 64 * 1024
"""Bytes hashed at the head and at the tail."""
_SAMPLE = 16 * 1024
_SAMPLES = 4
_WHOLE = 2 * _END + _SAMPLES * _SAMPLE
"""A file up to this size (192 kB) is hashed whole."""


def fingerprint(path: Path, size: int) -> str:
    """Return a text that is the same for the same content, wherever the file lies.

    It is made of the size and a BLAKE2b hash of the first and last 64 kB and four samples of
    16 kB spread evenly between them, so at most 192 kB are read of any file.

    It can tell: that a file was moved or renamed (same fingerprint), that it is another picture or
    that its metadata changed (Exif lies in the head, sizes differ). It cannot tell two files of
    equal size that differ only between the samples, such as a single flipped bit in the middle:
    it identifies, it does not prove integrity. Writing GPS into a file changes its fingerprint;
    whoever writes records the new one.

    Parameters
    ----------
    path
        The file.
    size
        Its size in bytes as known from its stamp.

    Raises
    ------
    UnreadableFileError
        If the file cannot be read or is no longer ``size`` bytes long.
    """
    with open_regular(path) as stream:
        return fingerprint_stream(stream, size, path)


def fingerprint_stream(stream: BinaryIO, size: int, path: Path) -> str:
    """Return the fingerprint of an open file; see `fingerprint`."""
    digest = hashlib.blake2b(digest_size=20)
    digest.update(size.to_bytes(8, "little"))
    try:
        for offset, count in _regions(size):
            stream.seek(offset)
            data = stream.read(count)
            if len(data) != count:
                raise UnreadableFileError(
                    "The file changed while it was read.", path=path, remedy="Scan again."
                )
            digest.update(data)
    except OSError as error:
        raise explain_os_error(error, path) from error
    return f"1-{size:x}-{digest.hexdigest()}"


def _regions(size: int) -> list[tuple[int, int]]:
    """Return (offset, count) of what is hashed, ascending and without overlap."""
    if size <= _WHOLE:
        return [(0, size)]
    gap = (size - _WHOLE) // (_SAMPLES + 1)
    samples = [(_END + (index + 1) * gap + index * _SAMPLE, _SAMPLE) for index in range(_SAMPLES)]
    return [(0, _END), *samples, (size - _END, _END)]
