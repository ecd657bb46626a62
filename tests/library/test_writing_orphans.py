"""The program is killed while its workers live on: nobody settles what they still change."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from geotagger.library import journal, writer_lock, writing
from tests.support.writes import contents, leftovers, open_journal, photo, run_cases

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="workers inherit no lock there, and tests fork"
)

HOLDER = """
import sys
from pathlib import Path
from geotagger.library.writer_lock import writer_lock
from geotagger.photos.bounded import BoundedPool
from tests.photos.bounded_tasks import tell_and_wait_for_ever
from tests.support.writes import open_journal

pool = BoundedPool(1, 600.0, 1 << 30)
with writer_lock(open_journal(Path(sys.argv[1])), pool) as alone:
    pool.run(tell_and_wait_for_ever, Path(sys.argv[2]))
"""


def test_the_lock_lasts_until_the_last_worker_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, pipe = tmp_path / "journal.sqlite", tmp_path / "pipe"
    open_journal(db).close()
    os.mkfifo(pipe)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(db), str(pipe)], cwd=Path(__file__).parents[2]
    )
    worker = int(pipe.read_text())
    connection = open_journal(db)
    with writer_lock.writer_lock(connection) as mine:
        assert not mine
    holder.kill()
    holder.wait()
    monkeypatch.setattr(writer_lock, "_ORPHAN_S", 0.1)
    with writer_lock.writer_lock(connection) as mine:
        assert not mine
    monkeypatch.undo()
    os.kill(worker, signal.SIGKILL)
    with writer_lock.writer_lock(connection) as mine:
        assert mine
    connection.close()


def test_killed_at_any_instant_with_workers(tmp_path: Path) -> None:
    rng = random.Random(815)
    for number in range(8):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        paths = [photo(folder / f"{n}.jpg", gps=n % 2 > 0) for n in range(30)]
        before = contents(folder)
        db = folder.with_suffix(".sqlite")
        open_journal(db).close()
        case = {"journal": str(db), "paths": [str(path) for path in paths], "pool": True}
        run_cases([{**case, "timer": rng.uniform(0.02, 0.5)}])
        # At once, as the next start would: the worker may still be at a file.
        connection = open_journal(db)
        journal.recover(connection)
        assert leftovers(folder) == []
        now = contents(folder)
        changed = {name for name, data in now.items() if data != before[name]}
        done = {entry.path.name for entry in journal.entries(connection, "state = 'done'")}
        assert done == changed
        for entry in writing.history(connection):
            assert all(result.ok for result in writing.undo(connection, entry.id))
        assert contents(folder) == before
        connection.close()
