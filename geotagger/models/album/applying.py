"""An album model beside a world model: from an album's embeddings to probabilities of cells.

What comes out has the same cells and the same meaning as what the world model says of each photo
alone, so whatever takes the one takes the other. Memory beyond the result does not grow with the
album, apart from two vectors per photo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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

Said = Callable[[NDArray[np.intp]], NDArray[np.float32]]
"""Numbers of photos (R) to their log-probabilities of the cells (R, C)."""

_ROWS = 256
_LEAST_PRIOR = -60.0


class Guess(Protocol):
    """What is kept of a world model's guess; `geotagger.suggest.types.CellGuess` is one."""

    @property
    def classes(self) -> NDArray[np.int32]:
        """The likeliest cells (K)."""

    @property
    def log_p(self) -> NDArray[np.float32]:
        """Their log-probabilities (K)."""

    @property
    def log_rest(self) -> float:
        """The logarithm of what all other cells share."""


class Cells(Protocol):
    """What is wanted of a partition; `geotagger.earth.partition.Partition` is one."""

    @property
    def mean_lat(self) -> NDArray[np.float64]:
        """Latitude of the mean place of each class (C,), degrees."""

    @property
    def mean_lon(self) -> NDArray[np.float64]:
        """Longitude of the mean place of each class (C,), degrees."""


@dataclass(frozen=True, slots=True, eq=False)
class WorldView:
    """A world model's cells as an album model sees them.

    Attributes
    ----------
    encoder
        The location encoder of the same geo space, for anchors.
    vectors
        Of the cells' mean places (C, D).
    log_prior
        The logarithm of each cell's share of all photos (C).
    world
        What guesses at embeddings; None where only kept guesses are to be heard.
    """

    encoder: LocationEncoder
    vectors: NDArray[np.float32]
    log_prior: NDArray[np.float32]
    world: WorldModel | None = None

    @property
    def size(self) -> int:
        """How many cells there are, C."""
        return len(self.log_prior)

    @classmethod
    def of(cls, world: WorldModel, encoder: LocationEncoder) -> WorldView:
        """Return the view of a world model; encoding 5,000 cells takes some seconds."""
        return cls.of_cells(world.partition, world.log_prior, encoder, world)

    @classmethod
    def of_cells(
        cls,
        cells: Cells,
        log_prior: ArrayLike,
        encoder: LocationEncoder,
        world: WorldModel | None = None,
    ) -> WorldView:
        """Return the view of cells alone, for guesses that were kept."""
        # Cells without a photo have no prior; a finite one keeps what is shared among cells sane.
        prior = np.maximum(np.asarray(log_prior, np.float32), _LEAST_PRIOR)
        return cls(encoder, cell_vectors(encoder, cells.mean_lat, cells.mean_lon), prior, world)

    def said(self, embeddings: NDArray[np.float32]) -> Said:
        """Return what gives the log-probabilities (R, C) of some photos, by their embeddings."""
        if self.world is None:
            raise ValueError("only kept guesses can be heard without the world model")
        world = self.world
        return lambda rows: world.log_probabilities(embeddings[rows])

    def kept(self, guesses: Sequence[Guess]) -> Said:
        """Return the same from kept guesses; the cells that are not among them share by prior."""

        def said(rows: NDArray[np.intp]) -> NDArray[np.float32]:
            found = np.empty((len(rows), self.size), np.float32)
            for number, row in enumerate(rows.tolist()):
                one = guesses[row]
                left = 1.0 - float(np.exp(self.log_prior[one.classes]).sum())
                found[number] = self.log_prior + one.log_rest - np.log(max(left, 1e-3))
                found[number, one.classes] = one.log_p
            return np.maximum(found, _LEAST_PRIOR)

        return said


def blocks(
    network: AlbumNetwork,
    said: Said,
    embeddings: NDArray[np.float32] | None,
    times: ArrayLike,
    anchors: Mapping[int, Place] | None,
    view: WorldView,
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Yield numbers of photos, in the order of time, and their log-probabilities (R, C).

    Parameters
    ----------
    embeddings
        Vectors (N, D); not looked at by a network that reads beliefs.

    Raises
    ------
    ValueError
        Shapes do not fit, or an anchor's number is none of a photo.
    """
    import torch

    from geotagger.models.album.network import vectors_of

    seconds = np.asarray(times, np.float64)
    count, size = len(seconds), network.config.dimension
    wide = (size,) if embeddings is None else embeddings.shape[1:]
    if view.vectors.shape[1] != size or wide != (size,):
        raise ValueError(f"expected vectors of {size} numbers")
    if seconds.ndim != 1 or not np.isfinite(seconds).all():
        raise ValueError("times must be numbers, one for each photo")
    if embeddings is not None and len(embeddings) != count:
        raise ValueError(f"expected {len(embeddings)} times, found {count}")
    known = dict(anchors or {})
    if known and not 0 <= min(known) <= max(known) < count:
        raise ValueError(f"anchors must be photos 0 to {count - 1}")
    if count == 0:
        return
    order = np.argsort(seconds, kind="stable")
    if network.config.beliefs:
        rows = np.empty((count, size), np.float32)
        for start in range(0, count, _ROWS):
            part = np.arange(start, min(start + _ROWS, count))
            rows[part] = beliefs(said(part), view.vectors)
    elif embeddings is None:
        raise ValueError("this album model reads embeddings, not guesses")
    else:
        rows = np.array(embeddings, np.float32)
    flags = np.zeros(count, np.bool_)
    if known:
        at = np.fromiter(known, np.intp)
        places = np.array([known[one] for one in at.tolist()], np.float64)
        rows[at] = view.encoder.encode(places[:, 0], places[:, 1])
        flags[at] = True
    noise = 0.0 if network.config.beliefs else 0.5
    album = AlbumPhotos(rows[order], seconds[order], flags[order], noise)
    told = vectors_of(network, [album])[0]
    for start in range(0, count, _ROWS):
        chosen = order[start : start + _ROWS]
        logits = told[start : start + _ROWS] @ view.vectors.T
        logits += said(chosen) if network.config.beliefs else view.log_prior
        yield chosen, torch.log_softmax(torch.from_numpy(logits), dim=1).numpy()


def top_of(
    found: Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]], count: int, k: int
) -> TopCells:
    """Return the ``k`` likeliest cells of each of ``count`` photos from `blocks`."""
    classes = np.zeros((count, k), np.int32)
    best = np.zeros((count, k), np.float32)
    rest = np.full(count, -np.inf, np.float32)
    for rows, log_p in found:
        order = np.argsort(-log_p, axis=1, kind="stable")
        ranked = np.take_along_axis(log_p, order, axis=1)
        classes[rows], best[rows] = order[:, :k], ranked[:, :k]
        with np.errstate(divide="ignore"):
            rest[rows] = np.log(np.exp(ranked[:, k:].astype(np.float64)).sum(axis=1))
    return TopCells(classes, best, rest)
