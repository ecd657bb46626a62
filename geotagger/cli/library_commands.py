"""``geotagger evaluate library FOLDER``."""

from __future__ import annotations

import argparse

from geotagger.cli import outputs
from geotagger.cli.console import Console
from geotagger.cli.model_commands import chosen_model
from geotagger.cli.options import command, open_catalog, path, probability
from geotagger.library.scan import root_of

HOW = (
    "random", "days", "stream", "shifted-zone", "shifted-dst", "shifted-minutes", "drifting",
)  # fmt: skip
"""The ways of hiding, as `geotagger.evaluation.hidings.Way` has them."""

HOW_HELP = "hide single photos, whole days, or a second camera (its clock right or wrong)"


def add_evaluate(subjects: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``evaluate library``."""
    parser = command(
        subjects,
        "library",
        "hide the GPS of your own photos, look for it, and say how good that is; nothing is "
        "written, and the folder must have been scanned (and looked at: geotagger embed)",
        _run,
    )
    parser.add_argument("folder", type=path, metavar="FOLDER")
    parser.add_argument("--hide", type=probability, default=0.8, metavar="SHARE")
    parser.add_argument("--how", choices=HOW, default="random", help=HOW_HELP)
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="rounds of hiding")
    parser.add_argument("--model", type=path, metavar="FOLDER", help="a model: a folder or a name")
    parser.add_argument("--no-model", action="store_true", help="use no model, only the albums")
    parser.add_argument(
        "--json", type=path, default=None, metavar="FILE", help="write the table as JSON"
    )
    parser.add_argument(
        "--html", type=path, default=None, metavar="FILE", help="write a page with table and plots"
    )
    parser.add_argument(
        "--plot", type=path, default=None, metavar="FILE", help="write the plots as PNG"
    )


def _run(options: argparse.Namespace, console: Console) -> int:
    # Slow to import, and no other command needs it.
    from geotagger.evaluation.hidings import Way
    from geotagger.evaluation.library import evaluate_library
    from geotagger.evaluation.library_files import save
    from geotagger.evaluation.library_words import report
    from geotagger.library.embedding import model_key
    from geotagger.models.registry import read_config
    from geotagger.models.world_load import load_outline

    outputs.check(options.json, "table")
    outputs.check(options.html, "page", outputs.PAGES)
    outputs.check(options.plot, "picture", outputs.PICTURES)
    root = root_of(options.folder)
    key = world = None
    folder = None if options.no_model else chosen_model(options.model, console)
    if folder is not None:
        config = read_config(folder)
        key = model_key(config)
        world = load_outline(folder) if config.world else None
    with open_catalog(options) as catalog:
        score = evaluate_library(
            catalog,
            root,
            how=Way(options.how),
            share=options.hide,
            seeds=options.seeds,
            model=key,
            world=world,
            progress=console.progress,
        )
    console.say(report(score))
    outputs.store_table(options.json, score.to_json())
    for target in (options.html, options.plot):
        if target is not None:
            save(score, root.name, target)
    return 0
