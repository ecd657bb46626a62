"""Open a photo file for reading: regular files only, every failure told in words."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

from geotagger.errors import UnreadableFileError
from geotagger.photos.record import FileStamp

_WORDS = {
    errno.ENOENT: ("The file is no longer there.", "Scan the folder again."),
    errno.ENOTDIR: ("The file is no longer there.", "Scan the folder again."),
    errno.EACCES: ("Reading the file is not allowed.", "Change its permissions, then scan again."),
    errno.EPERM: ("Reading the file is not allowed.", "Change its permissions, then scan again."),
    errno.ELOOP: ("The link leads back to itself.", "Remove or repair the link."),
    errno.EIO: ("The disk could not read the file.", "Check the disk and your backup."),
    errno.ESTALE: ("The network share is gone.", "Connect it again, then scan again."),
    errno.ENODEV: ("The drive is gone.", "Connect it again, then scan again."),
    errno.ENXIO: ("The drive is gone.", "Connect it again, then scan again."),
    errno.ETIMEDOUT: ("The network share does not answer.", "Connect it again, then scan again."),
    errno.EHOSTDOWN: ("The network share does not answer.", "Connect it again, then scan again."),
    errno.ENAMETOOLONG: ("The name of the file is too long.", "Give it a shorter name."),
    errno.EMFILE: ("Too many files are open.", "Close other programs, then scan again."),
}


def explain_os_error(error: OSError, path: Path) -> UnreadableFileError:
    """Return the error of the operating system as a sentence with what to do about it."""
    message, remedy = _WORDS.get(
        error.errno or 0,
        (
            f"The file could not be read ({error.strerror or error}).",
            "Check the disk, then scan again.",
        ),
    )
    return UnreadableFileError(message, path=path, remedy=remedy)


def open_regular(path: Path) -> BinaryIO:
    """Return the file opened for reading; a pipe or device is refused without waiting on it.

    Raises
    ------
    UnreadableFileError
        With the path and a remedy: gone, not allowed, not a regular file, broken link.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    # O_NONBLOCK so that opening a named pipe returns at once; it means nothing for regular files.
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:
        raise UnreadableFileError("The name of the file is not valid.", path=path) from error
    except OSError as error:
        raise explain_os_error(error, path) from error
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError as error:
        os.close(descriptor)
        raise explain_os_error(error, path) from error
    if not regular:
        os.close(descriptor)
        raise UnreadableFileError(
            "This is not a regular file.", path=path, remedy="Only plain files can be photos."
        )
    return os.fdopen(descriptor, "rb")


def stamp_of(stream: BinaryIO) -> FileStamp:
    """Return size and modification time of an open file."""
    status = os.fstat(stream.fileno())
    return FileStamp(status.st_size, status.st_mtime_ns)


class ReadBudgetError(ValueError):
    """A parser read far more often or more bytes than any sane file needs."""


class MeteredStream:
    """A readable, seekable view of ``stream`` that stops a parser which a file sends in circles.

    Parameters
    ----------
    stream
        Where the bytes come from.
    max_reads, max_bytes
        What may be read through this view in all; beyond it `ReadBudgetError` is raised.
    """

    def __init__(
        self, stream: BinaryIO | io.BytesIO, *, max_reads: int = 150_000, max_bytes: int = 32 << 20
    ) -> None:
        self._stream = stream
        self._reads_left = max_reads
        self._bytes_left = max_bytes

    def read(self, count: int = -1) -> bytes:
        """Return up to ``count`` bytes; "all" means what the budget still allows."""
        if count < 0 or count > self._bytes_left:
            count = self._bytes_left
        data = self._stream.read(count)
        self._reads_left -= 1
        self._bytes_left -= len(data)
        if self._reads_left <= 0 or self._bytes_left <= 0:
            raise ReadBudgetError("the file leads its reader in circles")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to ``offset`` as `io.IOBase.seek` does."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()

    def read_at(self, offset: int, count: int) -> bytes:
        """Return up to ``count`` bytes from ``offset``, fewer at the end of the file."""
        if offset < 0:
            return b""
        self._stream.seek(offset)
        return self.read(count)
