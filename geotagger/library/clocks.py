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
from geotagger.suggest.clock_course import Correction, Course, added, at
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
    """A person's word on one clock; ``offset_s`` is added to its times, 0 for `LEAVE`.

    Where the person took over a course, that is added, and ``offset_s`` is what it is at its
    origin.
    """

    kind: ClockKind
    offset_s: float = 0.0
    course: Course | None = None

    @classmethod
    def to_set(cls, correction: Correction) -> ClockDecision:
        """Return the word that a clock be corrected so."""
        if isinstance(correction, Course):
            return cls(ClockKind.SET, at(correction, None), correction)
        return cls(ClockKind.SET, correction)

    @property
    def correction(self) -> Correction:
        """What is added to the camera's times."""
        if self.kind is ClockKind.LEAVE:
            return 0.0
        return self.offset_s if self.course is None else self.course


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One camera of an album: its photos counted, the estimate if there is one, the decision.

    ``reference`` is what a person added to the clock that the estimate compares with.
    """

    album: str
    camera: str
    photos: int
    found: ClockOffset | None = None
    decision: ClockDecision | None = None
    reference: Correction = 0.0

    @property
    def proposed(self) -> Correction:
        """What the estimate would add to the camera's times, sure or not; 0 without one."""
        return 0.0 if self.found is None else added(self.found.correction, self.reference)

    @property
    def applied(self) -> Correction:
        """What is added to the camera's times: the person's word, else the estimate if sure."""
        if self.decision is not None:
            return self.decision.correction
        if self.found is None or not self.found.sure:
            return 0.0
        proposed = self.proposed
        return proposed if isinstance(proposed, Course) or abs(proposed) >= LEAST_S else 0.0

    @property
    def applied_s(self) -> float:
        """The same in seconds, at the origin of a course."""
        return at(self.applied, None)

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


_METHOD = 2
"""Raised when clocks are estimated in another way, so that kept estimates are made anew."""

WORTH_ASKING = 0.5
"""An estimate that is likelier wrong than right is not proposed."""


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A decision on a clock before and after, to be taken back or made again.

    ``told`` are the photos with a place whose times it moves: other albums may hear them.
    """

    album: str
    camera: str
    before: ClockDecision | None
    after: ClockDecision | None
    told: frozenset[int] = frozenset()


def rows_of(catalog: Catalog, album: str) -> list[ClockRow]:
    """Return the cameras of an album, the one with most photos first, and what of their clocks."""
    with catalog.reading() as connection:
        return [row for row in _rows(connection, album) if row.photos]


def corrections(catalog: Catalog, album: str) -> dict[str, Correction]:
    """Return by camera what is added to its times, as the kept rows say.

    Cameras of other folders that an album was compared with are among them.
    """
    with catalog.reading() as connection:
        rows = _rows(connection, album)
    return {row.camera: row.applied for row in rows if row.applied}


def found_of(catalog: Catalog, album: str) -> list[ClockOffset]:
    """Return the kept estimates of an album, those for cameras of other folders too."""
    with catalog.reading() as connection:
        rows = _rows(connection, album)
    return [row.found for row in rows if row.found is not None]


def estimated(
    catalog: Catalog, album: str, photos: Sequence[AlbumPhoto], model: str | None
) -> dict[str, Correction]:
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
        before = _decision(connection, album, camera)
        _store(connection, album, camera, decision)
        told = _told(connection, album, camera)
    return ClockChange(album, camera, before, decision, told)


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
                reference=0.0 if other is None else other.correction,
            )
        )
    return found


def _basis(photos: Sequence[AlbumPhoto], model: str) -> str:
    """Return a digest of what an estimate depends on; places that people decide are no part."""
    digest = hashlib.blake2b(f"{_METHOD} {model}".encode(), digest_size=16)
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
            "UPDATE clocks SET reference = NULL, found_s = NULL, found_course = NULL,"
            " probability = NULL, pairs = NULL WHERE album = ?",
            (key,),
        )
        connection.executemany(
            """INSERT INTO clocks
               (album, camera, reference, found_s, found_course, probability, pairs)
               VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (album, camera) DO UPDATE SET
               reference = excluded.reference, found_s = excluded.found_s,
               found_course = excluded.found_course, probability = excluded.probability,
               pairs = excluded.pairs""",
            [(key, one.camera, one.reference, one.offset_s, _kept(one.course), one.probability,
              one.pairs) for one in found],
        )  # fmt: skip
        _sweep(connection, key)


def _store(
    connection: sqlite3.Connection, album: str, camera: str, decision: ClockDecision | None
) -> None:
    key = os.fsencode(album)
    kind = None if decision is None else decision.kind.value
    seconds = None if decision is None else decision.offset_s
    course = None if decision is None else _kept(decision.course)
    connection.execute(
        """INSERT INTO clocks (album, camera, decision, decided_s, decided_course)
           VALUES (?, ?, ?, ?, ?) ON CONFLICT (album, camera) DO UPDATE SET
           decision = excluded.decision, decided_s = excluded.decided_s,
           decided_course = excluded.decided_course""",
        (key, camera, kind, seconds, course),
    )
    _sweep(connection, key)


def _told(connection: sqlite3.Connection, album: str, camera: str) -> frozenset[int]:
    """Return the photos with a place of a camera, and of those that are compared with it."""
    key = os.fsencode(album)
    rows = connection.execute(
        """SELECT p.id FROM photos p
           LEFT JOIN decisions d ON d.photo_id = p.id AND d.kind IN ('accepted', 'moved')
           WHERE p.folder = ? AND (d.photo_id IS NOT NULL OR p.gps_state = 'complete')
           AND NOT p.document AND NOT p.missing AND p.error = '' AND (p.camera = ? OR p.camera IN
           (SELECT camera FROM clocks WHERE album = ? AND reference = ?))""",
        (key, camera, key, camera),
    )
    return frozenset(row["id"] for row in rows)


def _sweep(connection: sqlite3.Connection, key: bytes) -> None:
    connection.execute(
        "DELETE FROM clocks WHERE album = ? AND decision IS NULL AND found_s IS NULL", (key,)
    )


def _decision(connection: sqlite3.Connection, album: str, camera: str) -> ClockDecision | None:
    row = connection.execute(
        "SELECT decision, decided_s, decided_course FROM clocks WHERE album = ? AND camera = ?",
        (os.fsencode(album), camera),
    ).fetchone()
    return None if row is None else _decision_of(row)


def _decision_of(row: sqlite3.Row) -> ClockDecision | None:
    if row["decision"] is None:
        return None
    kind, course = ClockKind(row["decision"]), _course_of(row["decided_course"])
    return ClockDecision(kind, row["decided_s"] or 0.0, course)


def _found_of(row: sqlite3.Row) -> ClockOffset | None:
    if row["found_s"] is None:
        return None
    return ClockOffset(
        row["camera"],
        row["reference"],
        row["found_s"],
        row["probability"],
        row["pairs"],
        _course_of(row["found_course"]),
    )


def _kept(course: Course | None) -> str | None:
    return None if course is None else course.to_json()


def _course_of(text: str | None) -> Course | None:
    return None if text is None else Course.from_json(text)
