"""One worker process of a pool: started, asked, killed and reaped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

from geotagger.photos import worker as worker_module

_START_S = 60.0
"""Seconds for a process to start and import what the task needs: disks can be slow."""
_SLICE_S = 0.25
"""How often a waiting caller looks whether the pool was closed."""
REAP_S = 2.0
"""Seconds to wait for a killed process; one stuck in the kernel (a dead share) is left behind."""

_unreaped: list[subprocess.Popen[bytes]] = []
"""Killed processes that the kernel has not let go of yet; looked at again now and then."""


class WorkerProcess:
    """One worker process and the connection to it; used by one thread at a time, but for kill."""

    def __init__(self, lent: int | None = None) -> None:
        """Start one; ``lent`` is an open file of ours that it keeps open as long as it lives."""
        ours, theirs = Pipe(duplex=True)
        try:
            self._process = _start(theirs, lent)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._connection = ours
        self._greeted = False

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def ask(
        self,
        payload: bytes,
        timeout_s: float,
        memory_bytes: int,
        stopping: Callable[[], bool],
    ) -> tuple[str, Any, bool]:
        """Return the worker's answer; its kind may also be timeout, crash, lost or stopped.

        Lost means that the process was gone before it began: not the fault of the task.
        """
        started = False
        try:
            if not self._greeted:
                self._connection.send(_search_path())
                self._greeted = True
            self._connection.send((payload, timeout_s, memory_bytes))
            deadline = time.monotonic() + _START_S
            while True:
                answer = self._receive(deadline, stopping)
                if answer[0] != "started":
                    return answer
                started = True
                deadline = time.monotonic() + timeout_s
        except (EOFError, OSError):
            return "crash" if started else "lost", self._how_it_ended(), True

    def _receive(self, deadline: float, stopping: Callable[[], bool]) -> tuple[str, Any, bool]:
        while not self._connection.poll(min(_SLICE_S, max(0.0, deadline - time.monotonic()))):
            if stopping():
                return "stopped", None, True
            # Where the machine is busy, the answer may have come since: whoever has it, uses it.
            if time.monotonic() >= deadline and not self._connection.poll(0):
                return "timeout", None, True
        answer: tuple[str, Any, bool] = self._connection.recv()
        return answer

    def _how_it_ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(REAP_S)
            if code < 0:
                with contextlib.suppress(ValueError):
                    return signal.Signals(-code).name
            return f"exit code {code}"
        return "it no longer answers"

    def kill(self) -> None:
        """End the process at once; safe from any thread."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def dispose(self) -> None:
        """Reap the killed process and close the connection."""
        self._connection.close()
        _unreaped[:] = [process for process in _unreaped if process.poll() is None]
        try:
            self._process.wait(REAP_S)
        except subprocess.TimeoutExpired:
            _unreaped.append(self._process)


def any_stuck() -> bool:
    """Return whether the kernel has not let go of some killed process: it may still do its work."""
    _unreaped[:] = [process for process in _unreaped if process.poll() is None]
    return bool(_unreaped)


def _start(theirs: Any, lent: int | None = None) -> subprocess.Popen[bytes]:
    """Start a worker that holds the connection ``theirs``, and the open file ``lent``."""
    script = str(Path(worker_module.__file__).resolve())
    handle: int = theirs.fileno()
    command = [sys.executable, "-I", script, str(handle)]
    if sys.flags.utf8_mode:
        command[1:1] = ["-X", "utf8"]
    # Fewer threads and arenas: each reserves address space, which the memory bound counts.
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment["MALLOC_ARENA_MAX"] = "2"
    streams: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, True)
        startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
        return subprocess.Popen(
            command,
            env=environment,
            startupinfo=startup,
            creationflags=subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP,
            **streams,
        )
    # A process group of its own: Ctrl-C in the terminal is for the parent alone.
    kept = (handle,) if lent is None else (handle, lent)
    return subprocess.Popen(command, env=environment, pass_fds=kept, process_group=0, **streams)


def _search_path() -> list[str]:
    """Return the parent's module search path, without entries that depend on the folder."""
    return [str(Path(entry).resolve()) if entry == "" else entry for entry in sys.path]
