"""``geotagger partition``: build the classes of a model from coordinates, show them on a map."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from geotagger.cli.console import Console
from geotagger.cli.options import command, json_flag, path
from geotagger.earth.coords_csv import BadRows, read_places
from geotagger.earth.hierarchy import Hierarchy
from geotagger.earth.partition import Limits, Partition
from geotagger.errors import PartitionError

_NAMES = {1: ("cells",), 2: ("coarse", "fine"), 3: ("coarse", "middle", "fine")}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its actions."""
    top = commands.add_parser("partition", help="the cells of the earth that a model tells apart")
    actions = top.add_subparsers(required=True, metavar="ACTION")
    build = command(actions, "build", "build cells from the places of a CSV file", _build)
    build.add_argument(
        "--coords",
        type=path,
        required=True,
        metavar="CSV",
        help="columns lat,lon or latitude,longitude, in any case",
    )
    build.add_argument(
        "--max",
        type=int,
        required=True,
        action="append",
        metavar="N",
        help="split cells with more points; several times for a hierarchy",
    )
    build.add_argument(
        "--min", type=int, default=1, metavar="M", help="drop cells with fewer points (default 1)"
    )
    build.add_argument("--min-level", type=int, default=0, metavar="L", help="split at least so")
    build.add_argument("--max-level", type=int, metavar="L", help="split at most so often")
    build.add_argument(
        "--min-area",
        type=float,
        default=0.0,
        metavar="KM2",
        help="do not split cells of this area or less",
    )
    build.add_argument(
        "--keep-small", action="store_true", help="keep the cells with fewer than M points"
    )
    build.add_argument(
        "--scheme",
        choices=("s2", "latlon"),
        default="s2",
        help="S2 cells, or boxes of latitude and longitude halved (default s2)",
    )
    build.add_argument("--out", type=path, required=True, metavar="FILE")
    json_flag(build)
    show = command(actions, "show", "draw cells as a picture and as a map", _show)
    show.add_argument("file", type=path, metavar="FILE")
    show.add_argument(
        "--out",
        type=path,
        required=True,
        metavar="PREFIX",
        help="writes PREFIX.png and PREFIX.html; PREFIX-NAME of each in a hierarchy",
    )
    json_flag(show)


def _build(options: argparse.Namespace, console: Console) -> int:
    from geotagger.earth.partition_build import build_hierarchy
    from geotagger.earth.partition_file import save

    # The coarsest first, in whatever order they were given.
    mosts = sorted(set(options.max), reverse=True)
    names = _NAMES.get(len(mosts)) or tuple(f"most-{most}" for most in mosts)
    limits = [
        Limits(
            most,
            options.min,
            min_level=options.min_level,
            max_level=options.max_level,
            min_area_km2=options.min_area,
            keep_small=options.keep_small,
        )
        for most in mosts
    ]
    bad = BadRows()
    hierarchy = build_hierarchy(
        read_places(options.coords, bad),
        limits,
        names=names,
        scheme=options.scheme,
        progress=console.progress,
    )
    for row, why in bad.named:
        console.error(f"row {row} is left out: {why}")
    if bad.count > len(bad.named):
        console.error(f"{bad.count - len(bad.named):,} more rows are left out")
    if hierarchy.finest.points == 0:
        raise PartitionError("There is no place in the file.", path=options.coords)
    one = hierarchy.finest if len(mosts) == 1 else hierarchy
    save(one, options.out)
    for part in hierarchy.partitions:
        console.say(_line(part))
    if bad.count:
        console.say(f"{bad.count:,} bad rows")
    console.result({**_as_json(hierarchy, options.out), "bad_rows": bad.count})
    return 0


def _show(options: argparse.Namespace, console: Console) -> int:
    from geotagger.earth.partition_file import load
    from geotagger.earth.partition_page import write_page
    from geotagger.earth.partition_plot import plot_partition

    one = load(options.file)
    partitions = one.partitions if isinstance(one, Hierarchy) else (one,)
    written = []
    for part in partitions:
        console.say(_line(part))
        base = options.out
        if len(partitions) > 1:
            base = base.with_name(f"{base.name}-{_file_name(part.name)}")
        for draw, ending in ((plot_partition, "png"), (write_page, "html")):
            file = base.with_name(f"{base.name}.{ending}")
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise PartitionError(
                    f"The folder cannot be made ({error.strerror or error}).", path=file.parent
                ) from error
            draw(part, file)
            written.append(os.fsdecode(file))
            console.say(f"written  {os.fsdecode(file)}")
    console.result({**_as_json(one, options.file), "written": written})
    return 0


def _file_name(name: str) -> str:
    # Names come out of a file: nothing of them may lead to another folder.
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:80]


def _line(part: Partition) -> str:
    text = f"{part.name}: {part.size:,} classes of {part.points:,} points"
    return f"{text}, {part.dropped_points:,} without class" if part.dropped_points else text


def _as_json(one: Partition | Hierarchy, file: Path) -> dict[str, Any]:
    partitions = one.partitions if isinstance(one, Hierarchy) else (one,)
    return {
        "file": os.fsdecode(file),
        "partitions": [
            {
                "name": part.name,
                "scheme": part.scheme,
                "classes": part.size,
                "points": part.points,
                "dropped_points": part.dropped_points,
                "digest": part.digest,
            }
            for part in partitions
        ],
    }
