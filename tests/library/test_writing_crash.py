"""The writer is killed at every step and at any instant; the next start puts all in order."""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from geotagger.library import journal, writing
from geotagger.photos.replace import Step
from tests.support.writes import contents, leftovers, open_journal, photo, plan, run_cases

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the test ends processes by signals and forks"
)

IN_PLACE = {Step.BACKED_UP, Step.HALF_IN_PLACE}
KINDS = ["jpeg", "hard link", "new sidecar", "merged sidecar"]
LONG_AGO_NS = 1_400_000_000_123_456_789
XMP = "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>"


def make(folder: Path, kind: str) -> Path:
    folder.mkdir(parents=True)
    if kind in {"jpeg", "hard link"}:
        path = photo(folder / "photo.jpg", gps=True)
        if kind == "hard link":
            (folder / "second.jpg").hardlink_to(path)
        return path
    path = folder / "photo.nef"
    path.write_bytes(b"raw")
    if kind == "merged sidecar":
        (folder / "photo.nef.xmp").write_text(XMP)
    return path


def test_killed_at_every_step_of_a_write(tmp_path: Path) -> None:
    cases: list[dict[str, Any]] = []
    before: list[dict[str, bytes]] = []
    for kind in KINDS:
        for step in Step:
            if step in IN_PLACE and kind != "hard link":
                continue
            folder = tmp_path / f"{kind} {step}"
            path = make(folder, kind)
            os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
            before.append(contents(folder))
            open_journal(folder.with_suffix(".sqlite")).close()
            db = str(folder.with_suffix(".sqlite"))
            cases.append({"journal": db, "paths": [str(path)], "step": step})
    ends = run_cases(cases)
    assert set(ends) == {signal.SIGKILL}
    outcomes = set()
    for case, old in zip(cases, before, strict=True):
        connection = open_journal(Path(case["journal"]))
        folder = Path(case["paths"][0]).parent
        found = journal.recover(connection)
        outcomes |= {(r.outcome, str(case["step"])) for r in found}
        assert leftovers(folder) == [], case
        (entry,) = writing.history(connection)
        now = contents(folder)
        assert Path(case["paths"][0]).stat().st_mtime_ns == LONG_AGO_NS, case
        assert (entry.count, entry.failed) == ((0, 1) if now == old else (1, 0)), case
        if now != old:
            (item,) = plan([Path(case["paths"][0])]).items
            assert "33.856784° S" in item.before, case
        assert journal.recover(connection) == []
        assert all(r.ok for r in writing.undo(connection, entry.id))
        assert contents(folder) == old, case
        connection.close()
    assert ("rolled back", "temp created") in outcomes
    assert ("rolled back", "half in place") in outcomes
    assert ("finished", "replaced") in outcomes


def test_killed_at_every_step_of_an_undo(tmp_path: Path) -> None:
    cases: list[dict[str, Any]] = []
    states: list[tuple[dict[str, bytes], dict[str, bytes]]] = []
    for kind in KINDS:
        for step in Step:
            if step in IN_PLACE and kind != "hard link":
                continue
            if kind == "new sidecar" and ("temp" in step or step is Step.VERIFIED):
                continue
            folder = tmp_path / f"{kind} {step}"
            path = make(folder, kind)
            old = contents(folder)
            connection = open_journal(folder.with_suffix(".sqlite"))
            (result,) = writing.execute(connection, plan([path]))
            connection.close()
            states.append((old, contents(folder)))
            db = str(folder.with_suffix(".sqlite"))
            cases.append({"journal": db, "undo": result.write_id, "step": step, "at": str(folder)})
    ends = run_cases(cases)
    assert set(ends) == {signal.SIGKILL}
    for case, (old, new) in zip(cases, states, strict=True):
        connection = open_journal(Path(case["journal"]))
        folder = Path(case["at"])
        journal.recover(connection)
        assert leftovers(folder) == [], case
        (entry,) = writing.history(connection)
        now = contents(folder)
        assert now == (old if entry.undone else new), case
        left = list(writing.undo(connection, entry.id))
        assert [r.ok for r in left] == ([] if entry.undone else [True]), case
        assert contents(folder) == old, case
        connection.close()


