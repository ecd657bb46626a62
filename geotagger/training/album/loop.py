"""The training loop of the album's networks: fresh albums in every batch, resumable.

Every batch is drawn from the seed and the number of its step alone, so a run that was stopped and
goes on ends with the same weights as one that was not.
"""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from geotagger.errors import ModelError
from geotagger.models.album.inputs import padded, pieces
from geotagger.models.album.network import AlbumNetwork, CellHead, mixed_precision
from geotagger.progress import CancelToken, Progress, ProgressCallback
from geotagger.training.album.albums import DrawnAlbum, Simulator
from geotagger.training.album.config import AlbumTraining

STATE_NAME = "training.pt"
_SINGLE, _ALBUM, _ANSWERED = 1, 2, 3
"""Streams: albums for the single-image part and for the whole network, photos of the loss."""


@dataclasses.dataclass(frozen=True, slots=True)
class Trained:
    """A network with its head, and the loss of each step of its training."""

    network: AlbumNetwork
    head: CellHead
    losses: tuple[float, ...]


def new_model(config: AlbumTraining, simulator: Simulator) -> tuple[AlbumNetwork, CellHead]:
    """Return an untrained network and its head; the same for the same seed."""
    torch.manual_seed(config.training.seed)
    network = AlbumNetwork(config.model)
    head = CellHead(
        torch.from_numpy(simulator.vectors),
        torch.from_numpy(simulator.log_prior),
        learned=config.model.head == "softmax",
    )
    return network, head


def train(
    config: AlbumTraining,
    simulator: Simulator,
    *,
    out: Path | None = None,
    single: Trained | None = None,
    until: int | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Trained:
    """Return a trained network.

    Parameters
    ----------
    out
        Where the state is kept; a run that finds one goes on from it.
    single
        A trained single-image model to start from; without one it is trained first.
    until
        Stop after so many steps in all, as if interrupted.

    Raises
    ------
    ModelError
        The state in ``out`` is of another configuration or damaged.
    CancelledError
        The token was cancelled; what was written is gone on from.
    """
    settings = config.training
    torch.set_num_threads(settings.threads)
    device = torch.device(settings.device)
    network, head = new_model(config, simulator)
    if network.own is None:
        raise ValueError("a network that reads beliefs is trained by train_on_beliefs")
    if single is not None and single.network.own is not None:
        network.own.load_state_dict(single.network.own.state_dict())
        head.load_state_dict(single.head.state_dict())
    network.to(device)
    head.to(device)
    parts = [] if single is not None else [(_SINGLE, settings.single_steps)]
    if network.rnn is not None:
        parts.append((_ALBUM, settings.steps))
    steps = [(stream, step, total) for stream, total in parts for step in range(total)]
    optimizers = {stream: _optimizer(stream, network, head, settings.rate) for stream, _ in parts}
    kept: dict[str, Any] = {"network": network, "head": head}
    kept |= {f"optimizer{number}": one for number, one in optimizers.items()}
    state = TrainingState(out, config, kept)
    losses = state.load()
    for number in range(len(losses), min(len(steps), len(steps) if until is None else until)):
        if cancel is not None:
            cancel.raise_if_cancelled()
        stream, step, total = steps[number]
        if stream == _ALBUM and step == 0:
            network.start_memory(head.vectors.detach())
        albums = simulator.draw(settings.albums, (settings.seed, stream, step))
        optimizer = optimizers[stream]
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings.rate, step, total)
        with mixed_precision(device):
            if stream == _SINGLE:
                loss = _single_loss(network, head, albums, device)
            else:
                drawing = np.random.default_rng([settings.seed, _ANSWERED, step])
                loss = _album_loss(network, head, albums, device, drawing, settings.answered)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(
            [one for group in optimizer.param_groups for one in group["params"]], settings.clip
        )
        optimizer.step()
        losses.append(float(loss.detach()))
        if (number + 1) % settings.keep_every == 0 or number + 1 == len(steps):
            state.save(losses)
        if progress is not None:
            progress(Progress(number + 1, len(steps), "Training", f"loss {losses[-1]:.3f}"))
    return Trained(network.eval(), head.eval(), tuple(losses))


