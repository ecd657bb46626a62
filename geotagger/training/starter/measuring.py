"""How good the settings are on photos of sources that taught nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geotagger.progress import CancelToken, ProgressCallback
from geotagger.training.starter.config import StarterConfig
from geotagger.training.starter.features import Features
from geotagger.training.starter.loop import look, train, untouched_vectors
from geotagger.training.starter.photos import folds_of
from geotagger.training.starter.places import Pairs, Recall, recall, scene_accuracy

RADII_M = (100.0, 1000.0)
FEWEST_QUERIES = 10
"""A fold with fewer photos to ask for says nothing of recall and is left out of its means."""


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What was found on the held-out sources of one fold.

    Attributes
    ----------
    sources
        Names of the sources held out.
    photos
        Their photos.
    untouched, trained
        Recalls of ImageNet's mean-pooled embedding and of the trained one: among all photos of the
        fold, then inside each photo's album, for each of `RADII_M`.
    scene_accuracy, scene_loss
        Of the trained scene head.
    scene_majority
        Accuracy of always saying the scene that is commonest in the photos that taught.
    """

    sources: tuple[str, ...]
    photos: int
    untouched: tuple[Recall, ...]
    trained: tuple[Recall, ...]
    scene_accuracy: float
    scene_loss: float
    scene_majority: float

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def measure_folds(
    features: Features,
    weights: Path,
    config: StarterConfig,
    *,
    embedding_size: int,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> list[FoldResult]:
    """Return the results of all folds, each trained on the other sources.

    Fewer than two sources have no folds.

    Raises
    ------
    CancelledError
        The token was cancelled.
    """
    folds = folds_of(features.table, config.folds) if config.folds else []
    if len(folds) < 2:
        return []
    found = []
    for number, held_out in enumerate(folds, start=1):
        others = np.setdiff1d(np.arange(len(features.table)), held_out)
        asked = features.only(held_out)
        taught = features.only(others)
        network = train(
            taught,
            weights,
            config,
            embedding_size=embedding_size,
            what=f"Training fold {number} of {len(folds)}",
            progress=progress,
            cancel=cancel,
        )
        seen = look(network, asked)
        accuracy, loss = scene_accuracy(seen.scenes, asked.table)
        common = taught.table.scenes.argmax(axis=1)
        majority = int(np.bincount(common, minlength=3).argmax())
        found.append(
            FoldResult(
                tuple(asked.table.source_names[one] for one in np.unique(asked.table.sources)),
                len(held_out),
                _recalls(untouched_vectors(asked), asked),
                _recalls(seen.vectors, asked),
                accuracy,
                loss,
                float((asked.table.scenes.argmax(axis=1) == majority).mean()),
            )
        )
    return found


def _recalls(vectors: NDArray[np.float32], features: Features) -> tuple[Recall, ...]:
    pairs = Pairs.of(features.table)
    return tuple(
        recall(vectors, features.table, pairs, within_m=radius, own_album=own)
        for own in (False, True)
        for radius in RADII_M
    )


def recall_rows(folds: list[FoldResult]) -> list[tuple[str, float, float, float, float, float]]:
    """Return, per way of asking, the mean and spread over folds in per cent.

    Each row: what, untouched mean, trained mean, mean of the differences, their standard
    deviation over folds, photos asked for. Folds with fewer than `FEWEST_QUERIES` are left out.
    """
    rows = []
    among = ("all held-out photos", "the photo's own album")
    for way in range(len(among) * len(RADII_M)):
        where, radius = among[way // len(RADII_M)], RADII_M[way % len(RADII_M)]
        good = [one for one in folds if one.untouched[way].queries >= FEWEST_QUERIES]
        if not good:
            continue
        asked = sum(one.untouched[way].queries for one in good)
        for cut in ("at_1", "at_5"):
            before = np.array([getattr(one.untouched[way], cut) for one in good]) * 100.0
            after = np.array([getattr(one.trained[way], cut) for one in good]) * 100.0
            gain = after - before
            rows.append(
                (
                    f"{cut.replace('at_', 'recall@')}, {radius:g} m, among {where}",
                    float(before.mean()),
                    float(after.mean()),
                    float(gain.mean()),
                    float(gain.std(ddof=1)) if len(good) > 1 else 0.0,
                    float(asked),
                )
            )
    return rows
