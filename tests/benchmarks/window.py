"""How quick the real window is with a large library: ``python -m tests.benchmarks.window``.

Drives the window that users get, on a made library (one tiny picture under many names, the catalog
filled), and prints medians. The main thread is watched throughout: a timer of 5 ms tells for how
long it was not heard.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.large_library import make_library

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")
os.environ.setdefault("GEOTAGGER_MODEL", "none")


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--photos", type=int, default=100_000)
    options.add_argument("--library", type=Path, help="keep the made library here, or use it")
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="geotagger-window-") as place:
        home = chosen.library or Path(place)
        folder, catalog = home / "photos", home / "catalog" / "catalog.sqlite"
        if not folder.exists():
            catalog.parent.mkdir(parents=True)
            make_library(folder, catalog, chosen.photos)
        figures = measure(folder, catalog)
    for name, value in figures.items():
        print(f"{name:48} {value:10.1f}")  # noqa: T201
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def measure(folder: Path, catalog: Path) -> dict[str, float]:
    """Return named figures, times in milliseconds."""
    began = time.perf_counter()
    from PySide6 import QtWebEngineWidgets  # noqa: F401
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from desktop import theme
    from desktop.map.scheme import prepare_environment, register_scheme
    from desktop.starting import open_window

    sys.setswitchinterval(0.001)
    prepare_environment()
    register_scheme()
    application = QApplication(sys.argv[:1])
    theme.apply(application, theme.SYSTEM)
    figures: dict[str, float] = {}
    window = open_window(catalog)
    window.resize(1280, 800)
    window.show()
    application.processEvents()
    figures["window shown after, ms"] = 1000 * (time.perf_counter() - began)
    faults: list[Exception] = []
    window.work.failed_unheard.connect(faults.append)

    def wait(until: Callable[..., bool], most_s: float = 120.0) -> float:
        start = time.perf_counter()
        while not until():
            application.processEvents()
            if time.perf_counter() - start > most_s:
                raise TimeoutError("the window does not come to an end")
            time.sleep(0.0005)
        return 1000 * (time.perf_counter() - start)

    beat = _Heartbeat()
    pulse = QTimer(window, interval=5)
    pulse.timeout.connect(beat.beat)
    pulse.start()

    ready: list[bool] = []
    window.panes.map.ready.connect(lambda: ready.append(True))
    window.library.open(folder)
    shown = window.panes.model.rowCount
    figures["photos shown after opening, ms"] = wait(lambda: shown() > 0)
    figures["photos"] = shown()
    wait(lambda: bool(ready))
    # Scanning and analysis are measured elsewhere.
    window.library.stop()
    wait(lambda: not window.work.busy)
    figures["longest silence while opening, ms"] = beat.take()

    grid = window.panes.grid
    bar = grid.verticalScrollBar()
    frames = []
    steps = 400
    for step in range(steps + 1):
        start = time.perf_counter()
        bar.setValue(bar.maximum() * step // steps)
        grid.viewport().repaint()
        application.processEvents()
        frames.append(1000 * (time.perf_counter() - start))
    figures["frame while scrolling, median, ms"] = statistics.median(frames)
    figures["frame while scrolling, longest, ms"] = max(frames)
    figures["frames over 50 ms"] = sum(frame > 50 for frame in frames)
    wait(lambda: not window.work.busy)
    beat.take()

    for name, change in (
        ("search: one word", {"search": "kyoto"}),
        ("search: two words", {"search": "kyoto 2012"}),
        ("search: nothing", {"search": ""}),
        ("filter: ambiguous", {"filter": "ambiguous"}),
        ("filter: without GPS", {"filter": "no_gps"}),
        ("filter: all", {"filter": "all"}),
    ):
        taken = []
        window.library.snapshot_taken.connect(taken.append)
        window.library.show(**change)
        figures[f"{name}, ms"] = wait(lambda taken=taken: bool(taken))
        figures[f"{name}: longest silence, ms"] = beat.take()
        window.library.snapshot_taken.disconnect(taken.append)
        wait(lambda: not window.work.busy)
        beat.take()
    figures["most memory, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if faults:
        raise faults[0]
    window.close()
    import shiboken6

    shiboken6.delete(window)
    return figures


class _Heartbeat:
    """How long the main thread did not answer at worst."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self._worst = 0.0

    def beat(self) -> None:
        now = time.perf_counter()
        self._worst = max(self._worst, now - self._last)
        self._last = now

    def take(self) -> float:
        """Return the longest silence in milliseconds since this was asked last."""
        self.beat()
        worst, self._worst = self._worst, 0.0
        return 1000 * worst


if __name__ == "__main__":
    sys.exit(main())
