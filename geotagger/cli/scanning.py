"""``geotagger scan FOLDER``."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from pathlib import Path

from geotagger.cli.console import Console
from geotagger.cli.options import command, json_flag, open_catalog, path
from geotagger.errors import printable
from geotagger.library import disagreements
from geotagger.library.catalog import Catalog
from geotagger.library.listing import Listing
from geotagger.library.rows import PhotoState
from geotagger.library.scan import ScanOutcome, root_of, scan_folder

PROBLEMS = {ScanOutcome.UNREADABLE, ScanOutcome.UNLISTABLE}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = command(commands, "scan", "read a folder tree into the catalog", _run)
    parser.add_argument("folder", type=path, metavar="FOLDER")
    parser.add_argument(
        "--again", action="store_true", help="also read again what could not be read last time"
    )
    json_flag(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    root = root_of(options.folder)
    with open_catalog(options) as catalog:
        outcomes = scan(catalog, root, console, again=options.again)
        counts = Listing.load(catalog, root).counts()
    total = sum(counts.values()) - counts.get(PhotoState.MISSING, 0)
    located = counts.get(PhotoState.HAS_GPS, 0) + counts.get(PhotoState.WRITTEN, 0)
    if total == 0:
        console.say(f"No photos in {root}.")
    else:
        console.say(f"{total:,} photos, {located:,} with GPS, {total - located:,} without")
    console.say(", ".join(f"{count:,} {outcome.value}" for outcome, count in outcomes.items()))
    console.result(
        {
            "folder": os.fsdecode(root),
            "photos": total,
            "with_gps": located,
            "outcomes": {outcome.value: count for outcome, count in outcomes.items()},
            "states": {state.value: count for state, count in counts.items()},
        }
    )
    return 0


def scan(
    catalog: Catalog, root: Path, console: Console, *, again: bool = False
) -> Counter[ScanOutcome]:
    """Scan a folder with progress; each problem is told on stderr. Returns outcomes, counted."""
    outcomes: Counter[ScanOutcome] = Counter()
    for event in scan_folder(catalog, root, again=again, progress=console.progress):
        outcomes[event.outcome] += 1
        if event.outcome in PROBLEMS and event.error is not None:
            console.error(f"{event.outcome.value}: {event.error}")
    console.end_progress()
    for where, what in disagreements.below(catalog, root):
        console.error(f"disagrees: {printable(where)}: {what}")
    return outcomes
