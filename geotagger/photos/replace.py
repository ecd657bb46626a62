"""Put new content in the place of a file so that a crash at any instant leaves the old or the new.

The sequence: temporary file in the same folder, written, flushed, synced, read back and checked;
then the caller makes its journal durable; then one atomic rename, attributes, and a sync of the
folder. A file with several hard links keeps its identity: it is written in place, behind a backup
that recovery puts back if the writing was cut off.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from geotagger.errors import FileChangedError, WriteError
from geotagger.photos import edits as editing
from geotagger.photos.edits import CHUNK, Edit
from geotagger.photos.record import FileStamp
from geotagger.photos.syncing import sync_folder
from geotagger.photos.write_errors import explain_write_error

try:
    import fcntl
except ImportError:  # Windows has no flock; its sharing rules protect an open file
    fcntl = None  # type: ignore[assignment]

TEMP_PREFIX = ".photo-geotagger-"
"""Names of our temporary files and backups begin so; they are hidden and no photo's name."""
TEMP_SUFFIX = ".tmp"
BACKUP_SUFFIX = ".bak"


class Step(StrEnum):
    """The instants of a replacement, in their order; told to a caller that wants to know."""

    CHECKED = "checked"
    TEMP_CREATED = "temp created"
    TEMP_WRITTEN = "temp written"
    TEMP_SYNCED = "temp synced"
    VERIFIED = "verified"
    BACKED_UP = "backed up"
    JOURNALLED = "journalled"
    HALF_IN_PLACE = "half in place"
    REPLACED = "replaced"
    RESTORED = "attributes restored"
    FOLDER_SYNCED = "folder synced"
    DONE = "journal done"


hash_of = editing.hash_of
Steps = Callable[[Step], None]
Build = Callable[[BinaryIO], Sequence[Edit]]
Check = Callable[[BinaryIO, BinaryIO], None]


def no_steps(step: Step) -> None:
    """Listen to no step."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A checked temporary file, ready to take the place of the real one.

    ``path`` has its links resolved; ``backup`` is set for a file that is to be written in place;
    ``created`` says that there is no file yet; ``removed`` that the file is to go; ``undo`` are
    the edits that turn the new content back into the old.
    """

    path: Path
    temp: Path
    backup: Path | None
    created: bool
    removed: bool
    stamp: FileStamp | None
    old_hash: bytes
    new_hash: bytes
    undo: Sequence[Edit]


def stamp_of(path: Path) -> FileStamp:
    """Return size and mtime of the file that a path leads to; raise OSError."""
    status = path.stat()
    return FileStamp(status.st_size, status.st_mtime_ns)


def resolve(path: Path) -> Path:
    """Return the path with its links followed; a name that does not exist yet is fine."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # a loop is a RuntimeError before Python 3.13
        looped = OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        raise explain_write_error(error if isinstance(error, OSError) else looped, path) from error


def names(path: Path, token: str) -> tuple[Path, Path]:
    """Return the temporary file and the backup that belong to a token, in the file's folder."""
    base = path.parent / (TEMP_PREFIX + token)
    return base.with_name(base.name + TEMP_SUFFIX), base.with_name(base.name + BACKUP_SUFFIX)


def token_of(prepared: Prepared) -> str:
    """Return the token in the names of a change's temporary files."""
    return prepared.temp.name[len(TEMP_PREFIX) : -len(TEMP_SUFFIX)]


