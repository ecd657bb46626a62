"""Photos with known places in the folders around an album, taken when the album's were.

An outing's photos often lie in several folders: the phone's here, the camera's there, DCIM/100CANON
and DCIM/101CANON. What an album looks for is found by time in an index of the catalog; of a library
of any size only the photos near in time are read, and of these at most `MOST`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.library import clocks
from geotagger.library.catalog import Catalog
from geotagger.library.kept_vectors import kept_vectors
from geotagger.library.storing import below, decode_path, decode_time
from geotagger.library.texts import opened_roots
from geotagger.photos.record import TimeSource
from geotagger.suggest import albums, timeline
from geotagger.suggest import clocks as clocks_of
from geotagger.suggest.clock_course import Correction
from geotagger.suggest.company import Stream
from geotagger.suggest.types import AlbumPhoto, Anchor, AnchorKind

IntArray = NDArray[np.int64]

MOST = 2_000
"""Photos of other folders that take part, those nearest in time to the album's."""

GPS_RADIUS_M = 15.0
"""Radius of a file's own GPS where it states none: a phone's usual error in the open."""

WINDOW_S = 4 * 86_400.0
"""However long the pauses of an album, nothing further from it in time takes part."""

_EPOCH = datetime(1970, 1, 1)
_SECOND_US = 1_000_000
_EARLIEST_US = (timeline.EARLIEST - _EPOCH) // timedelta(microseconds=1)
_PAGE = 500
FIRM_SOURCES = ", ".join(
    f"'{source.value}'"
    for source in TimeSource
    if not source.is_fallback and source is not TimeSource.FILE_MTIME
)
"""The sources of times that can be relied upon, as a list of SQL."""

_NEAR = f"""SELECT p.id, p.wall_us FROM photos p
    LEFT JOIN decisions d ON d.photo_id = p.id AND d.kind IN ('accepted', 'moved')
    WHERE p.wall_us >= ? AND p.wall_us <= ? AND +p.path >= ? AND +p.path < ? AND +p.folder != ?
    AND p.time_source IN ({FIRM_SOURCES}) AND (d.photo_id IS NOT NULL OR p.gps_state = 'complete')
    AND p.error = '' AND NOT p.missing AND NOT p.document ORDER BY p.wall_us, p.id"""

_ALBUMS = f"""SELECT DISTINCT p.folder FROM photos p
    LEFT JOIN decisions d ON d.photo_id = p.id AND d.kind IN ('accepted', 'moved')
    WHERE p.wall_us >= ? AND p.wall_us <= ? AND +p.path >= ? AND +p.path < ? AND +p.folder != ?
    AND p.time_source IN ({FIRM_SOURCES}) AND d.photo_id IS NULL AND p.gps_state != 'complete'
    AND p.error = '' AND NOT p.missing AND NOT p.document"""

_FULL = """SELECT p.id, p.path, p.folder, p.wall_us, p.offset_s, p.camera, p.camera_serial,
    p.gps_state, p.lat, p.lon, p.error_m, p.fingerprint, e.fingerprint IS NOT NULL AS seen,
    d.kind AS d_kind, d.lat AS d_lat, d.lon AS d_lon, d.radius_m AS d_radius,
    b.mean AS brightness FROM photos p
    LEFT JOIN decisions d ON d.photo_id = p.id
    LEFT JOIN brightness b ON b.fingerprint = p.fingerprint
    LEFT JOIN embeddings e ON e.fingerprint = p.fingerprint AND e.model = ?"""


def streams_of(
    catalog: Catalog, album: str, photos: Sequence[AlbumPhoto], model: str | None
) -> tuple[Stream, ...]:
    """Return the streams of other folders that have known places when an album's photos have none.

    ``photos`` are the album's as `analysing.album_photos` gives them, ``model`` names the
    embeddings that are given. Only folders below the folder that was opened are looked at. The
    names of the photos say their folder; their times are corrected as in their own album, and the
    album's as they are known to be, since a clock may be a year off.
    """
    taken = clocks_of.as_taken(photos, clocks.corrections(catalog, album))
    spans = _spans(taken)
    if not spans:
        return ()
    with catalog.reading() as connection:
        root = _root_of(connection, Path(album))
        if root is None:
            return ()
        near = _near(connection, spans, root, album, taken)
        rows = _rows(connection, near, model)
        serials = _serials(connection, album)
    if not rows:
        return ()
    return _streams(catalog, album, photos, rows, serials, model)


