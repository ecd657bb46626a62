"""Places from a CSV file with columns for latitude and longitude, in chunks, bad rows counted."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from geotagger.earth.cells import Floats
from geotagger.errors import PartitionError
from geotagger.progress import CancelToken, Progress, ProgressCallback

NAMES = (("lat", "lon"), ("latitude", "longitude"), ("lat", "lng"))
"""Names of the two columns, in any case."""

MAX_NAMED = 20
"""So many bad rows are named; the rest is only counted."""

_ROWS = 1 << 18
_EVERY = 1 << 14


@dataclass(slots=True)
class BadRows:
    """What could not be read: how many rows, and for the first of them the number and why.

    Rows are counted as spreadsheets do: the header is row 1.
    """

    count: int = 0
    named: list[tuple[int, str]] = field(default_factory=list)

    def add(self, row: int, why: str) -> None:
        """Count a row."""
        self.count += 1
        if len(self.named) < MAX_NAMED:
            self.named.append((row, why))


def read_places(
    path: Path,
    bad: BadRows,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[Floats]:
    """Yield the places of a file in chunks (N, 2), latitude and longitude in degrees.

    Rows that are no place are left out and added to ``bad``; rows without any text are skipped.

    Raises
    ------
    PartitionError
        The file cannot be read, is no text, or names no such columns.
    CancelledError
        The token was cancelled.
    """
    try:
        # A byte order mark, as spreadsheets write it, is no part of a name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            lat, lon = _columns(next(rows, []), path)
            chunk: list[tuple[float, float]] = []
            for number, row in enumerate(rows, start=2):
                if number % _EVERY == 0:
                    if cancel is not None:
                        cancel.raise_if_cancelled()
                    if progress is not None:
                        progress(Progress(number, 0, "Reading rows"))
                if not any(row):
                    continue
                place = _place(row, lat, lon)
                if isinstance(place, str):
                    bad.add(number, place)
                    continue
                chunk.append(place)
                if len(chunk) == _ROWS:
                    yield np.array(chunk)
                    chunk = []
            if chunk:
                yield np.array(chunk)
    except OSError as error:
        raise PartitionError(
            f"The coordinates cannot be read ({error.strerror or error}).", path=path
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise PartitionError(
            f"The coordinates are no CSV text ({error}).",
            path=path,
            remedy="Save the table as CSV in UTF-8.",
        ) from error


def _columns(header: list[str], path: Path) -> tuple[int, int]:
    names = [name.strip().casefold() for name in header]
    for lat, lon in NAMES:
        if lat in names and lon in names:
            return names.index(lat), names.index(lon)
    shown = ", ".join(header[:8]) or "nothing"
    raise PartitionError(
        f"The first row names no columns lat and lon; it says: {shown[:200]}.",
        path=path,
        remedy="Name the columns lat,lon or latitude,longitude.",
    )


def _place(row: list[str], lat: int, lon: int) -> tuple[float, float] | str:
    """Return a place, or why the row is none."""
    if len(row) <= max(lat, lon):
        return "too few columns"
    try:
        phi, lam = float(row[lat]), float(row[lon])
    except ValueError:
        return f"no numbers: {row[lat][:40]!r}, {row[lon][:40]!r}"
    # Written so that a NaN fails too.
    if not (abs(phi) <= 90.0 and abs(lam) <= 180.0):
        return f"out of range: {phi:g}, {lam:g}"
    return phi, lam
