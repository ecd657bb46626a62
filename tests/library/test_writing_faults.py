"""Full disks, read-only disks and errors at each step of the write layer."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from geotagger.errors import WriteError
from geotagger.library import journal, writing
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.replace import Step, Steps
from tests.support.writes import contents, leftovers, open_journal, photo, plan

BEFORE = [
    Step.CHECKED,
    Step.TEMP_CREATED,
    Step.TEMP_WRITTEN,
    Step.TEMP_SYNCED,
    Step.VERIFIED,
    Step.JOURNALLED,
]
AFTER = [Step.REPLACED, Step.RESTORED, Step.FOLDER_SYNCED, Step.DONE]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_journal(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


def failing(at: Step, nth: int, error: BaseException) -> Steps:
    left = [nth]

    def heard(step: Step) -> None:
        if step is at:
            left[0] -= 1
            if left[0] == 0:
                raise error

    return heard


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("step", BEFORE)
def test_an_error_before_the_replacement_leaves_that_file_as_it_was(
    connection: sqlite3.Connection, tmp_path: Path, step: Step, code: int
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    paths = [photo(folder / f"{n}.jpg") for n in range(3)]
    before = contents(folder)
    steps = failing(step, 2, OSError(code, os.strerror(code)))
    results = list(writing.execute(connection, plan(paths), steps=steps))
    assert [r.ok for r in results] == [True, False, True]
    assert isinstance(results[1].error, WriteError)
    assert results[1].error.path == paths[1]
    assert results[1].error.remedy
    assert contents(folder)["1.jpg"] == before["1.jpg"]
    assert leftovers(folder) == []
    assert journal.recover(connection) == []
    (entry,) = writing.history(connection)
    assert (entry.count, entry.failed) == (2, 1)
    list(writing.undo(connection, entry.id))
    assert contents(folder) == before


@pytest.mark.parametrize("step", AFTER)
def test_an_error_after_the_replacement_is_still_a_write_that_can_be_undone(
    connection: sqlite3.Connection, tmp_path: Path, step: Step
) -> None:
    path = photo(tmp_path / "a.jpg")
    before = path.read_bytes()
    steps = failing(step, 1, OSError(errno.EIO, "error"))
    (result,) = writing.execute(connection, plan([path]), steps=steps)
    assert result.ok
    assert path.read_bytes() != before
    assert journal.recover(connection) == []
    assert next(writing.undo(connection, result.write_id)).ok
    assert path.read_bytes() == before


@pytest.mark.parametrize("step", [Step.CHECKED, Step.TEMP_SYNCED, Step.JOURNALLED])
def test_an_error_in_undo_leaves_the_file_as_written(
    connection: sqlite3.Connection, tmp_path: Path, step: Step
) -> None:
    path = photo(tmp_path / "a.jpg")
    (result,) = writing.execute(connection, plan([path]))
    written = path.read_bytes()
    steps = failing(step, 1, OSError(errno.ENOSPC, "full"))
    (undone,) = writing.undo(connection, result.write_id, steps=steps)
    assert not undone.ok
    assert "full" in str(undone.error)
    assert path.read_bytes() == written
    assert leftovers(tmp_path) == []
    assert next(writing.undo(connection, result.write_id)).ok


def test_an_unforeseen_error_in_one_file_stops_no_other(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    paths = [photo(tmp_path / f"{n}.jpg") for n in range(3)]
    steps = failing(Step.VERIFIED, 1, RecursionError("deep"))
    results = list(writing.execute(connection, plan(paths), steps=steps))
    assert [r.ok for r in results] == [False, True, True]
    assert "RecursionError" in str(results[0].error)


def test_a_journal_that_cannot_be_written_keeps_the_file_untouched(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    path = photo(tmp_path / "a.jpg")
    before = path.read_bytes()

    def full(step: Step) -> None:
        if step is Step.VERIFIED:
            connection.execute(
                "CREATE TEMP TRIGGER fail BEFORE UPDATE ON main.write_files"
                " WHEN NEW.state = 'prepared' BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
            )

    (result,) = writing.execute(connection, plan([path]), steps=full)
    assert not result.ok
    assert "journal could not be written" in str(result.error)
    assert path.read_bytes() == before
    assert leftovers(tmp_path) == []


def test_a_folder_that_vanishes_in_the_middle_is_told(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    paths = [photo(folder / "a.jpg"), photo(tmp_path / "b.jpg")]

    def vanish(step: Step) -> None:
        if step is Step.VERIFIED and folder.exists():
            folder.rename(tmp_path / "elsewhere")

    results = list(writing.execute(connection, plan(paths), steps=vanish))
    assert [r.ok for r in results] == [False, True]
    assert "no longer there" in str(results[0].error)


Mount = Callable[[str], Path]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """A small file system of its own, where mounting one is allowed."""
    mounted: list[Path] = []

    def make(options: str) -> Path:
        folder = tmp_path / "disk"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("mounting a small file system is not allowed here")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(params=[False, True], ids=["here", "in workers"])
def pool(request: pytest.FixtureRequest) -> Iterator[BoundedPool | None]:
    """No pool, and then one as the program has it."""
    with BoundedPool(1, 60.0, 1 << 30) as made:
        yield made if request.param else None


def test_a_disk_that_is_really_full(
    connection: sqlite3.Connection, mount: Mount, pool: BoundedPool | None
) -> None:
    disk = mount("size=64k")
    paths = [photo(disk / "a.jpg", trailer=bytes(30_000)), photo(disk / "b.jpg")]
    before = contents(disk)
    results = list(writing.execute(connection, plan(paths), pool=pool))
    assert [r.ok for r in results] == [False, True]
    assert "disk is full" in str(results[0].error)
    assert contents(disk)["a.jpg"] == before["a.jpg"]
    assert leftovers(disk) == []
    assert next(writing.undo(connection, results[0].write_id, pool=pool)).ok
    assert contents(disk) == before


def test_a_disk_that_is_really_read_only(
    connection: sqlite3.Connection, mount: Mount, pool: BoundedPool | None
) -> None:
    disk = mount("size=1m")
    path, raw = photo(disk / "a.jpg"), disk / "b.nef"
    raw.write_bytes(b"raw")
    (result,) = writing.execute(connection, plan([path]))
    before = contents(disk)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    told_before = plan([path, raw])
    assert [item.how for item in told_before.items] == ["refused", "refused"]
    assert all("read-only" in item.reason for item in told_before.items)
    results = list(writing.execute(connection, told_before, pool=pool))
    assert [r.ok for r in results] == [False, False]
    assert all("read-only" in str(r.error) for r in results)
    (undone,) = writing.undo(connection, result.write_id, pool=pool)
    assert "read-only" in str(undone.error)
    assert contents(disk) == before
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert next(writing.undo(connection, result.write_id, pool=pool)).ok
