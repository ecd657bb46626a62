"""What a write does to many files at once, fit for a bounded worker: a share may stop answering.

A dead network share blocks whoever asks it, for ever and without an error. So the process that
writes asks nothing itself; it has these functions run in a worker that it can end.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from geotagger.errors import GeotaggerError, WriteError
from geotagger.photos import replace
from geotagger.photos.record import FileStamp
from geotagger.photos.replace import Prepared, Step, Steps, no_steps
from geotagger.photos.syncing import sync_folder
from geotagger.photos.write_errors import explain_write_error

Measure = tuple[int, bool]
"""A file's size in bytes, and whether it has several hard links."""
Swapped = FileStamp | GeotaggerError | None
"""What became of a replacement: the new stamp, None for a file that is gone, or what went wrong."""
Order = Literal["before", "after", "changed", "away"]


@dataclass(frozen=True, slots=True)
class Replacing:
    """A prepared change and the photo it belongs to: one failure of a photo stops its others."""

    photo: Path
    change: Prepared


@dataclass(frozen=True, slots=True)
class CutOff:
    """A replacement that may or may not have happened, with the hashes that tell.

    ``before`` and ``after`` are None where there is no file; ``token`` names the temporary files.
    """

    destination: Path
    token: str
    before: bytes | None
    after: bytes | None


def measure_all(paths: Sequence[Path]) -> list[Measure]:
    """Return a measure per path; nothing at all for one that cannot be asked."""
    return [_measure(path) for path in paths]


def _measure(path: Path) -> Measure:
    try:
        status = path.stat()
    except OSError:
        return 0, False
    return status.st_size, status.st_nlink > 1


def stamp_all(paths: Sequence[Path]) -> list[FileStamp | None]:
    """Return the stamp per path, None for one that cannot be told."""
    return [_stamp(path) for path in paths]


def _stamp(path: Path) -> FileStamp | None:
    try:
        return replace.stamp_of(path)
    except OSError:
        return None


def swap_all(
    tasks: Sequence[Replacing],
    parent: int | None = None,
    again: bool = False,
    steps: Steps = no_steps,
) -> list[Swapped]:
    """Put prepared contents in place, one after another, and return what became of each.

    Parameters
    ----------
    tasks
        What to replace. After a failure the other files of that photo are left alone.
    parent
        The process that asked. When it is gone nothing more is replaced, since nobody hears of it.
    again
        Whether a first attempt was cut off, so that files may be in place already.
    steps
        Hears of every step.
    """
    ends: list[Swapped] = []
    failed: set[Path] = set()
    for task in tasks:
        if parent is not None and os.getppid() != parent:
            raise SystemExit
        end = _swap(task, failed, again, steps)
        if isinstance(end, GeotaggerError):
            failed.add(task.photo)
        ends.append(end)
    return ends


def _swap(task: Replacing, failed: set[Path], again: bool, steps: Steps) -> Swapped:
    change = task.change
    try:
        if task.photo in failed:
            raise left_alone(change.path)
        if again and _in_place(change):
            return _tidied(change)
        steps(Step.JOURNALLED)
        return replace.swap(change, steps, sync=False)
    except Exception as error:  # noqa: BLE001 - whatever befalls one file, the others go on
        if _in_place(change):
            return _tidied(change)
        return _in_words(error, change.path)


def left_alone(path: Path) -> WriteError:
    """Return the error of a sidecar that would contradict its photo."""
    return WriteError(
        "The sidecar was left alone because the photo could not be written.", path=path
    )


def _in_place(change: Prepared) -> bool:
    try:
        found = replace.hash_of(change.path)
    except OSError:
        return False
    return found is None if change.removed else found == change.new_hash


def _tidied(change: Prepared) -> FileStamp | None:
    replace.restore_time(change.path, replace.token_of(change))
    replace.discard(change.path, replace.token_of(change))
    return None if change.removed else _stamp(change.path)


def _in_words(error: Exception, path: Path) -> GeotaggerError:
    if isinstance(error, GeotaggerError):
        return error
    if isinstance(error, OSError):
        return explain_write_error(error, path)
    return WriteError(
        f"The file could not be handled ({type(error).__name__}: {error}).", path=path
    )


def sync_all(folders: Sequence[Path]) -> dict[Path, WriteError]:
    """Make the replacements in folders durable; return what went wrong with which."""
    troubles = {}
    for folder in folders:
        try:
            sync_folder(folder)
        except OSError as error:
            troubles[folder] = explain_write_error(error, folder)
    return troubles


def discard_all(leftovers: Sequence[tuple[Path, str]]) -> None:
    """Remove the temporary files beside (destination, token) pairs."""
    for path, token in leftovers:
        replace.discard(path, token)


def answers(folder: Path) -> bool:
    """Return whether there is a folder; what counts is that this returns at all."""
    return folder.is_dir()


def put_in_order(cut: CutOff) -> tuple[Order, str]:
    """Find out by the hash which content is there, and remove or put back what was left half-done.

    Returns "before" or "after"; "changed" if it is neither and "away" if it cannot be asked, both
    with the reason in words, and with nothing touched.
    """
    path = cut.destination
    try:
        if not path.parent.is_dir():
            return "away", "The folder cannot be reached; tried again next time."
        found = replace.hash_of(path)
    except OSError as error:
        return "away", f"The file cannot be read: {error.strerror or error}."
    if found == cut.after:
        replace.restore_time(path, cut.token)
        replace.discard(path, cut.token)
        return "after", ""
    intact = found == cut.before or cut.before is None
    if not intact and not replace.put_back(path, cut.token, cut.before or b""):
        return "changed", "The file was changed or removed by another program since."
    replace.discard(path, cut.token)
    return "before", ""
