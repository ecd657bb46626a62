"""The clocks of an album's cameras: what was estimated, what a person decided, what holds.

The estimate is kept beside the photos it was made of, so that a renewed suggestion after a
decision on a place does not pay for it again; new photos, times or looks call for a new one. A
person's word always beats it.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from geotagger.library.catalog import Catalog
from geotagger.suggest import clocks
from geotagger.suggest.clock_pairs import LEAST_S
from geotagger.suggest.clocks import ClockOffset
from geotagger.suggest.types import AlbumPhoto


class ClockKind(StrEnum):
    """What a person decided for a camera's clock."""

    SET = "set"
    """Its times are corrected by what the person said."""
    LEAVE = "leave"
    """Its times are taken as they are, whatever the estimate says."""


@dataclass(frozen=True, slots=True)
class ClockDecision:
    """A person's word on one clock; ``offset_s`` is added to its times, 0 for `LEAVE`."""

    kind: ClockKind
    offset_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One camera of an album: its photos counted, the estimate if there is one, the decision.

    ``reference_s`` is what a person added to the clock that the estimate compares with.
    """

    album: str
    camera: str
    photos: int
    found: ClockOffset | None = None
    decision: ClockDecision | None = None
    reference_s: float = 0.0

    @property
    def proposed_s(self) -> float:
        """What the estimate would add to the camera's times, sure or not; 0 without one."""
        return 0.0 if self.found is None else self.found.offset_s + self.reference_s

    @property
    def applied_s(self) -> float:
        """What is added to the camera's times: the person's word, else the estimate if sure."""
        if self.decision is not None:
            return self.decision.offset_s if self.decision.kind is ClockKind.SET else 0.0
        if self.found is None or not self.found.sure:
            return 0.0
        return self.proposed_s if abs(self.proposed_s) >= LEAST_S else 0.0

    @property
    def open(self) -> bool:
        """Whether a person is asked: the estimate would change something and none decided."""
        return (
            self.decision is None
            and self.found is not None
            and self.found.matters
            and (self.found.sure or self.found.probability >= WORTH_ASKING)
            and self.found.pairs > 0
        )


WORTH_ASKING = 0.5
"""An estimate that is likelier wrong than right is not proposed."""


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A decision on a clock before and after, to be taken back or made again."""

    album: str
    camera: str
    before: ClockDecision | None
    after: ClockDecision | None


def rows_of(catalog: Catalog, album: str) -> list[ClockRow]:
    """Return the cameras of an album, the one with most photos first, and what of their clocks."""
    with catalog.reading() as connection:
        return [row for row in _rows(connection, album) if row.photos]


def corrections(catalog: Catalog, album: str) -> dict[str, float]:
    """Return by camera the seconds that are added to its times, as the kept rows say.

    Cameras of other folders that an album was compared with are among them.
    """
    with catalog.reading() as connection:
        rows = _rows(connection, album)
    return {row.camera: row.applied_s for row in rows if row.applied_s}


def found_of(catalog: Catalog, album: str) -> list[ClockOffset]:
    """Return the kept estimates of an album, those for cameras of other folders too."""
    with catalog.reading() as connection:
        rows = _rows(connection, album)
    return [row.found for row in rows if row.found is not None]


def estimated(
    catalog: Catalog, album: str, photos: Sequence[AlbumPhoto], model: str | None
) -> dict[str, float]:
    """Return what `corrections` does, after an estimate unless a kept one is of these photos.

    ``photos`` are the album's as `analysing.album_photos` gives them, and those of other folders
    that take part (see `neighbours`); ``model`` names their embeddings. Without a model there are
    no looks to compare: then what is kept holds.
    """
    if model is not None:
        basis = _basis(photos, model)
        with catalog.reading() as connection:
            kept = connection.execute(
                "SELECT basis FROM clock_estimates WHERE album = ?", (os.fsencode(album),)
            ).fetchone()
        if kept is None or kept["basis"] != basis:
            _keep(catalog, album, basis, clocks.estimate(photos))
    return corrections(catalog, album)


def decide(
    catalog: Catalog, album: str, camera: str, decision: ClockDecision | None
) -> ClockChange:
    """Store a person's word on a clock, None to leave it to the estimate; return what changed."""
    with catalog.writing() as connection:
        change = ClockChange(album, camera, _decision(connection, album, camera), decision)
        _store(connection, album, camera, decision)
    return change


def revert(catalog: Catalog, changes: Iterable[ClockChange]) -> None:
    """Put the decisions back that were there before the changes."""
    with catalog.writing() as connection:
        for change in changes:
            _store(connection, change.album, change.camera, change.before)


