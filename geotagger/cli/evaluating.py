"""``geotagger evaluate completion`` and ``geotagger evaluate writing``."""

from __future__ import annotations

import argparse

from geotagger.cli import outputs
from geotagger.cli.album_commands import add_evaluate as add_album
from geotagger.cli.console import Console
from geotagger.cli.library_commands import HOW, HOW_HELP
from geotagger.cli.library_commands import add_evaluate as add_library
from geotagger.cli.model_commands import chosen_embedder
from geotagger.cli.options import command, device_flag, path, probability


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its subjects."""
    top = commands.add_parser(
        "evaluate", help="measure how good the suggestions are, and how safe writing is"
    )
    subjects = top.add_subparsers(required=True, metavar="SUBJECT")
    add_album(subjects)
    parser = command(
        subjects,
        "completion",
        "hide the places of a share of each album's photos and see how well they are found",
        _completion,
    )
    parser.add_argument(
        "--albums",
        type=path,
        required=True,
        metavar="CSV",
        help="columns album_id,file,taken_at,lat,lon",
    )
    parser.add_argument("--photos", type=path, required=True, metavar="DIR")
    parser.add_argument("--hide", type=probability, default=0.8, metavar="SHARE")
    parser.add_argument("--how", choices=HOW, default="random", help=HOW_HELP)
    parser.add_argument("--seeds", type=int, default=5, metavar="N")
    parser.add_argument("--model", type=path, metavar="FOLDER", help="a model for look-alikes")
    parser.add_argument("--no-model", action="store_true", help="use no model, only the albums")
    parser.add_argument(
        "--alone", action="store_true", help="each album by itself, without the others beside it"
    )
    device_flag(parser)
    parser.add_argument(
        "--json", type=path, default=None, metavar="FILE", help="write the table as JSON"
    )
    parser.add_argument(
        "--plot", type=path, default=None, metavar="FILE", help="write the plots as PNG"
    )
    add_library(subjects)
    parser = command(
        subjects,
        "writing",
        "write GPS into copies of photos, with this program and with others, and compare all else",
        _writing,
    )
    parser.add_argument("--corpus", type=path, required=True, metavar="DIR")
    parser.add_argument("--no-peers", action="store_true", help="measure only this program")
    parser.add_argument(
        "--json", type=path, default=None, metavar="FILE", help="write the table as JSON"
    )


def _completion(options: argparse.Namespace, console: Console) -> int:
    # Slow to import, and no other command needs it.
    from geotagger.evaluation.completion import evaluate_completion
    from geotagger.evaluation.completion_result import main_report
    from geotagger.evaluation.hidings import Way

    outputs.check(options.json, "table")
    outputs.check(options.plot, "picture", outputs.PICTURES)
    embedder = None if options.no_model else chosen_embedder(options.model, console, options.device)
    result = evaluate_completion(
        options.albums,
        options.photos,
        how=Way(options.how),
        share=options.hide,
        seeds=options.seeds,
        embedder=embedder,
        library=not options.alone,
        progress=console.progress,
    )
    console.say(main_report(result))
    outputs.store_table(options.json, result.to_json())
    if options.plot is not None:
        from geotagger.evaluation.plots import draw, png

        title = (
            f"{result.hidden:,} hidden photos of {result.albums} albums, "
            f"{100 * result.hide:g} % hidden ({result.how.value})"
        )
        outputs.store(options.plot, "picture", png(draw(result.methods, title=title, scale=1.5)))
    return 0


def _writing(options: argparse.Namespace, console: Console) -> int:
    from geotagger.evaluation.writing import evaluate_writing

    report = evaluate_writing(
        options.corpus, with_peers=not options.no_peers, progress=console.progress
    )
    console.say(report.table())
    outputs.store_table(options.json, report.to_json())
    return 0