def test_killed_at_any_instant_of_a_batch(tmp_path: Path) -> None:
    rng = random.Random(4711)
    cases: list[dict[str, Any]] = []
    before: list[dict[str, bytes]] = []
    for number in range(12):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        paths = [photo(folder / f"{n}.jpg", gps=n % 2 > 0, trailer=bytes(n)) for n in range(6)]
        (folder / "linked").hardlink_to(paths[2])
        before.append(contents(folder))
        db = folder.with_suffix(".sqlite")
        open_journal(db).close()
        names = [str(path) for path in paths]
        cases.append({"journal": str(db), "paths": names, "timer": rng.uniform(0.0005, 0.05)})
    run_cases(cases)
    for case, old in zip(cases, before, strict=True):
        connection = open_journal(Path(case["journal"]))
        folder = Path(case["paths"][0]).parent
        journal.recover(connection)
        assert leftovers(folder) == []
        assert contents(folder).keys() == old.keys()
        history = writing.history(connection)
        changed = {name for name, data in contents(folder).items() if data != old[name]}
        written = journal.entries(connection, "state = 'done'")
        assert {entry.path.name for entry in written} == changed - {"linked"}
        for entry in history:
            assert all(r.ok for r in writing.undo(connection, entry.id))
        assert contents(folder) == old
        connection.close()


def test_killed_inside_a_group_that_shares_its_syncs(tmp_path: Path) -> None:
    cases: list[dict[str, Any]] = []
    before: list[dict[str, bytes]] = []
    # The groups grow: 1, 1, 2, 4; so these are the first and the last file of the fourth.
    for nth in (5, 8):
        for step in Step:
            if step in IN_PLACE:
                continue
            folder = tmp_path / f"{nth} {step}"
            folder.mkdir()
            paths = [photo(folder / f"{n:02}.jpg", gps=n % 2 > 0) for n in range(8)]
            before.append(contents(folder))
            db = folder.with_suffix(".sqlite")
            open_journal(db).close()
            names = [str(path) for path in paths]
            cases.append({"journal": str(db), "paths": names, "step": step, "nth": nth})
    ends = run_cases(cases)
    assert set(ends) == {signal.SIGKILL}
    mixed = 0
    for case, old in zip(cases, before, strict=True):
        connection = open_journal(Path(case["journal"]))
        folder = Path(case["paths"][0]).parent
        journal.recover(connection)
        assert leftovers(folder) == [], case
        changed = {name for name, data in contents(folder).items() if data != old[name]}
        written = {entry.path.name for entry in journal.entries(connection, "state = 'done'")}
        assert written == changed, case
        mixed += 0 < len(changed) < len(old)
        (entry,) = writing.history(connection)
        assert all(r.ok for r in writing.undo(connection, entry.id))
        assert contents(folder) == old, case
        connection.close()
    assert mixed > len(cases) / 2


class TestRecovery:
    """States that no step above leaves, made by hand."""

    def crashed(self, tmp_path: Path, kind: str, step: Step) -> tuple[Any, Path]:
        path = make(tmp_path / "photos", kind)
        db = tmp_path / "journal.sqlite"
        open_journal(db).close()
        run_cases([{"journal": str(db), "paths": [str(path)], "step": step}])
        return open_journal(db), path

    def test_a_file_changed_after_the_crash_is_left_alone(self, tmp_path: Path) -> None:
        connection, path = self.crashed(tmp_path, "jpeg", Step.REPLACED)
        path.write_bytes(b"edited since")
        (found,) = journal.recover(connection)
        assert found.outcome == "unclear"
        assert "another program" in found.message
        assert path.read_bytes() == b"edited since"
        connection.close()

    def test_a_drive_that_is_away_is_tried_again_next_time(self, tmp_path: Path) -> None:
        connection, path = self.crashed(tmp_path, "jpeg", Step.JOURNALLED)
        away = path.parent.rename(tmp_path / "away")
        (found,) = journal.recover(connection)
        assert found.outcome == "unclear"
        assert "next time" in found.message
        away.rename(path.parent)
        (found,) = journal.recover(connection)
        assert found.outcome == "rolled back"
        assert leftovers(path.parent) == []
        connection.close()

    def test_an_undo_finishes_what_a_crash_left_open(self, tmp_path: Path) -> None:
        connection, path = self.crashed(tmp_path, "jpeg", Step.REPLACED)
        (entry,) = writing.history(connection)
        (undone,) = writing.undo(connection, entry.id)
        assert undone.ok
        (item,) = plan([path]).items
        assert item.before == "48.500000° N, 2.250000° E"
        connection.close()