def albums_touched(catalog: Catalog, album: str, photos: Sequence[AlbumPhoto]) -> list[str]:
    """Return the other albums that have photos without a place near in time to some of this one."""
    spans = _spans([replace(one, anchor=None) for one in photos])
    with catalog.reading() as connection:
        root = _root_of(connection, Path(album))
        if root is None:
            return []
        found: set[str] = set()
        for first, last in spans:
            values = (first, last, *below(root), os.fsencode(album))
            found |= {os.fsdecode(row["folder"]) for row in connection.execute(_ALBUMS, values)}
    return sorted(found)


def anchor_of(row: sqlite3.Row) -> Anchor | None:
    """Return the known place of a photo from its row joined with its decision: ``d_kind`` etc."""
    if row["d_kind"] in {"accepted", "moved"}:
        radius = row["d_radius"] if row["d_radius"] is not None else GPS_RADIUS_M
        return Anchor(row["d_lat"], row["d_lon"], radius, AnchorKind.ACCEPTED)
    if row["gps_state"] == "complete":
        radius = row["error_m"] if row["error_m"] else GPS_RADIUS_M
        return Anchor(row["lat"], row["lon"], radius, AnchorKind.GPS)
    return None


def _spans(photos: Sequence[AlbumPhoto]) -> list[tuple[int, int]]:
    """Return the wall clocks, in microseconds, between which the outings need anchors."""
    spans: list[tuple[int, int]] = []
    timed = [photo for photo in photos if photo.when is not None]
    if not timed:
        return []
    gap = _gap_s(timed)
    for outing in albums.split(timed, gap_s=gap):
        walls = [_wall_us(one.when) for one in outing if one.when and one.anchor is None]
        walls = [one for one in walls if one >= _EARLIEST_US]
        if walls:
            around = int(min(gap, WINDOW_S) * _SECOND_US)
            spans.append((min(walls) - around, max(walls) + around))
    spans.sort()
    merged: list[tuple[int, int]] = []
    for first, last in spans:
        if merged and first <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged


def _gap_s(timed: Sequence[AlbumPhoto]) -> float:
    firm = [one for one in timed if one.day_only or not one.time_is_fallback] or timed
    walls = np.array([_wall_us(one.when) for one in firm if one.when], np.float64)
    return albums.pause_s(walls / _SECOND_US)


def _wall_us(when: datetime) -> int:
    return (when.replace(tzinfo=None) - _EPOCH) // timedelta(microseconds=1)


def _root_of(connection: sqlite3.Connection, folder: Path) -> Path | None:
    above = [root for root in opened_roots(connection) if folder.is_relative_to(root)]
    return min(above, key=lambda root: len(root.parts)) if above else None


def _near(
    connection: sqlite3.Connection,
    spans: Iterable[tuple[int, int]],
    root: Path,
    album: str,
    photos: Sequence[AlbumPhoto],
) -> list[int]:
    """Return the ids of the photos nearest in time, at most `MOST`."""
    ids: list[int] = []
    walls: list[int] = []
    for first, last in spans:
        values = (first, last, *below(root), os.fsencode(album))
        for row in connection.execute(_NEAR, values):
            ids.append(row["id"])
            walls.append(row["wall_us"])
    if len(ids) <= MOST:
        return ids
    wanted = np.array(
        sorted(_wall_us(one.when) for one in photos if one.when and one.anchor is None), np.int64
    )
    return [ids[index] for index in _nearest(wanted, np.array(walls, np.int64))]


def _nearest(wanted: IntArray, walls: IntArray) -> list[int]:
    """Return the indices of at most `MOST` of the ascending times ``walls``.

    First those next to each wanted time, then the second next and so on, so that no burst takes the
    place of another hour's only anchor; of one rank those with the smallest gap.
    """
    chosen: dict[int, None] = {}
    at = np.searchsorted(walls, wanted)
    for rank in range(len(walls)):
        both = np.concatenate([at - 1 - rank, at + rank])
        of = np.concatenate([wanted, wanted])
        inside = (both >= 0) & (both < len(walls))
        if not inside.any():
            break
        gap = np.abs(walls[both[inside]] - of[inside])
        for index in both[inside][np.argsort(gap, kind="stable")].tolist():
            chosen.setdefault(index)
            if len(chosen) >= MOST:
                return sorted(chosen)
    return sorted(chosen)


