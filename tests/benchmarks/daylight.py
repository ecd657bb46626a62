"""What the brightness of pictures adds to the clocks that are found, on the real albums.

python -m tests.benchmarks.daylight --shared ../shared --model FOLDER
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from geotagger.evaluation.albums_csv import embeddings_of, read_albums
from geotagger.evaluation.hidings import SECOND_CAMERA, Way, hide
from geotagger.library.brightness import brightness_of
from geotagger.models.embedder import load_embedder
from geotagger.photos.decode import load_rgb
from geotagger.suggest.clocks import estimate
from geotagger.suggest.types import AlbumPhoto

RIGHT_S = 300.0
SIDE = 224


def main() -> None:
    """Print, for each way of setting a second camera's clock, what is found without and with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    photos = options.shared / "photos"
    known = [rows for rows in read_albums(photos / "albums.csv").values() if len(rows) > 1]
    files = [row.file for rows in known for row in rows]
    embedder = load_embedder(options.model, device="cpu", threads=1)
    vectors = embeddings_of(files, photos, embedder)
    light = {
        file: brightness_of([load_rgb(photos / file, max_side=SIDE, square=SIDE)])[0]
        for file in files
    }
    out = sys.stdout
    out.write("| clock | light | judged | best guess right | applied | applied and right |\n")
    out.write("|---|---|---|---|---|---|\n")
    for way in (one for one in Way if one.of_stream):
        for heard in (False, True):
            counts = np.zeros(4, np.int64)
            for number, rows in enumerate(known):
                for seed in range(options.seeds):
                    hiding = hide(way, number, rows, vectors, 0.5, seed)
                    if hiding is None:
                        continue
                    album = [
                        replace(one, brightness=light[rows[int(one.key)].file]) if heard else one
                        for one in hiding.photos
                    ]
                    counts += _judged(album, hiding.shift_s)
            judged, right, applied, both = counts.tolist()
            told = "heard" if heard else "not heard"
            out.write(f"| {way.value} | {told} | {judged} | {right} | {applied} | {both} |\n")


def _judged(album: list[AlbumPhoto], shift_s: float) -> list[int]:
    out = [0, 0, 0, 0]
    for found in estimate(album):
        sign = 1.0 if found.camera == SECOND_CAMERA else -1.0
        right = abs(sign * found.offset_s + shift_s) <= RIGHT_S
        applied = found.sure and found.matters
        out[0] += 1
        out[1] += right
        out[2] += applied
        out[3] += applied and right
    return out


if __name__ == "__main__":
    main()
