"""A journal, photos and plans for tests of writing; and a process that dies in the middle of it.

Run as a script it reads a list of cases as JSON from standard input and forks a child per case,
which writes or takes back until it kills itself at the step, or the timer ends it at any instant.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from geotagger.library import journal, writing
from geotagger.library.writing import WriteOptions, WritePlan, WriteTarget
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.gps_write import GpsFix
from geotagger.photos.replace import TEMP_PREFIX, Step, Steps, no_steps, stamp_of
from tests.support.jpegs import camera_block, exif, gps_entries, jpeg

FIX = GpsFix(-33.856784, 151.215297, radius_m=25, provenance="a test")


def open_journal(path: Path) -> sqlite3.Connection:
    fresh = not path.exists()
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    if fresh:
        connection.executescript(journal.JOURNAL_SCHEMA)
    return connection


def photo(path: Path, *, gps: bool = False, trailer: bytes = b"") -> Path:
    block = camera_block(gps=gps_entries("<") if gps else None)
    path.write_bytes(jpeg(exif(block), trailer=trailer))
    return path


def plan(
    paths: Iterable[Path],
    fix: GpsFix | None = FIX,
    *,
    options: WriteOptions = WriteOptions(),  # noqa: B008 - frozen
    companions: Sequence[Path] = (),
) -> WritePlan:
    targets = [WriteTarget(path, fix, stamp_of(path), tuple(companions)) for path in paths]
    return writing.plan_writes(targets, options)


def contents(folder: Path) -> dict[str, bytes]:
    return {os.fsdecode(p.name): p.read_bytes() for p in folder.iterdir() if p.is_file()}


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(TEMP_PREFIX + "*")]


def run_cases(cases: list[dict[str, Any]]) -> list[int]:
    """Run the cases in a process of its own; return how each child ended, as `waitpid` says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.writes"],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    return list(json.loads(done.stdout))


def _main() -> None:
    results = []
    for case in json.load(sys.stdin):
        child = os.fork()
        if child == 0:
            _run(case)
            os._exit(0)
        results.append(os.waitpid(child, 0)[1])
    json.dump(results, sys.stdout)


def _run(case: dict[str, Any]) -> None:
    connection = open_journal(Path(case["journal"]))
    steps = _killer(case["step"], case.get("nth", 1)) if "step" in case else no_steps
    # Not closed: the process is killed, and what it leaves running is part of the test.
    pool = BoundedPool(1, 60.0, 1 << 30) if case.get("pool") else None
    if pool is not None:
        pool.run(stamp_of, Path(case["journal"]))
    if "undo" not in case:
        prepared = plan([Path(path) for path in case["paths"]])
    if "timer" in case:
        # The default action of this signal is to end the process then and there.
        signal.setitimer(signal.ITIMER_REAL, case["timer"])
    if "undo" in case:
        for _ in writing.undo(connection, case["undo"], steps=steps, pool=pool):
            pass
        return
    for _ in writing.execute(connection, prepared, steps=steps, pool=pool):
        pass


def _killer(step: str, nth: int) -> Steps:
    left = [nth]

    def heard(now: Step) -> None:
        if now == step:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return heard


if __name__ == "__main__":
    _main()
