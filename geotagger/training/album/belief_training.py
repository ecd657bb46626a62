"""Training of the album model that comes with the program: it reads a world model's beliefs.

The cells are those that the program makes of the gallery, the albums go through several simulated
worlds, so that none is learned by heart, and the photos are about as good as those of the
recommended backbone. What the album adds is learned; the world model's own logits stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from geotagger.earth.partition import Partition
from geotagger.errors import ModelError
from geotagger.models.album.beliefs import beliefs, cell_vectors
from geotagger.models.album.inputs import AlbumPhotos, padded
from geotagger.models.album.network import AlbumNetwork, CellHead, mixed_precision
from geotagger.models.album.release import save_release
from geotagger.models.geo_space import load_geo_space
from geotagger.models.location_encoder import LocationEncoder
from geotagger.models.world_load import world_partition
from geotagger.progress import CancelToken, Progress, ProgressCallback
from geotagger.training.album.albums import DrawnAlbum, SimulationConfig, Simulator
from geotagger.training.album.config import AlbumTraining
from geotagger.training.album.loop import TrainingState, learning_rate

_ALBUMS, _ANSWERED = 4, 5
"""Streams of the generator: albums, photos of the loss."""

SCALE = 14.0
"""Of the simulated world model: of 8 to 40 its probabilities were best about it."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedWorldModel:
    """A world model over the program's cells for simulated photos.

    Attributes
    ----------
    partition
        The cells.
    vectors
        Of their mean places (C, D).
    log_prior
        Logarithm of their shares of the gallery (C).
    scale
        What a cosine is multiplied by; with it probabilities of simulated photos are calibrated.
    """

    partition: Partition
    vectors: NDArray[np.float32]
    log_prior: NDArray[np.float32]
    scale: float

    @classmethod
    def of(
        cls, encoder: LocationEncoder, partition: Partition, scale: float = SCALE
    ) -> SimulatedWorldModel:
        """Return that of a partition of the gallery."""
        vectors = cell_vectors(encoder, partition.mean_lat, partition.mean_lon)
        counts = np.maximum(np.asarray(partition.counts, np.float64), 0.5)
        prior = np.log(counts / counts.sum()).astype(np.float32)
        return cls(partition, vectors, prior, scale)

    def log_probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return log-probabilities (N, C) of photos' vectors (N, D)."""
        logits = torch.from_numpy(self.scale * (rows @ self.vectors.T) + self.log_prior)
        return torch.log_softmax(logits, dim=1).numpy()

    def read(self, album: DrawnAlbum) -> tuple[AlbumPhotos, NDArray[np.float32], NDArray[np.int32]]:
        """Return what a network reads, the log-probabilities (N, C), and the true cells (N)."""
        photos = album.photos
        said = self.log_probabilities(photos.vectors)
        rows = beliefs(said, self.vectors)
        rows[photos.anchors] = photos.vectors[photos.anchors]
        truth = self.partition.classes_of(album.lat, album.lon)
        return replace(photos, vectors=rows, noise=0.0), said, truth


def build_worlds(
    encoder: LocationEncoder, gallery: NDArray[np.float32], config: SimulationConfig, count: int
) -> list[Simulator]:
    """Return simulators of ``count`` worlds, each with spots of its own."""
    found = []
    for number in range(count):
        world = replace(config.world, seed=config.world.seed + number)
        found.append(Simulator.build(encoder, gallery, replace(config, world=world)))
    return found


def train_on_beliefs(
    config: AlbumTraining,
    worlds: Sequence[Simulator],
    model: SimulatedWorldModel,
    *,
    out: Path | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> tuple[AlbumNetwork, tuple[float, ...]]:
    """Return a trained network and the loss of each step; the same for the same seed.

    Anchors are read but not answered for: their cell is known. The state is kept in ``out``; a run
    that finds one goes on from it.

    Raises
    ------
    ModelError
        The state in ``out`` is of another configuration or damaged.
    ValueError
        The configuration is not that of a network that reads beliefs, or there is no world.
    CancelledError
        The token was cancelled.
    """
    if not config.model.beliefs or not worlds:
        raise ValueError("a network that reads beliefs and one world at least are needed")
    settings = config.training
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    device = torch.device(settings.device)
    network = AlbumNetwork(config.model)
    network.start_memory(torch.from_numpy(model.vectors))
    network.to(device)
    cells = torch.from_numpy(model.vectors).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.rate)
    state = TrainingState(out, config, {"network": network, "optimizer": optimizer})
    losses = state.load()
    for step in range(len(losses), settings.steps):
        if cancel is not None:
            cancel.raise_if_cancelled()
        world = worlds[step % len(worlds)]
        drawn = world.draw(settings.albums, (settings.seed, _ALBUMS, step))
        read = [model.read(one) for one in drawn]
        features, lengths = padded([photos for photos, _, _ in read])
        truth = np.concatenate([cell for _, _, cell in read])
        anchored = np.concatenate([photos.anchors for photos, _, _ in read])
        asked = np.flatnonzero((truth >= 0) & ~anchored)
        rng = np.random.default_rng([settings.seed, _ANSWERED, step])
        chosen = np.sort(rng.choice(asked, max(1, round(settings.answered * len(asked))), False))
        said = torch.from_numpy(np.concatenate([one for _, one, _ in read])[chosen]).to(device)
        mask = torch.arange(features.shape[1])[None] < lengths[:, None]
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings.rate, step, settings.steps)
        asked_cells = torch.from_numpy(truth[chosen]).long().to(device)
        with mixed_precision(device):
            added = network(features.to(device), lengths)[mask.to(device)]
            rows = added[torch.from_numpy(chosen).to(device)]
            loss = torch.nn.functional.cross_entropy(said + rows @ cells.T, asked_cells)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
        optimizer.step()
        losses.append(float(loss.detach()))
        if (step + 1) % settings.keep_every == 0 or step + 1 == settings.steps:
            state.save(losses)
        if progress is not None:
            progress(Progress(step + 1, settings.steps, "Training", f"loss {losses[-1]:.3f}"))
    return network.cpu().eval(), tuple(losses)


def train_release(
    config: AlbumTraining,
    geo: Path,
    out: Path,
    *,
    worlds: int = 3,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> tuple[float, ...]:
    """Train on the geo space of a folder, write the model to ``out``, return the losses.

    Raises
    ------
    ModelError
        The geo space is damaged, or as `train_on_beliefs` does.
    CancelledError
        The token was cancelled; what was written is gone on from.
    """
    space = load_geo_space(geo)
    if config.model.dimension != space.dimension:
        raise ModelError(
            f"The model takes vectors of {config.model.dimension} numbers, the geo space has "
            f"{space.dimension}.",
            path=geo,
        )
    partition = world_partition(space.gallery)
    model = SimulatedWorldModel.of(space.encoder, partition)
    drawn = build_worlds(space.encoder, space.gallery, config.simulation, worlds)
    network, losses = train_on_beliefs(
        config, drawn, model, out=out, progress=progress, cancel=cancel
    )
    cells, prior = torch.from_numpy(model.vectors), torch.from_numpy(model.log_prior)
    head = CellHead(cells, prior, learned=False)
    save_release(out, network, head, partition, trained_on="simulated albums")
    return losses
