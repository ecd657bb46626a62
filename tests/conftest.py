"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of other people's photos that lies beside the project, where it is there."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "photos" / "albums.csv").is_file():
        pytest.skip("the shared folder of real photos is not beside the project")
    return folder
