"""How a finished model folder takes its place in the store, whatever happens meanwhile.

What is being made lies beside its final place under a hidden name and is renamed when it is whole.
Where a former model is replaced there are two renames; if the program is killed between them, the
next call that looks at the store brings the former model back.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from geotagger.errors import ModelError

if os.name == "nt":
    import msvcrt
else:
    import fcntl

LOCK_NAME = ".lock"
_UNFINISHED = ".installing-"
_FORMER = ".former-"
_REMOVED = ".removing-"
_PARTS = ".parts-"
_LEFT_BEHIND = (_UNFINISHED, _REMOVED)


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Keep other programs from changing the store; clean up first what a kill left behind.

    The lock is one of the operating system on a file in the store and ends with the process.

    Raises
    ------
    ModelError
        Another program is installing or removing a model, or the store cannot be written.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        stream = (root / LOCK_NAME).open("a+b")
    except OSError as error:
        raise could_not(error, root) from error
    with stream:
        if not _take(stream):
            raise ModelError(
                "Another installation is under way.", path=root, remedy="Wait until it is done."
            )
        _clean_up(root)
        yield


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


def recover(root: Path) -> None:
    """Bring a former model back that a kill left aside; do nothing while an installation runs."""
    with contextlib.suppress(OSError, ModelError):
        if any(root.glob(f"{_FORMER}*")):
            with locked(root):
                pass


def _clean_up(root: Path) -> None:
    for former in root.glob(f"{_FORMER}*"):
        final = root / former.name.removeprefix(_FORMER)
        if not final.exists():
            with contextlib.suppress(OSError):
                former.rename(final)
                continue
        shutil.rmtree(former, ignore_errors=True)
    for prefix in _LEFT_BEHIND:
        for folder in root.glob(f"{prefix}*"):
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def workplace(root: Path) -> Iterator[Path]:
    """Give an empty hidden folder in the store, gone afterwards unless it was put in place."""
    temporary = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=root))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def put_in_place(temporary: Path, final: Path) -> None:
    """Give a finished folder its name; what had it before goes only after that.

    Raises
    ------
    OSError
        It cannot be renamed; the former state holds.
    """
    temporary.chmod(0o755)
    former = final.parent / f"{_FORMER}{final.name}"
    if final.is_symlink():
        # A link of the user's own making goes; what it leads to stays.
        final.unlink()
    if not final.exists():
        temporary.rename(final)
    else:
        final.rename(former)
        try:
            temporary.rename(final)
        except OSError:
            former.rename(final)
            raise
    sync_folder(final.parent)
    shutil.rmtree(former, ignore_errors=True)


def take_away(folder: Path) -> None:
    """Remove a model's folder: first its name, then its files.

    Raises
    ------
    OSError
        It cannot be renamed.
    """
    if folder.is_symlink():
        folder.unlink()
        return
    doomed = folder.parent / f"{_REMOVED}{folder.name}"
    folder.rename(doomed)
    sync_folder(folder.parent)
    shutil.rmtree(doomed, ignore_errors=True)


def parts_of(root: Path, name: str) -> Path:
    """Return the hidden folder for what was fetched of a model and is not installed yet."""
    return root / f"{_PARTS}{name}"


def parts_size(root: Path, name: str) -> int:
    """Return how many bytes of a model were fetched by an installation that did not finish."""
    try:
        return sum(path.stat().st_size for path in parts_of(root, name).rglob("*"))
    except OSError:
        return 0


def drop_parts(root: Path, name: str) -> bool:
    """Remove what was fetched of a model; return whether there was anything."""
    parts = parts_of(root, name)
    there = parts.is_dir()
    shutil.rmtree(parts, ignore_errors=True)
    return there


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def could_not(error: OSError, path: Path) -> ModelError:
    """Return the error for a store that cannot be written."""
    return ModelError(
        f"The model could not be installed ({error.strerror or error}).",
        path=path,
        remedy="Check the free space and the rights of the folder.",
    )
