"""A library of many photos, made quickly: one tiny JPEG many times, and a catalog of them."""

from __future__ import annotations

import io
import json
import math
import random
from pathlib import Path

from PIL import Image

from geotagger.library.catalog import Catalog
from geotagger.library.storing import encode_path

_DAY_US = 86_400_000_000
_START_US = 1_262_304_000_000_000
"""2010-01-01."""
_CAMERAS = ("Canon EOS 80D", "NIKON D750", "SONY ILCE-7M3", "Apple iPhone 12", "Panasonic DMC-TZ71")
_TOWNS = (
    ("Lisbon, Portugal", 38.72, -9.14), ("Sintra, Portugal", 38.80, -9.39),
    ("Kyoto, Japan", 35.01, 135.77), ("Bergen, Norway", 60.39, 5.32),
    ("Marrakesh, Morocco", 31.63, -7.99), ("Cusco, Peru", -13.53, -71.97),
    ("Dunedin, New Zealand", -45.87, 170.50), ("Vienna, Austria", 48.21, 16.37),
)  # fmt: skip
_STATES = ("confident", "ambiguous", "insufficient")


def make_library(folder: Path, catalog_path: Path, count: int, *, per_album: int = 500) -> Path:
    """Make ``count`` photos in albums below ``folder`` and a catalog in which they are scanned.

    A third has GPS, half has suggestions, the rest is pending. The same count gives the same
    library. Returns the folder.
    """
    rng = random.Random(count)
    picture = io.BytesIO()
    Image.new("RGB", (160, 120), (70, 110, 150)).save(picture, "JPEG", quality=60)
    content = picture.getvalue()
    photos: list[tuple[object, ...]] = []
    suggestions: list[tuple[object, ...]] = []
    for at in range(count):
        album, number = divmod(at, per_album)
        town, lat, lon = _TOWNS[album % len(_TOWNS)]
        place = folder / f"{2010 + album // 20}" / f"{album:04} {town.split(',')[0]}"
        if number == 0:
            place.mkdir(parents=True)
        path = place / f"IMG_{at:06}.jpg"
        path.write_bytes(content)
        stat = path.stat()
        lat += rng.gauss(0, 0.05)
        lon += rng.gauss(0, 0.05) / math.cos(math.radians(lat))
        has_gps = at % 3 == 0
        photos.append(
            (
                at + 1, encode_path(path), encode_path(place), "jpeg", stat.st_size,
                stat.st_mtime_ns, f"{at:032x}", _START_US + album * 10 * _DAY_US
                + number * 600_000_000, "exif_local", "complete" if has_gps else "none",
                lat if has_gps else None, lon if has_gps else None, "exif" if has_gps else "",
                160, 120, _CAMERAS[at % len(_CAMERAS)], town if has_gps else "", '[[], [], ""]',
            )
        )  # fmt: skip
        if not has_gps and at % 6 != 1:
            state = _STATES[at % 7 % 3]
            radius, probability = rng.uniform(50, 5000), rng.uniform(0.2, 0.99)
            candidate = {
                "lat": lat, "lon": lon, "radius_m": radius, "probability": probability,
                "place": town, "reasons": ["4 min after a photo that has GPS"],
            }  # fmt: skip
            suggestions.append(
                (at + 1, state, lat, lon, radius, probability, town, json.dumps([candidate]), "[]")
            )
    with Catalog.open(catalog_path) as catalog, catalog.writing() as connection:
        connection.execute("INSERT INTO roots VALUES (?, 1)", (encode_path(folder),))
        connection.executemany(
            """INSERT INTO photos (id, path, folder, kind, size, mtime_ns, fingerprint, wall_us,
            time_source, gps_state, lat, lon, gps_source, width, height, camera, place, words)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            photos,
        )
        connection.executemany(
            "INSERT INTO suggestions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", suggestions
        )
    return folder
