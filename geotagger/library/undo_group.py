"""Take a group of files back so that they share what is slow, with the promise of a single file.

One commit marks the whole group as being undone; the undo data is durable since the write. Then
the old contents are written beside the files, synced and checked, put in place one after another,
and the folders are synced once. A crash leaves each file old or new, and its hash tells which.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from geotagger.errors import FileChangedError, GeotaggerError, UndoError, UnreadableFileError
from geotagger.library import journal
from geotagger.library.journal import FileEntry
from geotagger.library.write_files import Files, UnansweredError
from geotagger.library.write_group import in_words, not_known
from geotagger.photos.file_tasks import Replacing
from geotagger.photos.record import FileStamp
from geotagger.photos.replace import Prepared, Step
from geotagger.photos.undo_prepare import Reversal, prepare_undo
from geotagger.progress import CancelToken


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What became of taking one file back; ``stamp`` is the photo's stamp afterwards.

    With ``tried`` False nothing was begun, and ``error`` says for all alike why.
    """

    path: Path
    destination: Path
    ok: bool
    error: GeotaggerError | None
    stamp: FileStamp | None = None
    tried: bool = True


@dataclass(slots=True)
class _Group:
    """The errors of a group's files by the number of their journal entry."""

    connection: sqlite3.Connection
    files: Files
    errors: dict[int, GeotaggerError] = field(default_factory=dict)

    def refuse(self, entry: FileEntry, error: Exception) -> None:
        """Note why a file was not taken back: it was not touched."""
        words = _in_words(self.connection, entry, error)
        try:
            if self.files.discard([(entry.destination, entry.token)]):
                journal.settle(self.connection, entry.id, "done")
        except sqlite3.Error as trouble:
            words = in_words(trouble, entry.destination)
        self.errors[entry.id] = words

    def fail(self, entry: FileEntry, error: Exception) -> None:
        """Find out what became of a file on whose replacement something went wrong."""
        final = _after_failure(self, entry, error)
        if final is not None:
            self.errors[entry.id] = final


def undo_group(
    connection: sqlite3.Connection,
    files: Files,
    members: Sequence[FileEntry],
    cancel: CancelToken | None = None,
) -> list[UndoResult]:
    """Take files back and return a result per member, in their order; nothing if cancelled."""
    group = _Group(connection, files)
    try:
        marked = journal.undoing(connection, members)
    except sqlite3.Error as trouble:
        errors = [in_words(trouble, entry.destination) for entry in members]
        return _results(files, members, dict(zip((e.id for e in members), errors, strict=True)))
    ready: list[tuple[FileEntry, Prepared]] = []
    try:
        for entry in marked:
            if cancel is not None and cancel.cancelled:
                _leave(group, marked)
                return []
            try:
                ready.append((entry, files.prepare(prepare_undo, _task(entry), entry.destination)))
            except Exception as error:  # noqa: BLE001 - whatever befalls one, the others go on
                group.refuse(entry, error)
    except BaseException:
        _leave(group, marked)
        raise
    _settle(group, _swap(group, ready))
    return _results(files, members, group.errors)


def _task(entry: FileEntry) -> Reversal:
    return Reversal(
        path=entry.destination,
        token=entry.token,
        old_hash=entry.old_hash or b"",
        new_hash=entry.new_hash or b"",
        undo=entry.undo or b"",
        created=entry.created,
    )


def _leave(group: _Group, marked: Sequence[FileEntry]) -> None:
    """Give up before anything was replaced."""
    for entry in marked:
        if entry.id not in group.errors and group.files.discard([(entry.destination, entry.token)]):
            journal.settle(group.connection, entry.id, "done")


def _swap(group: _Group, ready: Sequence[tuple[FileEntry, Prepared]]) -> list[FileEntry]:
    """Put the old contents in place and return the files that have them."""
    # Each stands for itself, so its own path is what its failure stops.
    tasks = [Replacing(entry.destination, change) for entry, change in ready]
    swapped = []
    for (entry, _), end in zip(ready, group.files.swap(tasks), strict=True):
        if isinstance(end, GeotaggerError):
            group.fail(entry, end)
        else:
            swapped.append(entry)
    return swapped


def _settle(group: _Group, swapped: Sequence[FileEntry]) -> None:
    """Sync the folders of what is in place, then note it as undone."""
    troubles = group.files.sync(entry.destination.parent for entry in swapped)
    synced: list[FileEntry] = []
    for entry in swapped:
        try:
            if entry.destination.parent in troubles:
                raise troubles[entry.destination.parent]
            group.files.steps(Step.FOLDER_SYNCED)
            synced.append(entry)
        except Exception as error:  # noqa: BLE001 - as above
            group.fail(entry, error)
    try:
        journal.settle_all(group.connection, [entry.id for entry in synced], "undone")
    except sqlite3.Error as error:
        for entry in synced:
            group.fail(entry, error)
        return
    for entry in synced:
        try:
            group.files.steps(Step.DONE)
        except Exception as error:  # noqa: BLE001 - as above
            group.fail(entry, error)


def _results(
    files: Files, members: Sequence[FileEntry], errors: dict[int, GeotaggerError]
) -> list[UndoResult]:
    stamps = files.stamps([entry.path for entry in members])
    return [
        UndoResult(
            entry.path, entry.destination, entry.id not in errors, errors.get(entry.id), stamp
        )
        for entry, stamp in zip(members, stamps, strict=True)
    ]


def _after_failure(group: _Group, entry: FileEntry, failure: Exception) -> GeotaggerError | None:
    """Bring journal and folder in order; return the error, None if the file is back anyway."""
    try:
        (current,) = journal.entries(group.connection, "id = ?", [entry.id])
        if current.state == "undone":
            return None
        if current.state == "undoing":
            if journal.resolve(group.connection, current, group.files).outcome == "finished":
                return None
            (after,) = journal.entries(group.connection, "id = ?", [entry.id])
            if after.state == "undoing":
                return not_known(entry.destination, "taken back", "it was")
    except sqlite3.Error as trouble:
        return in_words(trouble, entry.destination)
    return _in_words(group.connection, entry, failure)


def _in_words(
    connection: sqlite3.Connection, entry: FileEntry, failure: Exception
) -> GeotaggerError:
    error = in_words(failure, entry.destination)
    if isinstance(error, FileChangedError):
        return _changed_since(connection, entry)
    if isinstance(error, UndoError | UnansweredError | UnreadableFileError):
        return error
    return UndoError(error.message, path=error.path, remedy=error.remedy)


def _changed_since(connection: sqlite3.Connection, entry: FileEntry) -> FileChangedError:
    """Return the error of a file that is not what the write left, with what to do first."""
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
