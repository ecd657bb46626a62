"""Plan writes of GPS, carry them out with a journal, and take them back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from geotagger.errors import (
    FileChangedError,
    GeotaggerError,
    UndoError,
    WriteError,
)
from geotagger.library import journal
from geotagger.library.journal import FileEntry, Recovered, WriteEntry, history, recover
from geotagger.library.write_group import (
    Run,
    WriteResult,
    grouped,
    in_words,
    stamp_or_none,
    write_group,
)
from geotagger.library.write_plan import (
    PlannedWrite,
    WriteOptions,
    WritePlan,
    WriteTarget,
    plan_writes,
)
from geotagger.library.writer_lock import writer_lock
from geotagger.photos import edits, replace
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.edits import Edit
from geotagger.photos.record import FileStamp
from geotagger.photos.replace import Step, Steps, no_steps
from geotagger.progress import CancelToken, Progress, ProgressCallback

_BUSY = "Another window or command of this program is writing right now."
_WAIT = "Wait until it is done, then try again."


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What became of taking one file back; ``stamp`` is the photo's stamp afterwards."""

    path: Path
    destination: Path
    ok: bool
    error: GeotaggerError | None
    stamp: FileStamp | None = None


def execute(
    connection: sqlite3.Connection,
    plan: WritePlan,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    steps: Steps = no_steps,
    pool: BoundedPool | None = None,
) -> Iterator[WriteResult]:
    """Carry out a plan as one write of the journal and yield a result per planned write.

    A failure is the result of its file and stops no other. Files are written in groups that share
    their syncs (`write_group`); `cancel` is heard between groups. What was written when it is set
    or the iteration ends stays written and can be undone. `steps` hears of every step.
    With a `pool` the files are parsed, copied and checked in its workers, bounded in time and
    memory, and `steps` hears only of what follows.
    """
    if not plan.items:
        return
    with writer_lock(connection) as alone:
        if not alone:
            for item in plan.items:
                busy = WriteError(_BUSY, path=item.path, remedy=_WAIT)
                yield WriteResult(item.path, item.destination, False, busy, 0, item.stamp)
            return
        pairs = [(item.path, item.destination) for item in plan.items]
        write_id, files = journal.begin(connection, _common_folder(pairs), pairs)
        run = Run(connection, write_id, steps, pool)
        number = 0
        try:
            for group in grouped(list(zip(plan.items, files, strict=True))):
                if cancel is not None and cancel.cancelled:
                    return
                results = write_group(run, group)
                for (item, _), result in zip(group, results, strict=True):
                    _report(progress, Progress(number, len(files), "Writing", item.path.name))
                    number += 1
                    yield result
            _report(progress, Progress(len(files), len(files), "Writing"))
        finally:
            journal.forget_planned(connection, write_id)


def undo(
    connection: sqlite3.Connection,
    write_id: int,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    steps: Steps = no_steps,
) -> Iterator[UndoResult]:
    """Take a write back and yield a result per file that it had changed.

    Each file gets its identical bytes back, checked by hash, or stays as it is with the reason: it
    was changed since, by another program or a later write.
    """
    with writer_lock(connection) as alone:
        # A write that failed after all is nothing to take back, one that was cut off is.
        for entry in journal.entries(connection, "write_id = ? AND state = 'prepared'", [write_id]):
            if alone:
                journal.resolve(connection, entry)
        wanted = "write_id = ? AND state = 'done' ORDER BY id DESC"
        files = journal.entries(connection, wanted, [write_id])
        for number, entry in enumerate(files):
            if cancel is not None and cancel.cancelled:
                return
            _report(progress, Progress(number, len(files), "Undoing", entry.path.name))
            if alone:
                yield _take_back(connection, entry, steps)
            else:
                busy = UndoError(_BUSY, path=entry.path, remedy=_WAIT)
                yield UndoResult(
                    entry.path, entry.destination, False, busy, stamp_or_none(entry.path)
                )
        _report(progress, Progress(len(files), len(files), "Undoing"))


def _report(progress: ProgressCallback | None, state: Progress) -> None:
    if progress is not None:
        progress(state)


def _take_back(connection: sqlite3.Connection, entry: FileEntry, steps: Steps) -> UndoResult:
    error: GeotaggerError | None = None
    try:
        _undo_one(connection, entry, steps)
    except Exception as failure:  # noqa: BLE001 - whatever befalls one file, the others go on
        error = _undo_failed(connection, entry, failure)
    return UndoResult(
        entry.path, entry.destination, error is None, error, stamp_or_none(entry.path)
    )


def _undo_one(connection: sqlite3.Connection, entry: FileEntry, steps: Steps) -> None:
    path = entry.destination
    # Before anything else, so that a file that is gone or changed is not marked as being undone.
    stamp = replace.stamp_of(path)
    if replace.hash_of(path) != entry.new_hash:
        raise _changed_since(connection, entry)
    token = journal.undoing(connection, entry)
    steps(Step.JOURNALLED)

    def build(source: BinaryIO) -> Sequence[Edit]:
        return edits.decode(entry.undo or b"")

    def check(old: BinaryIO, new: BinaryIO) -> None:
        """Leave it to the hash, which tells more than any reader."""

    change = replace.prepare(
        path,
        token=token,
        expected=stamp,
        build=build,
        check=check,
        remove=entry.created,
        steps=steps,
    )
    intact = change.removed or change.new_hash == entry.old_hash
    if change.old_hash != entry.new_hash or not intact:
        replace.discard(path, token)
        raise _changed_since(connection, entry)
    replace.swap(change, steps)
    journal.settle(connection, entry.id, "undone")
    steps(Step.DONE)


def _undo_failed(
    connection: sqlite3.Connection, entry: FileEntry, failure: Exception
) -> GeotaggerError | None:
    """Bring journal and folder in order; return the error, None if the file is back anyway."""
    error = in_words(failure, entry.destination)
    if not isinstance(error, FileChangedError | UndoError):
        error = UndoError(error.message, path=error.path, remedy=error.remedy)
    try:
        current = journal.entries(connection, "id = ?", [entry.id])[0]
        if current.state == "undoing" and (
            journal.resolve(connection, current).outcome == "finished"
        ):
            return None
    except sqlite3.Error as trouble:
        return in_words(trouble, entry.destination)
    return error


def _changed_since(connection: sqlite3.Connection, entry: FileEntry) -> FileChangedError:
    later = connection.execute(
        "SELECT max(write_id) FROM write_files WHERE destination = ? AND id > ? AND state = 'done'",
        (os.fsencode(entry.destination), entry.id),
    ).fetchone()[0]
    if later is not None:
        return FileChangedError(
            f"The file was written again later (write {later}).",
            path=entry.destination,
            remedy=f"Undo write {later} first.",
        )
    return FileChangedError(
        "The file was changed by another program since it was written.",
        path=entry.destination,
        remedy="It was left as it is.",
    )


def _common_folder(pairs: Sequence[tuple[Path, Path]]) -> Path:
    folders = {path.parent for path, _ in pairs}
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # different drives
        return pairs[0][0].parent


__all__ = [
    "PlannedWrite",
    "Recovered",
    "UndoResult",
    "WriteEntry",
    "WriteOptions",
    "WritePlan",
    "WriteResult",
    "WriteTarget",
    "execute",
    "history",
    "plan_writes",
    "recover",
    "undo",
]
