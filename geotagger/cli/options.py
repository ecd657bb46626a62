"""Options that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from geotagger.library.catalog import CATALOG_VARIABLE, Catalog, default_path
from geotagger.models.engines.choosing import DEVICES
from geotagger.models.engines.choosing import ENVIRONMENT as DEVICE_VARIABLE

Run = Callable[[argparse.Namespace, Any], int]


def command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    description: str,
    run: Run,
) -> argparse.ArgumentParser:
    """Add a command with the options that every command takes."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=description, description=description
    )
    parser.add_argument(
        "--catalog",
        type=path,
        default=None,
        metavar="PATH",
        help=f"the catalog file (default: ${CATALOG_VARIABLE}, else {default_path()})",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    parser.set_defaults(run=run, json=False)
    return parser


def json_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``: the result as JSON on stdout."""
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout")


def device_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``: where a model runs."""
    parser.add_argument(
        "--device",
        choices=DEVICES,
        default=None,
        help="where the model runs: cuda, cpu (ONNX Runtime), torch (plain, on the CPU);"
        f" default: ${DEVICE_VARIABLE}, else auto",
    )


def path(text: str) -> Path:
    """Return an argument as a path with ``~`` expanded."""
    return Path(text).expanduser()


def probability(text: str) -> float:
    """Return an argument as a probability.

    Raises
    ------
    argparse.ArgumentTypeError
        It is no number from 0 to 1.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def open_catalog(options: argparse.Namespace) -> Catalog:
    """Open the catalog that the options name, recovering what a crash left behind."""
    from geotagger.library.committing import recover

    catalog = Catalog.open(options.catalog)
    try:
        recover(catalog)
    except BaseException:
        catalog.close()
        raise
    return catalog
