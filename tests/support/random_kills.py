"""A real write or undo of real files in a process of its own, killed at any instant, and the check.

Run as a script it is the server: it forks a child per order, which sees the files, plans, reports
and writes, or takes back, with a real worker; it kills the child and its worker when the delay is
over. The files lie in one folder that is brought back to its first state before each order.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from geotagger.library import journal, writing
from geotagger.library.writing import WriteTarget
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.replace import stamp_of
from tests.support.writes import FIX, leftovers, open_journal

_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2): orphaned workers become children of the server."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A file as it has to be: content, modification time in ns, the name it is a hard link of."""

    data: bytes
    mtime_ns: int
    link_of: str = ""


NOT_KILLED = "it was done before the kill"
State = Mapping[str, Saved]


def save(folder: Path) -> dict[str, Saved]:
    """Return the state of all files of a folder."""
    seen: dict[int, str] = {}
    state = {}
    for path in sorted(folder.iterdir()):
        status = path.stat()
        link_of = seen.setdefault(status.st_ino, path.name)
        state[path.name] = Saved(
            path.read_bytes(), status.st_mtime_ns, "" if link_of == path.name else link_of
        )
    return state


def restore(folder: Path, state: State) -> None:
    """Make a folder hold exactly the files of a state."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, saved in state.items():
        path = folder / name
        if saved.link_of:
            path.hardlink_to(folder / saved.link_of)
        else:
            path.write_bytes(saved.data)
            os.utime(path, ns=(saved.mtime_ns, saved.mtime_ns))


@dataclass(frozen=True, slots=True)
class Ended:
    """How an order ended: whether it was killed, and after how many seconds."""

    killed: bool
    seconds: float


class Server:
    """The process that forks, kills and reaps; started once, because imports take long."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.random_kills"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=30)

    def order(self, db: Path, photos: Sequence[Path], undo: int, delay: float | None) -> Ended:
        """Write (`undo` 0) or take a write back, killed after a delay in seconds, None: never."""
        assert self._process.stdin is not None and self._process.stdout is not None
        order = {"db": str(db), "photos": [str(p) for p in photos], "undo": undo, "delay": delay}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline() or '"the server ended"')
        assert isinstance(answer, list), answer
        return Ended(*answer)


@dataclass(frozen=True, slots=True)
class Stage:
    """The folder, and what write and undo start from and lead to when nothing disturbs them."""

    folder: Path
    photos: tuple[Path, ...]
    old: State
    new: State
    fresh: Path
    written: Path
    write_id: int
    write_s: float
    undo_s: float


def undisturbed(server: Server, folder: Path, photos: Sequence[Path], work: Path) -> Stage:
    """Write and take back once, undisturbed, and return all that the kills are measured by."""
    old = save(folder)
    fresh, written = work / "fresh.sqlite", work / "written.sqlite"
    open_journal(fresh).close()
    shutil.copyfile(fresh, written)
    ended = server.order(written, photos, 0, None)
    new = save(folder)
    connection = open_journal(written)
    (entry,) = writing.history(connection)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert entry.failed == 0 and not ended.killed
    db = work / "undone.sqlite"
    shutil.copyfile(written, db)
    back = server.order(db, photos, entry.id, None)
    assert not back.killed and contents(save(folder)) == contents(old)
    return Stage(
        folder,
        tuple(photos),
        old,
        new,
        fresh,
        written,
        entry.id,
        ended.seconds,
        back.seconds,
    )


def contents(state: State) -> dict[str, bytes]:
    """Return the contents of a state by name."""
    return {name: saved.data for name, saved in state.items()}


def killed(server: Server, stage: Stage, db: Path, *, undo: bool, delay: float) -> str:
    """Kill a write or an undo after a delay, check everything, and return where it fell."""
    before, after = (stage.new, stage.old) if undo else (stage.old, stage.new)
    restore(stage.folder, before)
    for leftover in (db, *(db.with_name(db.name + end) for end in ("-wal", "-shm", ".writing"))):
        leftover.unlink(missing_ok=True)
    shutil.copyfile(stage.written if undo else stage.fresh, db)
    ended = server.order(db, stage.photos, stage.write_id if undo else 0, delay)
    fell = where(db, stage, before, after, undo=undo) if ended.killed else NOT_KILLED
    _check(db, stage, undo=undo)
    return fell


