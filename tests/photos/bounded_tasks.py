"""Tasks for the tests of the worker pool; workers import this module."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from pathlib import Path

from geotagger.errors import UnreadableFileError


def double(number: int) -> int:
    return 2 * number


def pid_of(_: object = None) -> int:
    return os.getpid()


def fail_on_odd(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


def unreadable(path: Path) -> None:
    raise UnreadableFileError("It is broken.", path=path, remedy="Mend it.")


class UnpicklableError(Exception):
    def __init__(self) -> None:
        super().__init__("carries a lock")
        self.lock = threading.Lock()


def raise_unpicklable() -> None:
    raise UnpicklableError


def wait_for_ever(_: object = None) -> None:
    threading.Event().wait()


def tell_and_wait_for_ever(pipe: Path) -> None:
    pipe.write_text(str(os.getpid()))
    threading.Event().wait()


def wait_with_signals_blocked(_: object = None) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL})
    threading.Event().wait()


def eat_memory(_: object, size: int) -> int:
    return len(bytearray(size))


def exit_at_once(_: object = None) -> None:
    os._exit(7)


def segfault(_: object = None) -> None:
    ctypes.string_at(0)


def spam_streams(text: str) -> str:
    print(text * 1000)  # noqa: T201 - it must not disturb the answer
    os.write(1, text.encode() * 1000)
    os.write(2, text.encode() * 1000)
    return text


def ignores_interrupt() -> bool:
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def has_module(name: str) -> bool:
    return name in sys.modules


def main_file() -> str:
    return str(getattr(sys.modules["__main__"], "__file__", ""))


def echo_path(path: Path) -> Path:
    return path
