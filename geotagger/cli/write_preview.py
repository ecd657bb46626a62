"""What ``geotagger write --dry-run`` says: each file, and each tag before and after."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from geotagger.cli.console import Console
from geotagger.errors import GeotaggerError
from geotagger.library.writing import PlannedWrite, WritePlan


def show_plan(
    root: Path,
    plan: WritePlan,
    skipped: list[dict[str, str]],
    console: Console,
    *,
    tags: bool = False,
) -> int:
    """Print a plan, with ``tags`` each tag; return the exit code, 1 if anything is refused."""
    files = []
    for item in plan.items:
        _say(item, root, console, tags)
        files.append(_described(item, root))
    refused = sum(not file["ok"] for file in files)
    console.say(
        f"{len(files) - refused:,} files would be written, {refused:,} refused; nothing was changed"
    )
    console.result({"dry_run": True, "files": files, "skipped": skipped})
    return 1 if refused else 0


def _say(item: PlannedWrite, root: Path, console: Console, tags: bool) -> None:
    name = name_in(item.path, root)
    if item.how == "refused":
        console.error(f"refused    {name}: {told(item.error) or item.reason}")
        return
    console.say(
        f"would write {name} -> {name_in(item.destination, root)} ({item.how}):"
        f" {item.before} -> {item.after}"
    )
    if item.warning:
        console.error(f"warning    {name}: {item.warning}")
    for tag in item.tags if tags else ():
        what = f"{tag.before or '-'} -> {tag.after or '-'}" if tag.what != "kept" else tag.after
        console.say(f"    {tag.what:<8} {tag.tag}: {what}")


def _described(item: PlannedWrite, root: Path) -> dict[str, Any]:
    return {
        "path": name_in(item.path, root),
        "destination": name_in(item.destination, root),
        "how": str(item.how),
        "reason": item.reason,
        "warning": item.warning,
        "ok": item.how != "refused",
        "tags": [
            {"tag": tag.tag, "what": tag.what, "before": tag.before, "after": tag.after}
            for tag in item.tags
        ],
    }


def told(error: GeotaggerError | None) -> str:
    """Return an error without the path, for a line that names the file already."""
    return "" if error is None else f"{error.message} {error.remedy}".strip()


def name_in(path: Path, root: Path) -> str:
    """Return a path as it is told to the user, relative to the folder given where it is inside."""
    return os.fsdecode(path.relative_to(root) if path.is_relative_to(root) else path)
