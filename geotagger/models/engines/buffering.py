"""Two buffers between the host and a device: while one batch is computed, the next is sent.

The logic only; what a buffer does stands in `cuda_engine`, and the tests have buffers of their
own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import numpy as np

from geotagger.models.engines.base import Features, Images


class Lane(Protocol):
    """One of the buffers: takes images to the device, brings the rows back."""

    def submit(self, images: Images) -> None:
        """Start sending and computing, and return at once."""

    def collect(self) -> Features:
        """Wait for what was submitted and return its rows."""


class _Job:
    """One batch of the caller's and the rows that have come back of it."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.rows: list[Features] = []

    def take(self, rows: Features) -> None:
        self.rows.append(rows)
        self.left -= len(rows)


class DoubleBuffer:
    """Runs batches through lanes in turn, in order, and backs off when memory does not suffice.

    Parameters
    ----------
    lanes
        The buffers; with two, one is sent to while the other computes.
    limit
        Images in one piece at most; larger batches are cut.
    out_of_memory
        Whether an error of a lane means that the device's memory did not suffice.
    backed_off
        Told the new limit after every halving, when nothing is under way: time to give back what
        the device has cached.
    """

    def __init__(
        self,
        lanes: Iterable[Lane],
        limit: int,
        out_of_memory: Callable[[Exception], bool],
        backed_off: Callable[[int], None],
    ) -> None:
        self.limit = limit
        self._free: deque[Lane] = deque(lanes)
        self._under_way: deque[tuple[Lane, _Job]] = deque()
        self._out_of_memory = out_of_memory
        self._backed_off = backed_off

    def stream(self, batches: Iterable[Images]) -> Iterator[Features]:
        """Yield the rows of each batch in turn, one batch behind what was submitted.

        Raises
        ------
        RuntimeError
            Another stream is not finished.
        Exception
            What a lane raised, out of memory only where not even one image fits.
        """
        if self._under_way:
            raise RuntimeError("a stream through the same buffers is not finished")
        jobs: deque[_Job] = deque()
        try:
            for batch in batches:
                job = _Job(len(batch))
                jobs.append(job)
                self._submit_all(batch, job)
                while jobs and not jobs[0].left:
                    yield _joined(jobs.popleft())
            while self._under_way:
                self._collect_oldest()
            while jobs:
                yield _joined(jobs.popleft())
        finally:
            # An abandoned stream leaves no lane in use.
            while self._under_way:
                self._collect_oldest()

    def _submit_all(self, batch: Images, job: _Job) -> None:
        todo = deque([batch] if len(batch) else [])
        while todo:
            piece = todo.popleft()
            if len(piece) > self.limit:
                cuts = range(0, len(piece), self.limit)
                todo.extendleft(reversed([piece[at : at + self.limit] for at in cuts]))
                continue
            if not self._free:
                self._collect_oldest()
            lane = self._free.popleft()
            failure = self._try(lane, piece)
            if failure is None:
                self._under_way.append((lane, job))
                continue
            self._free.append(lane)
            if not self._out_of_memory(failure) or len(piece) == 1:
                raise failure
            while self._under_way:
                self._collect_oldest()
            # Without its frames the failure keeps no memory of the device alive.
            failure = None
            self.limit = max(1, len(piece) // 2)
            self._backed_off(self.limit)
            todo.appendleft(piece)

    def _try(self, lane: Lane, piece: Images) -> Exception | None:
        try:
            lane.submit(piece)
        except RuntimeError as error:
            return error
        return None

    def _collect_oldest(self) -> None:
        lane, job = self._under_way.popleft()
        try:
            job.take(lane.collect())
        finally:
            self._free.append(lane)


def _joined(job: _Job) -> Features:
    if not job.rows:
        return np.zeros((0, 0), np.float32)
    return job.rows[0] if len(job.rows) == 1 else np.concatenate(job.rows)