def reapply(catalog: Catalog, changes: Iterable[ClockChange]) -> None:
    """Make the changes again after `revert`."""
    with catalog.writing() as connection:
        for change in changes:
            _store(connection, change.album, change.camera, change.after)


def _rows(connection: sqlite3.Connection, album: str) -> list[ClockRow]:
    key = os.fsencode(album)
    counted = connection.execute(
        "SELECT camera, count(*) AS n FROM photos WHERE folder = ? AND NOT missing AND error = ''"
        " AND NOT document GROUP BY camera ORDER BY n DESC, camera",
        (key,),
    ).fetchall()
    stored = {
        row["camera"]: row
        for row in connection.execute("SELECT * FROM clocks WHERE album = ?", (key,)).fetchall()
    }
    decisions = {camera: _decision_of(row) for camera, row in stored.items()}
    photos = {row["camera"]: row["n"] for row in counted}
    elsewhere = sorted(camera for camera in stored if camera not in photos)
    found = []
    for camera in [*photos, *elsewhere]:
        estimate = _found_of(stored[camera]) if camera in stored else None
        other = None if estimate is None else decisions.get(estimate.reference)
        found.append(
            ClockRow(
                album=album,
                camera=camera,
                photos=photos.get(camera, 0),
                found=estimate,
                decision=decisions.get(camera),
                # The estimate speaks of the reference's clock: a correction there moves it too.
                reference_s=0.0 if other is None else other.offset_s,
            )
        )
    return found


def _basis(photos: Sequence[AlbumPhoto], model: str) -> str:
    """Return a digest of what an estimate depends on; places that people decide are no part."""
    digest = hashlib.blake2b(model.encode(), digest_size=16)
    for photo in photos:
        known = photo.embedding is not None
        line = (photo.key, photo.camera, photo.when, photo.zone_known, photo.time_is_fallback)
        light = photo.brightness
        digest.update(repr((*line, known, light)).encode("utf-8", "backslashreplace"))
        if photo.embedding is not None:
            digest.update(photo.embedding[:8].tobytes())
    return digest.hexdigest()


def _keep(catalog: Catalog, album: str, basis: str, found: Sequence[ClockOffset]) -> None:
    key = os.fsencode(album)
    with catalog.writing(aside=True) as connection:
        connection.execute("REPLACE INTO clock_estimates VALUES (?, ?)", (key, basis))
        connection.execute(
            "UPDATE clocks SET reference = NULL, found_s = NULL, probability = NULL, pairs = NULL"
            " WHERE album = ?",
            (key,),
        )
        connection.executemany(
            """INSERT INTO clocks (album, camera, reference, found_s, probability, pairs)
               VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (album, camera) DO UPDATE SET
               reference = excluded.reference, found_s = excluded.found_s,
               probability = excluded.probability, pairs = excluded.pairs""",
            [(key, one.camera, one.reference, one.offset_s, one.probability, one.pairs)
             for one in found],
        )  # fmt: skip
        _sweep(connection, key)


def _store(
    connection: sqlite3.Connection, album: str, camera: str, decision: ClockDecision | None
) -> None:
    key = os.fsencode(album)
    kind = None if decision is None else decision.kind.value
    seconds = None if decision is None else decision.offset_s
    connection.execute(
        """INSERT INTO clocks (album, camera, decision, decided_s) VALUES (?, ?, ?, ?)
           ON CONFLICT (album, camera) DO UPDATE SET
           decision = excluded.decision, decided_s = excluded.decided_s""",
        (key, camera, kind, seconds),
    )
    _sweep(connection, key)


def _sweep(connection: sqlite3.Connection, key: bytes) -> None:
    connection.execute(
        "DELETE FROM clocks WHERE album = ? AND decision IS NULL AND found_s IS NULL", (key,)
    )


def _decision(connection: sqlite3.Connection, album: str, camera: str) -> ClockDecision | None:
    row = connection.execute(
        "SELECT decision, decided_s FROM clocks WHERE album = ? AND camera = ?",
        (os.fsencode(album), camera),
    ).fetchone()
    return None if row is None else _decision_of(row)


def _decision_of(row: sqlite3.Row) -> ClockDecision | None:
    if row["decision"] is None:
        return None
    return ClockDecision(ClockKind(row["decision"]), row["decided_s"] or 0.0)


def _found_of(row: sqlite3.Row) -> ClockOffset | None:
    if row["found_s"] is None:
        return None
    return ClockOffset(
        row["camera"], row["reference"], row["found_s"], row["probability"], row["pairs"]
    )
