"""A phone's folder beside a camera's on the real albums, and how long a large library takes.

python -m tests.benchmarks.neighbours --shared ../shared --model FOLDER

Each album is dealt into two folders at random, one keeping its places; the rows of a catalog are
made as a scan would, so that the whole way from catalog to stored suggestion is measured.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.evaluation.albums_csv import KnownPhoto, embeddings_of, read_albums
from geotagger.evaluation.hidings import Way, hide
from geotagger.library import neighbours, queries
from geotagger.library.analysing import album_photos, suggest_again
from geotagger.library.catalog import Catalog
from geotagger.library.vectors import encode_vector
from geotagger.models.embedder import load_embedder
from geotagger.suggest.company import UNSHOWN

MODEL = "benchmark/1"
RADII_M = (1e3, 25e3)
_LAYOUTS = (
    ("each by itself", "/elsewhere/phone", "/trip/camera"),
    ("side by side", "/trip/phone", "/trip/camera"),
    ("one folder", "/trip/both", "/trip/both"),
)
"""What it is called, where the photos with places lie, where those without."""

_EPOCH = datetime(1970, 1, 1)
_COLUMNS = (
    "path, folder, kind, size, mtime_ns, fingerprint, wall_us, offset_s, time_source, gps_state,"
    " lat, lon, camera"
)


def main() -> None:
    """Print what the folder without places gets, as two folders and as one, and the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    photos = options.shared / "photos"
    known = [rows for rows in read_albums(photos / "albums.csv").values() if len(rows) > 1]
    embedder = load_embedder(options.model, device="cpu", threads=1)
    vectors = embeddings_of([row.file for rows in known for row in rows], photos, embedder)
    out = sys.stdout
    out.write("| folders | photos | within 1 km | within 25 km | states | unconfirmed |\n")
    out.write("|---|---|---|---|---|---|\n")
    for name, *folders in _LAYOUTS:
        errors: list[float] = []
        states: Counter[str] = Counter()
        unshown = 0
        for number, rows in enumerate(known):
            for seed in range(options.seeds):
                found = _placed(number, rows, vectors, seed, folders)
                errors += [one[0] for one in found]
                states.update(one[1] for one in found)
                unshown += sum(one[2] for one in found)
        away = np.array(errors)
        within = " | ".join(f"{100.0 * (away <= radius).mean():.1f}" for radius in RADII_M)
        out.write(f"| {name} | {len(away)} | {within} | {dict(states)} | {unshown} |\n")
    _large()


def _placed(
    number: int,
    rows: Sequence[KnownPhoto],
    vectors: dict[str, NDArray[np.float32]],
    seed: int,
    folders: Sequence[str],
) -> list[tuple[float, str, bool]]:
    """Return for each hidden photo its error in metres, its state, whether company was unshown."""
    hiding = hide(Way.STREAM, number, rows, vectors, 0.5, seed)
    if hiding is None:
        return []
    with tempfile.TemporaryDirectory() as place, Catalog.open(Path(place) / "c.sqlite") as catalog:
        with catalog.writing() as connection:
            for root in (b"/trip", b"/elsewhere"):
                connection.execute("INSERT INTO roots VALUES (?, 1)", (root,))
            for photo in hiding.photos:
                assert photo.when is not None
                folder = folders[photo.anchor is None].encode()
                wall = photo.when.replace(tzinfo=None)
                shift = photo.when.utcoffset()
                anchor = photo.anchor
                _insert(
                    connection,
                    (
                        folder + b"/" + photo.key.encode() + b".jpg", folder, "jpeg", 1, 1,
                        photo.key, round((wall - _EPOCH).total_seconds() * 1e6),
                        round(shift.total_seconds()) if photo.zone_known and shift else None,
                        "exif_local", "none" if anchor is None else "complete",
                        None if anchor is None else anchor.lat,
                        None if anchor is None else anchor.lon, photo.camera,
                    ),
                )  # fmt: skip
                if photo.embedding is not None:
                    connection.execute(
                        "INSERT INTO embeddings VALUES (?, ?, ?)",
                        (photo.key, MODEL, encode_vector(photo.embedding)),
                    )
        suggest_again(catalog, folders[1], model=MODEL)
        found = []
        for row in queries.photos(catalog, Path("/trip"), folders[1]):
            key = row.path.stem
            if key in hiding.truth:
                details = queries.details(catalog, row.id)
                best = details.candidates[0] if details.candidates else None
                away = float("inf")
                if best is not None:
                    away = float(haversine_m(best.lat, best.lon, *hiding.truth[key]))
                unshown = best is not None and UNSHOWN in best.reasons
                found.append((away, row.state.value, unshown))
        return found


def _insert(connection: sqlite3.Connection, values: Sequence[object]) -> None:
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO photos ({_COLUMNS}) VALUES ({marks})", tuple(values))


def _large() -> None:
    """Tell how long looking for neighbours takes among 100,000 photos in 400 folders."""
    generator = np.random.default_rng(0)
    start = 1_500_000_000_000_000
    with tempfile.TemporaryDirectory() as place, Catalog.open(Path(place) / "c.sqlite") as catalog:
        count = 0
        with catalog.writing() as connection:
            connection.execute("INSERT INTO roots VALUES (?, 1)", (b"/lib",))
            for outing in range(200):
                start += int(generator.uniform(5, 9) * 86_400e6)
                for camera in ("camera", "phone"):
                    folder = f"/lib/{outing}/{camera}".encode()
                    for wall in np.sort(generator.integers(0, int(5 * 86_400e6), 250)).tolist():
                        count += 1
                        tagged = camera == "phone"
                        _insert(
                            connection,
                            (
                                folder + b"/%d.jpg" % count, folder, "jpeg", 1, 1, str(count),
                                start + wall, None, "exif_local",
                                "complete" if tagged else "none", 38.0 if tagged else None,
                                -9.0 if tagged else None, camera,
                            ),
                        )  # fmt: skip
        times = []
        for outing in range(0, 200, 10):
            album = f"/lib/{outing}/camera"
            photos = album_photos(catalog, album, None)
            before = time.perf_counter()
            neighbours.streams_of(catalog, album, photos, None)
            times.append(1e3 * (time.perf_counter() - before))
        sys.stdout.write(
            f"\n{count:,} photos: looking for an album's neighbours takes {np.median(times):.0f} ms"
            f" in the middle of {len(times)} albums, {max(times):.0f} ms at most\n"
        )


if __name__ == "__main__":
    main()
