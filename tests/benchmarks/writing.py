"""Write GPS into copies of real photos, with this program and its peers, and compare all else.

python -m tests.benchmarks.writing --corpus ../shared/exif/corpus
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from geotagger.evaluation.writing import OURS, WritingReport, evaluate_writing

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Run the evaluation and write the dated results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    report = evaluate_writing(parser.parse_args().corpus)
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"piexif {version('piexif')}, Pillow {version('pillow')}, {report.judge}"
    )
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    whole = {"machine": machine, **report.to_json()}
    (RESULTS / f"{today}-writing.json").write_text(
        json.dumps(whole, indent=1) + "\n", encoding="utf-8"
    )
    (RESULTS / f"{today}-writing.md").write_text(
        f"# Writing GPS into real photos, {today}\n\nMachine: {machine}\n\n"
        f"```\n{report.table()}\n```\n\n{_not_in_the_file(report)}",
        encoding="utf-8",
    )
    print(report.table())  # noqa: T201


def _not_in_the_file(report: WritingReport) -> str:
    reasons: dict[str, int] = {}
    for result in report.of(OURS):
        if result.how != "written":
            told = f"{Path(result.file).suffix.lower()}: {result.reason}"
            reasons[told] = reasons.get(told, 0) + 1
    lines = [f"- {count} × {reason}" for reason, count in sorted(reasons.items())]
    return "Not written in the file by ours, each with a sidecar:\n\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
