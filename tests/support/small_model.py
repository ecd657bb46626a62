"""A model folder with random weights, small enough for tests that only need some network."""

from __future__ import annotations

from pathlib import Path


def small_model(folder: Path) -> Path:
    """Make and return a folder of the kind mobilenet_v2, its weights drawn at random.

    It is the network of `tests.support.worlds`, so that one export serves all tests of a run.
    """
    from tests.support.worlds import install_random_model

    folder.parent.mkdir(parents=True, exist_ok=True)
    return install_random_model(folder.parent / "installed").rename(folder)
