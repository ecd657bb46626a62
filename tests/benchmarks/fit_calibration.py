"""Fit the shipped calibration; the program that made ``resources/calibration``.

python -m tests.benchmarks.fit_calibration --shared ../shared --model FOLDER

First the traces without photos teach how people move (``traces.json``), then the albums with
photos refine that and teach what looks are worth (``albums.json``).
"""

from __future__ import annotations

import argparse
import csv
from datetime import datetime
from pathlib import Path

import torch

from geotagger.evaluation import fitting
from geotagger.evaluation.albums_csv import KnownPhoto, embeddings_of, read_albums
from geotagger.evaluation.completion import fit_hidings
from geotagger.models.embedder import load_embedder
from geotagger.suggest import calibration

TARGET = Path(calibration.__file__).resolve().parents[2] / "resources" / "calibration"
FEWEST = 8


def read_traces(path: Path) -> list[list[KnownPhoto]]:
    """Return traces of 8 fixes or more as albums without photos."""
    albums: dict[str, list[KnownPhoto]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            when = datetime.fromisoformat(row["taken_at"])
            fix = KnownPhoto(
                "trace-" + row["album"], "", when, True, float(row["lat"]), float(row["lon"])
            )
            albums.setdefault(fix.album, []).append(fix)
    return [album for album in albums.values() if len(album) >= FEWEST]


def fit_traces(path: Path) -> calibration.Calibration:
    """Return what the traces teach."""
    traces = read_traces(path)
    count = sum(len(trace) for trace in traces)
    return fitting.fit(
        fit_hidings(list(enumerate(traces)), {}),
        note=f"Fitted on {len(traces)} real traces ({count} fixes with time, no photos) with 50, "
        "80 and 95 % of the places and whole days hidden, by greatest likelihood. Where fits on "
        "albums start.",
    )


def main() -> None:
    """Fit both files and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--keep-traces", action="store_true", help="fit on the albums only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    base = calibration.base()
    if not options.keep_traces:
        base = fit_traces(options.shared / "coords" / "album-traces.csv")
        (TARGET / "traces.json").write_text(base.to_json(), encoding="utf-8")
    albums = list(read_albums(options.shared / "photos" / "albums.csv").values())
    embedder = load_embedder(options.model, device="cpu", threads=1)
    vectors = embeddings_of(
        [photo.file for album in albums for photo in album],
        options.shared / "photos",
        embedder,
        cache=options.cache,
    )
    photos = sum(len(album) for album in albums)
    fitted = fitting.fit(
        fit_hidings(list(enumerate(albums)), vectors),
        base=base,
        note=f"Fitted on {len(albums)} real albums ({photos} photos, {embedder.name} "
        f"{embedder.version}) with 50, 80 and 95 % of the places and whole days hidden, by "
        "greatest likelihood near the numbers of traces.json; levels on albums held out in three "
        "folds.",
    )
    (TARGET / "albums.json").write_text(fitted.to_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
