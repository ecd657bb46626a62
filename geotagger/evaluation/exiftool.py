"""ExifTool as a second opinion: one process that stays open, bounded in time and memory."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_MEMORY = 2 << 30
_READY = b"{ready}"


class ExifToolError(Exception):
    """ExifTool said no, took too long, or ended; the message says which."""


def installed() -> str | None:
    """Return where ExifTool is, None if it is not installed."""
    return shutil.which("exiftool")


class ExifTool:
    """An ExifTool process that takes one command after another; a context manager.

    Parameters
    ----------
    timeout_s
        Wall time for one command in seconds; a process that takes longer is replaced.
    """

    def __init__(self, timeout_s: float = 60.0) -> None:
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def version(self) -> str:
        """Return the version of the program."""
        return self.run("-ver").decode().strip()

    def tags(self, path: Path) -> dict[str, Any]:
        """Return all tags with raw values, keyed "family 0:family 1[:copy]:name".

        Duplicates, unknown tags and binary values (as base64) are included.
        """
        output = self.run("-j", "-G0:1:4", "-a", "-u", "-n", "-b", str(path))
        try:
            found = json.loads(output.decode("utf-8", "replace"), strict=False)
        except ValueError as error:
            raise ExifToolError("its answer is no JSON") from error
        return dict(found[0]) if found else {}

    def write(self, path: Path, *assignments: str) -> None:
        """Write tags into a file in place; raise ExifToolError with its own words if refused."""
        output = self.run("-overwrite_original", *assignments, str(path))
        if b"1 image files updated" not in output:
            words = [line for line in output.decode("utf-8", "replace").splitlines() if line]
            told = next((line for line in words if line.startswith("Error")), "no reason given")
            raise ExifToolError(told.removeprefix("Error: ").split(" - ")[0])

    def run(self, *arguments: str) -> bytes:
        """Return what a command printed, warnings and errors included."""
        if any("\n" in argument for argument in arguments):
            raise ExifToolError("a name with a line break cannot be handed over")
        process = self._process if self._process is not None else self._start()
        assert process.stdin is not None
        try:
            process.stdin.write("\n".join((*arguments, "-execute\n")).encode())
            process.stdin.flush()
        except OSError as error:
            self.close()
            raise ExifToolError("it ended") from error
        found: list[bytes] = []
        while True:
            try:
                line = self._lines.get(timeout=self._timeout_s)
            except queue.Empty:
                self.close()
                raise ExifToolError(f"no answer within {self._timeout_s:g} seconds") from None
            if not line:
                self.close()
                raise ExifToolError("it ended")
            if line.rstrip().endswith(_READY):
                found.append(line.rstrip()[: -len(_READY)])
                return b"".join(found)
            found.append(line)

    def close(self) -> None:
        """End the process; the next command starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()

    def _start(self) -> subprocess.Popen[bytes]:
        program = installed()
        if program is None:
            raise ExifToolError("it is not installed")
        process = subprocess.Popen(
            [program, "-stay_open", "True", "-@", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        if sys.platform == "linux":
            import resource

            with contextlib.suppress(OSError, ValueError):
                resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(
            target=_read, args=(process, lines), name="exiftool-reader", daemon=True
        ).start()
        self._process, self._lines = process, lines
        return process


def _read(process: subprocess.Popen[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    """Hand over line by line; an empty one says that there is no more."""
    assert process.stdout is not None
    with contextlib.suppress(OSError, ValueError):
        for line in process.stdout:
            lines.put(line)
    lines.put(b"")
