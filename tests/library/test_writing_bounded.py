"""Preparing a write in a worker: what happens to a file on which the worker hangs or dies."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from geotagger.errors import TaskCrashedError, TaskTimeoutError
from geotagger.library import committing, queries, review, writing
from geotagger.library.catalog import Catalog
from geotagger.library.rows import Decision, DecisionKind
from geotagger.library.scan import scan_folder
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.gps_prepare import Preparation, prepare_write
from geotagger.photos.replace import names
from tests.support.albums import LISBON, make_album

VICTIM = "DSC_0101.jpg"


def leave_a_half_written_file(task: Preparation) -> None:
    temp, _ = names(task.destination, task.token)
    temp.write_bytes(b"half of")


def hang(task: Preparation) -> None:
    """Stand in for a parser that never comes back."""
    leave_a_half_written_file(task)
    while True:
        time.sleep(60)


def die(task: Preparation) -> None:
    """Stand in for a parser that takes its process along."""
    leave_a_half_written_file(task)
    os._exit(17)


class SpoiledPool(BoundedPool):
    """Runs something else for one file, in a real worker."""

    def __init__(self, spoil: object) -> None:
        super().__init__(1, 60.0, 1 << 30)
        self._spoil = spoil

    def run(self, function, *args, timeout_s=None):  # type: ignore[no-untyped-def]
        if function is prepare_write and args[0].path.name == VICTIM:
            return super().run(self._spoil, *args, timeout_s=2.0)
        return super().run(function, *args, timeout_s=timeout_s)


@pytest.fixture
def root(catalog: Catalog, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "photos"
    make_album(folder, LISBON[:4], size=(160, 120))
    list(scan_folder(catalog, folder, workers=2))
    review.decide(
        catalog,
        [
            Decision(row.id, DecisionKind.ACCEPTED, 38.7, -9.1, 50.0)
            for row in queries.photos(catalog, folder)
        ],
    )
    yield folder


@pytest.mark.parametrize(("spoil", "error"), [(hang, TaskTimeoutError), (die, TaskCrashedError)])
def test_a_file_that_stops_its_worker_is_left_alone_and_the_rest_is_written(
    catalog: Catalog, root: Path, spoil: object, error: type[Exception]
) -> None:
    before = (root / VICTIM).read_bytes()
    plan = committing.plan(catalog, root)
    with SpoiledPool(spoil) as pool:
        results = list(writing.execute(catalog.connection(), plan, pool=pool))
    failed = [result for result in results if not result.ok]
    assert [result.path.name for result in failed] == [VICTIM]
    assert isinstance(failed[0].error, error)
    assert failed[0].error.path == root / VICTIM
    assert (root / VICTIM).read_bytes() == before
    assert sorted(path.name for path in root.iterdir()) == sorted(s.name for s in LISBON[:4])
    undone = list(writing.undo(catalog.connection(), results[0].write_id))
    assert len(undone) == len(results) - 1 and all(one.ok for one in undone)
