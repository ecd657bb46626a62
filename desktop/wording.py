"""Numbers, dates and states as the window says them: sentence case, aligned, rounded honestly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

from PySide6.QtCore import QDate, QLocale

from geotagger.errors import printable
from geotagger.library.rows import PhotoRow, PhotoState
from geotagger.progress import Progress

STATE_TEXT: dict[PhotoState, str] = {
    PhotoState.HAS_GPS: "Has GPS",
    PhotoState.PENDING: "Not analysed yet",
    PhotoState.CONFIDENT: "Suggested",
    PhotoState.AMBIGUOUS: "Ambiguous",
    PhotoState.INSUFFICIENT: "Too little evidence",
    PhotoState.ACCEPTED: "Accepted, not yet written",
    PhotoState.REJECTED: "Rejected",
    PhotoState.LATER: "Left for later",
    PhotoState.WRITTEN: "Written",
    PhotoState.FAILED: "Could not be written",
    PhotoState.UNREADABLE: "Cannot be read",
    PhotoState.EXCLUDED: "Screenshot or scan, left out",
    PhotoState.MISSING: "File is gone",
}

PLACED = frozenset({PhotoState.HAS_GPS, PhotoState.WRITTEN})
"""States of photos that carry GPS in the file."""

NBSP = "\u00a0"


def count(number: int) -> str:
    """Return a number with thousands separated: "1,204"."""
    return f"{number:,}"


def photos(number: int) -> str:
    """Return "1 photo", "214 photos"."""
    return f"{number:,} photo" + ("" if number == 1 else "s")


def files(number: int) -> str:
    """Return "1 file", "3 files"."""
    return f"{number:,} file" + ("" if number == 1 else "s")


def size(octets: int) -> str:
    """Return a size on disk: "340 kB", "12 MB", "1.7 GB"."""
    if octets < 1_000_000:
        return f"{-(-octets // 1000):,}{NBSP}kB"
    if octets < 1_000_000_000:
        return f"{octets / 1e6:,.0f}{NBSP}MB"
    return f"{octets / 1e9:,.1f}{NBSP}GB"


def percent(probability: float) -> str:
    """Return a probability as whole per cent, never 0 or 100 unless it is exactly that."""
    whole = round(100 * probability)
    if whole == 0 and probability > 0:
        return f"<1{NBSP}%"
    if whole == 100 and probability < 1:
        return f">99{NBSP}%"
    return f"{whole}{NBSP}%"


def distance(metres: float) -> str:
    """Return a distance in rounded units with at most two significant figures."""
    if metres < 1:
        return f"1{NBSP}m"
    figures = 10 ** max(0, math.floor(math.log10(metres)) - 1)
    rounded = round(metres / figures) * figures
    if rounded < 1000:
        return f"{rounded:.0f}{NBSP}m"
    kilometres = rounded / 1000
    if kilometres < 10:
        return f"{kilometres:.1f}".removesuffix(".0") + f"{NBSP}km"
    return f"{kilometres:,.0f}{NBSP}km"


def radius(metres: float | None) -> str:
    """Return "± 300 m", or nothing if there is none."""
    return "" if metres is None else f"±{NBSP}{distance(metres)}"


def day(when: date) -> str:
    """Return "Sat 14 May 2022" in the language of the system."""
    return QLocale().toString(QDate(when.year, when.month, when.day), "ddd d MMM yyyy")


def moment(when: datetime | None, *, fallback: bool = False) -> str:
    """Return day and wall clock of a photo; a time that may be far off is marked as such."""
    if when is None:
        return "No date"
    text = f"{day(when.date())}, {when:%H:%M}"
    return f"{text} (uncertain)" if fallback else text


def time_left(seconds: float) -> str:
    """Return "4 min left", "about 2 h left"."""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 90:
        return f"{round(seconds / 10) * 10}{NBSP}s left"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)}{NBSP}min left"
    return f"about {round(seconds / 3600)}{NBSP}h left"


def progress(now: Progress) -> str:
    """Return "Reading photos, 120 of 1,204"."""
    if now.total:
        return f"{now.what}, {now.done:,} of {now.total:,}"
    return f"{now.what}, {now.done:,}" if now.done else now.what


def total(counts: Mapping[PhotoState, int]) -> int:
    """Return how many photos there are, those that are gone not counted."""
    return sum(n for state, n in counts.items() if state is not PhotoState.MISSING)


def status_line(counts: Mapping[PhotoState, int]) -> str:
    """Return "1,204 photos, 311 with GPS, 893 without", and what waits for review or a write."""
    everything = total(counts)
    placed = sum(counts.get(state, 0) for state in PLACED)
    text = f"{photos(everything)}, {placed:,} with GPS, {everything - placed:,} without"
    for state, words in (
        (PhotoState.CONFIDENT, "suggested"),
        (PhotoState.AMBIGUOUS, "ambiguous"),
        (PhotoState.ACCEPTED, "accepted, not yet written"),
    ):
        if counts.get(state, 0):
            text += f" · {counts[state]:,} {words}"
    return text


def name(row: PhotoRow) -> str:
    """Return a photo's file name as any widget can show it."""
    return printable(Path(row.name))


def described(row: PhotoRow) -> str:
    """Return what a screen reader says of a photo in a list."""
    parts = [name(row), STATE_TEXT[row.state], moment(row.when), row.place]
    return ", ".join(part for part in parts if part)


def joined(*parts: str) -> str:
    """Return the parts that are not empty, separated by middle dots."""
    return " · ".join(part for part in parts if part)
