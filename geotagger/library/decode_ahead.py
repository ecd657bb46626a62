"""Photos decoded ahead of the network: worker processes fill a few batches while it computes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from geotagger.photos.bounded import BoundedPool
from geotagger.progress import CancelledError, CancelToken

DECODE_TIMEOUT_S = 60.0
DECODE_MEMORY = 2 << 30
AHEAD = 2
"""Full batches that may wait for the network."""
_SLICE_S = 0.25


@dataclass(slots=True)
class Batch:
    """Photos decoded together.

    Attributes
    ----------
    paths, images
        What was decoded: K paths, and as many pictures (S, S, 3) uint8.
    failed
        What could not be decoded, with the reason.
    brightness
        How bright the K pictures are, where that was measured; it outlives the pictures.
    """

    paths: list[Path] = field(default_factory=list)
    images: list[NDArray[np.uint8]] = field(default_factory=list)
    failed: list[tuple[Path, Exception]] = field(default_factory=list)
    brightness: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.paths) + len(self.failed)

    def stacked(self) -> NDArray[np.uint8]:
        """Return the pictures as one array (K, S, S, 3), giving them up one by one."""
        side = self.images[0].shape[0]
        whole = np.empty((len(self.images), side, side, 3), np.uint8)
        for index in range(len(self.images)):
            whole[index] = self.images[index]
        self.images.clear()
        return whole


class DecodeAhead:
    """Iterates over batches of decoded photos; a context manager that ends what decodes.

    However many photos there are, in memory are at most `AHEAD` + 2 batches and two pictures per
    worker.

    Parameters
    ----------
    source
        Gives the paths; called and drawn from, lazily, in a thread of this object's own.
    decode
        From a path to a picture (S, S, 3) uint8; runs in worker processes.
    workers
        Processes that decode.
    size
        Told anew for every batch: how many photos it should have.
    cancel
        Makes the iteration raise CancelledError.
    """

    def __init__(
        self,
        source: Callable[[], Iterable[Path]],
        decode: Callable[[Path], NDArray[np.uint8]],
        *,
        workers: int,
        size: Callable[[], int],
        cancel: CancelToken,
    ) -> None:
        self._source = source
        self._decode = decode
        self._workers = workers
        self._size = size
        self._cancel = cancel
        self._stop = CancelToken()
        self._ready: queue.Queue[Batch | BaseException | None] = queue.Queue(AHEAD)
        self._thread = threading.Thread(target=self._work, name="decode-ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.cancel()
        self._thread.join()

    def __iter__(self) -> Iterator[Batch]:
        while True:
            self._cancel.raise_if_cancelled()
            try:
                batch = self._ready.get(timeout=_SLICE_S)
            except queue.Empty:
                continue
            if batch is None:
                return
            if isinstance(batch, BaseException):
                raise batch
            yield batch

    def _work(self) -> None:
        try:
            self._fill()
        except CancelledError:
            return
        except Exception as error:  # noqa: BLE001 - raised again where the batches are taken
            self._put(error)
        else:
            self._put(None)

    def _fill(self) -> None:
        batch = Batch()
        with BoundedPool(self._workers, DECODE_TIMEOUT_S, DECODE_MEMORY) as pool:
            for path, result in pool.map_unordered(self._decode, self._source(), cancel=self._stop):
                if isinstance(result, Exception):
                    batch.failed.append((path, result))
                else:
                    batch.paths.append(path)
                    batch.images.append(result)
                if len(batch) >= self._size():
                    self._put(batch)
                    batch = Batch()
        if len(batch):
            self._put(batch)

    def _put(self, item: Batch | BaseException | None) -> None:
        while not self._stop.cancelled:
            try:
                self._ready.put(item, timeout=_SLICE_S)
            except queue.Full:
                continue
            return
        raise CancelledError
