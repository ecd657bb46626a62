"""A share that stops answering, at any stage: typed errors in time, and the truth afterwards."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from geotagger.errors import GeotaggerError, TaskTimeoutError
from geotagger.library import journal, writing
from geotagger.library.write_files import UnansweredError
from geotagger.photos import file_tasks
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.gps_prepare import prepare_write
from geotagger.photos.replace import Step, names
from geotagger.photos.undo_prepare import prepare_undo
from tests.photos.bounded_tasks import wait_for_ever
from tests.support.writes import contents, leftovers, open_journal, photo, plan, run_cases

COUNT = 5
VICTIM = "3.jpg"


class DeadShare(BoundedPool):
    """From a stage on, whatever asks about a folder gets no answer, in a real worker."""

    def __init__(self, folder: Path, stage: Callable[..., Any]) -> None:
        super().__init__(1, 60.0, 1 << 30)
        self._folder = folder
        self._stage = stage
        self._gone = False
        self.unanswered = 0

    def run(self, function, *args, timeout_s=None):  # type: ignore[no-untyped-def]
        concerned = any(path.is_relative_to(self._folder) for path in _paths(args))
        self._gone = self._gone or (concerned and function is self._stage)
        if not (concerned and self._gone):
            return super().run(function, *args, timeout_s=timeout_s)
        self.unanswered += 1
        with BoundedPool(1, 0.1, 1 << 30) as short:
            return short.run(wait_for_ever, self._folder)


def _paths(value: object) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _paths(one)
    elif value is not None:
        for name in ("change", "destination", "path"):
            yield from _paths(getattr(value, name, None))


def die_on_the_victim(tasks: Iterable[Any], *args: Any) -> list[object]:
    """Stand in for a replacement that takes its process along."""
    if any(task.change.path.name == VICTIM for task in tasks):
        os._exit(3)
    return list(file_tasks.swap_all(list(tasks), *args))


def hang_after_two(tasks: list[Any], *args: Any) -> list[object]:
    """Stand in for a share that dies in the middle of a group."""
    file_tasks.swap_all(tasks[:2], *args)
    if len(tasks) > 2:
        wait_for_ever()
    return list(file_tasks.swap_all(tasks, *args))


class OtherSwap(BoundedPool):
    """Replaces in another way, in a real worker; groups of more than two have so many seconds."""

    def __init__(self, swap: Callable[..., Any], group_s: float) -> None:
        super().__init__(1, 60.0, 1 << 30)
        self._swap = swap
        self._group_s = group_s

    def run(self, function, *args, timeout_s=None):  # type: ignore[no-untyped-def]
        if function is not file_tasks.swap_all:
            return super().run(function, *args, timeout_s=timeout_s)
        if len(args[0]) > 2:
            timeout_s = self._group_s
        return super().run(self._swap, *args, timeout_s=timeout_s)


@pytest.fixture
def dead(tmp_path: Path) -> Path:
    made = tmp_path / "share"
    made.mkdir()
    return made


def photos(folder: Path) -> list[Path]:
    return [photo(folder / f"{n}.jpg", gps=n % 2 > 0) for n in range(COUNT)]


def written(connection: sqlite3.Connection, folder: Path) -> set[str]:
    entries = journal.entries(connection, "state = 'done'")
    return {entry.path.name for entry in entries if entry.path.parent == folder}


def changed(folder: Path, old: dict[str, bytes]) -> set[str]:
    return {name for name, data in contents(folder).items() if data != old.get(name)}


@pytest.mark.parametrize(
    "stage", [file_tasks.measure_all, prepare_write, file_tasks.swap_all, file_tasks.sync_all]
)
def test_a_write_goes_on_elsewhere_and_the_next_start_tells_the_rest(
    connection: sqlite3.Connection, folder: Path, dead: Path, stage: Callable[..., Any]
) -> None:
    paths = [path for pair in zip(photos(dead), photos(folder), strict=True) for path in pair]
    old, old_dead = contents(folder), contents(dead)
    with DeadShare(dead, stage) as pool:
        results = list(writing.execute(connection, plan(paths), pool=pool))
        # Neither every file nor every group waits anew.
        assert pool.unanswered <= 6
    for result in results:
        assert result.ok == (result.path.parent == folder)
        if not result.ok:
            assert isinstance(result.error, UnansweredError)
            assert result.error.path == result.path and "Connect" in result.error.remedy
    assert changed(folder, old) == set(old) == written(connection, folder)
    journal.recover(connection)
    assert leftovers(dead) == []
    assert changed(dead, old_dead) == written(connection, dead)
    assert journal.recover(connection) == []
    assert all(result.ok for result in writing.undo(connection, results[0].write_id))
    assert (contents(folder), contents(dead)) == (old, old_dead)


@pytest.mark.parametrize(
    "stage", [file_tasks.measure_all, prepare_undo, file_tasks.swap_all, file_tasks.sync_all]
)
def test_an_undo_goes_on_elsewhere_and_can_be_finished_later(
    connection: sqlite3.Connection, folder: Path, dead: Path, stage: Callable[..., Any]
) -> None:
    paths = [path for pair in zip(photos(dead), photos(folder), strict=True) for path in pair]
    old, old_dead = contents(folder), contents(dead)
    write_id = [r.write_id for r in writing.execute(connection, plan(paths))].pop()
    with DeadShare(dead, stage) as pool:
        results = list(writing.undo(connection, write_id, pool=pool))
        assert pool.unanswered <= 6
    assert len(results) == len(paths)
    for result in results:
        assert result.ok == (result.path.parent == folder)
        if not result.ok:
            assert isinstance(result.error, GeotaggerError)
            assert result.error.path == result.path and "Connect" in result.error.remedy
    assert contents(folder) == old
    journal.recover(connection)
    assert leftovers(dead) == []
    assert changed(dead, old_dead) == written(connection, dead)
    assert all(result.ok for result in writing.undo(connection, write_id))
    assert contents(dead) == old_dead


def test_what_the_journal_does_not_know_is_told_and_asked_again_by_undo(
    connection: sqlite3.Connection, dead: Path
) -> None:
    path = photo(dead / "a.jpg")
    before = path.read_bytes()
    with DeadShare(dead, file_tasks.sync_all) as pool:
        (result,) = writing.execute(connection, plan([path]), pool=pool)
        assert "not known yet" in str(result.error)
        (still,) = writing.undo(connection, result.write_id, pool=pool)
        assert "not known yet" in str(still.error)
        (recovered,) = journal.recover(connection, pool=pool)
        assert recovered.outcome == "unclear" and "next time" in recovered.message
    (undone,) = writing.undo(connection, result.write_id)
    assert undone.ok and path.read_bytes() == before


def test_one_replacement_that_takes_its_worker_along_costs_no_other_file(
    connection: sqlite3.Connection, folder: Path
) -> None:
    paths = [photo(folder / f"{n}.jpg") for n in range(8)]
    before = contents(folder)
    with OtherSwap(die_on_the_victim, 60.0) as pool:
        results = list(writing.execute(connection, plan(paths), pool=pool))
    assert [r.path.name for r in results if not r.ok] == [VICTIM]
    assert changed(folder, before) == set(before) - {VICTIM}
    assert leftovers(folder) == []
    assert journal.recover(connection) == []


def test_files_that_were_in_place_before_the_share_hung_count_as_written(
    connection: sqlite3.Connection, folder: Path
) -> None:
    paths = [photo(folder / f"{n}.jpg") for n in range(8)]
    before = contents(folder)
    with OtherSwap(hang_after_two, 4.0) as pool:
        results = list(writing.execute(connection, plan(paths), pool=pool))
    assert [r.ok for r in results] == [True] * 8
    assert changed(folder, before) == set(before)
    assert leftovers(folder) == []
    assert all(r.ok for r in writing.undo(connection, results[0].write_id))
    assert contents(folder) == before


def test_a_backup_that_nobody_answers_for_blocks_no_recovery(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    path = photo(folder / "a.jpg")
    (folder / "second.jpg").hardlink_to(path)
    before = path.read_bytes()
    db = tmp_path / "journal.sqlite"
    open_journal(db).close()
    run_cases([{"journal": str(db), "paths": [str(path)], "step": Step.HALF_IN_PLACE}])
    connection = open_journal(db)
    (entry,) = journal.entries(connection, "1")
    _, backup = names(entry.destination, entry.token)
    aside = backup.rename(tmp_path / "aside")
    os.mkfifo(backup)  # opening it waits for a writer that never comes
    with BoundedPool(1, 3.0, 1 << 30) as pool:
        (found,) = journal.recover(connection, pool=pool)
    assert found.outcome == "unclear" and "does not answer" in found.message
    backup.unlink()
    aside.rename(backup)
    (found,) = journal.recover(connection)
    assert found.outcome == "rolled back"
    assert path.read_bytes() == before and leftovers(folder) == []
    connection.close()


def test_a_file_that_hangs_its_worker_alone_is_not_blamed_on_its_folder(
    connection: sqlite3.Connection, folder: Path
) -> None:
    class Hangs(BoundedPool):
        def run(self, function, *args, timeout_s=None):  # type: ignore[no-untyped-def]
            if function is not prepare_write or args[0].path.name != VICTIM:
                return super().run(function, *args, timeout_s=timeout_s)
            with BoundedPool(1, 0.1, 1 << 30) as short:
                return short.run(wait_for_ever, args[0].path)

    paths = photos(folder)
    with Hangs(1, 60.0, 1 << 30) as pool:
        results = list(writing.execute(connection, plan(paths), pool=pool))
    (failed,) = [result for result in results if not result.ok]
    assert failed.path.name == VICTIM and isinstance(failed.error, TaskTimeoutError)
