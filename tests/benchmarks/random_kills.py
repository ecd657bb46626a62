"""Kill the writer and its worker at many random instants, on real files, and count where it fell.

python -m tests.benchmarks.random_kills --kills 400

Each kill is followed by the recovery of the next start and by every check of
`tests.support.random_kills`: each file is the old or the new one, byte for byte, the journal says
which, nothing temporary is left, and an undo gives all original bytes back.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from tests.support.kill_folder import make_photos
from tests.support.random_kills import NOT_KILLED, Server, Stage, killed, undisturbed

RESULTS = Path(__file__).resolve().parent / "results"
ORIGINALS = Path(__file__).resolve().parents[3] / "shared" / "exif" / "phone-originals"


def main() -> None:
    """Run the kills and write the dated table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=400)
    parser.add_argument("--undo-share", type=float, default=0.4)
    parser.add_argument("--seed", type=int, default=20261121)
    options = parser.parse_args()
    counts: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    with tempfile.TemporaryDirectory() as temp, Server() as server:
        work = Path(temp)
        originals = ORIGINALS if ORIGINALS.is_dir() else None
        photos = make_photos(work / "photos", originals, most=20)
        stage = undisturbed(server, work / "photos", photos, work)
        chance = random.Random(options.seed)
        while sum(map(_kills, counts.values())) < options.kills:
            undo = chance.random() < options.undo_share
            delay = chance.uniform(0, stage.undo_s if undo else stage.write_s)
            counts[undo][killed(server, stage, work / "journal", undo=undo, delay=delay)] += 1
    text = _report(stage, counts, options.seed)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    (RESULTS / f"{today}-random-kills.md").write_text(text, encoding="utf-8")
    print(text)  # noqa: T201


def _kills(counts: Counter[str]) -> int:
    return counts.total() - counts[NOT_KILLED]


def _report(stage: Stage, counts: dict[bool, Counter[str]], seed: int) -> str:
    total = sum(map(_kills, counts.values()))
    size = sum(len(saved.data) for saved in stage.old.values()) / 1e6
    forms = Counter(path.suffix.lower() for path in stage.photos)
    lines = [
        f"# Killing the writer at random instants, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"Machine: {platform.machine()}, {os.cpu_count()} cores,"
        f" Python {platform.python_version()}",
        "",
        f"{len(stage.photos)} photos ({', '.join(f'{n} {s}' for s, n in sorted(forms.items()))};"
        f" one of them with two names), {size:.1f} MB. An undisturbed write took"
        f" {stage.write_s:.2f} s, an undo {stage.undo_s:.2f} s. {total} times the process and its"
        f" worker were killed (SIGKILL) after a delay drawn evenly from that time (seed {seed}).",
        "",
        "After each kill and the recovery of the next start every file was the old or the new one,"
        " byte for byte, the journal said which, no temporary file was left, and an undo gave all"
        " original bytes back.",
        "",
        "| the kill left | write | undo |",
        "|---|---|---|",
    ]
    for name in sorted((counts[False] | counts[True]).keys() - {NOT_KILLED}):
        lines.append(f"| {name} | {counts[False][name]} | {counts[True][name]} |")
    lines.append(f"| **all** | {_kills(counts[False])} | {_kills(counts[True])} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
