"""Files that are written as a group succeed or fail each for itself."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from geotagger.errors import WriteError
from geotagger.library import journal, write_group, writing
from geotagger.library.write_files import Files
from geotagger.photos import file_tasks
from geotagger.photos.replace import Step
from tests.support.writes import contents, leftovers, photo, plan

COUNT = 10
"""Groups of 1, 1, 2, 4 and 2."""


def test_one_commit_and_one_folder_sync_serve_a_group(
    connection: sqlite3.Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(file_tasks, "sync_folder", synced.append)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    results = list(
        writing.execute(connection, plan([photo(folder / f"{n}.jpg") for n in range(COUNT)]))
    )
    connection.set_trace_callback(None)
    assert all(result.ok for result in results)
    assert synced == [folder] * 5
    # One durable transaction begins the write, then one per group.
    assert statements.count("PRAGMA synchronous = FULL") == 1 + 5


def test_no_file_of_a_group_changes_before_all_of_it_is_in_the_journal(
    connection: sqlite3.Connection, folder: Path
) -> None:
    paths = [photo(folder / f"{n}.jpg") for n in range(COUNT)]
    before = contents(folder)
    prepared: list[int] = []

    def look(step: Step) -> None:
        if step is Step.JOURNALLED:
            changed = sum(contents(folder)[path.name] != before[path.name] for path in paths)
            known = journal.entries(connection, "state IN ('prepared', 'done')")
            assert all(entry.undo and entry.new_hash for entry in known)
            prepared.append(len(known) - changed)

    assert all(r.ok for r in writing.execute(connection, plan(paths), steps=look))
    assert prepared == [1, 1, 2, 1, 4, 3, 2, 1, 2, 1]


@pytest.mark.parametrize("step", [Step.VERIFIED, Step.JOURNALLED])
def test_a_failure_in_a_group_stops_no_other_file(
    connection: sqlite3.Connection, folder: Path, step: Step
) -> None:
    paths = [photo(folder / f"{n}.jpg") for n in range(COUNT)]
    before = contents(folder)
    heard: list[Step] = []

    def fail(now: Step) -> None:
        heard.append(now)
        if now is step and heard.count(step) == 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    results = list(writing.execute(connection, plan(paths), steps=fail))
    assert [n for n, result in enumerate(results) if not result.ok] == [5]
    assert contents(folder)["5.jpg"] == before["5.jpg"]
    assert leftovers(folder) == []


def test_a_sidecar_in_the_group_of_a_photo_that_failed_is_left_alone(
    connection: sqlite3.Connection, folder: Path
) -> None:
    paths = [photo(folder / f"{n}.jpg") for n in range(COUNT)]
    beside = folder / "6.jpg.xmp"
    beside.write_text("<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>")
    before = contents(folder)
    heard: list[Step] = []

    def fail(now: Step) -> None:
        heard.append(now)
        if now is Step.JOURNALLED and heard.count(now) == 7:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    results = list(writing.execute(connection, plan(paths), steps=fail))
    failed = [result for result in results if not result.ok]
    assert [result.destination.name for result in failed] == ["6.jpg", "6.jpg.xmp"]
    assert "could not be written" in str(failed[1].error)
    now = contents(folder)
    assert (now["6.jpg"], now["6.jpg.xmp"]) == (before["6.jpg"], before["6.jpg.xmp"])
    assert leftovers(folder) == []


def test_a_journal_that_cannot_take_a_group_leaves_all_of_it_as_it_was(
    connection: sqlite3.Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [photo(folder / f"{n}.jpg") for n in range(8)]
    before = contents(folder)
    real = journal.prepared

    def full(connection: sqlite3.Connection, changes: list[object]) -> None:
        if len(changes) == 4:
            raise sqlite3.OperationalError("database or disk is full")
        real(connection, changes)  # type: ignore[arg-type]

    monkeypatch.setattr(journal, "prepared", full)
    results = list(writing.execute(connection, plan(paths)))
    assert [result.ok for result in results] == [True] * 4 + [False] * 4
    assert all(isinstance(result.error, WriteError) for result in results[4:])
    now = contents(folder)
    assert all(now[path.name] == before[path.name] for path in paths[4:])
    assert leftovers(folder) == []


def test_an_interruption_inside_a_group_leaves_no_temporary_file(
    connection: sqlite3.Connection, folder: Path
) -> None:
    paths = [photo(folder / f"{n}.jpg") for n in range(8)]
    heard: list[Step] = []

    def interrupt(now: Step) -> None:
        heard.append(now)
        if now is Step.VERIFIED and heard.count(now) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(writing.execute(connection, plan(paths), steps=interrupt))
    assert leftovers(folder) == []
    (entry,) = writing.history(connection)
    assert entry.count == 4


def test_large_and_hard_linked_files_stand_alone(
    connection: sqlite3.Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [photo(folder / f"{n}.jpg") for n in range(8)]
    (folder / "again").hardlink_to(paths[5])
    items = plan(paths).items
    measures = Files().measure([item.destination for item in items])
    sizes = [len(group) for group in write_group.in_groups(items, measures)]
    assert sizes == [1, 1, 2, 1, 1, 2]
    monkeypatch.setattr(write_group, "MAX_BYTES", 10)
    sizes = [len(group) for group in write_group.in_groups(items, measures)]
    assert sizes == [1] * 8
