"""Double buffering and backing off, with lanes that remember what was asked of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from geotagger.errors import ModelError
from geotagger.models.engines import cuda_engine
from geotagger.models.engines.buffering import DoubleBuffer
from geotagger.models.engines.cuda_engine import CudaEngine
from geotagger.models.engines.onnx_export import cosine_distances, probe_images
from tests.models.test_engines import SIDE, network


class OutOfMemoryError(RuntimeError):
    pass


class FakeLane:
    """Rows are the sums of the images; more than ``room`` images do not fit."""

    def __init__(self, name: str, log: list[str], room: int = 1000) -> None:
        self.name, self.log, self.room = name, log, room
        self.held: np.ndarray | None = None

    def submit(self, images: np.ndarray) -> None:
        if len(images) > self.room:
            self.log.append(f"full {len(images)}")
            raise OutOfMemoryError("out of memory")
        assert self.held is None, "a lane was given images before its rows were collected"
        self.held = images.sum((1, 2, 3), dtype=np.float32)[:, None]
        self.log.append(f"submit {self.name}")

    def collect(self) -> np.ndarray:
        assert self.held is not None
        rows, self.held = self.held, None
        self.log.append(f"collect {self.name}")
        return rows


def buffers(log: list[str], *, limit: int = 8, room: int = 1000) -> DoubleBuffer:
    return DoubleBuffer(
        [FakeLane("a", log, room), FakeLane("b", log, room)],
        limit,
        lambda error: isinstance(error, OutOfMemoryError),
        lambda now: log.append(f"limit {now}"),
    )


def batches(*sizes: int) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [rng.integers(0, 255, (size, 4, 4, 3)).astype(np.uint8) for size in sizes]


def sums(batch: np.ndarray) -> np.ndarray:
    return batch.sum((1, 2, 3), dtype=np.float32)[:, None]


def test_the_next_batch_is_sent_before_the_last_one_is_waited_for() -> None:
    log: list[str] = []
    given = batches(3, 3, 3, 3)
    found = list(buffers(log).stream(given))
    assert log == [
        "submit a",
        "submit b",
        "collect a",
        "submit a",
        "collect b",
        "submit b",
        "collect a",
        "collect b",
    ]
    for rows, batch in zip(found, given, strict=True):
        np.testing.assert_array_equal(rows, sums(batch))


def test_rows_come_batch_by_batch_whatever_the_pieces() -> None:
    log: list[str] = []
    given = batches(20, 1, 0, 8, 9)
    found = list(buffers(log, limit=8).stream(given))
    assert [len(rows) for rows in found] == [20, 1, 0, 8, 9]
    for rows, batch in zip(found, given, strict=True):
        if len(batch):
            np.testing.assert_array_equal(rows, sums(batch))


def test_out_of_memory_halves_the_batch_goes_on_and_is_remembered() -> None:
    log: list[str] = []
    doubled = buffers(log, limit=16, room=5)
    given = batches(16, 16, 3)
    found = list(doubled.stream(given))
    for rows, batch in zip(found, given, strict=True):
        np.testing.assert_array_equal(rows, sums(batch))
    assert [line for line in log if line.startswith(("full", "limit"))] == [
        "full 16",
        "limit 8",
        "full 8",
        "limit 4",
    ]
    assert doubled.limit == 4
    log.clear()
    list(doubled.stream(batches(16)))
    assert not [line for line in log if line.startswith("full")]


def test_what_was_under_way_is_brought_in_before_backing_off() -> None:
    log: list[str] = []
    doubled = buffers(log, limit=16, room=8)
    list(doubled.stream(batches(4, 12)))
    assert log.index("collect a") < log.index("limit 6")


def test_not_even_one_image_is_an_error_and_nothing_hangs() -> None:
    log: list[str] = []
    doubled = buffers(log, limit=4, room=0)
    with pytest.raises(OutOfMemoryError):
        list(doubled.stream(batches(4)))
    assert doubled.limit == 1


def test_an_abandoned_stream_leaves_the_lanes_free() -> None:
    log: list[str] = []
    doubled = buffers(log)

    def endless() -> Iterator[np.ndarray]:
        while True:
            yield batches(2)[0]

    stream = doubled.stream(endless())
    next(stream)
    with pytest.raises(RuntimeError, match="not finished"):
        next(doubled.stream(batches(2)))
    stream.close()  # type: ignore[attr-defined]
    assert len(list(doubled.stream(batches(2, 2)))) == 2


def test_an_error_of_another_kind_comes_through() -> None:
    class Broken(FakeLane):
        def submit(self, images: np.ndarray) -> None:
            raise RuntimeError("illegal memory access")

    doubled = DoubleBuffer([Broken("a", [])], 4, lambda error: False, lambda now: None)
    with pytest.raises(RuntimeError, match="illegal"):
        list(doubled.stream(batches(2)))


def test_errors_of_the_card_that_mean_its_memory_are_known() -> None:
    known = cuda_engine._is_out_of_memory
    assert known(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert known(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"))
    assert not known(RuntimeError("CUDA error: an illegal memory access was encountered"))


needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA device, which this machine has not"
)


@needs_cuda
def test_the_card_gives_the_vectors_of_the_cpu() -> None:
    images = probe_images(SIDE, 50)
    expected = network().run(images)
    engine = CudaEngine(network(), batch=16)
    assert cosine_distances(engine.run(images), expected).max() <= 1e-2
    streamed = np.concatenate(list(engine.stream([images[:20], images[20:]])))
    assert cosine_distances(streamed, expected).max() <= 1e-2


@needs_cuda
def test_a_full_card_makes_the_batch_smaller_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = CudaEngine(network(), batch=64)
    lanes = list(engine._buffers._free)
    run = lanes[0]._run

    def narrow(pixels: torch.Tensor) -> torch.Tensor:
        if len(pixels) > 16:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(pixels)

    for lane in lanes:
        monkeypatch.setattr(lane, "_run", narrow)
    images = probe_images(SIDE, 64)
    assert cosine_distances(engine.run(images), network().run(images)).max() <= 1e-2
    assert engine.batch == 16 and "16 photos" in engine.note
    for lane in lanes:
        monkeypatch.setattr(lane, "_run", lambda pixels: narrow(pixels.repeat(17, 1, 1, 1)))
    with pytest.raises(ModelError, match="too little free memory"):
        engine.run(images[:1])
