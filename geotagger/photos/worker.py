"""What runs inside a worker process of `geotagger.photos.bounded`.

The file is started as a script with ``python -I``, so that nothing of the parent's main module is
imported again and neither the environment nor the current folder can slip modules in. Only the
standard library is imported until the first task names the module it needs.

A program frozen into one executable has no script to start; there the executable itself has to be
started with a switch that calls `serve`.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

KILL_GRACE_S = 10.0
"""Seconds after its limit at which a stuck worker whose parent is gone is ended by the kernel."""


def serve(connection: Any) -> None:
    """Answer tasks from ``connection`` until it closes.

    The first message is the module search path. A task is ``(pickled (function, arguments),
    timeout_s, memory_bytes)``; the answers to it are ``("started",)`` and then one of
    ``("ok", result, retire)``, ``("memory", "", True)``, ``("error", exception, retire)``.
    """
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = connection.recv()
    base = 0
    while True:
        try:
            payload, timeout_s, memory_bytes = connection.recv()
        except (EOFError, OSError):
            return
        _limit_memory(0)
        reply, base = _answer(connection, payload, timeout_s, memory_bytes, base)
        try:
            connection.send_bytes(reply)
        except OSError:
            return


def _answer(
    connection: Any, payload: bytes, timeout_s: float, memory_bytes: int, base: int
) -> tuple[bytes, int]:
    """Run one task; return the pickled answer and the address space of the idle process."""
    try:
        function, arguments = pickle.loads(payload)
        connection.send(("started",))
        base = base or _address_space()
        _alarm(timeout_s + KILL_GRACE_S)
        _limit_memory(_address_space() + memory_bytes)
        result = function(*arguments)
        _limit_memory(0)
        # What a task leaves allocated would count for the next one: a swollen worker is replaced.
        retire = _address_space() > base + max(memory_bytes, 256 << 20)
        return pickle.dumps(("ok", result, retire)), base
    except MemoryError:
        _limit_memory(0)
        return pickle.dumps(("memory", "", True)), base
    except Exception as error:  # noqa: BLE001 - whatever the task raised belongs to the caller
        _limit_memory(0)
        return _pickle_error(error), base
    finally:
        _alarm(0)


def _pickle_error(error: Exception) -> bytes:
    """Return the error as an answer, as a RuntimeError in words if it cannot travel itself."""
    words = "".join(traceback.format_exception(error))
    error.__cause__ = error.__context__ = None
    try:
        if not getattr(error, "path", None):
            error.add_note(f"In the worker:\n{words}")
        answer = pickle.dumps(("error", error.with_traceback(None), False))
        pickle.loads(answer)
    except Exception:  # noqa: BLE001 - an exception of any kind may refuse to be pickled
        replacement = RuntimeError(f"{type(error).__name__}: {error}")
        replacement.add_note(words)
        return pickle.dumps(("error", replacement, False))
    return answer


def _alarm(seconds: float) -> None:
    """Let the kernel end this process after ``seconds``, should its parent be gone; 0 is never.

    The default action of the signal needs no Python, so it works in the middle of a C library.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory(size: int) -> None:
    """Allow ``size`` bytes of address space, 0 for no limit.

    The limit counts virtual memory, shared libraries and all, so callers add what is in use.
    Windows has no such limit and macOS takes it without keeping it; there only time is bounded.
    """
    try:
        import resource
    except ImportError:
        return
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = size or hard
        if hard != resource.RLIM_INFINITY:
            soft = min(soft, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space() -> int:
    """Return this process's virtual memory in bytes, a plain guess where it is not told."""
    try:
        # A plain open: under a memory limit the fewer objects the better.
        with open("/proc/self/statm", "rb") as stream:  # noqa: PTH123
            pages = int(stream.read().split()[0])
    except (OSError, ValueError):
        return 1 << 30
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Serve the connection whose handle is the first argument."""
    handle = int(sys.argv[1])
    if os.name == "nt":
        from multiprocessing.connection import PipeConnection  # type: ignore[attr-defined]

        connection = PipeConnection(handle)
    else:
        connection = Connection(handle)
    serve(connection)


if __name__ == "__main__":
    main()
