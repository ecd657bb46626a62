"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

if "PYTEST_XDIST_WORKER" in os.environ:
    # The processors are taken by the other workers already. Threads of one worker that wait for
    # each other, as those of torch do, would spend most of their time waiting. Before its import.
    for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(_name, "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a script, the suite and all it starts would not hear Ctrl+C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")
"""The same examples in every run, however slow the machine is: a suite that fails by chance tells
nothing of a change.

Search for new ones with ``--hypothesis-profile=default``.
"""


@pytest.fixture(scope="session", autouse=True)
def exported_networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what the tests export out of the user's cache; one export serves a whole run.

    The workers of a run share the folder above their own ones.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "exported-networks"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOTAGGER_CACHE", str(folder))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of other people's photos that lies beside the project, where it is there."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "photos" / "albums.csv").is_file():
        pytest.skip("the shared folder of real photos is not beside the project")
    return folder
