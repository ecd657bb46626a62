"""A second camera without GPS, its clock right or wrong: what is found, and what it costs.

python -m tests.benchmarks.second_camera --shared ../shared --model FOLDER [--seeds 5]

The shipped calibration was fitted on these albums: only differences between rows count.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import torch

from geotagger.evaluation.albums_csv import KnownPhoto, embeddings_of, read_albums
from geotagger.evaluation.hidings import SECOND_CAMERA, Way, hide
from geotagger.evaluation.scoring import score_ours
from geotagger.models.embedder import load_embedder
from geotagger.suggest import clocks
from geotagger.suggest.album import suggest_album
from geotagger.suggest.clock_course import at
from geotagger.suggest.types import AlbumPhoto

HEADS = (
    "clock", "0.1 km", "1 km", "25 km", "compared", "best guess right", "applied and right",
    "gains, or was set", "albums with look-alikes, right",
)  # fmt: skip
WITHIN_M = (100.0, 1_000.0, 25_000.0)
RIGHT_S = 300.0


def main() -> None:
    """Print one row for each way, and what strangers' cameras are taken for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    photos = options.shared / "photos"
    known = [rows for rows in read_albums(photos / "albums.csv").values() if len(rows) > 1]
    files = [row.file for rows in known for row in rows]
    vectors = embeddings_of(files, photos, load_embedder(options.model, device="cpu", threads=1))
    out = sys.stdout
    out.write(f"| {' | '.join(HEADS)} |\n" + "|---" * len(HEADS) + "|\n")
    for way in (one for one in Way if one.of_stream):
        hits, hidden = np.zeros(len(WITHIN_M)), 0
        counts = np.zeros(5, np.int64)
        alike: dict[int, list[bool]] = defaultdict(list)
        for number, rows in enumerate(known):
            for seed in range(options.seeds):
                hiding = hide(way, number, rows, vectors, 0.5, seed)
                if hiding is None:
                    continue
                found = clocks.estimate(hiding.photos)
                sure = clocks.sure_corrections(found)
                placed = suggest_album(hiding.photos, clock_seconds=sure)
                errors = score_ours(placed, hiding.truth).error_m
                hits += [(errors <= reach).sum() for reach in WITHIN_M]
                hidden += len(errors)
                for one in found:
                    right = _right(one, hiding.photos, rows)
                    held = one.camera in sure
                    counts += [1, right, held, held and right, one.course is not None]
                    if one.pairs:
                        alike[number].append(right)
        shares = " | ".join(f"{100.0 * one / hidden:.1f}" for one in hits)
        compared, good, applied, both, runs = counts.tolist()
        row = f"{way.value} | {shares} | {compared} | {good} | {both} of {applied} | {runs}"
        # An album counts by most of its draws.
        mostly = sum(float(np.mean(draws)) > 0.5 for draws in alike.values())
        row += f" | {mostly} of {len(alike)}"
        out.write(f"| {row} |\n")
        out.flush()
    strangers, taken = _strangers(known, vectors)
    out.write(f"\n{strangers} strangers' cameras beside an album, {taken} clocks corrected\n")


def _right(
    found: clocks.ClockOffset, photos: Sequence[AlbumPhoto], rows: Sequence[KnownPhoto]
) -> bool:
    """Return whether four photos of five would have their true time within five minutes."""
    away = [
        abs((one.when - rows[int(one.key)].when).total_seconds() + at(found.correction, one.when))
        for one in photos
        if one.camera == SECOND_CAMERA and one.when is not None
    ]
    return bool(np.mean(np.array(away) <= RIGHT_S) >= 0.8)


def _strangers(
    known: Sequence[Sequence[KnownPhoto]], vectors: dict[str, np.ndarray]
) -> tuple[int, int]:
    """Set cameras of other albums beside each album on its days; return how many, and corrected."""
    generator = np.random.default_rng(0)
    count = corrected = 0
    for number, rows in enumerate(known):
        for other in generator.choice(len(known), 8, replace=False).tolist():
            mine = hide(Way.STREAM, number, rows, vectors, 0.5, 0)
            theirs = hide(Way.STREAM, other, known[other], vectors, 0.5, 1)
            if other == number or mine is None or theirs is None:
                continue
            days = _first(mine.photos).toordinal() - _first(theirs.photos).toordinal()
            strange = [
                replace(one, key=f"s{one.key}", camera="stranger", anchor=None)
                for one in clocks.shifted(
                    [replace(one, camera="s") for one in theirs.photos],
                    {"s": timedelta(days=days).total_seconds()},
                )
            ]
            own = [one for one in mine.photos if one.camera != SECOND_CAMERA]
            found = clocks.estimate([*own, *strange])
            count += len(found)
            corrected += len(clocks.sure_corrections(found))
    return count, corrected


def _first(photos: Sequence[AlbumPhoto]) -> date:
    return min(one.when for one in photos if one.when is not None).date()


if __name__ == "__main__":
    main()
