"""How long the other suggestions take after an acceptance, in an album of 500 photos.

``.venv/bin/python -m tests.benchmarks.live [--photos 500] [--references 2000] [--profile]``

A made album: a walk over three days (longer with more photos) with a phone that has GPS and a
camera that has none, each photo with an embedding of 576 numbers that resembles its neighbours'.
The catalog holds other albums of other years, too. Each round accepts a photo and suggests the
album anew, as the window does, the photos nearest in time first; the median counts.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from geotagger.earth.places import PlaceNames
from geotagger.library import queries, review, storing
from geotagger.library.analysing import renew
from geotagger.library.catalog import Catalog
from geotagger.library.rows import Decision, DecisionKind, PhotoState
from geotagger.library.vectors import encode_vector
from geotagger.photos.record import (
    FileStamp,
    Gps,
    GpsState,
    Kind,
    PhotoRecord,
    TakenAt,
    TimeSource,
)
from geotagger.suggest.album import FIRST

MODEL = "made/1"
DIMENSION = 576
START = datetime(2022, 5, 14, 9, tzinfo=UTC)


def fill(
    catalog: Catalog,
    folder: Path,
    photos: int,
    *,
    known: float,
    seed: int,
    start: datetime = START,
    picture: bytes = b"",
) -> None:
    """Put an album into the catalog; a share ``known`` of its photos has GPS.

    With a ``picture`` there is a file of it for each photo.
    """
    if picture:
        folder.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    minutes = np.sort(generator.uniform(0.0, max(3, photos // 170) * 720.0, photos))
    minutes = (minutes // 720.0) * 1440.0 + minutes % 720.0
    steps = generator.normal(0.0, 0.002, (photos, 2)).cumsum(axis=0)
    look = generator.normal(size=DIMENSION)
    with catalog.writing() as connection:
        for number in range(photos):
            if generator.random() < 0.2:
                look = generator.normal(size=DIMENSION)
            vector = look + 0.6 * generator.normal(size=DIMENSION)
            vector /= np.linalg.norm(vector)
            tagged = generator.random() < known
            lat, lon = 38.7 + steps[number, 0], -9.1 + steps[number, 1]
            path = folder / f"{'IMG' if tagged else 'DSC'}_{number:04}.jpg"
            stamp = FileStamp(1000, 2000)
            if picture:
                path.write_bytes(picture)
                stamp = FileStamp(len(picture), path.stat().st_mtime_ns)
            record = PhotoRecord(
                path=path,
                kind=Kind.JPEG,
                stamp=stamp,
                fingerprint=f"{seed}-{number}",
                taken_at=TakenAt(
                    start + timedelta(minutes=float(minutes[number])), False, TimeSource.EXIF_LOCAL
                ),
                gps=Gps(GpsState.COMPLETE, lat, lon, source="exif") if tagged else Gps(),
                camera="Phone" if tagged else "Camera",
            )
            storing.store_record(connection, record, "")
            connection.execute(
                "REPLACE INTO embeddings VALUES (?, ?, ?)",
                (record.fingerprint, MODEL, encode_vector(vector.astype(np.float32))),
            )


def main() -> None:
    """Fill a catalog, accept photo after photo, print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--references", type=int, default=2000)
    parser.add_argument("--known", type=float, default=0.3)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    places = PlaceNames.load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Catalog.open(folder / "catalog.sqlite") as catalog:
            album = folder / "album"
            fill(catalog, album, options.photos, known=options.known, seed=1)
            for number in range(options.references // 500):
                other = START - timedelta(days=60 * (number + 1))
                name = f"other-{number}"
                fill(catalog, folder / name, 500, known=1.0, seed=2 + number, start=other)
            with catalog.writing() as connection:
                connection.execute("INSERT INTO roots VALUES (?, 0)", (os.fsencode(folder),))

            def again(near: int | None = None) -> tuple[float, float, float]:
                start, cpu = time.perf_counter(), time.process_time()
                ids = () if near is None else (near,)
                parts = renew(catalog, str(album), near=ids, model=MODEL, places=places)
                next(parts)
                soon = time.perf_counter() - start
                for _ in parts:
                    pass
                total, spent = time.perf_counter() - start, time.process_time() - cpu
                return 1e3 * soon, 1e3 * total, 1e3 * spent

            filled = _peak_mb()
            first = again()
            open_rows = [
                row for row in queries.photos(catalog, album) if row.state != PhotoState.HAS_GPS
            ]
            profile = cProfile.Profile()
            times = []
            for row in open_rows[:: max(1, len(open_rows) // options.rounds)][: options.rounds]:
                best = queries.details(catalog, row.id).candidates[0]
                review.decide(
                    catalog,
                    [Decision(row.id, DecisionKind.ACCEPTED, best.lat, best.lon, best.radius_m)],
                )
                if options.profile:
                    profile.enable()
                times.append(again(row.id))
                profile.disable()
            soon, wall, cpu = zip(*times, strict=True)
            lines = [
                f"{options.photos} photos, {len(open_rows)} open, {options.references} others",
                f"first, with the estimate of clocks: {first[1]:.0f} ms, {first[2]:.0f} ms of CPU",
                f"after an acceptance: {_of(wall)}, {_of(cpu)} of CPU",
                f"the {FIRST} photos nearest in time: {_of(soon)}",
                f"most memory: {_peak_mb():.0f} MB, {filled:.0f} MB before the first suggestion",
            ]
            sys.stdout.write("\n".join(lines) + "\n")
            if options.profile:
                pstats.Stats(profile).sort_stats("tottime").print_stats(28)


def _of(times: Sequence[float]) -> str:
    return f"median {statistics.median(times):.0f} ms ({min(times):.0f} to {max(times):.0f})"


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


if __name__ == "__main__":
    main()
