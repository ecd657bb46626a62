"""Plan writes of GPS, carry them out with a journal, and take them back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
from geotagger.library.write_plan import (
    PlannedWrite,
    WriteOptions,
    WritePlan,
    WriteTarget,
    plan_writes,
)
from geotagger.library.writer_lock import writer_lock
from geotagger.photos import edits, replace
from geotagger.photos.containers.registry import container_of
from geotagger.photos.edits import Edit
from geotagger.photos.record import FileStamp
from geotagger.photos.replace import Step, Steps, no_steps
from geotagger.photos.sidecar import Sidecar
from geotagger.photos.write_errors import explain_write_error
from geotagger.progress import CancelToken, Progress, ProgressCallback

_BUSY = "Another window or command of this program is writing right now."
_WAIT = "Wait until it is done, then try again."


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of one planned write.

    ``path`` is the photo (or companion) and ``destination`` the file that was to change; ``stamp``
    is the photo's stamp afterwards, None if it cannot be told; ``write_id`` is what undo takes.
    """

    path: Path
    destination: Path
    ok: bool
    error: GeotaggerError | None
    write_id: int
    stamp: FileStamp | None = None


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What became of taking one file back; ``stamp`` is the photo's stamp afterwards."""

    path: Path
    destination: Path
    ok: bool
    error: GeotaggerError | None
    stamp: FileStamp | None = None


@dataclass(slots=True)
class _Run:
    """One write under way.

    Photos that failed get no sidecar that would contradict them; those that were written are
    expected to look as we left them.
    """

    connection: sqlite3.Connection
    write_id: int
    steps: Steps
    failed: set[Path] = field(default_factory=set)
    left: dict[Path, FileStamp] = field(default_factory=dict)


