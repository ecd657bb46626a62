"""Plan writes of GPS, carry them out with a journal, and take them back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from geotagger.errors import UndoError, WriteError
from geotagger.library import journal
from geotagger.library.journal import FileEntry, Recovered, WriteEntry, history, recover
from geotagger.library.undo_group import UndoResult, undo_group
from geotagger.library.write_files import Files
from geotagger.library.write_group import Run, WriteResult, in_groups, write_group
from geotagger.library.write_plan import (
    PlannedWrite,
    WriteOptions,
    WritePlan,
    WriteTarget,
    plan_writes,
)
from geotagger.library.writer_lock import writer_lock
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.replace import Steps, no_steps
from geotagger.progress import CancelToken, Progress, ProgressCallback

_BUSY = "Another window or command of this program is writing right now."
_WAIT = "Wait until it is done, then try again."


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
    their syncs (`write_group`). `cancel` is heard between files until a group is prepared, then
    the group is finished. What was written when it is set or the iteration ends stays written and
    can be undone.
    With a `pool` of one worker everything that touches files happens there, bounded in time and
    memory; without one it happens here, and `steps` hears of every step.
    """
    if not plan.items:
        return
    with writer_lock(connection, pool) as alone:
        if not alone:
            for item in plan.items:
                yield _not_tried(item)
            return
        pairs = [(item.path, item.destination) for item in plan.items]
        write_id, entries = journal.begin(connection, _common_folder(pairs), pairs)
        files = Files(pool, steps)
        run = Run(connection, write_id, files, cancel)
        number = 0
        try:
            measures = files.measure([item.destination for item in plan.items])
            for group in in_groups(list(zip(plan.items, entries, strict=True)), measures):
                if cancel is not None and cancel.cancelled:
                    return
                for result in write_group(run, group):
                    name = result.path.name
                    _report(progress, Progress(number, len(entries), "Writing", name))
                    number += 1
                    yield result
            _report(progress, Progress(number, len(entries), "Writing"))
        finally:
            journal.forget_planned(connection, write_id)


def undo(
    connection: sqlite3.Connection,
    write_id: int,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    steps: Steps = no_steps,
    pool: BoundedPool | None = None,
) -> Iterator[UndoResult]:
    """Take a write back and yield a result per file that it had changed.

    Each file gets its identical bytes back, checked by hash, or stays as it is with the reason: it
    was changed since, by another program or a later write. Groups, `cancel`, `steps` and `pool` are
    as in `execute`.
    """
    with writer_lock(connection, pool) as alone:
        # A write that failed after all is nothing to take back, one that was cut off is.
        unsure = "write_id = ? AND state IN ('prepared', 'undoing') ORDER BY id DESC"
        wanted = "write_id = ? AND state = 'done' ORDER BY id DESC"
        opened = journal.entries(connection, unsure, [write_id])
        if not alone:
            for entry in opened + journal.entries(connection, wanted, [write_id]):
                busy = UndoError(_BUSY, path=entry.path, remedy=_WAIT)
                yield UndoResult(entry.path, entry.destination, False, busy, tried=False)
            return
        files = Files(pool, steps)
        for entry in opened:
            journal.resolve(connection, entry, files)
        entries = journal.entries(connection, wanted, [write_id])
        still_open = journal.entries(connection, unsure, [write_id])
        total, number = len(entries) + len(still_open), 0
        for entry in still_open:
            yield _not_answered(entry)
            number += 1
        measures = files.measure([entry.destination for entry in entries])
        for group in in_groups(entries, measures):
            if cancel is not None and cancel.cancelled:
                return
            for result in undo_group(connection, files, group, cancel):
                _report(progress, Progress(number, total, "Undoing", result.path.name))
                number += 1
                yield result
        _report(progress, Progress(number, total, "Undoing"))


def _not_tried(item: PlannedWrite) -> WriteResult:
    busy = WriteError(_BUSY, path=item.path, remedy=_WAIT)
    return WriteResult(
        item.path, item.destination, False, busy, 0, item.stamp, item.photo, tried=False
    )


def _not_answered(entry: FileEntry) -> UndoResult:
    error = UndoError(
        "It is not known yet whether this file was written: its folder does not answer.",
        path=entry.destination,
        remedy="Connect the drive or network share again, then try again.",
    )
    return UndoResult(entry.path, entry.destination, False, error)


def _report(progress: ProgressCallback | None, state: Progress) -> None:
    if progress is not None:
        progress(state)


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
