"""``geotagger train starter``: make the model that comes with the program."""

from __future__ import annotations

import argparse
import os

from geotagger.cli.album_commands import add_train as add_album
from geotagger.cli.console import Console
from geotagger.cli.options import command, json_flag, path
from geotagger.errors import GeotaggerError


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its subjects."""
    top = commands.add_parser("train", help="train a model on photos with known places")
    subjects = top.add_subparsers(required=True, metavar="MODEL")
    add_album(subjects)
    parser = command(
        subjects,
        "starter",
        "train the small model for look-alikes and scenes, and measure it on held-out sources",
        _starter,
    )
    parser.add_argument(
        "--photos", type=path, required=True, metavar="DIR", help="photos and their index.csv"
    )
    parser.add_argument(
        "--weights", type=path, required=True, metavar="FILE", help="MobileNetV2, safetensors"
    )
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="model folder")
    parser.add_argument("--seed", type=int, metavar="N")
    parser.add_argument("--views", type=int, metavar="N", help="crops of each photo")
    parser.add_argument("--steps", type=int, metavar="N", help="batches of the training")
    parser.add_argument("--folds", type=int, metavar="N", help="0 measures nothing")
    parser.add_argument("--threads", type=int, metavar="N")
    json_flag(parser)


def _starter(options: argparse.Namespace, console: Console) -> int:
    # Slow to import, and no other command needs them.
    from geotagger.training.starter.config import StarterConfig
    from geotagger.training.starter.measuring import recall_rows
    from geotagger.training.starter.train import train_starter

    given = {
        name: getattr(options, name)
        for name in ("seed", "views", "steps", "folds", "threads")
        if getattr(options, name) is not None
    }
    try:
        config = StarterConfig(**given)
    except ValueError as error:
        raise GeotaggerError(f"The settings cannot be used: {error}.") from error
    trained = train_starter(
        options.photos, options.weights, options.out, config, progress=console.progress
    )
    console.say(f"trained on {trained.photos} photos: {os.fsdecode(trained.folder)}")
    for what, before, after, gain, spread, asked in recall_rows(trained.folds):
        console.say(
            f"{what}: {before:.1f} -> {after:.1f} % ({gain:+.1f} ± {spread:.1f}), {asked:.0f} asked"
        )
    console.result(
        {
            "folder": os.fsdecode(trained.folder),
            "photos": trained.photos,
            "folds": [fold.to_json() for fold in trained.folds],
        }
    )
    return 0
