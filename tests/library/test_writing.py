"""Writes and undo through the journal, on real files."""

from __future__ import annotations

import os
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from geotagger.errors import FileChangedError, UndoError
from geotagger.library import journal, writing
from geotagger.library.writing import WriteTarget
from geotagger.photos.gps_write import GpsFix
from geotagger.photos.record import FileStamp
from geotagger.photos.replace import stamp_of
from tests.support.jpegs import places_read
from tests.support.writes import FIX, contents, leftovers, open_journal, photo, plan


def place(path: Path) -> object:
    return places_read(path)["exifread"]


def test_jpegs_are_written_and_taken_back_byte_for_byte(
    connection: sqlite3.Connection, folder: Path
) -> None:
    paths = [photo(folder / f"{n}.jpg", gps=n % 2 == 0, trailer=bytes(n)) for n in range(4)]
    before = contents(folder)
    results = list(writing.execute(connection, plan(paths)))
    assert [(r.path, r.destination, r.ok, r.error) for r in results] == [
        (path, path, True, None) for path in paths
    ]
    for result in results:
        assert place(result.path) == pytest.approx((FIX.lat, FIX.lon), abs=2e-8)
        assert result.stamp == stamp_of(result.path)
    undone = list(writing.undo(connection, results[0].write_id))
    assert all(r.ok and r.stamp == stamp_of(r.path) for r in undone)
    assert len(undone) == 4
    assert contents(folder) == before
    assert leftovers(folder) == []


def test_undo_works_after_the_catalog_was_closed(tmp_path: Path, folder: Path) -> None:
    path = photo(folder / "a.jpg")
    before = contents(folder)
    first = open_journal(tmp_path / "journal.sqlite")
    (result,) = writing.execute(first, plan([path]))
    first.close()
    second = open_journal(tmp_path / "journal.sqlite")
    assert journal.recover(second) == []
    assert [r.ok for r in writing.undo(second, result.write_id)] == [True]
    second.close()
    assert contents(folder) == before


def test_time_and_mode_stay_through_write_and_undo(
    connection: sqlite3.Connection, folder: Path
) -> None:
    path = photo(folder / "a.jpg")
    path.chmod(0o640)
    os.utime(path, ns=(1_600_000_000_123_456_789, 1_500_000_000_987_654_321))
    (result,) = writing.execute(connection, plan([path]))
    for _ in range(2):
        status = path.stat()
        assert status.st_mtime_ns == 1_500_000_000_987_654_321
        assert stat.S_IMODE(status.st_mode) == 0o640
        list(writing.undo(connection, result.write_id))


def test_history_tells_of_writes_failures_and_undos(
    connection: sqlite3.Connection, folder: Path
) -> None:
    (folder / "sub").mkdir()
    paths = [photo(folder / "a.jpg"), photo(folder / "b.jpg"), photo(folder / "sub" / "c.jpg")]
    prepared = plan(paths)
    paths[1].unlink()
    first = [r.write_id for r in writing.execute(connection, prepared)].pop()
    second = [r.write_id for r in writing.execute(connection, plan(paths[2:], GpsFix(1, 2)))].pop()
    assert [(e.id, e.count, e.failed, e.undone, e.folder) for e in writing.history(connection)] == [
        (second, 1, 0, 0, folder / "sub"),
        (first, 2, 1, 0, folder),
    ]
    list(writing.undo(connection, second))
    entry = writing.history(connection)[0]
    assert (entry.count, entry.undone) == (1, 1)
    assert timedelta(0) <= datetime.now(UTC) - entry.when < timedelta(minutes=1)


def test_nothing_to_write_leaves_no_entry(connection: sqlite3.Connection) -> None:
    assert list(writing.execute(connection, plan([]))) == []
    assert writing.history(connection) == []


def test_one_file_failing_stops_no_other(connection: sqlite3.Connection, folder: Path) -> None:
    paths = [photo(folder / f"{n}.jpg") for n in range(5)]
    prepared = plan(paths)
    paths[1].unlink()
    paths[3].write_bytes(b"changed by someone else")
    results = list(writing.execute(connection, prepared))
    assert [r.ok for r in results] == [True, False, True, False, True]
    assert "no longer there" in str(results[1].error)
    assert isinstance(results[3].error, FileChangedError)
    assert str(paths[3]) in str(results[3].error)
    assert paths[3].read_bytes() == b"changed by someone else"
    assert [r.ok for r in writing.undo(connection, results[0].write_id)] == [True] * 3


def test_a_file_that_is_not_the_scanned_one_is_refused_in_the_plan(folder: Path) -> None:
    path = photo(folder / "a.jpg")
    size, mtime = path.stat().st_size, path.stat().st_mtime_ns
    for stamp in (FileStamp(size + 1, mtime), FileStamp(size, mtime + 1)):
        (item,) = writing.plan_writes([WriteTarget(path, FIX, stamp)]).items
        assert item.how == "refused"
        assert isinstance(item.error, FileChangedError)
        assert "Scan" in item.error.remedy


