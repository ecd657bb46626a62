"""What far-off strays among an album's anchors cost, and what is left of it once they are doubted.

python -m tests.benchmarks.stray_anchors --shared ../shared --model FOLDER
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from geotagger.earth.distance import EARTH_RADIUS_M
from geotagger.evaluation.albums_csv import embeddings_of, read_albums
from geotagger.evaluation.completion_result import WITHIN_KM, MethodResult
from geotagger.evaluation.fitting import Hiding
from geotagger.evaluation.hidings import Way, hide
from geotagger.evaluation.scoring import joined, score_ours
from geotagger.models.embedder import load_embedder
from geotagger.suggest import album
from geotagger.suggest.dated_names import dated
from geotagger.suggest.doubts import DOUBTED, anchor_doubts

SHARE, SEEDS, STRAYS = 0.8, 5, 0.05
NEAREST_M, FARTHEST_M = 50e3, 5e6


def with_strays(hiding: Hiding, seed: int) -> tuple[Hiding, set[str]]:
    """Return the album with a twentieth of its anchors moved, and the keys of those."""
    generator = np.random.default_rng([seed, hiding.album, 7])
    photos, moved = [], set()
    for one in hiding.photos:
        if one.anchor is not None and generator.random() < STRAYS:
            away = np.exp(generator.uniform(np.log(NEAREST_M), np.log(FARTHEST_M)))
            lat, lon = _at(one.anchor.lat, one.anchor.lon, away, generator.uniform(0, 2 * np.pi))
            moved.add(one.key)
            photos.append(replace(one, anchor=replace(one.anchor, lat=lat, lon=lon)))
        else:
            photos.append(one)
    return replace(hiding, photos=tuple(photos)), moved


def _at(lat: float, lon: float, away_m: float, bearing: float) -> tuple[float, float]:
    angle, north = away_m / EARTH_RADIUS_M, np.radians(lat)
    there = np.sin(north) * np.cos(angle) + np.cos(north) * np.sin(angle) * np.cos(bearing)
    east = np.arctan2(
        np.sin(bearing) * np.sin(angle) * np.cos(north), np.cos(angle) - np.sin(north) * there
    )
    return float(np.degrees(np.arcsin(there))), float((lon + np.degrees(east) + 540) % 360 - 180)


def placed(hidings: Sequence[Hiding], *, doubting: bool) -> MethodResult:
    """Return how the hidden photos are placed with the shipped calibration."""
    with ExitStack() as stack:
        if not doubting:
            stack.enter_context(patch.object(album, "doubted", lambda scene: frozenset()))
        return joined([score_ours(album.suggest_album(one.photos), one.truth) for one in hidings])


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    folder = options.shared / "photos"
    albums = list(read_albums(folder / "albums.csv").values())
    embedder = load_embedder(options.model, device="cpu", threads=1)
    files = [one.file for rows in albums for one in rows]
    vectors = embeddings_of(files, folder, embedder, cache=options.cache)
    clean = [
        (seed, hiding)
        for number, rows in enumerate(albums)
        for seed in range(SEEDS)
        if (hiding := hide(Way.RANDOM, number, rows, vectors, SHARE, seed)) is not None
    ]
    planted = [with_strays(hiding, seed) for seed, hiding in clean]
    rows = {
        "anchors as they are": [hiding for _, hiding in clean],
        "5 % strays": [hiding for hiding, _ in planted],
    }
    lines: list[str] = []
    lines.append("| anchors | doubted | " + " | ".join(f"{km:g} km" for km in WITHIN_KM) + " |")
    lines.append("|---" * (len(WITHIN_KM) + 2) + "|")
    for name, hidings in rows.items():
        for doubting in (False, True):
            found = placed(hidings, doubting=doubting).within_km.values()
            cells = " | ".join(f"{share:.1f}" for share in found)
            lines.append(f"| {name} | {'yes' if doubting else 'no'} | {cells} |")
    found = right = strays = others = 0
    for hiding, moved in planted:
        for key, value in anchor_doubts(dated(hiding.photos)).items():
            strays += key in moved
            others += key not in moved
            found += key in moved and value > DOUBTED
            right += key not in moved and value > DOUBTED
    lines.append(
        f"\n{found} of {strays} strays are doubted, and {right} of {others} other anchors."
    )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
