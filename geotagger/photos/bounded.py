"""Worker processes in which every task has a bound in time and memory.

Photo files are hostile input: some make a parser loop for ever, eat all memory or crash the
process. Whatever parses or decodes them runs here.
"""

from __future__ import annotations

import os
import pickle
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from geotagger.errors import TaskCrashedError, TaskMemoryError, TaskTimeoutError
from geotagger.photos.worker_process import REAP_S, WorkerProcess
from geotagger.progress import CancelledError, CancelToken

A = TypeVar("A")
R = TypeVar("R")

_START_TRIES = 3
"""An idle worker may have been ended from outside: then another one takes the task."""
_SLICE_S = 0.25
"""How often a waiting caller looks whether the pool was closed."""


class PoolClosedError(RuntimeError):
    """The pool was closed while or before the task ran."""


class BoundedPool:
    """Worker processes that run module-level functions, each task bounded in time and memory.

    Processes start fresh (nothing is forked, the parent's main module is not imported), on demand,
    up to ``workers``; one that was killed or died is replaced for the next task. They ignore
    Ctrl-C, end when the parent does, and none is left after `close`.

    Parameters
    ----------
    workers
        How many tasks may run at once.
    timeout_s
        Wall time in seconds for one task; start of the process and imports are not counted.
    memory_bytes
        Memory in bytes that one task may add to what its process uses (not on Windows or macOS).
    """

    def __init__(self, workers: int, timeout_s: float, memory_bytes: int) -> None:
        if workers < 1:
            raise ValueError(f"expected at least one worker, found {workers}")
        self._size = workers
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._changed = threading.Condition()
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._slots_taken = 0
        self._waiting: deque[object] = deque()
        self._closed = False
        self._lent: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the workers that are alive now."""
        with self._changed:
            return tuple(worker.pid for worker in (*self._idle, *self._busy))

    def lend(self, descriptor: int | None) -> None:
        """Let the workers inherit an open file, and with it the lock on it, or no longer.

        Should this process be killed, the lock then lasts until no worker is left. Idle workers
        end, since only those that are started from now on inherit it. Not on Windows.
        """
        with self._changed:
            self._lent = descriptor
            idle, self._idle = (self._idle, []) if descriptor is not None else ([], self._idle)
        for worker in idle:
            worker.kill()
            worker.dispose()

    def run(self, function: Callable[..., R], *args: Any, timeout_s: float | None = None) -> R:
        """Return ``function(*args)`` as computed in a worker; may be called from any thread.

        Callers are served in the order in which they came. With ``timeout_s`` the task may take
        that long at most, even if the pool's own time is longer.

        Raises
        ------
        TaskTimeoutError, TaskMemoryError, TaskCrashedError
            With the first argument as the path if it is a Path or has one as ``.path``.
        PoolClosedError
            If the pool is closed.
        Exception
            Whatever the function itself raised.
        """
        return self._run(function, args, lambda: False, timeout_s)

    def map_unordered(
        self,
        function: Callable[[A], R],
        arguments: Iterable[A],
        cancel: CancelToken | None = None,
    ) -> Iterator[tuple[A, R | Exception]]:
        """Yield each argument with its result, or with the error it got, as they come.

        ``arguments`` is drawn from lazily and by the consumer's thread, a few ahead of the
        results. Abandoning the iterator stops the tasks that are under way.

        Raises
        ------
        CancelledError
            When ``cancel`` is set; results not yet yielded are dropped.
        """
        results: queue.SimpleQueue[tuple[A, R | Exception]] = queue.SimpleQueue()
        todo: queue.SimpleQueue[tuple[A] | None] = queue.SimpleQueue()
        stop = threading.Event()

        def stopping() -> bool:
            return stop.is_set() or (cancel is not None and cancel.cancelled)

        def serve() -> None:
            while (item := todo.get()) is not None:
                try:
                    outcome: R | Exception = self._run(function, item, stopping)
                except Exception as error:  # noqa: BLE001 - errors are results here
                    outcome = error
                results.put((item[0], outcome))

        threads = [
            threading.Thread(target=serve, name=f"bounded-{index}", daemon=True)
            for index in range(self._size)
        ]
        for thread in threads:
            thread.start()
        try:
            source = iter(arguments)
            pending, more = 0, True
            while more or pending:
                while more and pending < 2 * self._size:
                    if cancel is not None:
                        cancel.raise_if_cancelled()
                    try:
                        todo.put((next(source),))
                        pending += 1
                    except StopIteration:
                        more = False
                if not pending:
                    break
                argument, outcome = results.get()
                pending -= 1
                if cancel is not None:
                    cancel.raise_if_cancelled()
                if isinstance(outcome, PoolClosedError | CancelledError):
                    raise outcome
                yield argument, outcome
        finally:
            stop.set()
            for _ in threads:
                todo.put(None)
            for thread in threads:
                thread.join()

    def close(self) -> None:
        """End all workers, also those in the middle of a task; never waits for a task."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
            self._changed.notify_all()
        for worker in idle + busy:
            worker.kill()
        for worker in idle:
            worker.dispose()
        deadline = time.monotonic() + REAP_S
        with self._changed:
            while self._busy and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)

    def _run(
        self,
        function: Callable[..., R],
        args: tuple[Any, ...],
        stopping: Callable[[], bool],
        timeout_s: float | None = None,
    ) -> R:
        limit_s = self._timeout_s if timeout_s is None else min(timeout_s, self._timeout_s)
        if getattr(function, "__module__", "") == "__main__":
            raise ValueError(
                f"{function!r} lives in the main module, which workers do not import; "
                "expected a function of a module"
            )
        payload = pickle.dumps((function, args))
        path = _path_of(args)
        for _ in range(_START_TRIES):
            worker = self._take(stopping)
            keep = False
            try:
                kind, value, retire = worker.ask(
                    payload, limit_s, self._memory_bytes, lambda: self._closed or stopping()
                )
                keep = kind in ("ok", "error") and not retire
            finally:
                self._give_back(worker, keep)
            if kind != "lost":
                break
        if kind == "ok":
            result: R = value
            return result
        if kind == "error":
            raise value
        if kind == "stopped":
            raise PoolClosedError("the pool was closed") if self._closed else CancelledError
        if kind == "lost":
            if self._closed:
                raise PoolClosedError("the pool was closed")
            raise RuntimeError(f"worker processes do not start ({value})")
        if self._closed and kind == "crash":
            raise PoolClosedError("the pool was closed")
        raise self._explain(kind, value, path, limit_s)

    def _take(self, stopping: Callable[[], bool]) -> WorkerProcess:
        """Return a worker of this caller's own, waiting in line for it."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                while self._slots_taken >= self._size or self._waiting[0] is not ticket:
                    if self._closed or stopping():
                        break
                    self._changed.wait(_SLICE_S)
                if self._closed:
                    raise PoolClosedError("the pool is closed")
                if stopping():
                    raise CancelledError
                self._slots_taken += 1
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
            if self._idle:
                worker = self._idle.pop()
                self._busy.add(worker)
                return worker
        try:
            worker = WorkerProcess(self._lent)
        except BaseException:
            with self._changed:
                self._slots_taken -= 1
                self._changed.notify_all()
            raise
        with self._changed:
            self._busy.add(worker)
            closed = self._closed
        if closed:
            self._give_back(worker, keep=False)
            raise PoolClosedError("the pool was closed")
        return worker

    def _give_back(self, worker: WorkerProcess, keep: bool) -> None:
        keep = keep and not self._closed
        if not keep:
            worker.kill()
            worker.dispose()
        with self._changed:
            self._busy.discard(worker)
            self._slots_taken -= 1
            if keep and not self._closed:
                self._idle.append(worker)
                keep_it = True
            else:
                keep_it = False
            self._changed.notify_all()
        if keep and not keep_it:
            worker.kill()
            worker.dispose()

    def _explain(
        self, kind: str, value: Any, path: Path | None, limit_s: float
    ) -> TaskTimeoutError | TaskMemoryError | TaskCrashedError:
        if kind == "timeout":
            return TaskTimeoutError(
                f"Reading took longer than {limit_s:g} seconds and was stopped.",
                path=path,
                remedy="The file may be damaged, or its drive too slow; try it again alone.",
            )
        if kind == "memory":
            return TaskMemoryError(
                f"Reading wanted more than {self._memory_bytes / 1e6:.0f} MB and was stopped.",
                path=path,
                remedy="The file is damaged or too large to be handled.",
            )
        return TaskCrashedError(
            f"The process that read it ended unexpectedly ({value}).",
            path=path,
            remedy="The file is probably damaged; open it in another program to see.",
        )


def _path_of(args: tuple[Any, ...]) -> Path | None:
    if not args:
        return None
    first = args[0]
    if isinstance(first, Path):
        return first
    path = getattr(first, "path", None)
    return path if isinstance(path, Path) else None


def default_workers() -> int:
    """Return how many workers suit this machine: the cores that may be used, at most eight."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min(8, cores))
