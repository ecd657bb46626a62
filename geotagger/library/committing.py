"""Write decided places into files and take writes back, with the catalog kept in step."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from geotagger.earth.places import PlaceNames
from geotagger.errors import UnreadableFileError, printable
from geotagger.library import journal, queries, writing
from geotagger.library.catalog import Catalog
from geotagger.library.rows import Decision, PhotoState
from geotagger.library.scan import sidecar_stamp
from geotagger.library.storing import (
    SAME_PLACE_DEG,
    decode_path,
    encode_path,
    forget_other_places,
    refresh_record,
)
from geotagger.library.writing import (
    UndoResult,
    WriteEntry,
    WriteOptions,
    WritePlan,
    WriteResult,
    WriteTarget,
)
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.gps_write import GpsFix, PlaceName
from geotagger.photos.metadata import read_photo
from geotagger.progress import CancelToken, ProgressCallback
from geotagger.suggest.types import Candidate

_TIMEOUT_S = 20.0
WRITE_TIMEOUT_S = 300.0
"""Longest time to copy, sync and check one file: half a gigabyte on a slow share."""
_MEMORY = 1 << 30


def plan(
    catalog: Catalog,
    root: Path,
    photo_ids: Sequence[int] | None = None,
    options: WriteOptions | None = None,
    *,
    places: PlaceNames | None = None,
) -> WritePlan:
    """Return what writing the accepted places below a root would change; nothing is changed.

    Without ``photo_ids`` all photos are meant whose accepted place is not in the file yet,
    failed ones included.
    """
    wanted = {PhotoState.ACCEPTED, PhotoState.FAILED}
    rows = (
        queries.photos(catalog, root, states=wanted)
        if photo_ids is None
        else [row for row in queries.photos_by_id(catalog, photo_ids) if row.state in wanted]
    )
    decisions = []
    for row in rows:
        decision = queries.details(catalog, row.id).decision
        if decision is not None:
            decisions.append(decision)
    return plan_decisions(catalog, decisions, options, places=places)


def plan_decisions(
    catalog: Catalog,
    decisions: Iterable[Decision],
    options: WriteOptions | None = None,
    *,
    places: PlaceNames | None = None,
) -> WritePlan:
    """Return what writing these decisions would change, whether or not they are stored.

    ``places`` names the places if the options want names; without it they are loaded.
    """
    options = options or WriteOptions()
    if options.place_names and places is None:
        places = PlaceNames.load()
    targets = []
    for decision in decisions:
        if not decision.kind.has_place or decision.lat is None or decision.lon is None:
            continue
        details = queries.details(catalog, decision.photo_id)
        record = details.record
        targets.append(
            WriteTarget(
                path=record.path,
                fix=GpsFix(
                    lat=decision.lat,
                    lon=decision.lon,
                    radius_m=decision.radius_m,
                    provenance=_provenance(decision, details.candidates),
                    place=_name(places, decision.lat, decision.lon)
                    if places is not None and options.place_names
                    else None,
                ),
                stamp=record.stamp,
                companions=record.companions,
                sidecar=record.sidecar,
            )
        )
    if not targets:
        return WritePlan(())
    with _pool() as pool:
        return writing.plan_writes(targets, options, pool=pool)


def _provenance(decision: Decision, candidates: Sequence[Candidate]) -> str:
    """Return what proposed a place and how probable that was, as a sidecar tells it."""
    for candidate in candidates:
        if (candidate.lat, candidate.lon) == (decision.lat, decision.lon):
            return f"{decision.proposed_by} (probability {candidate.probability:.0%})".strip()
    return decision.proposed_by


def _name(places: PlaceNames, lat: float, lon: float) -> PlaceName | None:
    found = places.nearest(lat, lon)
    if found is None:
        return None
    return PlaceName(found.city or found.name, found.region, found.country, found.country_code)


def commit(
    catalog: Catalog,
    plan: WritePlan,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[WriteResult]:
    """Carry out a plan and yield a result per file; one file's failure stops no other.

    Other names of a file that was written, links of either kind, are read again too.
    """
    recover(catalog)
    ends = _Ends()
    with (
        catalog.reading() as connection,
        _pool() as pool,
        BoundedPool(1, WRITE_TIMEOUT_S, _MEMORY) as writers,
    ):
        for result in writing.execute(
            connection, plan, progress=progress, cancel=cancel, pool=writers
        ):
            if result.tried:
                _keep_in_step(catalog, pool, connection, result, ends)
            yield result


@dataclass(slots=True)
class _Ends:
    """Photos of which some file was written, and in words why some file of a photo was not."""

    written: set[Path] = field(default_factory=set)
    failed: dict[Path, str] = field(default_factory=dict)


def _keep_in_step(
    catalog: Catalog,
    pool: BoundedPool,
    connection: sqlite3.Connection,
    result: WriteResult,
    ends: _Ends,
) -> None:
    """Give the photo its state after one of its files.

    A photo is written when all of its files are: with a sidecar missing, also one of a RAW that
    belongs to it, it has failed, says what is missing, and is tried again with the next write.
    """
    photo = result.photo or result.path
    photo_id = _photo_at(connection, photo)
    if photo_id is None:
        return
    if result.ok:
        ends.written.add(photo)
        if result.path == photo:
            _refresh_all(catalog, pool, connection, photo_id, result)
    elif result.error is not None and photo not in ends.failed:
        # What went wrong first is why the sidecar was left alone after it.
        words = _told(result.error)
        if photo in ends.written:
            name = printable(Path(result.destination.name))
            words = f"Partly written, {name} is missing: {words}"
        ends.failed[photo] = words
    with catalog.writing() as inner:
        if photo in ends.failed:
            inner.execute(
                "UPDATE photos SET write_error = ?, written_lat = NULL, written_lon = NULL"
                " WHERE id = ?",
                (ends.failed[photo], photo_id),
            )
        elif result.ok:
            inner.execute(
                "UPDATE photos SET write_error = '', (written_lat, written_lon) ="
                " (SELECT lat, lon FROM decisions WHERE photo_id = id) WHERE id = ?",
                (photo_id,),
            )


def take_back(
    catalog: Catalog,
    write_id: int,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[UndoResult]:
    """Undo a write and yield a result per file; the places stay accepted, to be written again."""
    recover(catalog)
    with (
        catalog.reading() as connection,
        _pool() as pool,
        BoundedPool(1, WRITE_TIMEOUT_S, _MEMORY) as writers,
    ):
        for result in writing.undo(
            connection, write_id, progress=progress, cancel=cancel, pool=writers
        ):
            photo_id = _photo_at(connection, result.path)
            if photo_id is not None and result.ok:
                _refresh_all(catalog, pool, connection, photo_id, result)
                with catalog.writing() as inner:
                    inner.execute(
                        "UPDATE photos SET written_lat = NULL, written_lon = NULL WHERE id = ?",
                        (photo_id,),
                    )
            yield result


def history(catalog: Catalog) -> list[WriteEntry]:
    """Return the writes of this catalog, newest first."""
    with catalog.reading() as connection:
        return journal.history(connection)


def recover(catalog: Catalog) -> list[journal.Recovered]:
    """Finish or roll back what a crash or a dead share left half-done.

    To be called when the program starts; writing and undoing begin with it too.
    """
    with catalog.reading() as connection:
        if not journal.any_open(connection):
            return []
        with BoundedPool(1, WRITE_TIMEOUT_S, _MEMORY) as writers:
            found = journal.recover(connection, pool=writers)
        with _pool() as pool:
            for one in found:
                photo_id = _photo_at(connection, one.path)
                if photo_id is None:
                    continue
                _refresh(catalog, pool, photo_id, one.path)
                with catalog.writing() as inner:
                    forget_other_places(inner, photo_id)
                    inner.execute(
                        "UPDATE photos SET (written_lat, written_lon) = (SELECT d.lat, d.lon"
                        " FROM decisions d WHERE d.photo_id = id AND abs(d.lat - photos.lat)"
                        " + abs(d.lon - photos.lon) < ?) WHERE id = ? AND written_lat IS NULL",
                        (SAME_PLACE_DEG, photo_id),
                    )
    return found


def _pool() -> BoundedPool:
    return BoundedPool(1, _TIMEOUT_S, _MEMORY)


def _photo_at(connection: sqlite3.Connection, path: Path) -> int | None:
    row = connection.execute(
        "SELECT id FROM photos WHERE path = ?", (encode_path(path),)
    ).fetchone()
    return None if row is None else int(row["id"])


def _refresh_all(
    catalog: Catalog,
    pool: BoundedPool,
    connection: sqlite3.Connection,
    photo_id: int,
    result: WriteResult | UndoResult,
) -> None:
    """Read a photo again, and the other rows that are the same file by another name."""
    rows = connection.execute(
        "SELECT id, path FROM photos WHERE id != ? AND fingerprint ="
        " (SELECT fingerprint FROM photos WHERE id = ?)",
        (photo_id, photo_id),
    ).fetchall()
    others = [(int(row["id"]), decode_path(row["path"])) for row in rows]
    _refresh(catalog, pool, photo_id, result.path)
    for other_id, path in others:
        if _same_file(pool, path, result.path):
            _refresh(catalog, pool, other_id, path)


def _same_file(pool: BoundedPool, one: Path, two: Path) -> bool:
    try:
        return pool.run(os.path.samefile, one, two)
    except (OSError, UnreadableFileError):
        return False


def _refresh(catalog: Catalog, pool: BoundedPool, photo_id: int, path: Path) -> None:
    """Read the file that we changed ourselves, so that the next scan finds it as catalogued."""
    try:
        record = pool.run(read_photo, path)
        beside = "" if record.sidecar is None else pool.run(sidecar_stamp, record.sidecar)
    except UnreadableFileError:
        return  # the write itself is done and journalled; the next scan looks again
    with catalog.writing() as connection:
        refresh_record(connection, photo_id, record, beside)


def _told(error: Exception) -> str:
    message = getattr(error, "message", str(error))
    return f"{message} {getattr(error, 'remedy', '')}".strip()


__all__ = ["commit", "history", "plan", "plan_decisions", "recover", "take_back"]
