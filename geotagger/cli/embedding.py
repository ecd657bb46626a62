"""``geotagger embed FOLDER``: what the models see in the photos, here or on a cluster."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from geotagger.cli.console import Console
from geotagger.cli.model_commands import chosen_model, chosen_world
from geotagger.cli.options import command, device_flag, json_flag, open_catalog, path
from geotagger.cli.scanning import scan
from geotagger.errors import GeotaggerError
from geotagger.library.catalog import Catalog
from geotagger.library.embedding import EmbeddingFailure, decoder_for, embed_missing
from geotagger.library.scan import root_of
from geotagger.models.embedder import Embedder, load_embedder

_CALIBRATING = 128
"""Photos that the int8 form is made and checked with."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = command(
        commands, "embed", "let a model look at the photos of a folder and keep what it sees", _run
    )
    parser.add_argument("folder", type=path, metavar="FOLDER")
    parser.add_argument("--model", type=path, metavar="FOLDER", help="a model folder")
    device_flag(parser)
    parser.add_argument(
        "--int8",
        action="store_true",
        help="run in eight bits on the CPU, if a check on these photos shows that it agrees",
    )
    parser.add_argument("--workers", type=_positive, metavar="N", help="processes that decode")
    parser.add_argument(
        "--again", action="store_true", help="also try what could not be decoded before"
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="run on a Ray cluster, ray://HOST:PORT, or local; needs the extra cluster",
    )
    parser.add_argument(
        "--cluster-workers", type=_positive, default=2, metavar="N", help="copies of the model"
    )
    parser.add_argument(
        "--out",
        type=path,
        metavar="FILE.parquet",
        help="with --cluster, write the vectors of all photos here, not into the catalog",
    )
    json_flag(parser)


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return value


def _run(options: argparse.Namespace, console: Console) -> int:
    if options.out is not None and options.cluster is None:
        raise GeotaggerError("--out goes with --cluster.", remedy="Without it, use the catalog.")
    folder = chosen_model(options.model, console)
    if folder is None:
        raise GeotaggerError("No model is installed.", remedy="See geotagger models install.")
    root = root_of(options.folder)
    with open_catalog(options) as catalog:
        scan(catalog, root, console)
        if options.cluster is not None:
            return _on_cluster(options, console, catalog, root, folder)
        return _here(options, console, catalog, root, folder)


def _here(
    options: argparse.Namespace, console: Console, catalog: Catalog, root: Path, folder: Path
) -> int:
    embedder = load_embedder(folder, device=options.device)
    if options.int8:
        embedder = _in_eight_bits(embedder, folder, catalog, root, console)
    if embedder.engine.note:
        console.hint(f"note: {embedder.engine.note}")
    failures: list[EmbeddingFailure] = []
    stored = embed_missing(
        catalog,
        root,
        embedder,
        world=chosen_world(embedder, console),
        again=options.again,
        workers=options.workers,
        progress=console.progress,
        failures=failures,
    )
    console.end_progress()
    failed = [(one.path, getattr(one.error, "message", str(one.error))) for one in failures]
    return _told(console, embedder.name, embedder.engine.label, stored, failed)


def _on_cluster(
    options: argparse.Namespace, console: Console, catalog: Catalog, root: Path, folder: Path
) -> int:
    from geotagger.library import cluster, cluster_results, queries

    cluster.require_cluster()
    how = cluster.ClusterOptions(options.cluster, options.cluster_workers, options.device or "auto")
    if options.out is None:
        stored, failed = cluster_results.embed_missing_on_cluster(
            catalog, root, folder, how, again=options.again, progress=console.progress
        )
    else:
        photos = [row.path for row in queries.photos(catalog, root) if row.state != "missing"]
        results = cluster.embed_on_cluster(folder, photos, how, progress=console.progress)
        failed = []

        def noted(given: cluster.Embedded) -> cluster.Embedded:
            if given.error:
                failed.append((Path(given.name), given.error))
            return given

        count = cluster_results.write_parquet(map(noted, results), options.out)
        stored = count - len(failed)
    console.end_progress()
    return _told(console, folder.name, f"Ray, {how.workers} workers", stored, failed)


def _told(
    console: Console, model: str, engine: str, stored: int, failed: list[tuple[Path, str]]
) -> int:
    for where, why in failed:
        console.error(f"not decoded: {os.fsdecode(where)}: {why}")
    console.say(f"{stored:,} photos looked at by {model} ({engine}), {len(failed):,} not decoded")
    console.result(
        {
            "model": model,
            "engine": engine,
            "embedded": stored,
            "failed": [{"path": os.fsdecode(where), "error": why} for where, why in failed],
        }
    )
    return 1 if failed else 0


def _in_eight_bits(
    embedder: Embedder, folder: Path, catalog: Catalog, root: Path, console: Console
) -> Embedder:
    """Return the embedder's int8 form if it agrees with it on photos of the folder."""
    import numpy as np

    from geotagger.library import queries
    from geotagger.models.engines.onnx_cache import EngineCache
    from geotagger.models.engines.quantise import LEAST_PHOTOS, quantised
    from geotagger.photos.bounded import BoundedPool, default_workers

    if embedder.device != "cpu":
        console.hint("note: eight bits are for the CPU; the card computes in bf16")
        return embedder
    about = EngineCache().about(embedder.config, "int8")
    if about.get("passed") is not True:
        rows = [row.path for row in queries.photos(catalog, root)]
        chosen = rows[:: max(1, len(rows) // _CALIBRATING)][:_CALIBRATING]
        with BoundedPool(default_workers(), 60.0, 2 << 30) as pool:
            decoded = [one for _, one in pool.map_unordered(decoder_for(embedder), chosen)]
        pixels = [one for one in decoded if not isinstance(one, Exception)]
        if len(pixels) < LEAST_PHOTOS:
            console.hint(f"note: eight bits need {LEAST_PHOTOS} photos to be checked with")
            return embedder
        found = quantised(embedder.config, np.stack(pixels))
        console.hint(
            f"int8 against fp32 on {found.photos} photos: mean cosine {found.cosine:.4f}, same"
            f" nearest photo {found.same_neighbour:.0%}: {'used' if found.passed else 'not used'}"
        )
        if not found.passed:
            return embedder
    return load_embedder(folder, device="cpu", precision="int8")
