"""Why here? Which parts of a photo make its model speak for a place.

Where a world model gives the place's cell a fair share, its probability is what is looked at; else
the likeness to the photo near the place that looks most alike. A place for which the pixels say
nothing is said to have come of something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.errors import GeotaggerError, printable
from geotagger.library.catalog import Catalog
from geotagger.library.embedding import ImageEmbedder, decoder_for, model_key
from geotagger.library.queries import details
from geotagger.library.references import Library
from geotagger.library.world_guesses import World
from geotagger.models.occlusion import occlusion_map
from geotagger.photos.bounded import BoundedPool
from geotagger.progress import CancelToken, ProgressCallback

_STEPS = (5, 13)
"""Windows along a side: a rough map soon, then a fine one."""
_NEAR_M = 1000.0
"""A look-alike speaks for a place within its radius, or within this."""
_CELLS = 64
_FAIR = 0.01
_ABOVE_PRIOR = 3.0
"""A cell is spoken for if it has this share, and so many times its share of all photos."""
_STANDING_OUT = 0.9
"""A look-alike stands out if it is liker than this share of all photos with a place."""
_FEW = 10
_DECODE_S = 60.0
_DECODE_MEMORY = 1 << 31


class NothingSeenError(GeotaggerError):
    """The pixels say nothing for the place."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A map of the parts that speak for a place.

    ``drop`` (S, S) float32 is by how much the score falls while a part is covered, ``whole`` the
    score of the whole picture; the map covers the middle square of the upright picture. ``words``
    say what the score is; ``finished`` is False while a finer map follows.
    """

    drop: NDArray[np.float32]
    whole: float
    words: str
    finished: bool


_Score = Callable[[NDArray[np.float32]], NDArray[np.floating]]
"""Vectors (N, D) to scores (N,)."""


def why_here(
    catalog: Catalog,
    photo_id: int,
    lat: float,
    lon: float,
    radius_m: float,
    embedder: ImageEmbedder,
    world: World | None = None,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[Explained]:
    """Yield what of a photo speaks for a place (degrees, metres): a rough map, then a fine one.

    Raises
    ------
    NothingSeenError
        Neither does the model speak for the place, nor is a look-alike near it.
    UnreadableFileError, ModelError
        The photo cannot be decoded; the model is damaged.
    CancelledError
        The token was cancelled.
    """
    record = details(catalog, photo_id).record
    cancel = cancel or CancelToken()
    with BoundedPool(1, _DECODE_S, _DECODE_MEMORY) as pool:
        pixels = pool.run(decoder_for(embedder), record.path)
    cancel.raise_if_cancelled()
    vector = embedder.embed(pixels[None])
    found = None if world is None else _of_cell(world, vector, lat, lon)
    if found is None:
        found = _of_look_alike(
            catalog, photo_id, vector[0], lat, lon, radius_m, model_key(embedder)
        )
    if found is None:
        raise NothingSeenError(
            "The picture itself says nothing for this place: it comes from the times, the names or "
            "the photos around.",
            path=record.path,
        )
    score, words = found

    def of_images(images: NDArray[np.uint8]) -> NDArray[np.floating]:
        return score(embedder.embed(images))

    whole = float(score(vector)[0])
    for steps in _STEPS:
        drop = occlusion_map(pixels, of_images, steps=steps, progress=progress, cancel=cancel)
        yield Explained(drop, whole, words, steps == _STEPS[-1])


def _of_cell(
    world: World, vector: NDArray[np.float32], lat: float, lon: float
) -> tuple[_Score, str] | None:
    """Return the probability of a place's cell as a score, if the model speaks for it."""
    wanted = int(world.partition.classes_of(np.array([lat]), np.array([lon]))[0])
    if wanted < 0:
        return None

    def score(vectors: NDArray[np.float32]) -> NDArray[np.floating]:
        classes, log_p, _ = world.top_cells(vectors, min(_CELLS, len(world.log_prior)))
        share = np.where(classes == wanted, np.exp(log_p.astype(np.float64)), 0.0)
        return np.asarray(share.sum(axis=1))

    whole = float(score(vector)[0])
    if whole < max(_FAIR, _ABOVE_PRIOR * float(np.exp(world.log_prior[wanted]))):
        return None
    return score, f"the world model's {whole:.0%} for this region"


def _of_look_alike(
    catalog: Catalog,
    photo_id: int,
    vector: NDArray[np.float32],
    lat: float,
    lon: float,
    radius_m: float,
    model: str,
) -> tuple[_Score, str] | None:
    """Return the likeness to the photo near a place that looks most alike, if it stands out."""
    library = Library.load(catalog, model)
    references = library.references
    if not len(library.ids):
        return None
    cosine = references.embeddings @ vector
    away = haversine_m(lat, lon, references.lat, references.lon)
    itself = np.array([one == photo_id for one in library.ids], bool)
    near = (away <= max(radius_m, _NEAR_M)) & ~itself & (cosine < 1.0 - 1e-4)
    if not near.any():
        return None
    best = int(np.flatnonzero(near)[cosine[near].argmax()])
    others = cosine[~itself]
    if len(others) >= _FEW and float((others <= cosine[best]).mean()) < _STANDING_OUT:
        return None
    target = references.embeddings[best]
    words = f"the likeness to {printable(Path(references.names[best]))}"

    def score(vectors: NDArray[np.float32]) -> NDArray[np.floating]:
        return np.asarray(vectors @ target)

    return score, words
