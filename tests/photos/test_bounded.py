"""The worker pool keeps its bounds, gives every error its path, and leaves nothing behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from geotagger.errors import (
    TaskCrashedError,
    TaskMemoryError,
    TaskTimeoutError,
    UnreadableFileError,
)
from geotagger.photos.bounded import BoundedPool, PoolClosedError
from geotagger.progress import CancelledError, CancelToken
from tests.photos import bounded_tasks as tasks

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def pool() -> Iterator[BoundedPool]:
    with BoundedPool(2, timeout_s=60, memory_bytes=512 * MEGABYTE) as made:
        yield made


@pytest.fixture
def strict() -> Iterator[BoundedPool]:
    """One worker with little memory; time enough for honest tasks on a machine that is busy."""
    with BoundedPool(1, timeout_s=60, memory_bytes=128 * MEGABYTE) as made:
        yield made


@pytest.fixture
def hasty() -> Iterator[BoundedPool]:
    """One worker with little time."""
    with BoundedPool(1, timeout_s=1.0, memory_bytes=128 * MEGABYTE) as made:
        yield made


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_result_comes_back_from_another_process(pool: BoundedPool) -> None:
    assert pool.run(tasks.double, 21) == 42
    assert pool.run(tasks.pid_of) != os.getpid()


def test_the_errors_of_a_task_are_raised_as_they_were(pool: BoundedPool) -> None:
    with pytest.raises(ValueError, match="3 is odd"):
        pool.run(tasks.fail_on_odd, 3)


def test_a_typed_error_keeps_path_and_remedy(pool: BoundedPool, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        pool.run(tasks.unreadable, tmp_path / "a.jpg")
    assert caught.value.path == tmp_path / "a.jpg"
    assert caught.value.remedy == "Mend it."


def test_an_error_that_cannot_travel_comes_in_words(pool: BoundedPool) -> None:
    with pytest.raises(RuntimeError, match="UnpicklableError: carries a lock"):
        pool.run(tasks.raise_unpicklable)


def test_a_name_that_is_not_utf8_travels_both_ways(pool: BoundedPool) -> None:
    path = Path(os.fsdecode(b"/somewhere/\xff\xfe.jpg"))
    assert pool.run(tasks.echo_path, path) == path


def test_what_a_task_prints_does_not_disturb_the_answer(pool: BoundedPool) -> None:
    assert pool.run(tasks.spam_streams, "noise ") == "noise "


def test_a_task_beyond_its_time_is_stopped_and_the_worker_replaced(strict: BoundedPool) -> None:
    before = strict.run(tasks.pid_of)
    with pytest.raises(TaskTimeoutError) as caught:
        strict.run(tasks.wait_for_ever, Path("/photos/slow.jpg"), timeout_s=0.5)
    assert caught.value.path == Path("/photos/slow.jpg")
    assert caught.value.remedy
    assert strict.run(tasks.pid_of) != before
    assert not is_alive(before)


def test_a_task_that_blocks_all_signals_is_stopped_too(hasty: BoundedPool) -> None:
    first = hasty.run(tasks.pid_of)
    with pytest.raises(TaskTimeoutError):
        hasty.run(tasks.wait_with_signals_blocked)
    assert hasty.run(tasks.pid_of) != first


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
def test_a_task_beyond_its_memory_is_stopped(strict: BoundedPool) -> None:
    with pytest.raises(TaskMemoryError) as caught:
        strict.run(tasks.eat_memory, Path("/photos/bomb.png"), 256 * MEGABYTE)
    assert caught.value.path == Path("/photos/bomb.png")
    assert strict.run(tasks.eat_memory, Path("/photos/small.png"), 64 * MEGABYTE) == 64 * MEGABYTE


@pytest.mark.parametrize("crash", [tasks.exit_at_once, tasks.segfault])
def test_a_crashed_worker_is_told_and_replaced(strict: BoundedPool, crash: object) -> None:
    with pytest.raises(TaskCrashedError) as caught:
        strict.run(crash, Path("/photos/evil.nef"))
    assert caught.value.path == Path("/photos/evil.nef")
    assert strict.run(tasks.double, 4) == 8


def test_an_idle_worker_killed_from_outside_costs_no_task(strict: BoundedPool) -> None:
    os.kill(strict.run(tasks.pid_of), signal.SIGKILL)
    assert strict.run(tasks.double, 5) == 10


def test_many_threads_share_the_workers(pool: BoundedPool) -> None:
    with ThreadPoolExecutor(12) as threads:
        assert list(threads.map(lambda n: pool.run(tasks.double, n), range(100))) == [
            2 * n for n in range(100)
        ]
    assert len(pool.pids) <= 2


def test_map_gives_every_argument_its_result_or_error(pool: BoundedPool) -> None:
    outcomes = dict(pool.map_unordered(tasks.fail_on_odd, range(9)))
    assert set(outcomes) == set(range(9))
    assert [outcomes[n] for n in (0, 2, 4)] == [0, 2, 4]
    assert all(isinstance(outcomes[n], ValueError) for n in (1, 3, 5, 7))


def test_map_draws_from_an_endless_source_only_a_little_ahead(pool: BoundedPool) -> None:
    drawn = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            drawn.append(number)
            yield number
            number += 1

    results = pool.map_unordered(tasks.double, endless())
    for _ in range(10):
        next(results)
    results.close()
    assert len(drawn) <= 10 + 4


def test_an_error_of_the_source_reaches_the_consumer(pool: BoundedPool) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("the drive is gone")

    with pytest.raises(OSError, match="the drive is gone"):
        list(pool.map_unordered(tasks.double, broken()))


def test_cancelling_stops_map_in_the_middle_of_a_stuck_task(pool: BoundedPool) -> None:
    cancel = CancelToken()
    threading.Timer(0.2, cancel.cancel).start()
    with pytest.raises(CancelledError):
        list(pool.map_unordered(tasks.wait_for_ever, range(5), cancel))
    assert pool.run(tasks.double, 3) == 6


def test_closing_ends_stuck_workers_and_leaves_no_process() -> None:
    pool = BoundedPool(2, timeout_s=600, memory_bytes=128 * MEGABYTE)
    first = pool.run(tasks.pid_of)
    raised: list[BaseException] = []

    def stuck() -> None:
        try:
            pool.run(tasks.wait_for_ever)
        except PoolClosedError as error:
            raised.append(error)

    threads = [threading.Thread(target=stuck) for _ in range(3)]  # one of them waits in line
    for thread in threads:
        thread.start()
    while len(pool.pids) < 2:
        pass
    pids = {first, *pool.pids}
    pool.close()
    for thread in threads:
        thread.join(timeout=20)
        assert not thread.is_alive()
    assert len(raised) == 3
    assert not any(is_alive(pid) for pid in pids)
    with pytest.raises(PoolClosedError):
        pool.run(tasks.double, 1)


def test_closing_twice_is_harmless() -> None:
    pool = BoundedPool(1, 5, 128 * MEGABYTE)
    pool.close()
    pool.close()


def test_workers_ignore_the_interrupt_of_the_terminal(pool: BoundedPool) -> None:
    assert pool.run(tasks.ignores_interrupt)
    assert os.getpgid(pool.run(tasks.pid_of)) != os.getpgid(0)


def test_workers_import_neither_the_main_module_nor_heavy_libraries(pool: BoundedPool) -> None:
    assert pool.run(tasks.main_file).endswith("worker.py")
    assert not pool.run(tasks.has_module, "torch")
    assert not pool.run(tasks.has_module, "PySide6")


def test_a_function_of_the_main_module_is_refused_in_words(pool: BoundedPool) -> None:
    def here() -> None: ...

    here.__module__ = "__main__"
    with pytest.raises(ValueError, match="main module"):
        pool.run(here)


def test_a_pool_without_workers_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one worker"):
        BoundedPool(0, 1, 1)


CARELESS = """
import os
from geotagger.photos.bounded import BoundedPool
from tests.photos import bounded_tasks as tasks
pool = BoundedPool(1, 60, 1 << 28)
print(pool.run(tasks.pid_of), flush=True)
os.read(0, 1)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs a handle on processes")
def test_workers_end_when_their_parent_is_gone_and_need_no_guarded_main(tmp_path: Path) -> None:
    script = tmp_path / "careless.py"
    script.write_text(CARELESS)
    root = Path(__file__).resolve().parents[2]
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert parent.stdout is not None
    handle = os.pidfd_open(int(parent.stdout.readline()))
    parent.communicate(b"x")
    try:
        assert select.select([handle], [], [], 30)[0]
    finally:
        os.close(handle)