def _rows(
    connection: sqlite3.Connection, ids: Sequence[int], model: str | None
) -> list[sqlite3.Row]:
    rows: list[sqlite3.Row] = []
    for start in range(0, len(ids), _PAGE):
        part = ids[start : start + _PAGE]
        marks = ", ".join("?" * len(part))
        rows += connection.execute(f"{_FULL} WHERE p.id IN ({marks})", (model or "", *part))
    return sorted(rows, key=lambda row: (row["wall_us"], row["id"]))


def _serials(connection: sqlite3.Connection, album: str) -> dict[str, set[str]]:
    """Return by camera of an album the serial numbers that its photos state."""
    found: dict[str, set[str]] = {}
    for row in connection.execute(
        "SELECT DISTINCT camera, camera_serial FROM photos WHERE folder = ?", (os.fsencode(album),)
    ):
        found.setdefault(row["camera"], set()).add(row["camera_serial"])
    return found


@dataclass(frozen=True, slots=True)
class _Name:
    """How a stream's camera is called beside the album's, and whether it is one of them."""

    camera: str
    own: bool


def _streams(
    catalog: Catalog,
    album: str,
    photos: Sequence[AlbumPhoto],
    rows: Sequence[sqlite3.Row],
    serials: dict[str, set[str]],
    model: str | None,
) -> tuple[Stream, ...]:
    here = Path(album)
    cameras = {photo.camera for photo in photos}
    seen = [row["fingerprint"] for row in rows if row["seen"]]
    vectors = kept_vectors(catalog, model, seen) if model is not None and seen else None
    look = {} if vectors is None else dict(zip(seen, vectors, strict=True))
    groups: dict[tuple[bytes, str, str], list[sqlite3.Row]] = {}
    for row in rows:
        key = row["folder"], row["camera"], row["camera_serial"]
        groups.setdefault(key, []).append(row)
    shifts: dict[bytes, dict[str, Correction]] = {}
    streams = []
    for (stored, camera, serial), members in groups.items():
        folder = decode_path(stored)
        if stored not in shifts:
            shifts[stored] = clocks.corrections(catalog, os.fsdecode(stored))
        shift = shifts[stored].get(camera, 0.0)
        name = _named(camera, serial, folder, shift, cameras, serials)
        made = [
            AlbumPhoto(
                key=str(row["id"]),
                name=_words(here, decode_path(row["path"])),
                when=decode_time(row["wall_us"], row["offset_s"]),
                zone_known=row["offset_s"] is not None,
                camera=name.camera,
                anchor=anchor_of(row),
                embedding=look.get(row["fingerprint"]),
                brightness=row["brightness"],
            )
            for row in members
        ]
        if shift:
            made = clocks_of.shifted(made, {name.camera: shift})
        kin = here.parent == folder.parent or here.parent == folder or here == folder.parent
        streams.append(Stream(str(folder), name.camera, kin, name.own, tuple(made)))
    return tuple(streams)


def _named(
    camera: str,
    serial: str,
    folder: Path,
    shift: Correction,
    cameras: set[str],
    serials: dict[str, set[str]],
) -> _Name:
    """Return a stream's camera as the album's own where its clock is the same, else by its folder.

    A body with another serial number is another camera; one whose times a correction moved in its
    own album cannot share the clock of photos that nothing was added to.
    """
    if camera and camera not in cameras and not shift:
        return _Name(camera, False)
    other = serial and "" not in serials.get(camera, {""}) and serial not in serials[camera]
    own = bool(camera) and camera in cameras and not other
    if own and not shift:
        return _Name(camera, True)
    return _Name(f"{camera or 'a camera without a name'} of {folder.name}", own)


def _words(here: Path, path: Path) -> str:
    """Return a file of another folder as a person at the album's folder would call it."""
    shared = Path(os.path.commonpath([here, path.parent]))
    if shared == path.parent:
        return f"{path.parent.name}/{path.name}"
    return path.relative_to(shared).as_posix()
