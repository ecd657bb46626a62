"""Start the window: ``python -m desktop.app [FOLDER] [--catalog PATH]``.

Qt is imported inside `main` only: the engine's worker processes import this module anew and
must not load Qt.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """Return what the command line of the window understands."""
    made = argparse.ArgumentParser(
        prog="photo-geotagger", description="Review and write the places of your photos."
    )
    made.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="open this folder")
    made.add_argument(
        "--catalog", type=Path, metavar="PATH", help="use this catalog instead of the usual one"
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window and return the exit code when it is closed."""
    options = parser().parse_args(arguments)
    from desktop.starting import run

    return run(options.folder, options.catalog)


if __name__ == "__main__":
    sys.exit(main())
