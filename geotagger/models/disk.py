"""What a download does on the disk: room, writing, errors in words."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO

from geotagger.errors import ModelError
from geotagger.progress import CancelToken

_MARGIN = 16 << 20
"""Bytes that are left free on the disk."""
_BLOCK = 1 << 20


def check_space(needed: int, folder: Path) -> None:
    """Return if so many bytes are free where the folder is.

    Raises
    ------
    ModelError
        They are not.
    """
    free = shutil.disk_usage(folder).free
    if needed + _MARGIN > free:
        raise ModelError(
            f"There is too little space: {megabytes(needed + _MARGIN)} are needed, "
            f"{megabytes(free)} are free.",
            path=folder,
            remedy="Make room and install again.",
        )


def megabytes(count: int) -> str:
    """Return a number of bytes in words."""
    if count >= 10**9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.1f} MB" if count < 10**7 else f"{count / 1e6:.0f} MB"


def disk_error(error: OSError, path: Path) -> ModelError:
    """Return the error for a disk that cannot be written."""
    return ModelError(
        f"The model could not be written ({error.strerror or error}).",
        path=path,
        remedy="Check the free space and the rights of the folder, then install again.",
    )


def opened(path: Path) -> BinaryIO:
    """Return the file opened for appending, or raise ModelError."""
    try:
        # Unbuffered: what was received survives a kill of the program at any instant.
        return path.open("ab", buffering=0)
    except OSError as error:
        raise disk_error(error, path) from error


def write_block(file: BinaryIO, block: bytes, path: Path) -> None:
    """Write all of the block, or raise ModelError."""
    rest = memoryview(block)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise disk_error(error, path) from error


def sync(file: BinaryIO, path: Path) -> None:
    """Bring the file to the disk, or raise ModelError."""
    try:
        os.fsync(file.fileno())
    except OSError as error:
        raise disk_error(error, path) from error


def unlink(path: Path) -> None:
    """Remove the file if it is there, or raise ModelError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(error, path) from error


def take_local(source: Path, target: Path, cancel: CancelToken | None) -> None:
    """Give the file a second name where the disk can, else copy it."""
    try:
        os.link(source.resolve(), target)
        return
    except OSError:
        pass
    check_space(source.stat().st_size, target.parent)
    with source.open("rb") as read, target.open("wb") as write:
        while block := read.read(_BLOCK):
            if cancel is not None:
                cancel.raise_if_cancelled()
            write.write(block)


def git_sha1(data: bytes) -> str:
    """Return the name that git gives to a file of this content."""
    whole = b"blob %d\0" % len(data) + data
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest()
