"""Write a group of planned files so that they share what is slow: waiting for the disk.

The promise stays that of a single file. Every temporary file is synced and verified, then one
commit makes the journal entries of the whole group durable with their undo data, and only then is
the first file of the group replaced. A crash in between leaves each file old or new, and recovery
settles each by its hash. The folders are synced once per group, after its last replacement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from geotagger.errors import GeotaggerError, WriteError
from geotagger.library import journal
from geotagger.library.journal import FileEntry
from geotagger.library.write_files import Files, UnansweredError
from geotagger.library.write_plan import PlannedWrite
from geotagger.photos.file_tasks import Measure, Replacing, left_alone
from geotagger.photos.gps_prepare import Preparation, prepare_write
from geotagger.photos.record import FileStamp
from geotagger.photos.replace import Prepared, Step
from geotagger.photos.write_errors import explain_write_error
from geotagger.progress import CancelToken

MAX_FILES = 32
MAX_BYTES = 64 << 20
"""A group's temporary files lie beside their photos all at once, so they are bounded."""

Member = tuple[PlannedWrite, FileEntry]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of one planned write.

    ``path`` is the photo (or companion) and ``destination`` the file that was to change; ``stamp``
    is the stamp of ``path`` afterwards, None if it cannot be told; ``write_id`` is what undo takes.
    ``photo`` is the photo that it was written for, so that of a companion the main one; with
    ``tried`` False nothing was begun, and ``error`` says for all alike why.
    """

    path: Path
    destination: Path
    ok: bool
    error: GeotaggerError | None
    write_id: int
    stamp: FileStamp | None = None
    photo: Path | None = None
    tried: bool = True


@dataclass(slots=True)
class Run:
    """One write under way.

    Photos that failed get no sidecar that would contradict them; those that were written are
    expected to look as we left them.
    """

    connection: sqlite3.Connection
    write_id: int
    files: Files
    cancel: CancelToken | None = None
    failed: set[Path] = field(default_factory=set)
    left: dict[Path, FileStamp] = field(default_factory=dict)


@dataclass(slots=True)
class _Group:
    """The errors of a group's files by the number of their journal entry."""

    run: Run
    errors: dict[int, GeotaggerError] = field(default_factory=dict)

    def fail(self, item: PlannedWrite, entry: FileEntry, error: Exception) -> None:
        final = _after_failure(self.run, item, entry, in_words(error, item.path))
        if final is not None:
            self.errors[entry.id] = final
            self.run.failed.add(item.path)


def in_groups(members: Sequence[T], measures: Sequence[Measure]) -> Iterator[list[T]]:
    """Yield the members in groups that grow, so that the first results come at once.

    A file with several hard links stands alone, because another name of it may be among them.
    """
    group: list[T] = []
    bytes_left, limit, yielded = MAX_BYTES, 1, 0
    for member, (size, linked) in zip(members, measures, strict=True):
        if group and (linked or len(group) >= limit or size > bytes_left):
            yielded += len(group)
            yield group
            group, bytes_left, limit = [], MAX_BYTES, min(MAX_FILES, max(1, yielded))
        group.append(member)
        bytes_left -= MAX_BYTES if linked else size
    if group:
        yield group


def write_group(run: Run, members: Sequence[Member]) -> list[WriteResult]:
    """Write a group and return a result per member, in their order; nothing if cancelled."""
    group = _Group(run)
    ready: list[tuple[PlannedWrite, FileEntry, Prepared]] = []
    try:
        for item, entry in members:
            if run.cancel is not None and run.cancel.cancelled:
                _discard(run, ready)
                return []
            try:
                ready.append((item, entry, _prepared(run, item, entry)))
            except Exception as error:  # noqa: BLE001 - whatever befalls one file, the others go on
                group.fail(item, entry, error)
        try:
            if ready:
                journal.prepared(run.connection, [(entry, change) for _, entry, change in ready])
        except Exception as error:  # noqa: BLE001 - as above
            for item, entry, _ in ready:
                group.fail(item, entry, error)
            ready = []
    except BaseException:
        _discard(run, ready)
        raise
    _settle(group, _swap(group, ready))
    stamps = run.files.stamps([item.path for item, _ in members])
    return [
        WriteResult(
            item.path,
            item.destination,
            entry.id not in group.errors,
            group.errors.get(entry.id),
            run.write_id,
            stamp,
            item.photo,
        )
        for (item, entry), stamp in zip(members, stamps, strict=True)
    ]