def _check(db: Path, stage: Stage, *, undo: bool) -> None:
    """Recover as the next start does; then every file is old or new, and the journal says which."""
    connection = open_journal(db)
    try:
        assert all(r.outcome in ("finished", "rolled back") for r in journal.recover(connection))
        assert leftovers(stage.folder) == []
        now = save(stage.folder)
        old, new = contents(stage.old), contents(stage.new)
        entries = journal.entries(connection, "1 ORDER BY id")
        states = {entry.destination.name: entry.state for entry in entries}
        assert set(states.values()) <= {"done", "undone", "failed"}, states
        for name in new:
            state = states.get(new_name(stage, name), "failed")
            expected = new if state == "done" else old
            assert contents(now).get(name) == expected.get(name), (name, state)
            if name in old:
                assert now[name].link_of == stage.old[name].link_of
                if not name.endswith(".xmp"):
                    assert now[name].mtime_ns == stage.old[name].mtime_ns, (name, state)
        assert now.keys() <= new.keys()
        assert undo <= bool(entries)
        assert journal.recover(connection) == []
        for entry in writing.history(connection):
            assert all(result.ok for result in writing.undo(connection, entry.id))
        assert contents(save(stage.folder)) == old
        assert leftovers(stage.folder) == []
    finally:
        connection.close()


def new_name(stage: Stage, name: str) -> str:
    """Return the name under which the journal knows a file, the first of its hard links."""
    return stage.new[name].link_of or name


def where(db: Path, stage: Stage, before: State, after: State, *, undo: bool) -> str:
    """Return in words what a kill left, told by the journal and the files before recovery."""
    copy = db.with_name("looked-at.sqlite")
    for end in ("", "-wal"):
        copy.with_name(copy.name + end).unlink(missing_ok=True)
        if (source := db.with_name(db.name + end)).exists():
            shutil.copyfile(source, copy.with_name(copy.name + end))
    connection = sqlite3.connect(copy)
    entries = journal.entries(connection, "1 ORDER BY id")
    connection.close()
    now = {p.name: p.read_bytes() for p in stage.folder.iterdir()}
    was, will = contents(before), contents(after)
    open_state, end_state = ("undoing", "undone") if undo else ("prepared", "done")
    under_way = [e.destination.name for e in entries if e.state == open_state]
    settled = [e for e in entries if e.state == end_state]
    moved = [name for name in under_way if now.get(name) == will.get(name)]
    torn = [name for name in under_way if now.get(name) not in (was.get(name), will.get(name))]
    waiting = [e for e in entries if e.state in ("planned", "done" if undo else "planned")]
    if torn:
        return "a hard-linked file half in place"
    if under_way and moved:
        whole = len(moved) == len(under_way)
        return "in place, not noted as done" if whole else "some of a group in place, some not"
    if under_way:
        return "prepared and journalled, none of the group in place"
    if not entries or (undo and not settled):
        return "before the journal began"
    if leftovers(stage.folder):
        some = "some done, " if settled else ""
        return f"{some}temporary files of a group written, not journalled"
    if not waiting:
        return "all done"
    return "between files, some done" if settled else "planned, nothing written"


def _serve() -> None:
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_ordered(json.loads(line))) + "\n")
        sys.stdout.flush()


def _ordered(order: dict[str, Any]) -> tuple[bool, float] | str:
    """Carry out an order; return how it ended, or in words why the child failed by itself."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        os.setsid()
        try:
            _act(order, theirs)
        except BaseException:  # noqa: BLE001 - the child ends here and must say why
            os.write(theirs, b"?" + traceback.format_exc()[-4000:].encode())
        finally:
            os._exit(1)
    os.close(theirs)
    begun = 0.0
    said = os.read(ours, 1)
    if said == b"!":
        begun = time.monotonic()
        ended, _, _ = select.select([ours], [], [], order["delay"])
        said = os.read(ours, 1) if ended else b""
        alone = bool(ended)
    else:
        alone = True
    seconds = time.monotonic() - begun
    why = os.read(ours, 5000).decode() if said == b"?" else "the child ended without a word"
    _end_session(child)
    os.close(ours)
    if alone and said != b".":
        return f"{'while it acted' if begun else 'before it began'}: {why}"
    return not alone, seconds


def _end_session(session: int) -> None:
    """Kill the writer and its workers, which have process groups of their own, and reap them."""
    for pid in (session, *_members(session)):
        # A child that is done reaps its workers itself, perhaps at this very moment.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _members(session: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and os.getsid(int(folder.name)) == session:
                found.append(int(folder.name))
        except ProcessLookupError:
            continue
    return [pid for pid in found if pid != session]


def _act(order: dict[str, Any], report: int) -> None:
    connection = open_journal(Path(order["db"]))
    with BoundedPool(1, 60.0, 1 << 30) as pool:
        if not order["undo"]:
            targets = [
                WriteTarget(path, FIX, stamp_of(path)) for path in map(Path, order["photos"])
            ]
            plan = writing.plan_writes(targets, pool=pool)
        os.write(report, b"!")
        if order["undo"]:
            errors = [
                r.error for r in writing.undo(connection, order["undo"], pool=pool) if not r.ok
            ]
        else:
            errors = [r.error for r in writing.execute(connection, plan, pool=pool) if not r.ok]
        if errors:
            raise errors[0] or AssertionError("a result without its error")
        connection.close()
        os.write(report, b".")


if __name__ == "__main__":
    _serve()
