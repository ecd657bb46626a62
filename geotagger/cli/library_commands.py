"""``geotagger evaluate library FOLDER``."""

from __future__ import annotations

import argparse
import json

from geotagger.cli.console import Console
from geotagger.cli.model_commands import chosen_model
from geotagger.cli.options import command, open_catalog, path, probability
from geotagger.errors import GeotaggerError
from geotagger.library.scan import root_of


def add_evaluate(subjects: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``evaluate library``."""
    parser = command(
        subjects,
        "library",
        "hide the GPS of your own photos, look for it, and say how good that is; nothing is "
        "written, and the folder must have been scanned (and analysed, for looks to be heard)",
        _run,
    )
    parser.add_argument("folder", type=path, metavar="FOLDER")
    parser.add_argument("--hide", type=probability, default=0.8, metavar="SHARE")
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    parser.add_argument("--model", type=path, metavar="FOLDER", help="a model: a folder or a name")
    parser.add_argument("--no-model", action="store_true", help="use no model, only the albums")
    parser.add_argument(
        "--json", type=path, default=None, metavar="FILE", help="write the table as JSON"
    )


def _run(options: argparse.Namespace, console: Console) -> int:
    # Slow to import, and no other command needs it.
    from geotagger.evaluation.library import evaluate_library, report
    from geotagger.library.embedding import model_key
    from geotagger.models.registry import read_config
    from geotagger.models.world_load import load_outline

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
            share=options.hide,
            seeds=options.seeds,
            model=key,
            world=world,
            progress=console.progress,
        )
    console.say(report(score))
    if options.json is not None:
        try:
            options.json.write_text(json.dumps(score.to_json(), indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise GeotaggerError(
                f"The table cannot be written: {error.strerror}.", path=options.json
            ) from error
    return 0
