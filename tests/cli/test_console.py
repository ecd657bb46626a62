"""Ctrl+C stops a command wherever it comes, and the caller's own handling is left as it was."""

from __future__ import annotations

import signal
import sys
import weakref

import pytest

from geotagger.cli.console import Console
from geotagger.progress import Progress


def test_an_interrupt_that_python_loses_is_heard_at_the_next_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: lost.append(what.exc_type))

    class Thing:
        pass

    console = Console(quiet=True, as_json=False)
    with console.interruptible():
        console.progress(Progress(1, 3, "Looking"))
        thing = Thing()
        # As the locks of the import system do.
        kept = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
        del thing
        assert lost == [KeyboardInterrupt] and kept() is None
        with pytest.raises(KeyboardInterrupt):
            console.progress(Progress(2, 3, "Looking"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_command_that_is_to_ignore_interrupts_goes_on_doing_so() -> None:
    console = Console(quiet=True, as_json=False)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with console.interruptible():
            signal.raise_signal(signal.SIGINT)
            console.progress(Progress(1, 3, "Looking"))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
