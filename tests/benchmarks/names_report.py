"""The page of results that `tests.benchmarks.names` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WITHIN_KM = (25.0, 200.0, 750.0)


def report(result: dict[str, Any]) -> str:
    """Return the page of results."""
    head = "| | photos | says something | 25 km | 200 km | 750 km | stated | held | 50/80/95 % |"

    def line(name: str, one: dict[str, Any]) -> str:
        if not one["speaks"]:
            return f"| {name} | {one['photos']} | 0 | | | | | | |"
        within = " | ".join(f"{one[f'within_{km:g}']}" for km in WITHIN_KM)
        radii = " / ".join(str(x) for x in one["radii"])
        odds = f"{one['stated']} | {one['held']}"
        return f"| {name} | {one['photos']} | {one['speaks']} | {within} | {odds} | {radii} |"

    rows = [line(name, one) for name, one in sorted(result["sources"].items())]
    sums = (
        ("all, whole sources held out", "all"),
        ("of these: photos with their own GPS", "own_gps"),
        ("of these: places by name in the source's table", "names_in_table"),
        ("all, beliefs before any fit", "before_any_fit"),
        ("all, shipped trust (fitted on the same)", "shipped"),
        ("the same without captions", "shipped_paths_only"),
        ("the same without the table of natural features", "shipped_without_features"),
    )
    rows += [line(name, result[key]) for name, key in sums]
    bins = [
        f"| {title} {name} | {count} | {100 * stated:.1f} | {100 * held:.1f} |"
        for title, key in (("all", "reliability"), ("own GPS", "reliability_own_gps"))
        for name, count, stated, held in result[key]
    ]
    text = Path(__file__).with_name("names.txt").read_text(encoding="utf-8")
    return text.format(
        table="\n".join([head, "|---" * 9 + "|", *rows]),
        bins="\n".join(["| stated | photos | mean | held |", "|---|---|---|---|", *bins]),
        ms=result["ms_for_500"],
    )