def _optimizer(
    stream: int, network: AlbumNetwork, head: CellHead, rate: float
) -> torch.optim.Optimizer:
    """Return the optimizer of a part: of the single-image model, or of what is added to it."""
    if stream == _SINGLE:
        assert network.own is not None
        return torch.optim.Adam([*network.own.parameters(), *head.parameters()], lr=rate)
    assert network.rnn is not None and network.out is not None
    # The head goes on learning, slowly: the paper trains "the LSTM units and the SoftMax layer".
    return torch.optim.Adam(
        [*network.rnn.parameters(), *network.out.parameters(), *head.parameters()], lr=rate
    )


def _single_loss(
    network: AlbumNetwork, head: CellHead, albums: Sequence[DrawnAlbum], device: torch.device
) -> torch.Tensor:
    size = network.config.dimension
    rows = torch.from_numpy(np.concatenate([one.photos.vectors for one in albums]))
    classes = torch.from_numpy(np.concatenate([one.classes for one in albums])).long()
    assert network.own is not None
    own = network.own(rows.to(device)[:, :size])
    return torch.nn.functional.cross_entropy(head(own), classes.to(device), ignore_index=-1)


def _album_loss(
    network: AlbumNetwork,
    head: CellHead,
    albums: Sequence[DrawnAlbum],
    device: torch.device,
    drawing: np.random.Generator,
    answered: float,
) -> torch.Tensor:
    parts = [
        (one.photos.part(rows), one.classes[rows])
        for one in albums
        for rows in pieces(len(one.photos), network.config.cut)
    ]
    features, lengths = padded([photos for photos, _ in parts])
    found = network(features.to(device), lengths)
    mask = torch.arange(features.shape[1])[None] < lengths[:, None]
    classes = torch.from_numpy(np.concatenate([classes for _, classes in parts])).long()
    count = max(1, round(answered * len(classes)))
    chosen = torch.from_numpy(drawing.choice(len(classes), count, replace=False))
    rows = found[mask.to(device)][chosen.to(device)]
    return torch.nn.functional.cross_entropy(
        head(rows), classes[chosen].to(device), ignore_index=-1
    )


def learning_rate(most: float, step: int, steps: int) -> float:
    """Return the learning rate of a step: it rises over a twentieth, then falls as a cosine."""
    rise = max(1, steps // 20)
    if step < rise:
        return most * (step + 1) / rise
    return most * 0.5 * (1.0 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


class TrainingState:
    """What is kept of a run so that it can go on: ``parts`` have a state_dict each."""

    def __init__(self, folder: Path | None, config: AlbumTraining, parts: dict[str, Any]) -> None:
        self._path = None if folder is None else folder / STATE_NAME
        # Where and how often state is kept, and by what it is computed, may change between runs.
        settings = dataclasses.replace(config.training, keep_every=1, threads=1, device="cpu")
        whole = dataclasses.asdict(dataclasses.replace(config, training=settings))
        self._about = json.dumps(whole, sort_keys=True)
        self._parts = parts

    def load(self) -> list[float]:
        """Bring the parts to the kept state; return the losses so far.

        Raises
        ------
        ModelError
            The state is damaged or of another configuration.
        """
        if self._path is None or not self._path.is_file():
            return []
        again = "Choose another folder, or remove the file to begin anew."
        try:
            kept = torch.load(self._path, map_location="cpu", weights_only=True)
            about, losses = kept["about"], [float(one) for one in kept["losses"]]
            if about == self._about:
                for name, part in self._parts.items():
                    part.load_state_dict(kept[name])
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, EOFError) as error:
            raise ModelError(
                "The state of the training is damaged.", path=self._path, remedy=again
            ) from error
        except pickle.UnpicklingError as error:
            raise ModelError(
                "The state of the training is damaged.", path=self._path, remedy=again
            ) from error
        if about != self._about:
            raise ModelError(
                "The folder holds the training of another configuration.",
                path=self._path,
                remedy=again,
            )
        return losses

    def save(self, losses: list[float]) -> None:
        """Keep the parts' state; a run that is cut off meanwhile leaves the one before."""
        if self._path is None:
            return
        kept: dict[str, Any] = {"about": self._about, "losses": losses}
        kept |= {name: part.state_dict() for name, part in self._parts.items()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".part")
        torch.save(kept, partial)
        partial.replace(self._path)
