"""Plans, writes and undo through the journal, on real files."""

from __future__ import annotations

import os
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from geotagger.errors import FileChangedError, UndoError, WriteError, WriteRefusedError
from geotagger.library import journal, writing
from geotagger.library.writer_lock import writer_lock
from geotagger.library.writing import WriteOptions, WriteTarget
from geotagger.photos.gps_write import GpsFix
from geotagger.photos.record import FileStamp
from geotagger.photos.replace import stamp_of
from geotagger.progress import CancelledError, CancelToken, Progress
from tests.support.jpegs import camera_block, exif, jpeg, places_read
from tests.support.writes import FIX, contents, leftovers, open_journal, photo, plan

XMP = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'>\n"
    "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    "<rdf:Description xmlns:a='u:' a:keep='&#8364; me'/></rdf:RDF></x:xmpmeta>"
)


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


class TestSidecars:
    def test_other_containers_get_one_and_undo_removes_it(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        paths = [folder / "a.heic", folder / "b.nef"]
        for path in paths:
            path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
        before = contents(folder)
        prepared = plan(paths)
        assert [item.how for item in prepared.items] == ["sidecar"] * 2
        assert all(item.reason for item in prepared.items)
        results = list(writing.execute(connection, prepared))
        assert [r.destination.name for r in results] == ["a.heic.xmp", "b.nef.xmp"]
        assert contents(folder).keys() > before.keys()
        assert all(r.ok for r in writing.undo(connection, results[0].write_id))
        assert contents(folder) == before

    def test_an_existing_one_is_merged_into_and_restored(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        (folder / "a.nef").write_bytes(b"raw")
        (folder / "a.xmp").write_text(XMP)
        before = contents(folder)
        (result,) = writing.execute(connection, plan([folder / "a.nef"]))
        assert result.destination == folder / "a.xmp"
        assert "a:keep='&#8364; me'" in (folder / "a.xmp").read_text()
        assert next(writing.undo(connection, result.write_id)).ok
        assert contents(folder) == before

    def test_one_that_was_edited_since_is_not_taken_back(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        (folder / "a.nef").write_bytes(b"raw")
        (result,) = writing.execute(connection, plan([folder / "a.nef"]))
        with result.destination.open("a") as stream:
            stream.write("<!-- edited -->")
        (undone,) = writing.undo(connection, result.write_id)
        assert isinstance(undone.error, FileChangedError)
        assert result.destination.exists()

    def test_one_that_appears_after_planning_is_not_overwritten(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        (folder / "a.nef").write_bytes(b"raw")
        prepared = plan([folder / "a.nef"])
        (folder / "a.nef.xmp").write_text(XMP)
        (result,) = writing.execute(connection, prepared)
        assert isinstance(result.error, FileChangedError)
        assert (folder / "a.nef.xmp").read_text() == XMP

    def test_a_damaged_one_is_left_alone(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        (folder / "a.nef").write_bytes(b"raw")
        (folder / "a.nef.xmp").write_text("<broken")
        (result,) = writing.execute(connection, plan([folder / "a.nef"]))
        assert isinstance(result.error, WriteRefusedError)
        assert (folder / "a.nef.xmp").read_text() == "<broken"

    def test_the_raw_of_a_pair_gets_one_and_the_movie_stays_untouched(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        for name in ("a.nef", "a.mov", "a.aae"):
            (folder / name).write_bytes(b"other")
        (folder / "a.xmp").write_text(XMP)
        others = [folder / "a.nef", folder / "a.mov", folder / "a.aae"]
        results = list(writing.execute(connection, plan([path], companions=others)))
        assert [(r.path.name, r.destination.name) for r in results] == [
            ("a.jpg", "a.jpg"),
            ("a.nef", "a.xmp"),
        ]
        assert all(r.ok for r in results)
        assert all(other.read_bytes() == b"other" for other in others)

    def test_the_one_of_a_jpeg_is_kept_in_step(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        (folder / "a.jpg.xmp").write_text(XMP)
        results = list(writing.execute(connection, plan([path])))
        assert [r.destination.name for r in results] == ["a.jpg", "a.jpg.xmp"]
        assert "GPSLatitude" in (folder / "a.jpg.xmp").read_text()

    def test_is_left_alone_when_its_photo_could_not_be_written(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        (folder / "a.jpg.xmp").write_text(XMP)
        prepared = plan([path])
        path.write_bytes(b"changed")
        results = list(writing.execute(connection, prepared))
        assert [r.ok for r in results] == [False, False]
        assert (folder / "a.jpg.xmp").read_text() == XMP

    def test_of_a_photo_that_changed_is_not_written(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        (folder / "a.nef").write_bytes(b"raw")
        prepared = plan([folder / "a.nef"])
        (folder / "a.nef").write_bytes(b"another raw")
        (result,) = writing.execute(connection, prepared)
        assert isinstance(result.error, FileChangedError)
        assert not (folder / "a.nef.xmp").exists()


class TestPlan:
    def test_says_what_changes_in_words(self, folder: Path) -> None:
        (item,) = plan([photo(folder / "a.jpg", gps=True)]).items
        assert (item.how, item.reason) == ("in the file", "")
        assert item.before == "48.500000° N, 2.250000° E"
        assert item.after == "33.856784° S, 151.215297° E, ±25 m"

    def test_changes_nothing(self, folder: Path) -> None:
        paths = [photo(folder / "a.jpg"), folder / "b.nef"]
        paths[1].write_bytes(b"raw")
        before = contents(folder)
        plan(paths)
        assert contents(folder) == before

    def test_takes_a_sidecar_for_what_the_patch_refuses(self, folder: Path) -> None:
        path = folder / "a.jpg"
        path.write_bytes(jpeg(exif(camera_block(padding=65_500 - len(camera_block())))))
        (item,) = plan([path]).items
        assert (item.how, item.destination.name) == ("sidecar", "a.jpg.xmp")
        assert "64 kB" in item.reason

    def test_always_and_never_are_obeyed(self, folder: Path) -> None:
        path, raw = photo(folder / "a.jpg"), folder / "b.nef"
        raw.write_bytes(b"raw")
        (folder / "a.jpg.xmp").write_text(XMP)
        always = plan([path, raw], options=WriteOptions(sidecar="always")).items
        assert [i.how for i in always] == ["sidecar", "sidecar"]
        never = plan([path, raw], options=WriteOptions(sidecar="never")).items
        assert [i.how for i in never] == ["in the file", "refused"]
        assert isinstance(never[1].error, WriteRefusedError)
        pair = plan([path], options=WriteOptions(sidecar="never"), companions=[raw]).items
        assert [i.how for i in pair] == ["in the file"]

    def test_names_like_adobe_if_told(self, folder: Path) -> None:
        raw = folder / "b.nef"
        raw.write_bytes(b"raw")
        (item,) = plan([raw], options=WriteOptions(naming="adobe")).items
        assert item.destination.name == "b.xmp"

    def test_refuses_two_photos_that_are_one_file(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        (folder / "link.jpg").symlink_to(path)
        prepared = plan([path, folder / "link.jpg"])
        assert [i.how for i in prepared.items] == ["in the file", "refused"]
        assert [r.ok for r in writing.execute(connection, prepared)] == [True, False]

    def test_clearing_gps_is_a_write_that_can_be_undone(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path, none = photo(folder / "a.jpg", gps=True), photo(folder / "b.jpg")
        raw = folder / "c.nef"
        raw.write_bytes(b"raw")
        before = contents(folder)
        prepared = plan([path, none, raw], None)
        assert [(i.path, i.after) for i in prepared.items] == [(path, "no place")]
        (result,) = writing.execute(connection, prepared)
        assert place(path) is None
        assert next(writing.undo(connection, result.write_id)).ok
        assert contents(folder) == before

    def test_can_be_cancelled(self, folder: Path) -> None:
        cancel = CancelToken()
        cancel.cancel()
        path = photo(folder / "a.jpg")
        with pytest.raises(CancelledError):
            writing.plan_writes([WriteTarget(path, FIX, stamp_of(path))], cancel=cancel)


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
