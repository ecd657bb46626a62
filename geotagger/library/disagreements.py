"""Find what will contradict a place that is written, because it is left as it is."""

from __future__ import annotations

import contextlib
from pathlib import Path

from geotagger.errors import UnreadableFileError
from geotagger.library import storing
from geotagger.library.catalog import Catalog
from geotagger.photos.gps_words import describe_place
from geotagger.photos.gps_write import GpsFix, distance_m
from geotagger.photos.metadata import DISAGREE_M, DISAGREEMENT, places_inside
from geotagger.photos.record import Gps, GpsState, PhotoRecord
from geotagger.photos.xmp_read import gps_of_xmp, read_sidecar


def warnings(
    path: Path, fix: GpsFix | None, sidecar: Path | None, *, with_own_exif: bool
) -> list[str]:
    """Return a sentence for each place that will contradict `fix` (None: that will remain).

    Parameters
    ----------
    path
        The photo; the XMP packet in it is never changed.
    fix
        The place to be written.
    sidecar
        A sidecar that is left as it is, if any.
    with_own_exif
        Whether the Exif of the photo is left as it is too.
    """
    left: list[tuple[str, Gps]] = []
    # What cannot be read tells no place to anybody.
    with contextlib.suppress(UnreadableFileError):
        exif, packet = places_inside(path)
        if with_own_exif:
            left.append(("The file itself", exif))
        left.append(("The XMP inside the file", packet))
    if sidecar is not None:
        with contextlib.suppress(UnreadableFileError):
            left.append((f"The sidecar {sidecar.name}", gps_of_xmp(read_sidecar(sidecar))[0]))
    return [
        f"{who} says another place, {describe_place(gps.lat, gps.lon)}, and stays as it is."
        for who, gps in left
        if gps.lat is not None and gps.lon is not None and _contradicts(gps, fix)
    ]


def disagreement(record: PhotoRecord) -> str:
    """Return that a photo and its XMP name different places, in words, or ""."""
    return DISAGREEMENT if DISAGREEMENT in record.note else ""


def below(catalog: Catalog, root: Path) -> list[tuple[Path, str]]:
    """Return the photos below a folder that disagree with their XMP, each with the words."""
    with catalog.reading() as connection:
        rows = connection.execute(
            "SELECT path FROM photos WHERE path >= ? AND path < ? AND instr(note, ?)"
            " AND NOT missing ORDER BY path",
            (*storing.below(root), DISAGREEMENT),
        ).fetchall()
    return [(storing.decode_path(row["path"]), DISAGREEMENT) for row in rows]


def _contradicts(gps: Gps, fix: GpsFix | None) -> bool:
    if gps.state is not GpsState.COMPLETE or gps.lat is None or gps.lon is None:
        return False
    return fix is None or distance_m(gps.lat, gps.lon, fix.lat, fix.lon) > DISAGREE_M
