"""The album's networks: embeddings of a frozen backbone → LSTM → scores over cells.

PlaNet, section 4, figure 12: an LSTM over the album's photos in chronological order, with labels
offset, the sequence given twice, or a second LSTM from the end. Beyond the paper the photo's own
vector joins at the output: the network starts as the single-image model and learns what the album
adds. Whole albums of different lengths run side by side as packed sequences.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from geotagger.models.album.config import AlbumModelConfig
from geotagger.models.album.inputs import EXTRAS, AlbumPhotos, padded, pieces

START_SCALE = 30.0
"""What a cosine with a cell is multiplied by before training."""

_SEEN = 3.0
"""How strongly a photo goes into the memory at the start of training."""
_REMEMBERED = 0.4
"""What a photo in the memory counts beside the photo itself at the start of training."""
_OPEN, _TELLING = 8.0, 0.5
"""How steeply the memory opens to photos at the start, and how far from telling nothing."""

_WEIGHTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
_GROUPS, _GROUP_ALBUMS = 6, 8
"""Most blocks of albums of like length, and fewest albums of one."""


class CellHead(nn.Module):
    """Scores (…, C) of vectors (…, D).

    With the kind "geo" the cells' vectors and log-priors are given and not learned; with "softmax"
    the weights start from them and are.
    """

    vectors: torch.Tensor
    log_prior: torch.Tensor

    def __init__(self, vectors: torch.Tensor, log_prior: torch.Tensor, *, learned: bool) -> None:
        super().__init__()
        if vectors.ndim != 2 or log_prior.shape != vectors.shape[:1]:
            raise ValueError(f"expected cells (C, D) and (C): {vectors.shape}, {log_prior.shape}")
        if learned:
            self.vectors = nn.Parameter(vectors.clone())
            self.log_prior = nn.Parameter(log_prior.clone())
        else:
            self.register_buffer("vectors", vectors.clone(), persistent=False)
            self.register_buffer("log_prior", log_prior.clone(), persistent=False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return torch.nn.functional.linear(rows, self.vectors, self.log_prior)


class AlbumNetwork(nn.Module):
    """From features of photos (B, T, D + 4) to vectors of the geo space (B, T, D).

    The length of a vector is its certainty: times the cosine with a cell it is the cell's logit.
    A network that reads beliefs says only what the album adds to the world model's logits.
    """

    def __init__(self, config: AlbumModelConfig) -> None:
        super().__init__()
        self.config = config
        size = config.dimension
        self.own: nn.Linear | None = None
        if not config.beliefs:
            self.own = nn.Linear(size, size)
            nn.init.zeros_(self.own.bias)
            with torch.no_grad():
                self.own.weight.copy_(START_SCALE * torch.eye(size))
        self.rnn: nn.LSTM | None = None
        self.out: nn.Linear | None = None
        if config.hidden:
            self.rnn = nn.LSTM(
                size + EXTRAS, config.hidden, batch_first=True, bidirectional=config.bidirectional
            )
            # Vectors have unit length, so each of their numbers is small; brought to about 1, they
            # open and close the gates from the first step.
            with torch.no_grad():
                for name, weight in self.rnn.named_parameters():
                    if name.startswith("weight_ih"):
                        weight[:, :size] *= math.sqrt(size) / 2.0
                    if name.startswith("bias_ih"):
                        # The forget gate starts open: what was seen is kept.
                        weight[config.hidden : 2 * config.hidden] = 1.0
            width = config.hidden * (2 if config.bidirectional else 1)
            self.out = nn.Linear(width, size)
            nn.init.zeros_(self.out.weight)
            nn.init.zeros_(self.out.bias)

    def start_memory(self, places: torch.Tensor) -> None:
        """Set the LSTM to a fading sum of what was seen, from which training goes on.

        Random gates take far longer to find that photos before and after tell of this one. The
        cells' values begin as the photos' coordinates along the main directions of the vectors of
        places (C, D), the input gate opens to photos that are unlike the mean of all places (or
        whose belief is long), the forget gate closes with longer gaps, and the output reads the
        sum as the single-image model reads a photo, at a fraction of its weight.
        """
        if self.rnn is None or self.out is None:
            return
        size, units = self.config.dimension, self.config.hidden
        kept = min(units, size)
        directions = torch.linalg.eigh(places.double().T @ places.double())[1].flip(1)
        basis = directions[:, :kept].T.float()
        middle = nn.functional.normalize(places.float().mean(dim=0), dim=0)
        with torch.no_grad():
            for name, weight in self.rnn.named_parameters():
                if name.startswith("weight_hh"):
                    weight.mul_(0.3)
                elif name.startswith("weight_ih"):
                    weight[2 * units : 2 * units + kept, :size] = _SEEN * basis
                    weight[units : 2 * units, size] = -4.0
                    if self.config.beliefs:
                        weight[:kept, size + EXTRAS - 1] -= _OPEN
                    else:
                        weight[:kept, :size] -= _OPEN * middle
                elif name.startswith("bias_ih"):
                    weight[units : 2 * units] = 4.0
                    weight[:kept] = _OPEN * _TELLING
            own = START_SCALE * torch.eye(size) if self.own is None else self.own.weight
            read = _REMEMBERED / (0.35 * _SEEN) * own @ basis.T
            for start in range(0, self.out.in_features, units):
                self.out.weight[:, start : start + kept] = read

    def forward(
        self, features: torch.Tensor, lengths: torch.Tensor, *, packed: bool = True
    ) -> torch.Tensor:
        """Return vectors (B, T, D); beyond an album's length they mean nothing.

        Parameters
        ----------
        features
            (B, T, D + 4); see `geotagger.models.album.inputs`.
        lengths
            Photos of each album (B), 1 or more.
        packed
            Whether the LSTM skips what is beyond an album's end. Unpacked, every album must be of
            the full length T.
        """
        own = torch.zeros((), device=features.device)
        if self.own is not None:
            own = self.own(features[..., : self.config.dimension])
        if self.rnn is None or self.out is None:
            return own
        if self.config.repeat:
            states = self._run(*_twice(features, lengths), packed=packed)
            rows = torch.arange(features.shape[1], device=features.device)
            again = (lengths.to(features.device)[:, None] + rows).clamp(max=states.shape[1] - 1)
            states = states.gather(1, again[..., None].expand(-1, -1, states.shape[2]))
        elif self.config.offset:
            later = self.config.offset
            longer = torch.nn.functional.pad(features, (0, 0, 0, later))
            states = self._run(longer, lengths + later, packed=packed)[:, later:]
        else:
            states = self._run(features, lengths, packed=packed)
        return own + torch.as_tensor(self.out(states))

    def _run(self, features: torch.Tensor, lengths: torch.Tensor, *, packed: bool) -> torch.Tensor:
        assert self.rnn is not None
        if not packed:
            return torch.as_tensor(self.rnn(features)[0])
        if features.device.type == "cpu":
            return self._run_grouped(features, lengths)
        sequence = pack_padded_sequence(
            features, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(
            self.rnn(sequence)[0], batch_first=True, total_length=features.shape[1]
        )
        return states

    def _run_grouped(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the same as from packed sequences, several times faster on a CPU.

        On CPUs packed sequences go step by step through small products; albums side by side as
        one block go through the fused kernel. Albums of like length make up a block each; what
        reads backwards gets each album turned round within its own length.
        """
        assert self.rnn is not None
        order = torch.argsort(lengths)
        found = features.new_zeros(*features.shape[:2], self.out.in_features if self.out else 0)
        groups = torch.chunk(order, max(1, min(_GROUPS, len(order) // _GROUP_ALBUMS)))
        weights = [getattr(self.rnn, name) for name in _WEIGHTS]
        turned = [getattr(self.rnn, f"{name}_reverse") for name in _WEIGHTS if self._both]
        parts = []
        for group in groups:
            own = lengths[group]
            longest = int(own.max())
            block = features[group, :longest]
            states = _read(block, weights)
            if self._both:
                back = (own[:, None] - 1 - torch.arange(longest)).clamp(min=0)[..., None]
                reverse = block.gather(1, back.expand(-1, -1, block.shape[2]))
                behind = _read(reverse, turned)
                behind = behind.gather(1, back.expand(-1, -1, behind.shape[2]))
                states = torch.cat((states, behind), dim=2)
            parts.append(nn.functional.pad(states, (0, 0, 0, features.shape[1] - longest)))
        return found.index_copy(0, torch.cat(list(groups)), torch.cat(parts))

    @property
    def _both(self) -> bool:
        return self.config.bidirectional


def _read(block: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
    """Return the states (B, T, H) of an LSTM of one direction over a block (B, T, F)."""
    start = block.new_zeros(1, len(block), weights[1].shape[1])
    # The call behind nn.LSTM, for the weights of one direction alone.
    found = torch._VF.lstm(
        block, (start, start), weights, True, 1, 0.0, torch.is_grad_enabled(), False, True
    )
    return torch.as_tensor(found[0])


def _twice(features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each album followed by itself (B, 2T, F), and the doubled lengths."""
    width = features.shape[1]
    rows = torch.arange(2 * width, device=features.device)
    where = (rows[None] % lengths.to(features.device)[:, None]).clamp(max=width - 1)
    return features.gather(1, where[..., None].expand(-1, -1, features.shape[2])), 2 * lengths


def vectors_of(
    network: AlbumNetwork,
    albums: Sequence[AlbumPhotos],
    *,
    batch: int = 32,
    device: torch.device | str = "cpu",
) -> list[NDArray[np.float32]]:
    """Return the network's vectors (N, D) of each album; see `AlbumNetwork`.

    Albums are cut into pieces where the configuration says so. On CUDA the network runs in mixed
    precision.
    """
    whole = [
        (number, album.part(rows))
        for number, album in enumerate(albums)
        for rows in pieces(len(album), network.config.cut)
    ]
    # Like lengths side by side waste no steps.
    order = sorted(range(len(whole)), key=lambda one: len(whole[one][1]))
    parts: list[NDArray[np.float32]] = [np.zeros((0, 0), np.float32)] * len(whole)
    with torch.inference_mode():
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            features, lengths = padded([whole[one][1] for one in chosen])
            with mixed_precision(device):
                found = network(features.to(device), lengths).float().cpu().numpy()
            for one, rows in zip(chosen, found, strict=True):
                parts[one] = rows[: len(whole[one][1])]
    joined: list[list[NDArray[np.float32]]] = [[] for _ in albums]
    for (number, _), rows in zip(whole, parts, strict=True):
        joined[number].append(rows)
    return [np.concatenate(rows) for rows in joined]


def mixed_precision(device: torch.device | str) -> torch.autocast:
    """Return a context in which CUDA calculates in bfloat16; elsewhere it changes nothing."""
    kind = torch.device(device).type
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=kind == "cuda")
