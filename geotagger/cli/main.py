"""Read the arguments, open the catalog, run a command, turn errors into a line and exit code 1."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from geotagger import __version__
from geotagger.cli import (
    clock_commands,
    embedding,
    evaluating,
    model_commands,
    partition_commands,
    scanning,
    suggesting,
    train_commands,
    writing,
)
from geotagger.cli.console import Console
from geotagger.errors import GeotaggerError
from geotagger.progress import CancelledError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 something failed, 2 wrong usage."""
    options = parser().parse_args(arguments)
    console = Console(quiet=options.quiet, as_json=options.json is True)
    try:
        with console.interruptible():
            code: int = options.run(options, console)
    except GeotaggerError as error:
        console.error(f"geotagger: {error}")
        return 1
    except (KeyboardInterrupt, CancelledError):
        console.error("geotagger: stopped; what was finished is kept")
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return code


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="geotagger",
        description="Suggest where photos were taken, write GPS on your word, take it back. "
        "Everything stays on this computer.",
    )
    top.add_argument("--version", action="version", version=f"geotagger {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        scanning.add,
        embedding.add,
        suggesting.add,
        clock_commands.add,
        writing.add_write,
        writing.add_undo,
        writing.add_history,
        evaluating.add,
        model_commands.add,
        train_commands.add,
        partition_commands.add,
    ):
        add(commands)
    return top


def entry() -> None:
    """Exit with the code of `main`; for ``python -m geotagger``."""
    sys.exit(main())