def execute(
    connection: sqlite3.Connection,
    plan: WritePlan,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    steps: Steps = no_steps,
) -> Iterator[WriteResult]:
    """Carry out a plan as one write of the journal and yield a result per planned write.

    A failure is the result of its file and stops no other. What was written when `cancel` is set
    or the iteration ends stays written and can be undone. `steps` hears of every step.
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
        run = _Run(connection, write_id, steps)
        try:
            for number, (item, entry) in enumerate(zip(plan.items, files, strict=True)):
                if cancel is not None and cancel.cancelled:
                    return
                _report(progress, Progress(number, len(files), "Writing", item.path.name))
                yield _write(run, item, entry)
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
                yield UndoResult(entry.path, entry.destination, False, busy, _stamp(entry.path))
        _report(progress, Progress(len(files), len(files), "Undoing"))


def _report(progress: ProgressCallback | None, state: Progress) -> None:
    if progress is not None:
        progress(state)


def _write(run: _Run, item: PlannedWrite, entry: FileEntry) -> WriteResult:
    error = _attempt(run, item, entry)
    if error is not None:
        run.failed.add(item.path)
    return WriteResult(
        item.path, item.destination, error is None, error, run.write_id, _stamp(item.path)
    )


def _attempt(run: _Run, item: PlannedWrite, entry: FileEntry) -> GeotaggerError | None:
    """Write one file; return why not."""
    try:
        if item.error is not None:
            raise item.error
        if item.path in run.failed:
            raise WriteError(
                "The sidecar was left alone because the photo could not be written.",
                path=item.destination,
            )
        _require_unchanged(item, run.left.get(item.path, item.stamp))
        change = _prepare(item, entry, run.steps)
        journal.prepared(run.connection, entry, change)
        run.steps(Step.JOURNALLED)
        stamp = replace.swap(change, run.steps)
        if item.how == "in the file" and stamp is not None:
            run.left[item.path] = stamp
        journal.settle(run.connection, entry.id, "done")
        run.steps(Step.DONE)
    except Exception as error:  # noqa: BLE001 - whatever befalls one file, the others go on
        return _after_failure(run, item, entry, _in_words(error, item.path))
    return None


def _require_unchanged(item: PlannedWrite, expected: FileStamp) -> None:
    """Refuse to describe, in a sidecar, a photo that is no longer the one that was scanned."""
    if replace.stamp_of(item.path) != expected:
        raise FileChangedError(
            "The file was changed by another program.",
            path=item.path,
            remedy="Scan the folder again, then write again.",
        )


def _prepare(item: PlannedWrite, entry: FileEntry, steps: Steps) -> replace.Prepared:
    in_file = item.how == "in the file"

    def build(source: BinaryIO) -> Sequence[Edit]:
        if not in_file:
            return Sidecar().edits(source, item.destination, item.fix)
        container = container_of(source, item.path)
        if container is None:
            raise FileChangedError("The file is of another kind than before.", path=item.path)
        return container.edits(source, item.path, item.fix)

    def check(old: BinaryIO, new: BinaryIO) -> None:
        if not in_file:
            Sidecar().check(old, new, item.destination, item.fix)
            return
        container = container_of(new, item.path)
        if container is None:
            raise WriteError("The result is no photo any more.", path=item.path)
        container.check(old, new, item.path, item.fix)

    return replace.prepare(
        entry.destination,
        token=entry.token,
        expected=item.destination_stamp,
        build=build,
        check=check,
        steps=steps,
    )


def _after_failure(
    run: _Run, item: PlannedWrite, entry: FileEntry, error: GeotaggerError
) -> GeotaggerError | None:
    """Bring journal and folder in order; return the error, None if the file was written anyway."""
    try:
        current = journal.entries(run.connection, "id = ?", [entry.id])[0]
        if current.state == "done":
            return None
        if current.state == "prepared":
            if journal.resolve(run.connection, current).outcome == "finished":
                return None
        else:
            replace.discard(entry.destination, entry.token)
        journal.settle(run.connection, entry.id, "failed", str(error))
    except sqlite3.Error as failure:
        return _in_words(failure, item.path)
    return error


def _take_back(connection: sqlite3.Connection, entry: FileEntry, steps: Steps) -> UndoResult:
    error: GeotaggerError | None = None
    try:
        _undo_one(connection, entry, steps)
    except Exception as failure:  # noqa: BLE001 - whatever befalls one file, the others go on
        error = _undo_failed(connection, entry, failure)
    return UndoResult(entry.path, entry.destination, error is None, error, _stamp(entry.path))


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
        if edits.content_hash(new) != entry.old_hash:
            raise _changed_since(connection, entry)

    change = replace.prepare(
        path,
        token=token,
        expected=stamp,
        build=build,
        check=check,
        remove=entry.created,
        steps=steps,
    )
    if change.old_hash != entry.new_hash:
        replace.discard(path, token)
        raise _changed_since(connection, entry)
    replace.swap(change, steps)
    journal.settle(connection, entry.id, "undone")
    steps(Step.DONE)


def _undo_failed(
    connection: sqlite3.Connection, entry: FileEntry, failure: Exception
) -> GeotaggerError | None:
    """Bring journal and folder in order; return the error, None if the file is back anyway."""
    error = _in_words(failure, entry.destination)
    if not isinstance(error, FileChangedError | UndoError):
        error = UndoError(error.message, path=error.path, remedy=error.remedy)
    try:
        current = journal.entries(connection, "id = ?", [entry.id])[0]
        if current.state == "undoing" and (
            journal.resolve(connection, current).outcome == "finished"
        ):
            return None
    except sqlite3.Error as trouble:
        return _in_words(trouble, entry.destination)
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


def _in_words(error: Exception, path: Path) -> GeotaggerError:
    if isinstance(error, GeotaggerError):
        return error
    if isinstance(error, OSError):
        return explain_write_error(error, path)
    if isinstance(error, sqlite3.Error):
        return WriteError(
            f"The journal could not be written ({error}), so the file was left alone.",
            path=path,
            remedy="Make room on the disk of the catalog, then write again.",
        )
    return WriteError(
        f"The file could not be handled ({type(error).__name__}: {error}).", path=path
    )


def _stamp(path: Path) -> FileStamp | None:
    try:
        return replace.stamp_of(path)
    except OSError:
        return None


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
