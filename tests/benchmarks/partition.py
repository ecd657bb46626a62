"""Partitions of many points: ours against a plain s2sphere loop, and 100 million points.

python -m tests.benchmarks.partition --shared ../shared [--large 100000000] [--check 2000000]

The plain way, measured in this same process on some of the same points: a leaf id per point by
s2sphere, and for each point its cell of every level counted in that level's dictionary. It is given
shifted whole numbers for the cells of the levels as well, which is quicker than s2sphere's own
`parent`; both are shown. Times are of this process's processor (the machine may be shared).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import s2sphere

from geotagger.earth import cells
from geotagger.earth.partition import Limits
from geotagger.earth.partition_build import build_hierarchy, build_partition

RESULTS = Path(__file__).resolve().parent / "results"
MILLION = 1_000_000
PAPER = {"coarse": (5000, 3298), "middle": (2000, 7202), "fine": (1000, 12893)}
PAPER_PHOTOS = 4_720_000
CHUNK = 1 << 20


def synthetic(gallery: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Points spread about the gallery's as photos are: most close by."""
    rng = np.random.default_rng(seed)
    away = rng.normal(0.0, 1.0, (count, 2)) * rng.choice([0.002, 0.05, 0.5], count)[:, None]
    points = gallery[rng.integers(0, len(gallery), count)] + away
    points[:, 1] = (points[:, 1] + 180.0) % 360.0 - 180.0
    return np.clip(points, (-90.0, -180.0), (90.0, 180.0))


def plain(points: np.ndarray, limits: Limits, *, own_parent: bool) -> dict[int, int]:
    """The plain way: dictionaries of counts per level, then the cells from the top down."""
    counts: list[dict[int, int]] = [defaultdict(int) for _ in range(31)]
    for lat, lon in points.tolist():
        leaf = s2sphere.CellId.from_lat_lng(s2sphere.LatLng.from_degrees(lat, lon))
        if own_parent:
            for level in range(31):
                counts[level][leaf.parent(level).id()] += 1
        else:
            number = leaf.id()
            for level in range(31):
                last = 1 << 2 * (30 - level)
                counts[level][(number & -last) | last] += 1
    found = {}
    todo = [(cell, 0) for cell in counts[0]]
    while todo:
        cell, level = todo.pop()
        count = counts[level][cell]
        if count > limits.max_count and level < 30:
            below = [one.id() for one in s2sphere.CellId(cell).children()]
            todo += [(one, level + 1) for one in below if one in counts[level + 1]]
        elif count >= limits.min_count:
            found[cell] = count
    return found


def timed(work: Callable[[], Any], times: int = 1) -> tuple[float, Any]:
    """Return the median processor time of some runs, seconds, and the last result."""
    took = []
    for _ in range(times):
        begin = time.process_time()
        result = work()
        took.append(time.process_time() - begin)
    return statistics.median(took), result


def against_plain(gallery: np.ndarray, sample: int) -> dict[str, Any]:
    points = synthetic(gallery, MILLION, 1)
    limits = Limits(1000, 50)
    ours_s, one = timed(lambda: build_partition(points, limits), 5)
    classes_s, _ = timed(lambda: one.classes_of(points[:, 0], points[:, 1]), 5)
    some = points[:sample]
    small = build_partition(some, limits)
    rows = {}
    for name, own in (("shifted numbers", False), ("s2sphere's parent", True)):
        plain_s, found = timed(lambda own=own: plain(some, limits, own_parent=own))
        assert found == dict(zip(small.ids.tolist(), small.counts.tolist(), strict=True))
        rows[name] = {"seconds_per_million": plain_s / sample * MILLION}
        rows[name]["times_faster"] = rows[name]["seconds_per_million"] / ours_s
    return {
        "points": MILLION,
        "classes": one.size,
        "ours_s": ours_s,
        "classes_of_s": classes_s,
        "plain_on_points": sample,
        "plain": rows,
    }