def prepare(
    path: Path,
    *,
    token: str,
    expected: FileStamp | None,
    build: Build,
    check: Check,
    remove: bool = False,
    steps: Steps = no_steps,
) -> Prepared:
    """Write the new content beside a file and check it; the file itself is not touched.

    Parameters
    ----------
    path
        The file, links resolved. It is created if `expected` is None.
    token
        What makes the names of the temporary files unique; `discard` finds them by it.
    expected
        What the file must still look like.
    build
        Gives the edits for the open file (an empty one if it is to be created).
    check
        Gets the old and the new content, both re-read, and raises if anything is wrong.
    remove
        Whether the file is to go instead of getting new content; nothing is written then.

    Raises
    ------
    FileChangedError
        If the file is not as expected.
    WriteError
        If it cannot be written, or the check failed; no temporary file is left.
    """
    temp, backup = names(path, token)
    try:
        with _opened(path, expected) as source:
            steps(Step.CHECKED)
            links = 1 if expected is None else os.fstat(source.fileno()).st_nlink
            changes = [] if remove else editing.narrow(build(source), source)
            if remove:
                old = editing.content_hash(source)
                return Prepared(path, temp, None, False, True, expected, old, b"", [])
            undo = editing.invert(changes, source)
            like = None if expected is None else path
            old_hash, new_hash = _write_temp(source, changes, temp, like, steps)
            _verify(source, temp, new_hash, check, path)
            steps(Step.VERIFIED)
            _require_same(path, expected)
            in_place = links > 1
            if in_place:
                _back_up(source, path, backup)
                steps(Step.BACKED_UP)
        return Prepared(
            path,
            temp,
            backup if in_place else None,
            expected is None,
            False,
            expected,
            old_hash,
            new_hash,
            undo,
        )
    except OSError as error:
        discard(path, token)
        raise explain_write_error(error, path) from error
    except BaseException:
        discard(path, token)
        raise


def swap(prepared: Prepared, steps: Steps = no_steps, *, sync: bool = True) -> FileStamp | None:
    """Put the prepared content in place; return the new stamp, None for a removed file.

    Without `sync` the caller syncs the folder, once for several files.

    Raises
    ------
    FileChangedError
        If the file changed since `prepare`; it is untouched.
    WriteError
        If the operating system refuses. What is in place then is told by the content's hash.
    """
    path = prepared.path
    try:
        _require_same(path, prepared.stamp)
        before = None if prepared.created else path.stat()
        if prepared.removed:
            path.unlink()
        elif prepared.backup is not None:
            _write_in_place(prepared, steps)
        else:
            # Windows cannot replace a file that is open, so none is here.
            prepared.temp.replace(path)
        steps(Step.REPLACED)
        if before is not None and not prepared.removed:
            _restore(path, before)
        steps(Step.RESTORED)
        if sync:
            sync_folder(path.parent)
            steps(Step.FOLDER_SYNCED)
        if prepared.backup is not None:
            prepared.backup.unlink(missing_ok=True)
            prepared.temp.unlink(missing_ok=True)
        return None if prepared.removed else stamp_of(path)
    except OSError as error:
        raise explain_write_error(error, path) from error


def discard(path: Path, token: str) -> bool:
    """Remove what `prepare` left beside a file; return whether there was anything."""
    found = False
    for leftover in names(path, token):
        with contextlib.suppress(OSError):
            leftover.unlink()
            found = True
    return found


def put_back(path: Path, token: str, old_hash: bytes) -> bool:
    """Restore a file that was cut off while written in place; return whether that was possible.

    The backup is believed only if it holds the content that the journal names.
    """
    _, backup = names(path, token)
    try:
        with backup.open("rb") as source:
            if editing.content_hash(source) != old_hash:
                return False
            status = os.fstat(source.fileno())
            _overwrite(path, source, no_steps)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        sync_folder(path.parent)
    except OSError:
        return False
    return True


def restore_time(path: Path, token: str) -> None:
    """Give a file that was written in place the time that its backup kept, if there is one."""
    _, backup = names(path, token)
    with contextlib.suppress(OSError):
        status = backup.stat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@contextlib.contextmanager
