"""``geotagger train album`` and ``geotagger evaluate album --simulated``."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from geotagger.cli.console import Console
from geotagger.cli.options import command, json_flag, path
from geotagger.errors import GeotaggerError

if TYPE_CHECKING:
    from geotagger.training.album.albums import Simulator
    from geotagger.training.album.config import AlbumTraining

_GEO_HELP = (
    "folder with the geo space: geo.safetensors and gallery.csv, as an installed GeoCLIP has them"
)


def add_train(subjects: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``train album``."""
    parser = command(
        subjects,
        "album",
        "train a sequence model for albums on simulated ones; a stopped run goes on",
        _train,
    )
    parser.add_argument(
        "--config",
        required=True,
        metavar="FILE",
        help="a TOML file, or the name of one that comes with the program: blstm, lstm-rep, …",
    )
    parser.add_argument("--geo", type=path, required=True, metavar="DIR", help=_GEO_HELP)
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="model folder")
    _budget(parser)
    parser.add_argument("--seed", type=int, metavar="N")
    json_flag(parser)


def add_evaluate(subjects: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``evaluate album``."""
    parser = command(
        subjects,
        "album",
        "train and test the paper's album systems on simulated albums and print its Table 2b",
        _evaluate,
    )
    parser.add_argument(
        "--simulated", action="store_true", required=True, help="on simulated albums"
    )
    parser.add_argument("--geo", type=path, required=True, metavar="DIR", help=_GEO_HELP)
    parser.add_argument(
        "--work", type=path, metavar="DIR", help="keep states of training there, to go on from"
    )
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    parser.add_argument("--albums", type=int, default=300, metavar="N", help="albums of the test")
    parser.add_argument(
        "--systems", metavar="A,B,…", help="only these networks (default: all of the paper's)"
    )
    _budget(parser)
    parser.add_argument("--json", type=path, metavar="FILE", help="write the table as JSON")


def _budget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", type=int, metavar="N", help="batches of the training")
    parser.add_argument("--single-steps", type=int, metavar="N", help="of the single-image part")
    parser.add_argument("--threads", type=int, metavar="N")
    parser.add_argument("--train-device", choices=["cpu", "cuda"])


def _with_budget(config: AlbumTraining, options: argparse.Namespace) -> AlbumTraining:
    given = {
        "steps": options.steps,
        "single_steps": options.single_steps,
        "threads": options.threads,
        "device": options.train_device,
        "seed": getattr(options, "seed", None),
    }
    try:
        chosen = {name: value for name, value in given.items() if value is not None}
        return replace(config, training=replace(config.training, **chosen))
    except ValueError as error:
        raise GeotaggerError(f"The settings cannot be used: {error}.") from error


def _simulator(config: AlbumTraining, folder: Path) -> Simulator:
    from geotagger.models.geo_space import load_geo_space
    from geotagger.training.album.albums import Simulator

    space = load_geo_space(folder)
    given = config.simulation.dimension or space.dimension
    if config.model.dimension != given or given > space.dimension:
        raise GeotaggerError(
            f"The model takes vectors of {config.model.dimension} numbers, the simulation is to "
            f"have {given}, the geo space has {space.dimension}."
        )
    try:
        return Simulator.build(space.encoder, space.gallery, config.simulation)
    except ValueError as error:
        raise GeotaggerError(f"The albums cannot be simulated: {error}.") from error


def _train(options: argparse.Namespace, console: Console) -> int:
    from geotagger.models.album.release import save_release
    from geotagger.training.album.config import find_config
    from geotagger.training.album.loop import train

    config = _with_budget(find_config(options.config), options)
    if config.model.beliefs:
        return _train_on_beliefs(config, options, console)
    simulator = _simulator(config, options.geo)
    trained = train(config, simulator, out=options.out, progress=console.progress)
    save_release(
        options.out,
        trained.network,
        trained.head,
        simulator.partition,
        trained_on="simulated albums",
    )
    console.say(
        f"trained {config.model.name}, {len(trained.losses)} steps, "
        f"loss {trained.losses[-1] if trained.losses else float('nan'):.3f}: "
        f"{os.fsdecode(options.out)}"
    )
    console.result({"folder": os.fsdecode(options.out), "losses": list(trained.losses)})
    return 0


def _train_on_beliefs(config: AlbumTraining, options: argparse.Namespace, console: Console) -> int:
    from geotagger.training.album.belief_training import train_release

    losses = train_release(config, options.geo, options.out, progress=console.progress)
    last = losses[-1] if losses else float("nan")
    console.say(
        f"trained {config.model.name}, {len(losses)} steps, loss {last:.3f}: "
        f"{os.fsdecode(options.out)}"
    )
    console.result({"folder": os.fsdecode(options.out), "losses": list(losses)})
    return 0


def _evaluate(options: argparse.Namespace, console: Console) -> int:
    from geotagger.evaluation.album_models import NETWORKS, evaluate_albums
    from geotagger.training.album.config import find_config

    names = options.systems.split(",") if options.systems else [*NETWORKS, "blstm-geo"]
    if options.seeds < 1 or options.albums < 1:
        raise GeotaggerError("One seed and one album at least are needed.")
    configs = {
        name: _with_budget(find_config(name), options) for name in dict.fromkeys(["single", *names])
    }
    table = evaluate_albums(
        _simulator(configs["single"], options.geo),
        configs,
        seeds=range(options.seeds),
        albums=options.albums,
        work=options.work,
        progress=console.progress,
    )
    console.say(table.text())
    if options.json is not None:
        try:
            options.json.write_text(json.dumps(table.to_json(), indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise GeotaggerError(
                f"The table cannot be written: {error.strerror}.", path=options.json
            ) from error
    return 0
