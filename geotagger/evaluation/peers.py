"""The writers and readers that are measured, each as one function that runs in a bounded worker."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import exifread
import piexif
from PIL import ExifTags, Image

from geotagger.library import writing
from geotagger.library.journal import JOURNAL_SCHEMA
from geotagger.library.writing import WriteOptions, WriteTarget
from geotagger.photos.gps_write import GpsFix, degrees_to_rationals
from geotagger.photos.replace import stamp_of
from geotagger.photos.sidecar import Sidecar

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Written:
    """How a file was written ("written", "sidecar", "refused"), why, and into what."""

    how: str
    reason: str = ""
    destination: Path | None = None
    write_id: int = 0


def connect(journal: Path) -> sqlite3.Connection:
    """Return a journal in a file of its own."""
    fresh = not journal.exists()
    connection = sqlite3.connect(journal, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    if fresh:
        connection.executescript(JOURNAL_SCHEMA)
    return connection


def write_ours(path: Path, journal: Path, fix: GpsFix, always_sidecar: bool) -> Written:
    """Write with this program, by plan and journal, as the window and the command line do."""
    options = WriteOptions(sidecar="always" if always_sidecar else "auto")
    plan = writing.plan_writes([WriteTarget(path, fix, stamp_of(path))], options)
    connection = connect(journal)
    try:
        results = list(writing.execute(connection, plan))
    finally:
        connection.close()
    if not results:
        return Written("refused", "nothing was planned")
    item, result = plan.items[0], results[0]
    if result.error is not None:
        return Written("refused", result.error.message)
    how = "written" if item.how == "in the file" else "sidecar"
    return Written(how, item.reason, item.destination, result.write_id)


def undo_ours(path: Path, journal: Path, write_id: int) -> bool:
    """Take a write back; return whether that went well."""
    connection = connect(journal)
    try:
        return all(result.ok for result in writing.undo(connection, write_id))
    finally:
        connection.close()


def write_piexif(path: Path, fix: GpsFix) -> None:
    """Write as piexif's documentation shows it."""
    tags = piexif.load(str(path))
    tags["GPS"].update(
        {
            piexif.GPSIFD.GPSVersionID: (2, 3, 0, 0),
            piexif.GPSIFD.GPSLatitudeRef: "S" if fix.lat < 0 else "N",
            piexif.GPSIFD.GPSLatitude: degrees_to_rationals(fix.lat),
            piexif.GPSIFD.GPSLongitudeRef: "W" if fix.lon < 0 else "E",
            piexif.GPSIFD.GPSLongitude: degrees_to_rationals(fix.lon),
        }
    )
    piexif.insert(piexif.dump(tags), str(path))


def write_pillow(path: Path, fix: GpsFix) -> None:
    """Write by opening and saving with Pillow, JPEG with ``quality="keep"``."""
    with Image.open(path) as image:
        kind = image.format or ""
        if kind not in ("JPEG", "MPO", "PNG", "TIFF", "WEBP"):
            raise ValueError(f"files of the kind {kind or 'unknown'} are not saved")
        tags = image.getexif()
        gps: dict[int, Any] = dict(tags.get_ifd(ExifTags.IFD.GPSInfo))
        gps.update(
            {
                ExifTags.GPS.GPSLatitudeRef: "S" if fix.lat < 0 else "N",
                ExifTags.GPS.GPSLatitude: _degrees(fix.lat),
                ExifTags.GPS.GPSLongitudeRef: "W" if fix.lon < 0 else "E",
                ExifTags.GPS.GPSLongitude: _degrees(fix.lon),
            }
        )
        tags[ExifTags.IFD.GPSInfo] = gps
        options: dict[str, Any] = {"quality": "keep"} if kind == "JPEG" else {}
        if kind == "WEBP":
            options["lossless"] = True
        copy = path.with_name("saved" + path.suffix)
        image.save(copy, format="JPEG" if kind == "MPO" else kind, exif=tags, **options)
    copy.replace(path)


def _degrees(value: float) -> tuple[float, ...]:
    return tuple(float(Fraction(*pair)) for pair in degrees_to_rationals(value))


def write_peer(path: Path, name: str, fix: GpsFix) -> Written:
    """Write with a peer by name; whatever it raises is its refusal."""
    write: Callable[[Path, GpsFix], None] = {"piexif": write_piexif, "Pillow": write_pillow}[name]
    before = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            write(path, fix)
        except Exception as error:  # noqa: BLE001 - what a peer raises is what is measured
            path.write_bytes(before)
            return Written("refused", f"{type(error).__name__}: {error}"[:200])
    return Written("written", destination=path)


def read_places(path: Path) -> dict[str, Place | None]:
    """Return the place that exifread, Pillow and piexif find in a file, None for no place."""
    logging.getLogger("exifread").setLevel(logging.CRITICAL)
    places: dict[str, Place | None] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, read in _READERS.items():
            places[name] = None
            # A reader that gives up on a file finds nothing in it.
            with contextlib.suppress(Exception):
                places[name] = read(path)
    return places


def read_sidecar(path: Path) -> Place | None:
    """Return the place in a sidecar."""
    with path.open("rb") as source:
        position = Sidecar().read(source, path)
    return None if position is None else (position.lat, position.lon)


def _by_exifread(path: Path) -> Place | None:
    with path.open("rb") as source:
        tags = exifread.process_file(source, details=False)
    parts = [tags.get(f"GPS GPS{name}") for name in _NAMES]
    lat, lat_ref, lon, lon_ref = (None if p is None else p.values for p in parts)
    return _place(lat, lat_ref, lon, lon_ref)


def _by_pillow(path: Path) -> Place | None:
    with Image.open(path) as image:
        gps = image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    return _place(gps.get(2), gps.get(1), gps.get(4), gps.get(3))


def _by_piexif(path: Path) -> Place | None:
    gps = piexif.load(str(path))["GPS"]
    lat, lon = (
        None if gps.get(tag) is None else [Fraction(a, b) for a, b in gps[tag]] for tag in (2, 4)
    )
    return _place(lat, gps.get(1, b"").decode(), lon, gps.get(3, b"").decode())


def _place(lat: Any, lat_ref: Any, lon: Any, lon_ref: Any) -> Place | None:
    if not (lat and lon and lat_ref and lon_ref):
        return None
    return _angle(lat) * (-1 if lat_ref[0] == "S" else 1), _angle(lon) * (
        -1 if lon_ref[0] == "W" else 1
    )


def _angle(parts: Any) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return degrees + minutes / 60 + seconds / 3600


_NAMES = ("Latitude", "LatitudeRef", "Longitude", "LongitudeRef")
_READERS: dict[str, Callable[[Path], Place | None]] = {
    "exifread": _by_exifread,
    "Pillow": _by_pillow,
    "piexif": _by_piexif,
}
