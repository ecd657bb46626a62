"""One graph in ONNX Runtime on the CPU."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from geotagger.models.engines.base import Features, Images


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


class OnnxSession:
    """A loaded graph; several threads may run it at once.

    Parameters
    ----------
    path
        The graph.
    threads
        How many threads one run uses; None for all cores that may be used.
    """

    def __init__(self, path: Path, *, threads: int | None) -> None:
        import onnxruntime

        self.threads = threads or usable_cores()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A thread that waits in a loop takes the core from the workers that decode.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            os.fspath(path), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def run(self, images: Images) -> Features:
        """Return rows (N, W) of images (N, S, S, 3)."""
        (rows,) = self._session.run(None, {self._input: np.ascontiguousarray(images)})
        return np.asarray(rows, np.float32)
