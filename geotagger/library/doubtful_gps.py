"""Photos below a folder whose own GPS disagrees with the photos around them in time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geotagger.library.catalog import Catalog
from geotagger.library.neighbours import FIRM_SOURCES, anchor_of
from geotagger.library.storing import below, decode_path, decode_time
from geotagger.progress import CancelToken
from geotagger.suggest.strays import strays
from geotagger.suggest.types import AlbumPhoto

_KNOWN = f"""SELECT p.id, p.path, p.folder, p.wall_us, p.offset_s, p.camera, p.gps_state, p.lat,
    p.lon, p.error_m, d.kind AS d_kind, d.lat AS d_lat, d.lon AS d_lon, d.radius_m AS d_radius
    FROM photos p LEFT JOIN decisions d ON d.photo_id = p.id
    WHERE p.folder = ? AND p.time_source IN ({FIRM_SOURCES}) AND p.error = '' AND NOT p.missing
    AND NOT p.document AND (p.gps_state = 'complete' OR d.kind IN ('accepted', 'moved'))"""

_FOLDERS = """SELECT DISTINCT folder FROM photos WHERE path >= ? AND path < ?
    AND gps_state = 'complete' AND NOT missing ORDER BY folder"""


@dataclass(frozen=True, slots=True)
class DoubtfulGps:
    """A photo whose GPS disagrees with its neighbours: the sentence, and how far in short."""

    photo_id: int
    path: Path
    words: str
    detail: str


def doubtful_gps(
    catalog: Catalog, root: Path, *, cancel: CancelToken | None = None
) -> list[DoubtfulGps]:
    """Return the photos below a root whose GPS disagrees with their neighbours, by folder and time.

    No more than one folder's rows are held at a time.

    Raises
    ------
    CancelledError
        The token was cancelled.
    """
    with catalog.reading() as connection:
        folders = [row["folder"] for row in connection.execute(_FOLDERS, below(root))]
    found: list[DoubtfulGps] = []
    for folder in folders:
        if cancel is not None:
            cancel.raise_if_cancelled()
        with catalog.reading() as connection:
            rows = {str(row["id"]): row for row in connection.execute(_KNOWN, (folder,))}
        photos = [
            AlbumPhoto(
                key=key,
                name=decode_path(row["path"]).name,
                when=decode_time(row["wall_us"], row["offset_s"]),
                zone_known=row["offset_s"] is not None,
                camera=row["camera"],
                anchor=anchor_of(row),
            )
            for key, row in rows.items()
        ]
        found += [
            DoubtfulGps(int(one.key), decode_path(rows[one.key]["path"]), one.words, one.detail)
            for one in strays(photos)
        ]
    return found
