"""How long the window takes to show an album's new suggestions after an acceptance.

``.venv/bin/python -m tests.benchmarks.live_window [--rounds 15]``

The window that users get, on the album of `tests.benchmarks.live` (500 photos) with a file for each
photo. From the acceptance to the rows of the grid: the decision, the renewal with all that it
writes, the rows that are read again, and what the window does with them meanwhile. The stored
embeddings are heard as those of an installed model would be.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from PIL import Image

from geotagger.library import queries
from geotagger.library.catalog import Catalog
from geotagger.library.rows import PhotoState
from tests.benchmarks.live import MODEL, START, fill

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")
os.environ.setdefault("GEOTAGGER_MODEL", "none")


def main() -> None:
    """Fill a library, open it, accept photo after photo, print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--references", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    content = io.BytesIO()
    Image.new("RGB", (160, 120), (70, 110, 150)).save(content, "JPEG", quality=60)
    picture = content.getvalue()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        photos, path = home / "photos", home / "catalog" / "catalog.sqlite"
        with Catalog.open(path) as catalog:
            fill(catalog, photos / "album", options.photos, known=0.3, seed=1, picture=picture)
            for number in range(options.references // 500):
                other = START - timedelta(days=60 * (number + 1))
                folder = photos / f"other-{number}"
                fill(catalog, folder, 500, known=1.0, seed=2 + number, start=other, picture=picture)
            with catalog.writing() as connection:
                connection.execute("INSERT INTO roots VALUES (?, 0)", (os.fsencode(photos),))
        sys.stdout.write("\n".join(_measured(photos, path, options.rounds)) + "\n")


def _measured(photos: Path, path: Path, rounds: int) -> list[str]:
    from PySide6 import QtWebEngineWidgets  # noqa: F401
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtWidgets import QApplication

    from desktop.map.scheme import prepare_environment, register_scheme
    from desktop.starting import open_window

    sys.setswitchinterval(0.001)
    prepare_environment()
    register_scheme()
    application = QApplication(sys.argv[:1])
    application.setQuitOnLastWindowClosed(False)
    window = open_window(path)
    window.engine._heard = lambda: (MODEL, None)  # type: ignore[method-assign]
    window.resize(1280, 800)
    window.show()
    gc.freeze()

    loop = QEventLoop()
    # A loop that sleeps until something comes, as the program's own: one that asks again and again
    # would take the interpreter from the renewal.
    look = QTimer(window, interval=20)
    look.timeout.connect(loop.quit)

    def wait(until: Callable[[], bool], most_s: float = 300.0) -> None:
        start = time.perf_counter()
        look.start()
        while not until():
            loop.exec()
            if time.perf_counter() - start > most_s:
                raise TimeoutError("the window does not come to an end")
        look.stop()

    window.library.open(photos)
    wait(lambda: window.panes.model.rowCount() > 0)
    wait(lambda: not window.work.busy)
    album = photos / "album"
    renewals = window.review.renewals
    renewals.want(str(album))
    wait(lambda: not renewals.wanted and not window.work.busy)
    came: list[float] = []
    renewals.renewed.connect(lambda _rows: came.append(time.perf_counter()))
    renewals.settled.connect(loop.quit)
    rows = [
        row
        for row in queries.photos(window.engine.catalog, album)
        if row.state != PhotoState.HAS_GPS
    ]
    soon, whole = [], []
    for row in rows[:: max(1, len(rows) // rounds)][:rounds]:
        window.review.show(row.id)
        wait(lambda: not window.work.busy)
        came.clear()
        start = time.perf_counter()
        window.review.accept_all([row.id])
        wait(lambda: bool(came) and not renewals.wanted)
        window.panes.grid.viewport().repaint()
        soon.append(1e3 * (came[0] - start))
        whole.append(1e3 * (time.perf_counter() - start))
        wait(lambda: not window.work.busy)
    window.close()
    import shiboken6

    shiboken6.delete(window)
    return [
        f"{len(rows)} open photos, {len(whole)} acceptances",
        f"the first renewed rows in the window: {_of(soon)}",
        f"all of them shown: {_of(whole)}",
    ]


def _of(times: list[float]) -> str:
    return f"median {statistics.median(times):.0f} ms ({min(times):.0f} to {max(times):.0f})"


if __name__ == "__main__":
    main()
