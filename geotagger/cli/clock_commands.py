"""``geotagger clocks FOLDER``: how far cameras' clocks disagree, and a person's word on it."""

from __future__ import annotations

import argparse
import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from geotagger.cli.console import Console
from geotagger.cli.model_commands import chosen_model
from geotagger.cli.options import command, json_flag, open_catalog, path
from geotagger.errors import GeotaggerError
from geotagger.library import clocks, queries
from geotagger.library.catalog import Catalog
from geotagger.library.clocks import ClockDecision, ClockKind, ClockRow
from geotagger.library.scan import root_of
from geotagger.suggest.clock_course import Course
from geotagger.suggest.clock_words import camera_name, in_words, parsed, sentence

_EPOCH = datetime(1970, 1, 1)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = command(
        commands,
        "clocks",
        "list how far the clocks of an album's cameras disagree, and correct them in every album "
        "of the folder; no file is changed",
        _run,
    )
    parser.add_argument("folder", type=path, metavar="FOLDER")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="CAMERA=+H:MM",
        help="add this to the camera's times: a clock that is two hours behind wants +2:00",
    )
    parser.add_argument(
        "--leave",
        action="append",
        default=[],
        metavar="CAMERA",
        help="take the camera's times as they are, whatever the estimate says",
    )
    parser.add_argument(
        "--ask", action="append", default=[], metavar="CAMERA", help="take your word back"
    )
    parser.add_argument("--model", type=path, metavar="FOLDER", help="a model: a folder or a name")
    json_flag(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    root = root_of(options.folder)
    wanted = _decisions(options)
    with open_catalog(options) as catalog:
        _estimate(catalog, root, _model_key(options.model, console))
        found = clocks_below(catalog, root)
        known = {row.camera for row in found}
        if wanted and not known:
            raise GeotaggerError(
                "No photos are known here.", path=root, remedy="Scan first: geotagger scan FOLDER."
            )
        for camera in wanted:
            if camera not in known:
                raise GeotaggerError(
                    f"No photo here was taken with {camera!r}.",
                    path=root,
                    remedy=f"The cameras are: {', '.join(sorted(one for one in known if one))}.",
                )
        for row in found:
            if row.camera in wanted:
                clocks.decide(catalog, row.album, row.camera, wanted[row.camera])
        found = clocks_below(catalog, root)
    for row in found:
        console.say(described(row))
    if not found:
        console.say(f"No photos in {root}; scan the folder first.")
    elif wanted:
        console.say("Suggestions follow when they are made anew: geotagger suggest.")
    console.result({"clocks": [as_json(row) for row in found]})
    return 0


def clocks_below(catalog: Catalog, root: Path) -> list[ClockRow]:
    """Return the cameras of all albums below a root, and what is known of their clocks."""
    return [
        row for album in queries.folders(catalog, root) for row in clocks.rows_of(catalog, album)
    ]


def described(row: ClockRow) -> str:
    """Return one camera's clock as a line: what was found, and what holds."""
    where = f"{row.album}: "
    words = camera_name(row.camera) if row.found is None else sentence(row.found)
    if row.decision is not None and row.decision.kind is ClockKind.LEAVE:
        return f"{where}{words}: left as it is, on your word"
    if row.decision is not None:
        return f"{where}{words}: corrected by {in_words(row.applied)}, on your word"
    if row.applied:
        return f"{where}{words}: corrected by {in_words(row.applied)}"
    if row.open:
        return f"{where}{words}: not sure enough to be corrected without your word"
    return f"{where}{words}: as it is"


def as_json(row: ClockRow) -> dict[str, Any]:
    """Return one camera's clock as JSON values, times in seconds to be added.

    Of a course, those at its origin; ``course`` tells the rest.
    """
    found = row.found
    return {
        "album": row.album,
        "camera": row.camera,
        "photos": row.photos,
        "applied_s": row.applied_s,
        "applied_course": _course_json(row.applied) if isinstance(row.applied, Course) else None,
        "decision": None if row.decision is None else row.decision.kind.value,
        "found": None
        if found is None
        else {
            "reference": found.reference,
            "offset_s": found.offset_s,
            "course": None if found.course is None else _course_json(found.course),
            "probability": round(found.probability, 4),
            "pairs": found.pairs,
            "sure": found.sure,
        },
    }


def _course_json(course: Course) -> dict[str, Any]:
    return {
        "seconds_more_each_day": course.per_day,
        "origin": (_EPOCH + timedelta(seconds=course.origin_s)).isoformat(timespec="seconds"),
        "legs": [
            {
                "since": None
                if math.isinf(since)
                else (_EPOCH + timedelta(seconds=since)).isoformat(timespec="seconds"),
                "offset_s": seconds,
            }
            for since, seconds in course.legs
        ],
    }


def _decisions(options: argparse.Namespace) -> dict[str, ClockDecision | None]:
    wanted: dict[str, ClockDecision | None] = {}
    for text in options.set:
        camera, equals, value = text.rpartition("=")
        if not equals:
            raise GeotaggerError(
                f"--set wants a camera and a correction, not {text!r}.",
                remedy='For example --set "NIKON D90=+2:00".',
            )
        wanted[camera] = ClockDecision(ClockKind.SET, parsed(value))
    wanted |= {camera: ClockDecision(ClockKind.LEAVE) for camera in options.leave}
    wanted |= dict.fromkeys(options.ask)
    return wanted


def _model_key(named: Path | None, console: Console) -> str | None:
    from geotagger.library.embedding import model_key
    from geotagger.models.registry import read_config

    folder = chosen_model(named, console)
    return None if folder is None else model_key(read_config(folder))


def _estimate(catalog: Catalog, root: Path, model: str | None) -> None:
    from geotagger.library.analysing import album_photos, company_of

    for album in queries.folders(catalog, root):
        if model is not None:
            photos = album_photos(catalog, album, model)
            company_of(catalog, album, photos, model)
