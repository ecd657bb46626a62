"""The one place that runs work off the main thread and brings results back to it.

Work runs in named pools of plain threads. What it gives back (results, streamed items, progress,
errors) reaches callbacks on the main thread through one queued signal, coalesced so that a fast
worker cannot flood the event loop. Every piece of work has a cancel token; shutting down cancels
all of it and waits with a bound.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal, Slot

from geotagger.progress import CancelledError, CancelToken, Progress

_log = logging.getLogger(__name__)

GENERAL = "general"
"""Scanning and analysing: long, one of each."""
INTERACTIVE = "interactive"
"""What a person waits for: rows, details, previews, thumbnails."""
DECIDING = "deciding"
"""Decisions, their undo and redo: one thread, so that they happen in the order they were made."""
SAVING = "saving"
"""Writing to photos and taking it back: one thread of its own."""

POOLS: dict[str, int] = {GENERAL: 2, INTERACTIVE: 3, DECIDING: 1, SAVING: 1}
"""Threads of each pool."""


@dataclass(frozen=True)
class Context:
    """What work gets to see of the outside: a cancel token and two ways to speak."""

    cancel: CancelToken
    progress: Callable[[Progress], None]
    emit: Callable[[Any], None]


Function = Callable[[Context], Any]


@dataclass(eq=False)
class Job:
    """One piece of work: handed out when it is started, to cancel it or ask after it."""

    name: str
    function: Function
    done: Callable[[Any], None] | None = None
    failed: Callable[[Exception], None] | None = None
    cancelled: Callable[[], None] | None = None
    progress: Callable[[Progress], None] | None = None
    items: Callable[[list[Any]], None] | None = None
    owner: QObject | None = None
    token: CancelToken = field(default_factory=CancelToken)
    finished: bool = False
    silenced: bool = False

    def cancel(self) -> None:
        """Ask the work to stop; the ``cancelled`` callback tells when it did."""
        self.token.cancel()

    def drop(self) -> None:
        """Cancel, and hear no more of it."""
        self.silenced = True
        self.token.cancel()


class Work(QObject):
    """Runs functions in pools and delivers on the thread that made this object."""

    failed_unheard = Signal(object)
    """An exception of work that nobody listens to: a fault, to be shown as such."""
    busy_changed = Signal()
    """A piece of work was started or ended."""

    _deliver = Signal(object)

    def __init__(
        self,
        pools: dict[str, int] | None = None,
        *,
        on_thread_end: Callable[[], None] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._pools = dict(POOLS if pools is None else pools)
        self._on_thread_end = on_thread_end
        self._lock = threading.Condition()
        self._queues: dict[str, deque[_Run]] = {name: deque() for name in self._pools}
        self._threads: list[threading.Thread] = []
        self._running: set[_Run] = set()
        self._latest: dict[tuple[int, str], Job] = {}
        self._closing = False
        self._deliver.connect(self._on_deliver, Qt.ConnectionType.QueuedConnection)

    def start(
        self,
        pool: str,
        function: Function,
        *,
        name: str = "",
        done: Callable[[Any], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
        cancelled: Callable[[], None] | None = None,
        progress: Callable[[Progress], None] | None = None,
        items: Callable[[list[Any]], None] | None = None,
        owner: QObject | None = None,
    ) -> Job:
        """Run ``function(context)`` in a pool; the callbacks are called on the main thread.

        Parameters
        ----------
        items
            Gets what the function passed to ``context.emit``, several at a time, in order.
        owner
            When this object is gone by then, no callback is called.
        """
        job = Job(
            name or getattr(function, "__name__", "work"),
            function, done, failed, cancelled, progress, items, owner,
        )  # fmt: skip
        self._submit(pool, job)
        return job

    def latest(self, key: str, pool: str, function: Function, *, owner: QObject, **on: Any) -> Job:
        """Run like `start`; earlier work of the same owner and key is dropped unheard."""
        slot = (id(owner), key)
        before = self._latest.pop(slot, None)
        if before is not None and not before.finished:
            before.drop()
        job = self.start(pool, function, name=key, owner=owner, **on)
        if not job.finished:
            self._latest[slot] = job
        return job

    @property
    def busy(self) -> bool:
        """Whether anything is running or waiting to run."""
        with self._lock:
            return bool(self._running) or any(self._queues.values())

    def cancel_all(self) -> None:
        """Ask everything that runs or waits to stop."""
        with self._lock:
            runs = [*self._running, *(run for queue in self._queues.values() for run in queue)]
        for run in runs:
            run.job.cancel()

    def shutdown(self, timeout_s: float = 10.0) -> bool:
        """Cancel everything, wait at most so long; return whether all threads have ended.

        No callback is called any more. Threads that do not end in time are daemons and die with
        the process; the catalog and the journal stand that.
        """
        with self._lock:
            self._closing = True
            for queue in self._queues.values():
                queue.clear()
            for run in self._running:
                run.job.drop()
            self._lock.notify_all()
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        alive = [thread.name for thread in self._threads if thread.is_alive()]
        if alive:
            _log.warning("Still running when the window closed: %s", ", ".join(alive))
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        return not alive

    # -- in the pools

    def _submit(self, pool: str, job: Job) -> None:
        run = _Run(self, job)
        with self._lock:
            if self._closing:
                job.finished = True
                return
            self._queues[pool].append(run)
            here = [t for t in self._threads if t.name.startswith(f"{pool}-")]
            if len(here) < self._pools[pool]:
                thread = threading.Thread(
                    target=self._serve, args=(pool,), name=f"{pool}-{len(here)}", daemon=True
                )
                self._threads.append(thread)
                thread.start()
            self._lock.notify_all()
        self.busy_changed.emit()

    def _serve(self, pool: str) -> None:
        queue = self._queues[pool]
        try:
            while True:
                with self._lock:
                    while not queue and not self._closing:
                        self._lock.wait()
                    if self._closing:
                        return
                    run = queue.popleft()
                    self._running.add(run)
                try:
                    run.execute()
                finally:
                    with self._lock:
                        self._running.discard(run)
                    run.wake()
        finally:
            if self._on_thread_end is not None:
                self._on_thread_end()

    def _wake(self, run: _Run) -> None:
        with self._lock:
            if self._closing:
                return
        self._deliver.emit(run)

    # -- on the main thread

    @Slot(object)
    def _on_deliver(self, run: _Run) -> None:
        if self._closing:
            return
        ended = run.deliver()
        if ended:
            self._latest = {k: job for k, job in self._latest.items() if not job.finished}
            self.busy_changed.emit()


class SynchronousWork(Work):
    """The same, but everything is done before `start` returns: for tests of one widget."""

    def _submit(self, pool: str, job: Job) -> None:
        if pool not in self._pools:
            raise KeyError(pool)
        run = _Run(self, job)
        run.execute()
        run.deliver()

    def _wake(self, run: _Run) -> None:
        run.deliver()


class _Run:
    """A job under way: collects what the worker says until the main thread takes it."""

    def __init__(self, work: Work, job: Job) -> None:
        self.job = job
        self._work = work
        self._lock = threading.Lock()
        self._items: list[Any] = []
        self._progress: Progress | None = None
        self._ending: Callable[[], None] | None = None
        self._awake = False

    def execute(self) -> None:
        job = self.job
        context = Context(job.token, self._say_progress, self._say_item)
        try:
            job.token.raise_if_cancelled()
            result = job.function(context)
        except CancelledError:
            ending = self._end_cancelled
        except Exception as error:  # noqa: BLE001 - any fault of work is delivered, never swallowed
            fault = error
            ending = lambda: self._end_failed(fault)  # noqa: E731
        else:
            ending = lambda: self._end_done(result)  # noqa: E731
        with self._lock:
            self._ending = ending

    def _say_progress(self, progress: Progress) -> None:
        with self._lock:
            self._progress = progress
        self.wake()

    def _say_item(self, item: Any) -> None:
        with self._lock:
            self._items.append(item)
        self.wake()

    def wake(self) -> None:
        """Have the main thread called once, however much there is to tell."""
        with self._lock:
            if self._awake:
                return
            self._awake = True
        self._work._wake(self)

    def deliver(self) -> bool:
        """Call the callbacks with what has come in; return whether the job ended."""
        with self._lock:
            items, self._items = self._items, []
            progress, self._progress = self._progress, None
            ending, self._ending = self._ending, None
            self._awake = False
        job = self.job
        if ending is not None:
            job.finished = True
        if not job.silenced and (job.owner is None or shiboken6.isValid(job.owner)):
            if items and job.items is not None:
                job.items(items)
            if progress is not None and job.progress is not None:
                job.progress(progress)
            if ending is not None:
                ending()
        return ending is not None

    def _end_done(self, result: Any) -> None:
        if self.job.done is not None:
            self.job.done(result)

    def _end_cancelled(self) -> None:
        if self.job.cancelled is not None:
            self.job.cancelled()

    def _end_failed(self, error: Exception) -> None:
        if self.job.failed is not None:
            self.job.failed(error)
        else:
            self._work.failed_unheard.emit(error)


def each(source: Iterable[Any], context: Context) -> int:
    """Emit every item of a generator of the engine; return how many there were."""
    count = 0
    for item in source:
        context.emit(item)
        count += 1
    return count