def test_missing_files_folders_and_pipes_are_refused(
    connection: sqlite3.Connection, folder: Path
) -> None:
    os.mkfifo(folder / "pipe.jpg")
    (folder / "folder.jpg").mkdir()
    (folder / "loop.jpg").symlink_to("loop.jpg")
    names = ["gone.jpg", "pipe.jpg", "folder.jpg", "loop.jpg", "no/such/folder.jpg"]
    targets = [WriteTarget(folder / name, FIX, FileStamp(1, 1)) for name in names]
    prepared = writing.plan_writes(targets)
    assert [item.how for item in prepared.items] == ["refused"] * 5
    results = list(writing.execute(connection, prepared))
    assert all(not r.ok and r.error and r.error.path for r in results)
    assert writing.history(connection)[0].failed == 5


def test_names_that_are_not_utf8_are_written_and_taken_back(
    connection: sqlite3.Connection, folder: Path
) -> None:
    path = photo(folder / os.fsdecode(b"caf\xe9 \xff.jpg"))
    raw = folder / os.fsdecode(b"caf\xe9 \xff.nef")
    raw.write_bytes(b"raw")
    before = contents(folder)
    results = list(writing.execute(connection, plan([path], companions=[raw])))
    assert [r.ok for r in results] == [True, True]
    assert results[0].path == path
    assert os.fsencode(results[1].destination).endswith(b"caf\xe9 \xff.nef.xmp")
    assert all(r.ok for r in writing.undo(connection, results[0].write_id))
    assert contents(folder) == before


class TestUndo:
    def test_is_refused_when_the_file_changed_since(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        (result,) = writing.execute(connection, plan([path]))
        status = path.stat()
        changed = bytearray(path.read_bytes())
        changed[-5] ^= 1
        path.write_bytes(changed)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        (undone,) = writing.undo(connection, result.write_id)
        assert not undone.ok
        assert isinstance(undone.error, FileChangedError)
        assert "changed by another program" in str(undone.error)
        assert path.read_bytes() == changed
        assert leftovers(folder) == []

    def test_of_a_file_that_is_gone_says_so(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        (result,) = writing.execute(connection, plan([path]))
        path.unlink()
        (undone,) = writing.undo(connection, result.write_id)
        assert isinstance(undone.error, UndoError)
        assert "no longer there" in str(undone.error)
        assert undone.stamp is None

    def test_names_the_later_write_that_has_to_go_first(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        before = path.read_bytes()
        (first,) = writing.execute(connection, plan([path]))
        middle = path.read_bytes()
        (second,) = writing.execute(connection, plan([path], GpsFix(1, 2)))
        (refused,) = writing.undo(connection, first.write_id)
        assert f"write {second.write_id}" in str(refused.error)
        assert next(writing.undo(connection, second.write_id)).ok
        assert path.read_bytes() == middle
        assert next(writing.undo(connection, first.write_id)).ok
        assert path.read_bytes() == before

    def test_of_writes_to_different_files_goes_in_any_order(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        paths = [photo(folder / f"{n}.jpg") for n in range(3)]
        before = contents(folder)
        ids = [next(writing.execute(connection, plan([path]))).write_id for path in paths]
        for write_id in (ids[1], ids[0], ids[2]):
            assert all(r.ok for r in writing.undo(connection, write_id))
        assert contents(folder) == before

    def test_restores_what_it_can_and_says_what_not(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        paths = [photo(folder / f"{n}.jpg") for n in range(3)]
        before = contents(folder)
        write_id = [r.write_id for r in writing.execute(connection, plan(paths))].pop()
        paths[1].write_bytes(b"other")
        assert {r.path: r.ok for r in writing.undo(connection, write_id)} == {
            paths[0]: True,
            paths[1]: False,
            paths[2]: True,
        }
        assert contents(folder) == {**before, "1.jpg": b"other"}
        assert [r.ok for r in writing.undo(connection, write_id)] == [False]

    def test_a_second_time_does_nothing(self, connection: sqlite3.Connection, folder: Path) -> None:
        (result,) = writing.execute(connection, plan([photo(folder / "a.jpg")]))
        assert len(list(writing.undo(connection, result.write_id))) == 1
        assert list(writing.undo(connection, result.write_id)) == []
        assert list(writing.undo(connection, 999)) == []

    def test_damaged_undo_data_changes_nothing(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        (result,) = writing.execute(connection, plan([path]))
        written = path.read_bytes()
        for blob in (b"xyz", b""):
            connection.execute("UPDATE write_files SET undo = ?", (blob,))
            (undone,) = writing.undo(connection, result.write_id)
            assert not undone.ok
            assert path.read_bytes() == written
            assert leftovers(folder) == []
