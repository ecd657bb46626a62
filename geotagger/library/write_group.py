"""Write a group of planned files so that they share what is slow: waiting for the disk.

The promise stays that of a single file. Every temporary file is synced and verified, then one
commit makes the journal entries of the whole group durable with their undo data, and only then is
the first file of the group replaced. A crash in between leaves each file old or new, and recovery
settles each by its hash. The folders are synced once per group, after its last replacement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from geotagger.errors import FileChangedError, GeotaggerError, WriteError
from geotagger.library import journal
from geotagger.library.journal import FileEntry
from geotagger.library.write_plan import PlannedWrite
from geotagger.photos import replace
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.gps_prepare import Preparation, prepare_write
from geotagger.photos.record import FileStamp
from geotagger.photos.replace import Prepared, Step, Steps
from geotagger.photos.syncing import sync_folder
from geotagger.photos.write_errors import explain_write_error

MAX_FILES = 32
MAX_BYTES = 64 << 20
"""A group's temporary files lie beside their photos all at once, so they are bounded."""

Member = tuple[PlannedWrite, FileEntry]
Fail = Callable[[PlannedWrite, FileEntry, Exception], None]


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


@dataclass(slots=True)
class Run:
    """One write under way.

    Photos that failed get no sidecar that would contradict them; those that were written are
    expected to look as we left them. With a ``pool`` each file is prepared in a bounded worker.
    """

    connection: sqlite3.Connection
    write_id: int
    steps: Steps
    pool: BoundedPool | None = None
    failed: set[Path] = field(default_factory=set)
    left: dict[Path, FileStamp] = field(default_factory=dict)


def grouped(members: Sequence[Member]) -> Iterator[list[Member]]:
    """Yield the members in groups that grow, so that the first results come at once.

    A file with several hard links stands alone, because another name of it may be in the plan.
    """
    group: list[Member] = []
    bytes_left, limit, yielded = MAX_BYTES, 1, 0
    for member in members:
        size, linked = _size_of(member[0].destination)
        if group and (linked or len(group) >= limit or size > bytes_left):
            yielded += len(group)
            yield group
            group, bytes_left, limit = [], MAX_BYTES, min(MAX_FILES, max(1, yielded))
        group.append(member)
        bytes_left -= MAX_BYTES if linked else size
    if group:
        yield group


def _size_of(path: Path) -> tuple[int, bool]:
    try:
        status = path.stat()
    except OSError:
        return 0, False
    return status.st_size, status.st_nlink > 1


def write_group(run: Run, group: Sequence[Member]) -> list[WriteResult]:
    """Write a group and return a result per member, in their order."""
    errors: dict[int, GeotaggerError] = {}

    def fail(item: PlannedWrite, entry: FileEntry, error: Exception) -> None:
        final = _after_failure(run, item, entry, in_words(error, item.path))
        if final is not None:
            errors[entry.id] = final
            run.failed.add(item.path)

    ready: list[tuple[PlannedWrite, FileEntry, Prepared]] = []
    try:
        for item, entry in group:
            try:
                ready.append((item, entry, _prepared(run, item, entry)))
            except Exception as error:  # noqa: BLE001 - whatever befalls one file, the others go on
                fail(item, entry, error)
        try:
            if ready:
                journal.prepared(run.connection, [(entry, change) for _, entry, change in ready])
        except Exception as error:  # noqa: BLE001 - as above
            for item, entry, _ in ready:
                fail(item, entry, error)
            ready = []
    except BaseException:
        for _, entry, _ in ready:
            replace.discard(entry.destination, entry.token)
        raise
    swapped: list[Member] = []
    for item, entry, change in ready:
        try:
            _require_no_failure(run, item)
            run.steps(Step.JOURNALLED)
            stamp = replace.swap(change, run.steps, sync=False)
            if item.how == "in the file" and stamp is not None:
                run.left[item.path] = stamp
            swapped.append((item, entry))
        except Exception as error:  # noqa: BLE001 - as above
            fail(item, entry, error)
    _settle(run, swapped, fail)
    return [
        WriteResult(
            item.path,
            item.destination,
            entry.id not in errors,
            errors.get(entry.id),
            run.write_id,
            stamp_or_none(item.path),
        )
        for item, entry in group
    ]


def _settle(run: Run, swapped: Sequence[Member], fail: Fail) -> None:
    """Sync the folders of what is in place, then note it as done."""
    troubles: dict[Path, OSError] = {}
    for folder in dict.fromkeys(entry.destination.parent for _, entry in swapped):
        try:
            sync_folder(folder)
        except OSError as error:
            troubles[folder] = error
    synced: list[Member] = []
    for item, entry in swapped:
        try:
            if entry.destination.parent in troubles:
                raise troubles[entry.destination.parent]
            run.steps(Step.FOLDER_SYNCED)
            synced.append((item, entry))
        except Exception as error:  # noqa: BLE001 - as above
            fail(item, entry, error)
    try:
        journal.done(run.connection, [entry.id for _, entry in synced])
    except sqlite3.Error as error:
        for item, entry in synced:
            fail(item, entry, error)
        return
    for item, entry in synced:
        try:
            run.steps(Step.DONE)
        except Exception as error:  # noqa: BLE001 - as above
            fail(item, entry, error)


def _prepared(run: Run, item: PlannedWrite, entry: FileEntry) -> Prepared:
    if item.error is not None:
        raise item.error
    _require_no_failure(run, item)
    _require_unchanged(item, run.left.get(item.path, item.stamp))
    return _prepare(run, item, entry)


def _require_no_failure(run: Run, item: PlannedWrite) -> None:
    if item.path in run.failed:
        raise WriteError(
            "The sidecar was left alone because the photo could not be written.",
            path=item.destination,
        )


def _require_unchanged(item: PlannedWrite, expected: FileStamp) -> None:
    """Refuse to describe, in a sidecar, a photo that is no longer the one that was scanned."""
    if replace.stamp_of(item.path) != expected:
        raise FileChangedError(
            "The file was changed by another program.",
            path=item.path,
            remedy="Scan the folder again, then write again.",
        )


def _prepare(run: Run, item: PlannedWrite, entry: FileEntry) -> Prepared:
    """Prepare in a bounded worker where there is one, here where a caller hears of the steps."""
    task = Preparation(
        path=item.path,
        destination=entry.destination,
        in_file=item.how == "in the file",
        fix=item.fix,
        expected=item.destination_stamp,
        token=entry.token,
    )
    if run.pool is None:
        return prepare_write(task, run.steps)
    return run.pool.run(prepare_write, task)


def _after_failure(
    run: Run, item: PlannedWrite, entry: FileEntry, error: GeotaggerError
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
        return in_words(failure, item.path)
    return error


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


def stamp_or_none(path: Path) -> FileStamp | None:
    """Return the stamp of a file, None if it cannot be told."""
    try:
        return replace.stamp_of(path)
    except OSError:
        return None
