"""What the commands say and where: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from geotagger.progress import Progress

_EVERY_S = 0.1
_EVERY_S_IN_LOG = 5.0


class Console:
    """Writes results as text or JSON, and progress as one line that is rewritten."""

    def __init__(self, *, quiet: bool, as_json: bool) -> None:
        self.as_json = as_json
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._shown_at = 0.0
        self._shown_what = ""
        self._open_line = False
        self._interrupted = False

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Have Ctrl+C stop the work even where Python loses the exception that it raises.

        That happens while a finaliser or a callback of the import system runs, which swallow it;
        the next step of the progress then raises it again.
        """
        before = signal.getsignal(signal.SIGINT)
        if before is not signal.default_int_handler:  # ignored, or the caller's own
            yield
            return

        def interrupted(_signal: int, _frame: FrameType | None) -> None:
            self._interrupted = True
            raise KeyboardInterrupt

        signal.signal(signal.SIGINT, interrupted)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def say(self, text: str = "") -> None:
        """Print a line of the result, unless the result is JSON."""
        if not self.as_json:
            self.end_progress()
            print(_safe(text))

    def result(self, value: Any) -> None:
        """Print the result as JSON, if that was asked for."""
        if self.as_json:
            self.end_progress()
            json.dump(value, sys.stdout, indent=1)
            print()

    def error(self, text: str) -> None:
        """Print a problem on stderr, whatever the options."""
        self.end_progress()
        print(_safe(text), file=sys.stderr)

    def hint(self, text: str) -> None:
        """Print a remark on stderr, unless quiet."""
        if not self._quiet:
            self.error(text)

    def progress(self, progress: Progress) -> None:
        """Show how far the work is: often on a terminal, now and then in a log."""
        if self._interrupted:
            raise KeyboardInterrupt
        if self._quiet:
            return
        now = time.monotonic()
        wait = _EVERY_S if self._terminal else _EVERY_S_IN_LOG
        finished = bool(progress.total) and progress.done >= progress.total
        if now - self._shown_at < wait and not (finished and self._shown_what == progress.what):
            return
        self._shown_at, self._shown_what = now, progress.what
        done, total, unit = progress.done, progress.total, ""
        if progress.unit == "bytes":
            done, total, unit = done // 10**6, -(-total // 10**6), " MB"
        of = f" of {total:,}" if total else ""
        counted = f"{progress.what}: {done:,}{of}{unit}{_speed(progress)}"
        text = _safe(f"{counted} {progress.detail}")[:100]
        if self._terminal:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
            self._open_line = True
        else:
            print(text, file=sys.stderr, flush=True)

    def end_progress(self) -> None:
        """Leave the progress line, so that other text starts on a line of its own."""
        if self._open_line:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._open_line = False


def _speed(progress: Progress) -> str:
    """Return ", 12.3 a second, 4 min left" as far as it is known."""
    if not progress.rate:
        return ""
    in_bytes = progress.unit == "bytes"
    text = f", {progress.rate / 1e6:,.1f} MB" if in_bytes else f", {progress.rate:,.1f}"
    text += " a second"
    left = progress.left_s
    if left is None:
        return text
    if left < 90:
        return f"{text}, {left:.0f} s left"
    return (
        f"{text}, {left / 60:.0f} min left" if left < 5400 else f"{text}, {left / 3600:.1f} h left"
    )


def _safe(text: str) -> str:
    """Return text that every terminal can print: bytes of odd file names and controls escaped."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(
        letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in shown
    )
