"""What the grid, the map and the counts show of a listing at one moment, made in a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from desktop import wording
from desktop.library.filters import BY_ID
from geotagger.library.listing import Listing
from geotagger.library.rows import AlbumRow, PhotoRow, PhotoState

_THERE = frozenset(PhotoState) - {PhotoState.MISSING}
_KNOWN = frozenset({PhotoState.HAS_GPS, PhotoState.WRITTEN, PhotoState.ACCEPTED, PhotoState.FAILED})


@dataclass(frozen=True, slots=True)
class Query:
    """What is to be shown: a folder tree, perhaps one album of it, a filter, words."""

    root: Path
    album: str | None = None
    filter: str = "all"
    search: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A day of the grid: its heading, the first row and how many there are."""

    title: str
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rows in chronological order with their sections, albums and counts."""

    query: Query
    rows: list[PhotoRow]
    sections: tuple[Section, ...]
    albums: tuple[AlbumRow, ...]
    counts: dict[PhotoState, int]
    """Of the album, or of everything if none is chosen."""
    all_counts: dict[PhotoState, int]
    row_of: dict[int, int] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether the folder has no photo at all."""
        return wording.total(self.all_counts) == 0


def take(listing: Listing, query: Query) -> Snapshot:
    """Choose what a query asks for."""
    states = BY_ID[query.filter].states
    rows = listing.chosen(query.album, _THERE if states is None else states, query.search)
    return _counted(
        Snapshot(query, rows, (), (), {}, {}, {row.id: at for at, row in enumerate(rows)}), listing
    )


def recount(listing: Listing, shown: Snapshot) -> Snapshot:
    """Return what is shown with the counts, albums and headings of a newer listing."""
    return _counted(shown, listing)


def _counted(shown: Snapshot, listing: Listing) -> Snapshot:
    album = shown.query.album
    all_counts = listing.counts()
    return replace(
        shown,
        sections=sections(shown.rows),
        albums=tuple(listing.albums()),
        counts=all_counts if album is None else listing.counts(album),
        all_counts=all_counts,
    )


def sections(rows: Sequence[PhotoRow]) -> tuple[Section, ...]:
    """Return one section for each day, photos without a date last."""
    found = []
    first = 0
    days = [None if row.when is None else row.when.date() for row in rows]
    for at in range(1, len(rows) + 1):
        if at == len(rows) or days[at] != days[first]:
            found.append(Section(_title(rows[first:at]), first, at - first))
            first = at
    return tuple(found)


def _title(rows: Sequence[PhotoRow]) -> str:
    when = rows[0].when
    date = "No date" if when is None else wording.day(when.date())
    known = Counter(_town(row.place) for row in rows if row.place and row.state in _KNOWN)
    if known:
        return wording.joined(date, known.most_common(1)[0][0])
    guessed = Counter(
        _town(row.place)
        for row in rows
        if row.place and row.state in {PhotoState.CONFIDENT, PhotoState.AMBIGUOUS}
    )
    if guessed:
        return wording.joined(date, f"{guessed.most_common(1)[0][0]} (suggested)")
    return date


@lru_cache(maxsize=4096)
def _town(place: str) -> str:
    """Return the last two parts of a place's name: a day is rarely spent in one quarter."""
    return ", ".join(place.split(", ")[-2:])
