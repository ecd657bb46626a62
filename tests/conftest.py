"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("suite", derandomize=True, deadline=None)
settings.load_profile("suite")
"""The same examples in every run: a suite that fails by chance tells nothing of a change.

Search for new ones with ``--hypothesis-profile=default``.
"""


@pytest.fixture(scope="session", autouse=True)
def exported_networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what the tests export out of the user's cache; one export serves a whole run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOTAGGER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of other people's photos that lies beside the project, where it is there."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "photos" / "albums.csv").is_file():
        pytest.skip("the shared folder of real photos is not beside the project")
    return folder
