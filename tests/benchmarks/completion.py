"""Album completion on the real albums: ours against simple rules, as a table and as JSON.

python -m tests.benchmarks.completion --shared ../shared --model FOLDER
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import torch

from geotagger.evaluation.albums_csv import embeddings_of, read_albums
from geotagger.evaluation.completion import evaluate_completion, fits_of
from geotagger.evaluation.completion_result import main_report
from geotagger.evaluation.hidings import Way
from geotagger.models.embedder import load_embedder

NOTE = (
    "Weights, motion and levels are held out by album. A few constants (the lead that another "
    "place needs over the nearest anchor, the pace of nights, how much an album's own anchors "
    "are believed, the pull towards the traces, the bonds between neighbours in a stream, from "
    "when on a photo is far from every anchor in time, number, power and width of the kernels of "
    "look-alikes) were chosen with these same albums in sight."
)
RESULTS = Path(__file__).resolve().parent / "results"
RUNS = (
    (Way.RANDOM, 0.5),
    (Way.RANDOM, 0.8),
    (Way.RANDOM, 0.95),
    (Way.DAYS, 0.5),
    *((way, 0.5) for way in Way if way.of_stream),
)


def main() -> None:
    """Run all ways of hiding and write the dated results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="without it, no look-alikes")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--without-names", action="store_true", help="by clocks and looks alone")
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    embedder = load_embedder(options.model, device="cpu", threads=1) if options.model else None
    photos = options.shared / "photos"
    known = [rows for rows in read_albums(photos / "albums.csv").values() if len(rows) > 1]
    if options.without_names:
        known = [[replace(row, name="") for row in rows] for rows in known]
    vectors = {}
    if embedder is not None:
        files = [row.file for rows in known for row in rows]
        vectors = embeddings_of(files, photos, embedder, cache=options.cache)
    fits = fits_of(known, vectors)
    results = [
        evaluate_completion(
            photos / "albums.csv",
            photos,
            how=way,
            share=share,
            seeds=options.seeds,
            embedder=embedder,
            names=not options.without_names,
            library=library,
            fits=fits,
            cache=options.cache,
        )
        for library in (True, False)
        for way, share in RUNS
    ]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    name = f"{datetime.now(UTC):%Y-%m-%d}-completion" + ("" if embedder else "-without-model")
    name += "-without-names" if options.without_names else ""
    whole = {"machine": machine, "note": NOTE, "runs": [result.to_json() for result in results]}
    (RESULTS / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    text = "\n\n".join(f"```\n{main_report(result)}\n```" for result in results)
    (RESULTS / f"{name}.md").write_text(
        f"# Album completion, {datetime.now(UTC):%Y-%m-%d}\n\nMachine: {machine}\n\n{NOTE}\n\n"
        f"{text}\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
