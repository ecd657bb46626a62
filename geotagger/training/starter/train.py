"""The whole way: photos to features, folds to figures, all photos to the shipped weights."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import torch

from geotagger.models.starter import EMBEDDING_SIZE
from geotagger.progress import CancelToken, ProgressCallback
from geotagger.training.starter.config import StarterConfig
from geotagger.training.starter.features import compute_features
from geotagger.training.starter.loop import train
from geotagger.training.starter.measuring import FoldResult, measure_folds
from geotagger.training.starter.photos import read_table
from geotagger.training.starter.release import require_free, write_release


@dataclass(frozen=True, slots=True)
class StarterTrained:
    """What came of a training: the model folder, the photos that could be read, the folds."""

    folder: Path
    photos: int
    folds: list[FoldResult]


def train_starter(
    photos: Path,
    weights: Path,
    out: Path,
    config: StarterConfig,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> StarterTrained:
    """Train the starter, measure its settings on held-out sources, write the model folder.

    ``photos`` is a folder with an ``index.csv``; ``weights`` the published MobileNetV2.

    Raises
    ------
    GeotaggerError
        The photos, the weights or the target cannot be used.
    CancelledError
        The token was cancelled; nothing was written.
    """
    # Before the work, not after an hour of it.
    require_free(out)
    # Engines without a set number of threads would take all cores.
    torch.set_num_threads(config.threads)
    features = compute_features(
        photos,
        read_table(photos),
        weights,
        views=config.views,
        seed=config.seed,
        threads=config.threads,
        progress=progress,
        cancel=cancel,
    )
    folds = measure_folds(
        features,
        weights,
        config,
        embedding_size=EMBEDDING_SIZE,
        progress=progress,
        cancel=cancel,
    )
    network = train(
        features,
        weights,
        config,
        embedding_size=EMBEDDING_SIZE,
        progress=progress,
        cancel=cancel,
    )
    write_release(
        out,
        network,
        features.table,
        config,
        folds,
        day=date.today().isoformat(),
        machine=f"{platform.machine()}, {config.threads} thread(s), torch {torch.__version__}",
    )
    return StarterTrained(out, len(features.table), folds)
