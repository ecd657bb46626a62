"""Running a write: progress, cancelling, two writers, the journal's durability."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from geotagger.errors import WriteError
from geotagger.library import journal, writing
from geotagger.library.writer_lock import writer_lock
from geotagger.photos.gps_write import GpsFix
from geotagger.photos.replace import Step
from geotagger.progress import CancelToken, Progress
from tests.support.writes import contents, leftovers, open_journal, photo, plan


class TestRunning:
    def test_progress_counts_to_the_end(self, connection: sqlite3.Connection, folder: Path) -> None:
        heard: list[Progress] = []
        paths = [photo(folder / f"{n}.jpg") for n in range(2)]
        (first, _) = writing.execute(connection, plan(paths), progress=heard.append)
        assert [(p.done, p.total) for p in heard] == [(0, 2), (1, 2), (2, 2)]
        heard.clear()
        list(writing.undo(connection, first.write_id, progress=heard.append))
        assert [(p.done, p.total) for p in heard] == [(0, 2), (1, 2), (2, 2)]

    def test_cancelling_keeps_what_is_written_and_forgets_the_rest(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        paths = [photo(folder / f"{n}.jpg") for n in range(4)]
        before = contents(folder)
        cancel = CancelToken()
        done = []
        for result in writing.execute(connection, plan(paths), cancel=cancel):
            done.append(result)
            if len(done) == 2:
                cancel.cancel()
        assert [r.ok for r in done] == [True, True]
        (entry,) = writing.history(connection)
        assert (entry.count, entry.failed) == (2, 0)
        assert journal.recover(connection) == []
        assert len(list(writing.undo(connection, entry.id))) == 2
        assert contents(folder) == before

    @pytest.mark.parametrize("undo", [False, True])
    def test_cancelling_is_heard_between_the_files_of_a_group(
        self, connection: sqlite3.Connection, folder: Path, undo: bool
    ) -> None:
        paths = [photo(folder / f"{n}.jpg") for n in range(20)]
        before = contents(folder)
        write_id = 0
        if undo:
            write_id = [r.write_id for r in writing.execute(connection, plan(paths))].pop()
        cancel = CancelToken()
        prepared: list[Step] = []

        def hear(step: Step) -> None:
            if step is Step.VERIFIED:
                prepared.append(step)
                if len(prepared) == 10:  # the second file of the fifth group
                    cancel.cancel()

        if undo:
            ends = list(writing.undo(connection, write_id, cancel=cancel, steps=hear))
        else:
            ends = list(writing.execute(connection, plan(paths), cancel=cancel, steps=hear))
        assert len(prepared) == 10 and len(ends) == 8 and all(end.ok for end in ends)
        assert leftovers(folder) == []
        same = {name for name, data in contents(folder).items() if data == before[name]}
        assert len(same) == (8 if undo else 12)
        assert journal.recover(connection) == []
        for entry in writing.history(connection):
            assert all(one.ok for one in writing.undo(connection, entry.id))
        assert contents(folder) == before

    def test_a_write_cancelled_at_once_leaves_no_entry(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        cancel = CancelToken()
        cancel.cancel()
        path = photo(folder / "a.jpg")
        assert list(writing.execute(connection, plan([path]), cancel=cancel)) == []
        assert writing.history(connection) == []

    def test_an_iteration_that_is_dropped_can_be_undone(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        running = writing.execute(connection, plan([photo(folder / f"{n}.jpg") for n in range(3)]))
        first = next(running)
        running.close()  # type: ignore[attr-defined]
        assert len(list(writing.undo(connection, first.write_id))) == 1

    def test_two_writers_at_once_are_kept_apart(
        self, connection: sqlite3.Connection, folder: Path, tmp_path: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        (written,) = writing.execute(connection, plan([path]))
        other = open_journal(tmp_path / "journal.sqlite")
        with writer_lock(other) as alone:
            assert alone
            assert journal.recover(connection) == []
            (refused,) = writing.execute(connection, plan([path], GpsFix(1, 2)))
            assert not refused.ok
            assert "is writing right now" in str(refused.error)
            (undone,) = writing.undo(connection, written.write_id)
            assert "is writing right now" in str(undone.error)
        (undone,) = writing.undo(connection, written.write_id)
        assert undone.ok
        other.close()

    def test_a_file_that_another_program_has_locked_is_not_written(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        fcntl = pytest.importorskip("fcntl")
        path = photo(folder / "a.jpg")
        with path.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            (result,) = writing.execute(connection, plan([path]))
        assert isinstance(result.error, WriteError)
        assert "Another program" in str(result.error)

    def test_the_journal_is_synced_before_the_file_changes(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        modes: list[str] = []
        connection.set_trace_callback(modes.append)
        list(writing.execute(connection, plan([photo(folder / "a.jpg")])))
        connection.set_trace_callback(None)
        prepared = next(i for i, sql in enumerate(modes) if "'prepared'" in sql)
        assert modes[prepared - 2 : prepared] == ["PRAGMA synchronous = FULL", "BEGIN IMMEDIATE"]
        assert modes[prepared + 1] == "COMMIT"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 1

    def test_an_open_transaction_of_the_caller_is_never_committed(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        connection.execute("BEGIN")
        with pytest.raises(sqlite3.ProgrammingError, match="transaction of its own"):
            list(writing.execute(connection, plan([photo(folder / "a.jpg")])))
        assert connection.in_transaction
        connection.execute("ROLLBACK")
