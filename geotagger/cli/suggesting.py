"""``geotagger suggest FOLDER --out s.json`` and the form of that file."""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from geotagger.cli.clock_commands import as_json, clocks_below, described
from geotagger.cli.console import Console
from geotagger.cli.model_commands import chosen_embedder, chosen_world
from geotagger.cli.options import command, device_flag, json_flag, open_catalog, path
from geotagger.cli.scanning import scan
from geotagger.errors import SuggestionFileError
from geotagger.library import queries
from geotagger.library.analysing import analyse
from geotagger.library.catalog import Catalog
from geotagger.library.doubtful_gps import doubtful_gps
from geotagger.library.rows import PhotoRow, PhotoState
from geotagger.library.scan import root_of
from geotagger.library.storing import encode_candidates
from geotagger.suggest.types import Candidate

STATES = ("confident", "ambiguous", "insufficient", "has_gps", "unreadable", "excluded")
_STATE_IN_FILE = {
    PhotoState.HAS_GPS: "has_gps",
    PhotoState.WRITTEN: "has_gps",
    PhotoState.ACCEPTED: "confident",
    PhotoState.FAILED: "confident",
    PhotoState.REJECTED: "excluded",
    PhotoState.EXCLUDED: "excluded",
    PhotoState.UNREADABLE: "unreadable",
    PhotoState.CONFIDENT: "confident",
    PhotoState.AMBIGUOUS: "ambiguous",
}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = command(commands, "suggest", "suggest where the photos of a folder were taken", _run)
    parser.add_argument("folder", type=path, metavar="FOLDER")
    parser.add_argument("--out", type=path, metavar="FILE", help="write the suggestions as JSON")
    parser.add_argument("--model", type=path, metavar="FOLDER", help="a model: a folder or a name")
    parser.add_argument("--no-model", action="store_true", help="use no model, only the albums")
    device_flag(parser)
    json_flag(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    from geotagger.earth.places import PlaceNames

    root = root_of(options.folder)
    with open_catalog(options) as catalog:
        scan(catalog, root, console)
        embedder = (
            None if options.no_model else chosen_embedder(options.model, console, options.device)
        )
        for _ in analyse(
            catalog,
            root,
            embedder=embedder,
            world=chosen_world(embedder, console),
            places=PlaceNames.load(),
            progress=console.progress,
        ):
            pass
        console.end_progress()
        photos = suggestions_of(catalog, root)
        clocks = clocks_below(catalog, root)
        doubts = [
            {"path": os.fsdecode(one.path.relative_to(root)), "reason": one.words}
            for one in doubtful_gps(catalog, root)
        ]
    if options.out is not None:
        save(options.out, photos)
    counted = Counter(photo["state"] for photo in photos)
    if not photos:
        console.say(f"No photos in {root}.")
    for clock in clocks:
        if clock.decision is not None or clock.open:
            console.say(described(clock))
    for doubt in doubts:
        console.say(f"{doubt['path']}: {doubt['reason']}")
    for photo in photos:
        if photo["candidates"]:
            best = photo["candidates"][0]
            console.say(
                f"{photo['state']:12} {photo['path']}: {best['place'] or 'unnamed place'}"
                f" ({best['lat']:.5f}, {best['lon']:.5f}) {best['probability']:.0%}"
                f" within {best['radius_m']:,.0f} m; {'; '.join(best['reasons'])}"
            )
    console.say(", ".join(f"{counted[state]:,} {state}" for state in STATES if counted[state]))
    console.result(
        {
            "photos": photos,
            "clocks": [as_json(clock) for clock in clocks],
            "doubtful_gps": doubts,
        }
    )
    return 0


def suggestions_of(catalog: Catalog, root: Path) -> list[dict[str, Any]]:
    """Return what the catalog suggests below a root, in the form of the suggestions file."""
    photos = []
    for row in queries.photos(catalog, root):
        if row.state is PhotoState.MISSING:
            continue
        state = _STATE_IN_FILE.get(row.state, "insufficient")
        candidates: tuple[Candidate, ...] = ()
        if row.state in {PhotoState.ACCEPTED, PhotoState.FAILED}:
            candidates = (_accepted(row),)
        elif state in {"confident", "ambiguous", "insufficient"}:
            candidates = queries.details(catalog, row.id).candidates
            if row.state is PhotoState.LATER and candidates:
                state = "ambiguous"
        photos.append(
            {
                "path": os.fsdecode(row.path.relative_to(root)),
                "state": state,
                "candidates": json.loads(encode_candidates(candidates)),
            }
        )
    return photos


def _accepted(row: PhotoRow) -> Candidate:
    assert row.lat is not None and row.lon is not None
    return Candidate(
        row.lat, row.lon, row.radius_m or 0.0, 1.0, row.place, ("you accepted this place",)
    )


def save(file: Path, photos: list[dict[str, Any]]) -> None:
    """Write suggestions to a file, complete or not at all.

    Raises
    ------
    SuggestionFileError
        The file cannot be written.
    """
    fresh = file.with_name(file.name + ".new")
    try:
        fresh.write_text(json.dumps({"photos": photos}, indent=1) + "\n", encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise SuggestionFileError(
            f"The suggestions cannot be written: {error.strerror}.", path=file
        ) from error


def load(file: Path) -> list[dict[str, Any]]:
    """Read a file of suggestions and check its form.

    Raises
    ------
    SuggestionFileError
        It cannot be read or is not of the form that `geotagger suggest` writes.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SuggestionFileError(f"Cannot be read: {error.strerror}.", path=file) from error
    except (ValueError, RecursionError) as error:
        raise SuggestionFileError(f"Is not JSON: {error}.", path=file) from error
    photos = content.get("photos") if isinstance(content, dict) else None
    if not isinstance(photos, list):
        raise SuggestionFileError('Has no list "photos".', path=file)
    for number, photo in enumerate(photos):
        problem = _problem(photo)
        if problem:
            raise SuggestionFileError(f"Photo number {number + 1}: {problem}.", path=file)
    return photos


def _problem(photo: Any) -> str:
    if not isinstance(photo, dict) or not isinstance(photo.get("path"), str):
        return 'no "path"'
    if photo.get("state") not in STATES:
        return f'"state" is none of {", ".join(STATES)}'
    candidates = photo.get("candidates", [])
    if not isinstance(candidates, list):
        return '"candidates" is not a list'
    for candidate in candidates:
        if not isinstance(candidate, dict):
            return "a candidate is not an object"
        for key, low, high in (
            ("lat", -90.0, 90.0),
            ("lon", -180.0, 180.0),
            ("radius_m", 0.0, 2.1e7),
            ("probability", 0.0, 1.0),
        ):
            value = candidate.get(key)
            if isinstance(value, bool) or not isinstance(value, int | float):
                return f'"{key}" of a candidate is not a number'
            if not low <= value <= high:
                return f'"{key}" of a candidate is not between {low:g} and {high:g}'
        if not isinstance(candidate.get("place", ""), str):
            return '"place" of a candidate is not a text'
        reasons = candidate.get("reasons", [])
        if not isinstance(reasons, list) or not all(isinstance(one, str) for one in reasons):
            return '"reasons" of a candidate is not a list of texts'
    return ""
