"""What the operating system says about writing, as sentences with what to do."""

from __future__ import annotations

import errno
from pathlib import Path

from geotagger.errors import WriteError

_ALLOW = "Change the permissions of the file and its folder, then write again."
_CONNECT = "Connect it again, then write again."
_WORDS = {
    errno.ENOSPC: ("The disk is full.", "Free some space, then write again."),
    errno.EDQUOT: ("Your disk quota is used up.", "Free some space, then write again."),
    errno.EROFS: ("The disk is read-only.", "Make it writable, or copy the photos elsewhere."),
    errno.EACCES: ("Writing there is not allowed.", _ALLOW),
    errno.EPERM: ("Writing there is not allowed.", _ALLOW),
    errno.ENOENT: ("The file or its folder is no longer there.", "Scan the folder again."),
    errno.ENOTDIR: ("The file or its folder is no longer there.", "Scan the folder again."),
    errno.ELOOP: ("The link leads back to itself.", "Remove or repair the link."),
    errno.EIO: ("The disk reports an error.", "Check the disk and your backup."),
    errno.ESTALE: ("The network share is gone.", _CONNECT),
    errno.ENODEV: ("The drive is gone.", _CONNECT),
    errno.ENXIO: ("The drive is gone.", _CONNECT),
    errno.ENOTCONN: ("The network share is gone.", _CONNECT),
    errno.ETIMEDOUT: ("The network share does not answer.", _CONNECT),
    errno.EHOSTDOWN: ("The network share does not answer.", _CONNECT),
    errno.ENAMETOOLONG: ("The name is too long.", "Give the file a shorter name."),
    errno.EFBIG: ("The file is too large for this disk.", "Use another disk."),
    errno.EMFILE: ("Too many files are open.", "Close other programs, then write again."),
    errno.ENFILE: ("Too many files are open.", "Close other programs, then write again."),
    errno.EBUSY: ("Another program uses the file.", "Close it there, then write again."),
    errno.ETXTBSY: ("Another program uses the file.", "Close it there, then write again."),
}


def explain_write_error(error: OSError, path: Path) -> WriteError:
    """Return an operating-system error as a WriteError in words about `path`."""
    fallback = (
        f"The file could not be written ({error.strerror or error}).",
        "Check the disk, then write again.",
    )
    message, remedy = _WORDS.get(error.errno or 0, fallback)
    return WriteError(message, path=path, remedy=remedy)
