"""What the set-up says to the person in front of it."""

from __future__ import annotations

import sys


class SetupError(Exception):
    """The set-up cannot go on; the message is one or two sentences for the user."""

    def __init__(self, message: str, *, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def say(text: str) -> None:
    """Write one line to the error stream, so that the program's own output stays clean."""
    print(text, file=sys.stderr, flush=True)


def listed(names: list[str]) -> str:
    """Return names as they stand in a sentence: ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def gigabytes(size: float) -> str:
    """Return a size in bytes as text such as ``3.5 GB``."""
    return f"{size / 1e9:.1f} GB"