def large(gallery: np.ndarray, count: int) -> dict[str, Any]:
    making_s = 0.0

    def chunks() -> Iterator[np.ndarray]:
        nonlocal making_s
        for number, start in enumerate(range(0, count, CHUNK)):
            took, points = timed(
                lambda: synthetic(gallery, min(CHUNK, count - start), 100 + number)  # noqa: B023
            )
            making_s += took
            yield points

    begin = time.perf_counter()
    whole_s, one = timed(lambda: build_partition(chunks(), Limits(10_000, 50)))
    return {
        "points": count,
        "classes": one.size,
        "processor_s": whole_s - making_s,
        "wall_s_with_making": time.perf_counter() - begin,
        "peak_rss_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def checked(count: int) -> dict[str, int]:
    rng = np.random.default_rng(77)
    wrong = 0
    for start in range(0, count, 100_000):
        size = min(100_000, count - start)
        lat = np.degrees(np.arcsin(rng.uniform(-1, 1, size)))
        lon = rng.uniform(-180, 180, size)
        expected = [
            s2sphere.CellId.from_lat_lng(s2sphere.LatLng.from_degrees(a, b)).id()
            for a, b in zip(lat.tolist(), lon.tolist(), strict=True)
        ]
        wrong += int(np.count_nonzero(cells.cell_ids(lat, lon) != np.array(expected, np.uint64)))
    return {"points": count, "different": wrong}


def papers(gallery: np.ndarray) -> list[dict[str, Any]]:
    share = len(gallery) / PAPER_PHOTOS
    limits = [Limits(round(most * share), round(50 * share)) for most, _ in PAPER.values()]
    one = build_hierarchy(gallery, limits, names=list(PAPER))
    return [
        {
            "name": part.name,
            "max_count": part.limits.max_count,
            "min_count": part.limits.min_count,
            "classes": part.size,
            "paper": PAPER[part.name][1],
        }
        for part in one.partitions
    ]


def report(whole: dict[str, Any]) -> str:
    lines = [f"# Partitions, {whole['date']}", "", f"Machine: {whole['machine']}", ""]
    lines += [(__doc__ or "").split("\n\n")[2].replace("\n", " "), ""]
    if "plain" in whole:
        one = whole["plain"]
        lines += ["| 1M points | processor seconds | ours is faster |", "|---|---|---|"]
        lines += [f"| ours, {one['classes']:,} classes (median of 5) | {one['ours_s']:.2f} | |"]
        lines += [
            f"| plain, {name} (from {one['plain_on_points']:,} points) | "
            f"{row['seconds_per_million']:.0f} | {row['times_faster']:.0f} × |"
            for name, row in one["plain"].items()
        ]
        lines += ["", f"Classes of 1M places: {one['classes_of_s']:.2f} s.", ""]
    if "large" in whole:
        one = whole["large"]
        lines += [
            f"{one['points']:,} synthetic points in chunks, {one['classes']:,} classes: "
            f"{one['processor_s']:.0f} s of processor without making the points, "
            f"{one['wall_s_with_making']:.0f} s of wall clock with it, "
            f"peak memory {one['peak_rss_gb']:.2f} GB.",
            "",
        ]
    if "checked" in whole:
        one = whole["checked"]
        lines += [f"Leaves other than s2sphere's: {one['different']} of {one['points']:,}.", ""]
    lines += ["GeoCLIP's 100,000 places, the paper's thresholds by the number of points:", ""]
    lines += ["| partition | τ_max | τ_min | classes | paper |", "|---|---|---|---|---|"]
    lines += [
        f"| {one['name']} | {one['max_count']} | {one['min_count']} | {one['classes']:,} | "
        f"{one['paper']:,} |"
        for one in whole["papers"]
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write the dated results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=20_000, help="points for the plain way")
    parser.add_argument("--large", type=int, default=0, help="points of the large run")
    parser.add_argument("--check", type=int, default=0, help="random leaves to check")
    parser.add_argument("--no-plain", action="store_true")
    options = parser.parse_args()
    path = options.shared / "coords" / "geoclip_gallery_100k.csv"
    gallery = np.loadtxt(path, delimiter=",", skiprows=1)
    name = RESULTS / f"{datetime.now(UTC):%Y-%m-%d}-partition"
    kept = name.with_suffix(".json")
    # Parts can be measured one at a time; those measured before on the same day stay.
    whole = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    whole["date"] = f"{datetime.now(UTC):%Y-%m-%d}"
    whole["machine"] = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"NumPy {np.__version__}"
    )
    if options.large:
        # Before anything else, so that the peak of memory is its own.
        whole["large"] = large(gallery, options.large)
    whole["papers"] = papers(gallery)
    if not options.no_plain:
        whole["plain"] = against_plain(gallery, options.sample)
    if options.check:
        whole["checked"] = checked(options.check)
    kept.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    text = report(whole)
    name.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)  # noqa: T201


if __name__ == "__main__":
    main()