def _opened(path: Path, expected: FileStamp | None) -> Iterator[BinaryIO]:
    """Open the file, locked against other writers, after making sure it is the expected one."""
    _require_same(path, expected)
    if expected is None:
        yield BytesIO()
        return
    if not os.access(path, os.W_OK):
        code = errno.EROFS if _read_only_disk(path) else errno.EACCES
        raise OSError(code, os.strerror(code))
    with path.open("rb") as source:
        if fcntl is not None:
            try:
                fcntl.flock(source, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise WriteError(
                    "Another program is writing this file.",
                    path=path,
                    remedy="Wait until it is done, then write again.",
                ) from error
            except OSError:
                pass  # A file system without locks; the stamp still tells of changes.
        yield source


def _read_only_disk(path: Path) -> bool:
    return hasattr(os, "statvfs") and bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _require_same(path: Path, expected: FileStamp | None) -> None:
    try:
        status = path.lstat() if expected is None else path.stat()
    except FileNotFoundError:
        if expected is None:
            return
        raise
    if expected is None:
        raise FileChangedError(
            "A file of this name came into being meanwhile.",
            path=path,
            remedy="Scan the folder again, then write again.",
        )
    if not stat.S_ISREG(status.st_mode):
        raise WriteError("This is not a regular file.", path=path)
    if FileStamp(status.st_size, status.st_mtime_ns) != expected:
        raise FileChangedError(
            "The file was changed by another program.",
            path=path,
            remedy="Scan the folder again, then write again.",
        )


def _write_temp(
    source: BinaryIO, changes: Sequence[Edit], temp: Path, like: Path | None, steps: Steps
) -> tuple[bytes, bytes]:
    with temp.open("xb") as target:
        steps(Step.TEMP_CREATED)
        hashes = editing.apply(changes, source, target)
        steps(Step.TEMP_WRITTEN)
        target.flush()
        if like is not None:
            _copy_attributes(like, temp)
        os.fsync(target.fileno())
        steps(Step.TEMP_SYNCED)
    return hashes


def _verify(source: BinaryIO, temp: Path, new_hash: bytes, check: Check, path: Path) -> None:
    with temp.open("rb") as written:
        if editing.content_hash(written) != new_hash:
            raise WriteError(
                "The disk gave other bytes back than were written.",
                path=path,
                remedy="Check the disk and your backup.",
            )
        check(source, written)


def _copy_attributes(path: Path, temp: Path) -> None:
    """Give the new file the owner, permissions, times and extended attributes of the old one."""
    status = path.stat()
    if hasattr(os, "chown"):
        own = temp.stat()
        if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
            # Only root may give files away; the group alone often works.
            for owner in (status.st_uid, -1):
                with contextlib.suppress(OSError):
                    os.chown(temp, owner, status.st_gid)
                    break
    shutil.copystat(path, temp)


def _restore(path: Path, before: os.stat_result) -> None:
    """Set times and mode as they were, where the rename did not bring them along."""
    now = path.stat()
    if stat.S_IMODE(now.st_mode) != stat.S_IMODE(before.st_mode):
        with contextlib.suppress(OSError):
            path.chmod(stat.S_IMODE(before.st_mode))
    if now.st_mtime_ns != before.st_mtime_ns:
        with contextlib.suppress(OSError):
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _back_up(source: BinaryIO, path: Path, backup: Path) -> None:
    source.seek(0)
    with backup.open("xb") as target:
        shutil.copyfileobj(source, target, CHUNK)
        target.flush()
        os.fsync(target.fileno())
    shutil.copystat(path, backup)
    sync_folder(path.parent)


def _write_in_place(prepared: Prepared, steps: Steps) -> None:
    with prepared.temp.open("rb") as source:
        try:
            _overwrite(prepared.path, source, steps)
        except OSError:
            put_back(prepared.path, token_of(prepared), prepared.old_hash)
            raise


def _overwrite(path: Path, source: BinaryIO, steps: Steps) -> None:
    source.seek(0)
    with path.open("r+b") as target:
        first = source.read(CHUNK)
        target.write(first[: len(first) // 2])
        target.flush()
        steps(Step.HALF_IN_PLACE)
        target.write(first[len(first) // 2 :])
        shutil.copyfileobj(source, target, CHUNK)
        target.truncate()
        target.flush()
        os.fsync(target.fileno())
