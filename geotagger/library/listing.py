"""All photos below a folder, read once and kept: what lists, filters and counts are made of.

A listing is a value. Of what changed only the changed photos are read; choosing, searching and
counting never ask the catalog, so that they take milliseconds with a hundred thousand photos.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.library import stored_rows
from geotagger.library.catalog import Catalog
from geotagger.library.rows import AlbumRow, PhotoRow, PhotoState
from geotagger.library.storing import encode_path

_STATES = tuple(PhotoState)
_CODE = {state: code for code, state in enumerate(_STATES)}
_GONE = PhotoState.MISSING
_NOT_WANTING = (
    PhotoState.HAS_GPS, PhotoState.WRITTEN, _GONE, PhotoState.UNREADABLE,
    PhotoState.EXCLUDED,
)  # fmt: skip
"""States of photos that are not counted as being without a place."""


def album_id(folder: Path) -> str:
    """Return the identifier of the album that a folder is."""
    return os.fsdecode(encode_path(folder))


def plain(text: str) -> str:
    """Return text without accents and case, for searching."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


class Listing:
    """The photos below ``root``, ``rows`` in chronological order, those without a time last.

    Not to be changed; what is derived of the rows is made when it is first asked for, and handed on
    where only some rows are new.
    """

    def __init__(self, root: Path, rows: Sequence[PhotoRow]) -> None:
        self.root = root
        self.rows = rows

    @classmethod
    def load(cls, catalog: Catalog, root: Path) -> Listing:
        """Read all photos below a folder."""
        with catalog.reading() as connection:
            return cls(root, list(stored_rows.rows_below(connection, root)))

    def renewed(self, catalog: Catalog, photo_ids: Collection[int]) -> Listing:
        """Return the listing with these photos as the catalog has them now.

        Photos that are new come in; those that the catalog no longer has, or that lie elsewhere
        now, are left out.
        """
        with catalog.reading() as connection:
            found = list(stored_rows.rows_of(connection, list(photo_ids)))
        here = [row for row in found if row.folder.is_relative_to(self.root)]
        return self.patched(here, gone=set(photo_ids) - {row.id for row in here})

    def patched(self, changed: Iterable[PhotoRow], gone: Collection[int] = ()) -> Listing:
        """Return the listing with these rows in the place of the photos' earlier ones."""
        new = {row.id: row for row in changed}
        at = self.at
        gone = [one for one in gone if one in at]
        if not new and not gone:
            return self
        if not gone and all(
            one in at and _order(self.rows[at[one]]) == _order(row) for one, row in new.items()
        ):
            return self._with(new)
        dropped = new.keys() | set(gone)
        rows = [row for row in self.rows if row.id not in dropped]
        return Listing(self.root, sorted([*rows, *new.values()], key=_order))

    def _with(self, new: Mapping[int, PhotoRow]) -> Listing:
        """Return the listing with rows exchanged where they are; the order stays."""
        rows, at = list(self.rows), self.at
        codes = self._codes.copy()
        as_there = True
        for one, row in new.items():
            before = rows[at[one]]
            as_there &= (before.state is _GONE) == (row.state is _GONE)
            as_there &= before.time_is_fallback == row.time_is_fallback
            rows[at[one]] = row
            codes[at[one]] = _CODE[row.state]
        made = Listing(self.root, rows)
        made.at, made._folders, made._codes = at, self._folders, codes
        if as_there:
            made._spans = self._spans
        if "_texts" in self.__dict__:
            made._texts = self._texts.copy()
            for one, row in new.items():
                made._texts[at[one]] = made._text(row)
        return made

    @cached_property
    def at(self) -> dict[int, int]:
        """Where in ``rows`` a photo is, by its id."""
        return {row.id: number for number, row in enumerate(self.rows)}

    def chosen(
        self,
        album: str | None = None,
        states: Collection[PhotoState] | None = None,
        search: str = "",
    ) -> list[PhotoRow]:
        """Return the photos that match, in order.

        ``album`` and ``states`` narrow the choice; every word of ``search`` must occur in the path
        below the root, the place, the camera or the date (YYYY-MM-DD), whatever its case or
        accents.
        """
        words = plain(search).split()
        if album is None and states is None and not words:
            return list(self.rows)
        mask = self._within(album)
        if states is not None:
            wanted = np.zeros(len(_STATES), bool)
            wanted[[_CODE[state] for state in states]] = True
            mask = mask & wanted[self._codes]
        found = np.flatnonzero(mask).tolist()
        texts = self._texts if words else []
        for word in words:
            found = [at for at in found if word in texts[at]]
        rows = self.rows
        return [rows[at] for at in found]

    def prepare_search(self) -> None:
        """Make what the first search would make, ahead of it."""
        _ = self._texts

    def counts(self, album: str | None = None) -> dict[PhotoState, int]:
        """Return how many photos are in each state; states without any are left out."""
        codes = self._codes if album is None else self._codes[self._within(album)]
        numbers = np.bincount(codes, minlength=len(_STATES)).tolist()
        return {state: n for state, n in zip(_STATES, numbers, strict=True) if n}

    def albums(self) -> list[AlbumRow]:
        """Return the folders that hold photos, by path; photos that are gone are not counted."""
        folders, of = self._folders
        there = self._codes != _CODE[_GONE]
        wanting = ~np.isin(self._codes, [_CODE[state] for state in _NOT_WANTING])
        numbers = np.bincount(of[there], minlength=len(folders))
        without = np.bincount(of[wanting], minlength=len(folders))
        spans = self._spans
        found = []
        for code, folder in sorted(enumerate(folders), key=lambda one: encode_path(one[1])):
            if not numbers[code]:
                continue
            root = self.root
            title = root.name or str(root) if folder == root else str(folder.relative_to(root))
            found.append(
                AlbumRow(
                    id=album_id(folder),
                    title=title,
                    folder=folder,
                    count=int(numbers[code]),
                    without_gps=int(without[code]),
                    first=spans[code][0],
                    last=spans[code][1],
                )
            )
        return found

    @cached_property
    def _codes(self) -> NDArray[np.uint8]:
        return np.fromiter((_CODE[row.state] for row in self.rows), np.uint8, len(self.rows))

    @cached_property
    def _folders(self) -> tuple[list[Path], NDArray[np.int32]]:
        """The folders, and for each row which one it is in."""
        number: dict[Path, int] = {}
        of = np.fromiter(
            (number.setdefault(row.folder, len(number)) for row in self.rows),
            np.int32,
            len(self.rows),
        )
        return list(number), of

    @cached_property
    def _spans(self) -> list[tuple[datetime | None, datetime | None]]:
        """First and last time of each folder's photos that are there and tell it."""
        folders, of = self._folders
        first: list[datetime | None] = [None] * len(folders)
        last: list[datetime | None] = [None] * len(folders)
        for row, folder in zip(self.rows, of.tolist(), strict=True):
            if row.when is None or row.time_is_fallback or row.state is _GONE:
                continue
            if first[folder] is None:
                first[folder] = row.when
            last[folder] = row.when
        return list(zip(first, last, strict=True))

    @cached_property
    def _texts(self) -> list[str]:
        return [self._text(row) for row in self.rows]

    def _text(self, row: PhotoRow) -> str:
        """Return what is searched."""
        below = self._below(row.folder)
        date = "" if row.when is None else row.when.date().isoformat()
        return f"{below}{plain(row.name)} {plain(row.place)} {plain(row.camera)} {date}"

    def _below(self, folder: Path) -> str:
        known = self._relative.get(folder)
        if known is None:
            inside = folder.relative_to(self.root).as_posix()
            known = "" if inside == "." else plain(inside) + "/"
            self._relative[folder] = known
        return known

    @cached_property
    def _relative(self) -> dict[Path, str]:
        return {}

    def _within(self, album: str | None) -> NDArray[np.bool_]:
        if album is None:
            return np.ones(len(self.rows), bool)
        folders, of = self._folders
        wanted = Path(album)
        mask: NDArray[np.bool_] = of == (folders.index(wanted) if wanted in folders else -1)
        return mask


def _order(row: PhotoRow) -> tuple[bool, datetime | None, bytes]:
    """Return what rows are sorted by: the wall clock, then the path."""
    wall = None if row.when is None else row.when.replace(tzinfo=None)
    return wall is None, wall, os.fsencode(f"{row.folder}{os.sep}{row.name}")
