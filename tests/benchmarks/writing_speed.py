"""Write GPS into many JPEGs: ours, verified, journalled and synced, against one ExifTool batch.

python -m tests.benchmarks.writing_speed [--files 1000] [--runs 3]

ExifTool gets its values from an argument file in one process, `-overwrite_original`; it neither
verifies nor journals nor syncs. Both write copies of the same files, in turn, in the same run.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import numpy as np

from geotagger.library import writing
from geotagger.library.writing import WriteOptions, WriteTarget
from geotagger.photos import replace
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.gps_write import GpsFix
from tests.support.jpegs import camera_block, exif, gps_entries
from tests.support.pictures import KINDS, scene
from tests.support.writes import open_journal

RESULTS = Path(__file__).resolve().parent / "results"
SIZES = ((640, 480), (1600, 1200), (2400, 1800), (4000, 3000))
SHARES = (0.25, 0.35, 0.3, 0.1)
"""Small, middle and large pictures as in a mixed library: some 10 kB to a few MB."""


def make_photos(folder: Path, count: int) -> list[Path]:
    """Return `count` JPEGs with maker notes, thumbnails and, every third, GPS already."""
    rng = np.random.default_rng(1)
    pictures: list[list[bytes]] = []
    for size in SIZES:
        pictures.append([])
        for number, kind in enumerate(KINDS):
            for quality in (70, 90):
                buffer = io.BytesIO()
                scene(kind, number, size).save(buffer, "JPEG", quality=quality)
                data = buffer.getvalue()
                pictures[-1].append(data[4 + int.from_bytes(data[4:6], "big") :])
    paths = []
    for number in range(count):
        choices = pictures[int(rng.choice(len(SIZES), p=SHARES))]
        order = "<>"[number % 2]
        block = camera_block(
            order,
            gps=gps_entries(order) if number % 3 == 0 else None,
            note=rng.bytes(int(rng.integers(200, 20_000))),
        )
        path = folder / f"photo{number:05}.jpg"
        path.write_bytes(b"\xff\xd8" + exif(block) + choices[int(rng.integers(len(choices)))])
        paths.append(path)
    return paths


def places(count: int) -> list[GpsFix]:
    """Return a place per file."""
    rng = np.random.default_rng(2)
    return [
        GpsFix(float(lat), float(lon), radius_m=20.0)
        for lat, lon in zip(rng.uniform(-80, 80, count), rng.uniform(-180, 180, count), strict=True)
    ]


def ours(
    paths: list[Path], fixes: list[GpsFix], folder: Path, *, syncs: bool, bounded: bool
) -> dict[str, float]:
    """Return the seconds of planning, writing and taking back.

    ``bounded`` is how the program does it: planned and prepared in workers, whose start counts.
    """
    (folder / "journal.sqlite").unlink(missing_ok=True)
    connection = open_journal(folder / "journal.sqlite")
    wrapped = mock.patch.object(os, "fsync", os.fsync if syncs else _no_sync)
    with wrapped, contextlib.ExitStack() as stack:
        start = time.perf_counter()

        def workers(timeout_s: float) -> BoundedPool | None:
            return stack.enter_context(BoundedPool(1, timeout_s, 1 << 30)) if bounded else None

        targets = [
            WriteTarget(path, fix, replace.stamp_of(path))
            for path, fix in zip(paths, fixes, strict=True)
        ]
        plan = writing.plan_writes(targets, WriteOptions(), pool=workers(20.0))
        planned = time.perf_counter()
        results = list(writing.execute(connection, plan, pool=workers(300.0)))
        written = time.perf_counter()
        undone = list(writing.undo(connection, results[0].write_id, pool=workers(300.0)))
        end = time.perf_counter()
    failed = [r.error for r in (*results, *undone) if not r.ok]
    if failed or len(undone) != len(paths):
        raise SystemExit(f"{len(failed)} files failed, the first: {failed[:1]}")
    connection.close()
    return {"plan": planned - start, "write": written - planned, "undo": end - written}


def _no_sync(descriptor: int) -> None:
    """Stand in for fsync where the time without it is measured."""


def exiftool(paths: list[Path], fixes: list[GpsFix], folder: Path) -> float:
    """Return the seconds of one batch with a place per file."""
    lines = []
    for path, fix in zip(paths, fixes, strict=True):
        lines += [
            f"-GPSLatitude={abs(fix.lat)}",
            f"-GPSLatitudeRef={'S' if fix.lat < 0 else 'N'}",
            f"-GPSLongitude={abs(fix.lon)}",
            f"-GPSLongitudeRef={'W' if fix.lon < 0 else 'E'}",
            "-overwrite_original",
            str(path),
            "-execute",
        ]
    arguments = folder / "arguments.txt"
    arguments.write_text("\n".join(lines) + "\n", encoding="utf-8")
    start = time.perf_counter()
    done = subprocess.run(["exiftool", "-@", str(arguments)], capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.stdout.count("1 image files updated") != len(paths):
        raise SystemExit(f"ExifTool did not write all files: {done.stderr[:300]}")
    return seconds


def paired(sources: list[Path], folder: Path, runs: int) -> dict[str, list[float]]:
    """Return the seconds of every run of each, one after another on fresh copies."""
    fixes = places(len(sources))
    times: dict[str, list[float]] = {}

    def fresh() -> list[Path]:
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        copies = [Path(shutil.copyfile(path, work / path.name)) for path in sources]
        os.sync()
        return copies

    def note(name: str, seconds: float) -> None:
        times.setdefault(name, []).append(seconds)

    def run_ours(name: str, *, syncs: bool, bounded: bool) -> None:
        parts = ours(fresh(), fixes, folder, syncs=syncs, bounded=bounded)
        note(f"ours, {name}: plan and write", parts["plan"] + parts["write"])
        note(f"ours, {name}: of it plan", parts["plan"])
        note(f"ours, {name}: undo", parts["undo"])

    steps: list[Callable[[], None]] = [
        lambda: run_ours("as the program", syncs=True, bounded=True),
        lambda: note("ExifTool batch", exiftool(fresh(), fixes, folder)),
        lambda: run_ours("one process", syncs=True, bounded=False),
        lambda: run_ours("one process, no syncs", syncs=False, bounded=False),
    ]
    for number in range(runs):
        for step in steps[number % len(steps) :] + steps[: number % len(steps)]:
            step()
    return times


def main() -> None:
    """Measure, print the table and write the dated results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to work, on the disk to be measured")
    parser.add_argument("--no-results", action="store_true", help="only print")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        sources = make_photos(folder / "photos", options.files)
        megabytes = sum(path.stat().st_size for path in sources) / 1e6
        times = paired(sources, folder, options.runs)
    medians = {key: statistics.median(values) for key, values in times.items()}
    peer = medians["ExifTool batch"]
    lines = [f"{'':42}{'median s':>10}{'ms/file':>10}{'of ExifTool':>13}"]
    for key, value in medians.items():
        per_file = 1000 * value / options.files
        lines.append(f"{key:42}{value:>10.2f}{per_file:>10.2f}{value / peer:>13.2f}")
    table = "\n".join(lines)
    version = subprocess.run(["exiftool", "-ver"], capture_output=True, text=True).stdout.strip()
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, ExifTool {version}"
    )
    about = f"{options.files:,} JPEGs, {megabytes:.0f} MB; medians of {options.runs} runs in turn."
    print(f"{table}\n{about}\n{machine}")  # noqa: T201
    if options.no_results:
        return
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    whole = {"machine": machine, "files": options.files, "megabytes": megabytes, "seconds": times}
    (RESULTS / f"{today}-writing-speed.json").write_text(json.dumps(whole, indent=1) + "\n")
    (RESULTS / f"{today}-writing-speed.md").write_text(
        f"# Writing GPS into JPEGs, {today}\n\nMachine: {machine}\n\n{about} Ours plans, verifies, "
        "journals and, but for the last rows, syncs; ExifTool does none of these.\n\n"
        f"```\n{table}\n```\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
