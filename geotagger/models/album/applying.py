"""An album model beside a world model: from an album's embeddings to probabilities of cells.

What comes out has the same cells and the same meaning as what the world model says of each photo
alone, so whatever takes the one takes the other. Memory beyond the result does not grow with the
album, apart from two vectors per photo.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geotagger.models.album.beliefs import beliefs, cell_vectors
from geotagger.models.album.inputs import AlbumPhotos
from geotagger.models.world import TopCells, WorldModel

if TYPE_CHECKING:
    from geotagger.models.album.network import AlbumNetwork
    from geotagger.models.location_encoder import LocationEncoder

Place = tuple[float, float]
"""Latitude and longitude in degrees."""

_ROWS = 256


@dataclass(frozen=True, slots=True, eq=False)
class WorldView:
    """A world model as an album model sees it.

    Attributes
    ----------
    world
        What is believed of each photo alone.
    encoder
        The location encoder of the same geo space, for anchors.
    vectors
        Of the cells' mean places (C, D).
    """

    world: WorldModel
    encoder: LocationEncoder
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, world: WorldModel, encoder: LocationEncoder) -> WorldView:
        """Return the view of a world model; encoding 5,000 cells takes a second or two."""
        cells = world.partition
        return cls(world, encoder, cell_vectors(encoder, cells.mean_lat, cells.mean_lon))


def apply_network(
    network: AlbumNetwork,
    embeddings: NDArray[np.float32],
    times: ArrayLike,
    anchors: Mapping[int, Place] | None,
    view: WorldView,
) -> NDArray[np.float32]:
    """Return log-probabilities (N, C); see `geotagger.models.album.release.AlbumModel.apply`."""
    found = np.empty((len(embeddings), view.world.partition.size), np.float32)
    for rows, log_p in _blocks(network, embeddings, times, anchors, view):
        found[rows] = log_p
    return found


def top_of_network(
    network: AlbumNetwork,
    embeddings: NDArray[np.float32],
    times: ArrayLike,
    anchors: Mapping[int, Place] | None,
    view: WorldView,
    k: int,
) -> TopCells:
    """Return the likeliest cells; see `geotagger.models.album.release.AlbumModel.top_cells`."""
    k = min(k, view.world.partition.size)
    if k < 1:
        raise ValueError("k must be at least 1")
    count = len(embeddings)
    classes = np.empty((count, k), np.int32)
    best = np.empty((count, k), np.float32)
    rest = np.full(count, -np.inf, np.float32)
    for rows, log_p in _blocks(network, embeddings, times, anchors, view):
        order = np.argsort(-log_p, axis=1, kind="stable")
        ranked = np.take_along_axis(log_p, order, axis=1)
        classes[rows], best[rows] = order[:, :k], ranked[:, :k]
        left = np.exp(ranked[:, k:].astype(np.float64)).sum(axis=1)
        with np.errstate(divide="ignore"):
            rest[rows] = np.log(left)
    return TopCells(classes, best, rest)


def _blocks(
    network: AlbumNetwork,
    embeddings: NDArray[np.float32],
    times: ArrayLike,
    anchors: Mapping[int, Place] | None,
    view: WorldView,
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Yield numbers of photos, in the order of time, and their log-probabilities (R, C)."""
    import torch

    from geotagger.models.album.network import vectors_of

    seconds = np.asarray(times, np.float64)
    size = network.config.dimension
    if embeddings.ndim != 2 or embeddings.shape[1] != size or view.vectors.shape[1] != size:
        raise ValueError(f"expected vectors of {size} numbers, found {embeddings.shape}")
    if seconds.shape != embeddings.shape[:1] or not np.isfinite(seconds).all():
        raise ValueError(f"expected {len(embeddings)} times that are numbers")
    known = dict(anchors or {})
    if known and not 0 <= min(known) <= max(known) < len(embeddings):
        raise ValueError(f"anchors must be photos 0 to {len(embeddings) - 1}")
    if len(embeddings) == 0:
        return
    order = np.argsort(seconds, kind="stable")
    rows = np.asarray(embeddings, np.float32)
    if network.config.beliefs:
        rows = np.empty_like(rows)
        for start in range(0, len(rows), _ROWS):
            part = slice(start, start + _ROWS)
            said = view.world.log_probabilities(embeddings[part])
            rows[part] = beliefs(said, view.vectors)
    elif known:
        rows = rows.copy()
    flags = np.zeros(len(rows), np.bool_)
    if known:
        at = np.fromiter(known, np.intp)
        places = np.array([known[one] for one in at.tolist()], np.float64)
        rows[at] = view.encoder.encode(places[:, 0], places[:, 1])
        flags[at] = True
    noise = 0.0 if network.config.beliefs else 0.5
    album = AlbumPhotos(rows[order], seconds[order], flags[order], noise)
    told = vectors_of(network, [album])[0]
    prior = np.asarray(view.world.log_prior, np.float32)
    for start in range(0, len(order), _ROWS):
        chosen = order[start : start + _ROWS]
        logits = told[start : start + _ROWS] @ view.vectors.T
        if network.config.beliefs:
            logits += view.world.log_probabilities(embeddings[chosen])
        else:
            logits += prior
        yield chosen, torch.log_softmax(torch.from_numpy(logits), dim=1).numpy()
