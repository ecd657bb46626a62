"""``geotagger write``, ``undo`` and ``history``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geotagger.cli.console import Console
from geotagger.cli.options import command, json_flag, open_catalog, path, probability
from geotagger.cli.scanning import scan
from geotagger.cli.suggesting import load
from geotagger.cli.write_preview import name_in, show_plan, told
from geotagger.errors import GeotaggerError
from geotagger.library import committing, queries, review
from geotagger.library.catalog import Catalog
from geotagger.library.rows import Decision, DecisionKind, PhotoRow, PhotoState
from geotagger.library.scan import root_of
from geotagger.library.writing import WriteOptions

_ACCEPT = {"confident": {"confident"}, "all": {"confident", "ambiguous", "insufficient"}}


def add_write(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``write``."""
    parser = command(commands, "write", "write suggested places into the files", _write)
    parser.add_argument("folder", type=path, metavar="FOLDER")
    parser.add_argument(
        "--from",
        dest="source",
        type=path,
        required=True,
        metavar="FILE",
        help="the suggestions; photos with GPS in Exif or a sidecar are skipped, those with GPS"
        " in the XMP inside the file only are written, and that XMP stays as it is",
    )
    parser.add_argument(
        "--accept",
        choices=sorted(_ACCEPT),
        default="confident",
        help="which suggestions to accept: the confident ones, or the best candidate of all",
    )
    parser.add_argument("--min-probability", type=probability, default=0.0, metavar="P")
    parser.add_argument("--sidecar", choices=("auto", "always", "never"), default="auto")
    parser.add_argument(
        "--sidecar-names",
        choices=("extension", "adobe"),
        default="extension",
        help="names of new sidecars: photo.nef.xmp, or photo.xmp for RAW files",
    )
    parser.add_argument(
        "--place-names",
        action="store_true",
        help="also write city, region and country, into sidecars only",
    )
    parser.add_argument(
        "--tags", action="store_true", help="with --dry-run, list each tag before and after"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be written")
    json_flag(parser)


def add_undo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``undo``."""
    parser = command(commands, "undo", "take a write back, byte for byte", _undo)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--last", action="store_true", help="the latest write (the default)")
    which.add_argument("--id", type=int, metavar="ID", help="a write from the history")
    json_flag(parser)


def add_history(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``history``."""
    parser = command(commands, "history", "list the writes that can be taken back", _history)
    json_flag(parser)


def _write(options: argparse.Namespace, console: Console) -> int:
    root = root_of(options.folder)
    wanted = load(options.source)
    with open_catalog(options) as catalog:
        scan(catalog, root, console)
        decisions, skipped = _decisions(catalog, root, wanted, options)
        for name, reason in skipped:
            console.say(f"skipped    {name}: {reason}")
        how = WriteOptions(options.sidecar, options.sidecar_names, options.place_names)
        plan = committing.plan_decisions(catalog, decisions, how)
        if options.dry_run:
            return show_plan(root, plan, _skipped(skipped), console, tags=options.tags)
        for item in plan.items:
            if item.warning:
                console.error(f"warning    {name_in(item.path, root)}: {item.warning}")
        review.decide(catalog, decisions)
        files: list[dict[str, Any]] = []
        not_tried = 0
        for result in committing.commit(catalog, plan, progress=console.progress):
            name = name_in(result.path, root)
            if result.ok:
                console.say(f"written    {name} -> {name_in(result.destination, root)}")
            elif not result.tried:
                _not_tried(name, result.error, files, console)
                not_tried += 1
            else:
                console.error(f"failed     {name}: {told(result.error)}")
            files.append(_file(name, name_in(result.destination, root), result.ok, result.error))
    failed = sum(not file["ok"] for file in files)
    counts = _counts("written", len(files), failed, not_tried)
    console.say(f"{counts}, {len(skipped):,} skipped")
    console.result({"files": files, "skipped": _skipped(skipped)})
    missing = any(reason == "no such photo" for _, reason in skipped)
    return 1 if failed or missing else 0


def _not_tried(
    name: str, error: GeotaggerError | None, files: Sequence[object], console: Console
) -> None:
    """Say once why nothing was begun, and of each file that it was not tried."""
    if error is not None and not files:
        console.error(f"geotagger: {error.message} {error.remedy}".strip())
    console.error(f"not tried  {name}")


def _counts(done: str, total: int, not_done: int, not_tried: int) -> str:
    """Return the counts of a run in words; what was never begun has not failed."""
    words = f"{total - not_done:,} {done}, {not_done - not_tried:,} failed"
    return f"{words}, {not_tried:,} not tried" if not_tried else words


def _decisions(
    catalog: Catalog, root: Path, wanted: list[dict[str, Any]], options: argparse.Namespace
) -> tuple[list[Decision], list[tuple[str, str]]]:
    rows = {os.fsdecode(row.path.relative_to(root)): row for row in queries.photos(catalog, root)}
    decisions, skipped = [], []
    for photo in wanted:
        row = rows.get(photo["path"])
        reason = _why_not(catalog, photo, row, options)
        if reason:
            # Photos that the file only lists, with nothing to write, need no line.
            if reason != "nothing suggested":
                skipped.append((photo["path"], reason))
            continue
        assert row is not None
        best = photo["candidates"][0]
        reasons = best.get("reasons") or ["suggested"]
        decisions.append(
            Decision(
                photo_id=row.id,
                kind=DecisionKind.ACCEPTED,
                lat=float(best["lat"]),
                lon=float(best["lon"]),
                radius_m=float(best["radius_m"]),
                place=best.get("place", ""),
                proposed_by=reasons[0],
            )
        )
    return decisions, skipped


def _why_not(
    catalog: Catalog, photo: dict[str, Any], row: PhotoRow | None, options: argparse.Namespace
) -> str:
    if photo["state"] not in _ACCEPT["all"] or not photo.get("candidates"):
        return "nothing suggested"
    if photo["state"] not in _ACCEPT[options.accept]:
        return f"the suggestion is {photo['state']}"
    if photo["candidates"][0]["probability"] < options.min_probability:
        return f"probability {photo['candidates'][0]['probability']:.0%} is too low"
    if row is None or row.state is PhotoState.MISSING:
        return "no such photo"
    if row.state is PhotoState.UNREADABLE:
        return "it cannot be read"
    if row.state is PhotoState.WRITTEN or (
        row.state is PhotoState.HAS_GPS and not _only_in_packet(catalog, row)
    ):
        return "it has GPS already"
    return ""


def _only_in_packet(catalog: Catalog, row: PhotoRow) -> bool:
    """Whether a photo's place is in the XMP packet of its file and nowhere else.

    Many programs never look there, so its Exif is still to be filled with the place accepted.
    """
    record = queries.details(catalog, row.id).record
    return record.gps.source == "xmp" and record.sidecar is None


def _undo(options: argparse.Namespace, console: Console) -> int:
    with open_catalog(options) as catalog:
        writes = committing.history(catalog)
        if options.id is None:
            undoable = [entry for entry in writes if entry.undone < entry.count]
            if not undoable:
                console.error("geotagger: there is no write to undo")
                return 1
            write_id = undoable[0].id
        else:
            write_id = options.id
            if write_id not in {entry.id for entry in writes}:
                console.error(f"geotagger: there is no write {write_id}; see geotagger history")
                return 1
        files: list[dict[str, Any]] = []
        not_tried = 0
        for result in committing.take_back(catalog, write_id, progress=console.progress):
            name = os.fsdecode(result.path)
            if result.ok:
                console.say(f"restored   {name}")
            elif not result.tried:
                _not_tried(name, result.error, files, console)
                not_tried += 1
            else:
                console.error(f"failed     {result.error}")
            files.append(_file(name, name, result.ok, result.error))
    failed = sum(not file["ok"] for file in files)
    console.say(_counts("restored", len(files), failed, not_tried))
    console.result({"write": write_id, "files": files})
    return 1 if failed else 0


def _history(options: argparse.Namespace, console: Console) -> int:
    with open_catalog(options) as catalog:
        entries = committing.history(catalog)
    for entry in entries:
        undone = f", {entry.undone:,} taken back" if entry.undone else ""
        failed = f", {entry.failed:,} failed" if entry.failed else ""
        console.say(
            f"{entry.id:>5}  {entry.when.astimezone():%Y-%m-%d %H:%M:%S}"
            f"  {entry.count:,} written{failed}{undone}  {entry.folder}"
        )
    if not entries:
        console.say("Nothing was written yet.")
    console.result(
        {
            "writes": [
                {
                    "id": entry.id,
                    "when": entry.when.isoformat(),
                    "folder": os.fsdecode(entry.folder),
                    "written": entry.count,
                    "failed": entry.failed,
                    "undone": entry.undone,
                }
                for entry in entries
            ]
        }
    )
    return 0


def _file(name: str, destination: str, ok: bool, error: GeotaggerError | None) -> dict[str, Any]:
    return {
        "path": name,
        "destination": destination,
        "ok": ok,
        "error": None if error is None else str(error),
    }


def _skipped(skipped: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"path": name, "reason": reason} for name, reason in skipped]