def _discard(run: Run, ready: Sequence[tuple[PlannedWrite, FileEntry, Prepared]]) -> None:
    leftovers = [(entry.destination, entry.token) for _, entry, _ in ready]
    if leftovers and not run.files.discard(leftovers):
        for _, entry, _ in ready:
            journal.settle(run.connection, entry.id, "planned", _MAYBE_LEFT)


def _swap(group: _Group, ready: Sequence[tuple[PlannedWrite, FileEntry, Prepared]]) -> list[Member]:
    """Put the prepared files in place and return those that are."""
    run = group.run
    allowed: list[tuple[PlannedWrite, FileEntry, Prepared]] = []
    for item, entry, change in ready:
        if item.path in run.failed:
            group.fail(item, entry, left_alone(item.destination))
        else:
            allowed.append((item, entry, change))
    ends = run.files.swap([Replacing(item.path, change) for item, _, change in allowed])
    swapped: list[Member] = []
    for (item, entry, _), end in zip(allowed, ends, strict=True):
        if isinstance(end, GeotaggerError):
            group.fail(item, entry, end)
            continue
        if item.how == "in the file" and end is not None:
            run.left[item.path] = end
        swapped.append((item, entry))
    return swapped


def _settle(group: _Group, swapped: Sequence[Member]) -> None:
    """Sync the folders of what is in place, then note it as done."""
    run = group.run
    troubles = run.files.sync(entry.destination.parent for _, entry in swapped)
    synced: list[Member] = []
    for item, entry in swapped:
        try:
            if entry.destination.parent in troubles:
                raise troubles[entry.destination.parent]
            run.files.steps(Step.FOLDER_SYNCED)
            synced.append((item, entry))
        except Exception as error:  # noqa: BLE001 - as above
            group.fail(item, entry, error)
    try:
        journal.settle_all(run.connection, [entry.id for _, entry in synced], "done")
    except sqlite3.Error as error:
        for item, entry in synced:
            group.fail(item, entry, error)
        return
    for item, entry in synced:
        try:
            run.files.steps(Step.DONE)
        except Exception as error:  # noqa: BLE001 - as above
            group.fail(item, entry, error)


def _prepared(run: Run, item: PlannedWrite, entry: FileEntry) -> Prepared:
    if item.error is not None:
        raise item.error
    if item.path in run.failed:
        raise left_alone(item.destination)
    task = Preparation(
        path=item.path,
        destination=entry.destination,
        in_file=item.how == "in the file",
        fix=item.fix,
        expected=item.destination_stamp,
        token=entry.token,
        stamp=run.left.get(item.path, item.stamp),
    )
    return run.files.prepare(prepare_write, task, entry.destination)


def _after_failure(
    run: Run, item: PlannedWrite, entry: FileEntry, error: GeotaggerError
) -> GeotaggerError | None:
    """Bring journal and folder in order; return the error, None if the file was written anyway."""
    try:
        current = journal.entries(run.connection, "id = ?", [entry.id])[0]
        if current.state == "done":
            return None
        if current.state == "prepared":
            if journal.resolve(run.connection, current, run.files).outcome == "finished":
                return None
            (after,) = journal.entries(run.connection, "id = ?", [entry.id])
            if after.state == "prepared":
                return not_known(item.path, "replaced", "it was written")
        elif not run.files.discard([(entry.destination, entry.token)]):
            maybe_left = "" if isinstance(error, UnansweredError) else _MAYBE_LEFT
            journal.settle(run.connection, entry.id, "planned", f"{error} {maybe_left}".strip())
            return error
        journal.settle(run.connection, entry.id, "failed", str(error))
    except sqlite3.Error as failure:
        return in_words(failure, item.path)
    return error


_MAYBE_LEFT = "A temporary file may be left in the folder until the program starts again."


def not_known(path: Path, doing: str, whether: str) -> UnansweredError:
    """Return the error of a file of which the next start tells whether it changed."""
    return UnansweredError(
        f"The folder stopped answering while the file was being {doing}; whether {whether} is"
        " not known yet.",
        path=path,
        remedy="Connect the drive or network share again and start the program again: it looks.",
    )


def in_words(error: Exception, path: Path) -> GeotaggerError:
    """Return any error as one with a sentence and the path."""
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
