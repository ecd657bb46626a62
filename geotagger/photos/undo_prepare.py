"""Prepare taking one file back: check that it is what we wrote, and write the old bytes beside it.

As with writing, the file itself is not touched here; `replace.swap` does that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from geotagger.errors import FileChangedError, UndoError
from geotagger.photos import edits, replace
from geotagger.photos.edits import Edit
from geotagger.photos.replace import Prepared, Steps, no_steps
from geotagger.photos.write_errors import explain_write_error


@dataclass(frozen=True, slots=True)
class Reversal:
    """One file to take back.

    ``path`` is the file (links resolved) with the content of hash ``new_hash``; ``undo`` are the
    encoded edits that give the content of hash ``old_hash``; ``created`` says that there was no
    file before, so that it goes; ``token`` names the temporary files.
    """

    path: Path
    token: str
    old_hash: bytes
    new_hash: bytes
    undo: bytes
    created: bool


def prepare_undo(task: Reversal, steps: Steps = no_steps) -> Prepared:
    """Return the old content, written beside the file, synced and checked; see `replace.prepare`.

    Raises
    ------
    FileChangedError
        If the file has not the content that was written.
    UndoError, WriteError
        With the path; nothing was left behind.
    """

    def build(source: BinaryIO) -> Sequence[Edit]:
        return edits.decode(task.undo)

    def check(old: BinaryIO, new: BinaryIO) -> None:
        """Leave it to the hash, which tells more than any reader."""

    try:
        stamp = replace.stamp_of(task.path)
    except OSError as error:
        raise explain_write_error(error, task.path) from error
    try:
        change = replace.prepare(
            task.path,
            token=task.token,
            expected=stamp,
            build=build,
            check=check,
            remove=task.created,
            steps=steps,
        )
    except OSError:
        raise
    except Exception as error:
        # The edits need not fit on a content that they were not made for.
        _require_ours(task)
        if isinstance(error, ValueError | EOFError | IndexError):
            raise _damaged(task) from error
        raise
    if change.old_hash != task.new_hash:
        replace.discard(task.path, task.token)
        raise _changed(task)
    if not change.removed and change.new_hash != task.old_hash:
        replace.discard(task.path, task.token)
        raise _damaged(task)
    return change


def _require_ours(task: Reversal) -> None:
    try:
        found = replace.hash_of(task.path)
    except OSError:
        return  # what was raised already tells more
    if found is not None and found != task.new_hash:
        raise _changed(task)


def _changed(task: Reversal) -> FileChangedError:
    return FileChangedError(
        "The file was changed by another program since it was written.",
        path=task.path,
        remedy="It was left as it is.",
    )


def _damaged(task: Reversal) -> UndoError:
    return UndoError(
        "The journal's undo data for this file is damaged.",
        path=task.path,
        remedy="It was left as it is; take it from your backup.",
    )
