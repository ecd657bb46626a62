"""A folder of drawn photos as a person would have it: a phone with GPS, a camera without."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import piexif

from tests.support.pictures import scene


@dataclass(frozen=True, slots=True)
class Shot:
    """One photo to make: scene, minutes after the start, place, and whether the file says it."""

    name: str
    kind: str
    seed: int
    minutes: float
    lat: float
    lon: float
    tagged: bool
    camera: tuple[str, str] = ("Acme", "Camera 1")


PHONE = ("Fairphone", "FP5")
CAMERA = ("Acme", "Camera 1")
START = datetime(2022, 5, 14, 9, 30)

LISBON: tuple[Shot, ...] = (
    Shot("IMG_0001.jpg", "town", 1, 0, 38.7139, -9.1335, True, PHONE),
    Shot("DSC_0101.jpg", "town", 2, 4, 38.7142, -9.1331, False),
    Shot("DSC_0102.jpg", "town", 3, 9, 38.7134, -9.1322, False),
    Shot("IMG_0002.jpg", "town", 4, 13, 38.7129, -9.1304, True, PHONE),
    Shot("DSC_0103.jpg", "sea", 5, 55, 38.7078, -9.1366, False),
    Shot("IMG_0003.jpg", "sea", 6, 62, 38.7075, -9.1364, True, PHONE),
    Shot("DSC_0104.jpg", "sea", 7, 66, 38.7071, -9.1371, False),
    Shot("IMG_0004.jpg", "sea", 8, 150, 38.6916, -9.2160, True, PHONE),
    Shot("DSC_0105.jpg", "sea", 9, 158, 38.6921, -9.2152, False),
    Shot("DSC_0106.jpg", "night", 10, 660, 38.7112, -9.1440, False),
    Shot("IMG_0005.jpg", "night", 11, 668, 38.7109, -9.1437, True, PHONE),
    Shot("IMG_0006.jpg", "hills", 12, 1500, 38.7876, -9.3906, True, PHONE),
    Shot("DSC_0107.jpg", "hills", 13, 1506, 38.7879, -9.3911, False),
    Shot("DSC_0108.jpg", "forest", 14, 1530, 38.7925, -9.3950, False),
    Shot("IMG_0007.jpg", "forest", 15, 1541, 38.7930, -9.3968, True, PHONE),
    Shot("DSC_0109.jpg", "hills", 16, 1620, 38.7805, -9.4989, False),
    Shot("IMG_0008.jpg", "sea", 17, 1631, 38.7803, -9.4990, True, PHONE),
    Shot("DSC_0110.jpg", "sea", 18, 1636, 38.7801, -9.4985, False),
)


def make_album(
    folder: Path,
    shots: tuple[Shot, ...] = LISBON,
    start: datetime = START,
    size: tuple[int, int] = (640, 480),
) -> list[Path]:
    """Make the photos of an album and return their paths, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    return [make_photo(folder / shot.name, shot, start, size) for shot in shots]


def make_photo(
    path: Path, shot: Shot, start: datetime = START, size: tuple[int, int] = (640, 480)
) -> Path:
    """Make one JPEG with camera, time and, where tagged, GPS; return its path."""
    taken = start + timedelta(minutes=shot.minutes)
    exif = {
        "0th": {
            piexif.ImageIFD.Make: shot.camera[0].encode(),
            piexif.ImageIFD.Model: shot.camera[1].encode(),
        },
        "Exif": {piexif.ExifIFD.DateTimeOriginal: f"{taken:%Y:%m:%d %H:%M:%S}".encode()},
        "GPS": gps_ifd(shot.lat, shot.lon) if shot.tagged else {},
    }
    path.write_bytes(_jpeg(shot.kind, shot.seed, size, piexif.dump(exif)))
    stamp = taken.timestamp()
    os.utime(path, (stamp, stamp))
    return path


@lru_cache(maxsize=512)
def _jpeg(kind: str, seed: int, size: tuple[int, int], exif: bytes) -> bytes:
    """Return a file; many tests make the same album, and drawing takes most of their time."""
    buffer = io.BytesIO()
    scene(kind, seed, size).save(buffer, "JPEG", quality=85, exif=exif)
    return buffer.getvalue()


def gps_ifd(lat: float, lon: float) -> dict[int, object]:
    """Return a GPS IFD as piexif wants it."""
    return {
        piexif.GPSIFD.GPSVersionID: (2, 3, 0, 0),
        piexif.GPSIFD.GPSLatitudeRef: b"N" if lat >= 0 else b"S",
        piexif.GPSIFD.GPSLatitude: _rationals(abs(lat)),
        piexif.GPSIFD.GPSLongitudeRef: b"E" if lon >= 0 else b"W",
        piexif.GPSIFD.GPSLongitude: _rationals(abs(lon)),
    }


def _rationals(degrees: float) -> tuple[tuple[int, int], ...]:
    total = round(degrees * 3600 * 10_000)
    return ((total // 36_000_000, 1), (total // 600_000 % 60, 1), (total % 600_000, 10_000))
