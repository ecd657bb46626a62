"""The training loop of the starter: batches of places, a contrastive loss, the scene beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from geotagger.models.starter_network import StarterNetwork
from geotagger.progress import CancelToken, Progress, ProgressCallback
from geotagger.training.starter.config import StarterConfig
from geotagger.training.starter.features import Features, initial_network
from geotagger.training.starter.places import Pairs

_BURST_WEIGHT = 0.25
"""What a photo of the same burst counts as a positive, beside 1 for the same place at another time:
the network finds bursts anyway."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a network makes of N plain views: unit rows (N, D), scene logits (N, 3)."""

    vectors: NDArray[np.float32]
    scenes: NDArray[np.float32]


def train(
    features: Features,
    weights: Path,
    config: StarterConfig,
    *,
    embedding_size: int,
    what: str = "Training",
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> StarterNetwork:
    """Return a network trained on all photos of the features, starting from ImageNet's weights.

    The loss is the supervised contrastive one of Khosla et al. 2020 over pairs of places, with the
    pairs that are neither near nor surely far left out; a term that keeps the cosines close to
    those of the untouched network; and the cross-entropy with the soft scene labels.

    Raises
    ------
    ModelError
        The weights do not fit.
    CancelledError
        The token was cancelled.
    """
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    network = initial_network(weights, embedding_size)
    means = torch.from_numpy(features.means)
    start_projection(network, features.means[:, 0])
    teacher = functional.normalize(means[:, 0], dim=1)
    parameters = [*network.projection.parameters(), *network.scene.parameters()]
    network.requires_grad_(False)
    for parameter in parameters:
        parameter.requires_grad_(True)
    groups = [
        {"params": [*network.projection.parameters()], "lr": config.rate},
        {"params": [*network.scene.parameters()], "lr": config.scene_rate},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=config.decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share(step, config.steps))
    pairs = _TrainingPairs(features, config)
    rng = np.random.default_rng([config.seed, 1])
    labels = torch.from_numpy(features.table.scenes)
    for step in range(config.steps):
        if cancel is not None:
            cancel.raise_if_cancelled()
        if progress is not None:
            progress(Progress(step, config.steps, what))
        rows = pairs.draw(rng)
        view = _two_views(features.means.shape[1], len(rows), rng)
        twice = np.concatenate((rows, rows))
        embedding, scene = network.heads(means[twice, view])
        vectors = functional.normalize(embedding, dim=1)
        positive, negative = pairs.of(twice)
        cosines = vectors @ vectors.T
        known = teacher[rows] @ teacher[rows].T
        loss = config.contrast * _contrast(cosines / config.temperature, positive, negative)
        loss = loss + config.keep * functional.mse_loss(cosines, known.repeat(2, 2))
        loss = loss + config.scene * functional.cross_entropy(scene, labels[rows].repeat(2, 1))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    if progress is not None:
        progress(Progress(config.steps, config.steps, what))
    return network.requires_grad_(False)


def look(network: StarterNetwork, features: Features) -> Seen:
    """Return what the network makes of the plain views."""
    with torch.inference_mode():
        embedding, scene = network.heads(torch.from_numpy(features.means[:, 0]))
        return Seen(functional.normalize(embedding, dim=1).numpy(), scene.numpy())


def untouched_vectors(features: Features) -> NDArray[np.float32]:
    """Return unit rows (N, 1280) of the plain views' means: the embedding of the network before."""
    means = features.means[:, 0]
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def start_projection(network: StarterNetwork, means: NDArray[np.float32]) -> None:
    """Set the projection to the principal directions of the roots of pooled rows (N, 1280).

    Directions keep their variance: whitening, in part or in whole, made noise of the rare ones loud
    and found fewer places. The rows' mean is not taken off, so that cosines stay those that the
    untouched network gives, in spread and level.
    """
    size = network.projection.out_features
    roots = functional.normalize(torch.from_numpy(means).sqrt(), dim=1).numpy().astype(np.float64)
    if len(roots) < roots.shape[1]:
        # Few rows: their own decomposition is many times quicker than that of their products.
        directions = np.linalg.svd(roots, full_matrices=len(roots) < size)[2]
    else:
        directions = np.linalg.eigh(roots.T @ roots / len(roots))[1].T[::-1]
    with torch.no_grad():
        network.projection.weight.copy_(torch.from_numpy(directions[:size].copy()))
        network.projection.bias.zero_()


class _TrainingPairs:
    """Which photos make a batch, and what each pair of them teaches."""

    def __init__(self, features: Features, config: StarterConfig) -> None:
        pairs = Pairs.of(features.table)
        self._config = config
        self._table = features.table
        self._near = pairs.exact & (pairs.metres <= config.near_m)
        self._near &= features.table.sources[:, None] == features.table.sources[None]
        np.fill_diagonal(self._near, False)
        self._burst = pairs.burst
        self._far = pairs.elsewhere(config.far_m)
        better: NDArray[np.bool_] = np.asarray(self._near & ~self._burst)
        # Where a place was seen in one burst only, that has to do.
        self._partners = np.asarray(np.where(better.any(axis=1, keepdims=True), better, self._near))
        self._anchors = np.flatnonzero(self._partners.any(axis=1))
        sources = features.table.sources[self._anchors]
        counts = np.bincount(sources, minlength=1)
        # Large sources count by the square root of their size, or one person's trip rules.
        chance = 1.0 / np.sqrt(counts[sources]) if len(sources) else np.zeros(0)
        self._chance = chance / chance.sum() if len(sources) else chance

    def draw(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return the rows of a batch, none twice."""
        config, count = self._config, len(self._table)
        drawn: list[int] = []
        if len(self._anchors):
            wanted = min(config.anchors, len(self._anchors))
            for row in rng.choice(self._anchors, wanted, replace=False, p=self._chance):
                drawn.extend((int(row), int(rng.choice(np.flatnonzero(self._partners[row])))))
        albums = np.unique(self._table.albums[drawn]) if drawn else np.zeros(0, np.int64)
        beside = np.flatnonzero(np.isin(self._table.albums, albums))
        some = min(config.others // 2, len(beside))
        drawn.extend(rng.choice(beside, some, replace=False).tolist())
        some = min(config.others - some, count)
        drawn.extend(rng.choice(count, some, replace=False).tolist())
        return np.unique(np.array(drawn, np.intp))

    def of(self, rows: NDArray[np.intp]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return weights of positives and a mask of negatives (R, R) for rows with repeats."""
        grid = np.ix_(rows, rows)
        positive = np.where(self._near[grid], np.where(self._burst[grid], _BURST_WEIGHT, 1.0), 0.0)
        positive[rows[:, None] == rows[None]] = 1.0
        np.fill_diagonal(positive, 0.0)
        return torch.from_numpy(positive.astype(np.float32)), torch.from_numpy(self._far[grid])


def _two_views(views: int, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the first views of ``count`` photos, then other ones where there are any, (2N,)."""
    first = rng.integers(views, size=count)
    other = (first + rng.integers(1, views, size=count)) % views if views > 1 else first
    return np.concatenate((first, other)).astype(np.intp)


def _contrast(logits: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    """Return the mean over rows of −log p(positive), each positive against all negatives."""
    against = torch.logsumexp(logits.masked_fill(~negative, -1e4), dim=1, keepdim=True)
    each = torch.logaddexp(logits, against) - logits
    total = positive.sum(dim=1)
    rows = (each * positive).sum(dim=1) / total.clamp(min=1e-6)
    return rows[total > 0].mean()


def _share(step: int, steps: int) -> float:
    """Return the learning rate's share: up over a tenth of the steps, then down a half cosine."""
    rise = max(1, steps // 10)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1.0 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
