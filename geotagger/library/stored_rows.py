"""How a photo's row is read from the catalog: the query, and what becomes of its answer."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from geotagger.library.rows import PhotoRow, PhotoState
from geotagger.library.storing import below, decode_path, decode_time
from geotagger.photos.record import TimeSource

STATE = """CASE
    WHEN p.missing THEN 'missing'
    WHEN p.error != '' THEN 'unreadable'
    WHEN d.kind IN ('accepted', 'moved') THEN
        CASE WHEN d.lat = p.written_lat AND d.lon = p.written_lon THEN 'written'
        WHEN p.write_error != '' THEN 'failed' ELSE 'accepted' END
    WHEN p.gps_state = 'complete' THEN 'has_gps'
    WHEN d.kind IN ('rejected', 'later') THEN d.kind
    WHEN p.document THEN 'excluded'
    WHEN s.state IS NOT NULL THEN s.state
    ELSE 'pending' END"""
"""SQL: the state of a photo p with its decision d and suggestion s."""

JOINED = """photos p
    LEFT JOIN decisions d ON d.photo_id = p.id
    LEFT JOIN suggestions s ON s.photo_id = p.id"""

_ROWS = f"""SELECT p.id, p.path, p.folder, p.wall_us, p.offset_s, p.time_source, p.width,
    p.height, p.orientation, p.camera, p.companions, p.error, p.write_error, p.lat, p.lon,
    p.gps_state, p.error_m, p.place, d.kind, d.lat, d.lon, d.radius_m, d.place, s.lat, s.lon,
    s.radius_m, s.probability, s.place, {STATE} FROM {JOINED}"""

_AT_ONCE = 500
_FETCHED = 2000


def rows_below(connection: sqlite3.Connection, root: Path) -> Iterator[PhotoRow]:
    """Yield the photos below a folder in chronological order, those without a time last."""
    order = "ORDER BY p.wall_us IS NULL, p.wall_us, p.path"
    query = f"{_ROWS} WHERE p.path >= ? AND p.path < ? {order}"
    yield from _made(connection, query, below(root))


def rows_of(connection: sqlite3.Connection, photo_ids: Sequence[int]) -> Iterator[PhotoRow]:
    """Yield the photos with these ids, in any order; unknown ids are left out."""
    for at in range(0, len(photo_ids), _AT_ONCE):
        part = photo_ids[at : at + _AT_ONCE]
        marks = ", ".join("?" * len(part))
        yield from _made(connection, f"{_ROWS} WHERE p.id IN ({marks})", part)


def _made(connection: sqlite3.Connection, query: str, values: Sequence[Any]) -> Iterator[PhotoRow]:
    cursor = connection.cursor()
    cursor.row_factory = None
    make = _RowMaker()
    cursor.execute(query, values)
    while rows := cursor.fetchmany(_FETCHED):
        for row in rows:
            yield make(row)


class _RowMaker:
    """Makes rows out of tuples; what many photos have in common is made once and shared."""

    def __init__(self) -> None:
        self._folders: dict[bytes, Path] = {}
        self._texts: dict[str, str] = {}

    def __call__(self, row: tuple[Any, ...]) -> PhotoRow:
        (
            photo_id, path, folder, wall_us, offset_s, source, width, height, orientation, camera,
            companions, error, write_error, gps_lat, gps_lon, gps_state, gps_m, gps_place,
            decision, d_lat, d_lon, d_radius, d_place, s_lat, s_lon, s_radius, s_probability,
            s_place, state,
        ) = row  # fmt: skip
        lat = lon = radius = probability = None
        place = ""
        if decision in _PLACED:
            lat, lon, radius, place = d_lat, d_lon, d_radius, d_place
        elif gps_state == "complete":
            lat, lon, radius, place = gps_lat, gps_lon, gps_m, gps_place
        elif decision != "rejected" and s_lat is not None:
            lat, lon, radius, place = s_lat, s_lon, s_radius, s_place
            probability = s_probability
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = decode_path(folder)
        turned = orientation >= 5
        return PhotoRow(
            id=photo_id,
            folder=known,
            name=os.fsdecode(path[path.rfind(_SEPARATOR) + 1 :]),
            when=decode_time(wall_us, offset_s),
            zone_known=offset_s is not None,
            time_is_fallback=source in _FALLBACKS,
            state=_STATES[state],
            lat=lat,
            lon=lon,
            place=self._texts.setdefault(place, place),
            probability=probability,
            radius_m=radius,
            width=height if turned else width,
            height=width if turned else height,
            camera=self._texts.setdefault(camera, camera),
            companions=0 if companions == "[]" else len(json.loads(companions)),
            error=error or write_error,
        )


_PLACED = frozenset({"accepted", "moved"})
_STATES = {state.value: state for state in PhotoState}
_FALLBACKS = frozenset(source.value for source in TimeSource if source.is_fallback)
_SEPARATOR = os.fsencode(os.sep)
