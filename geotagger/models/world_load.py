"""From an installed model folder to a `WorldModel`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.partition import Limits, Partition
from geotagger.earth.partition_build import build_partition
from geotagger.earth.partition_file import load
from geotagger.errors import ModelError, PartitionError
from geotagger.models.album.reading import AlbumReader, album_key
from geotagger.models.cell_table import build_cell_table
from geotagger.models.geo_space import GALLERY_NAME, GEO_NAME, load_geo_space
from geotagger.models.registry import ModelConfig, read_config
from geotagger.models.self_check import CheckPairs, check_weights, needs_self_check
from geotagger.models.vector_cache import default_cache
from geotagger.models.weights import sha256_of
from geotagger.models.world import GalleryHead, LinearHead, WorldModel
from geotagger.progress import CancelToken, ProgressCallback

PARTITION_NAME = "partition.npz"
"""The file of a model folder with the cells that its classes stand for."""
HEAD_NAME = "head.safetensors"
"""The file of a model folder with a softmax over them, for other models than GeoCLIP."""

WORLD_LIMITS = Limits(max_count=50, min_count=1, max_level=10)
"""The cells made of a gallery. Of the 100,000 published places they give 4,814, their photos half
within 7 km of the mean place (median cell) and nine tenths within 47 km, below the 80 km of detail
in the vectors. No place is dropped, so no probability is lost, and since a cell's probability is
the sum over its places, coarser cells are exact sums of these: there is nothing for a product
along a hierarchy to add. Cells of level 10 are 9 km wide; smaller ones could not be told apart."""

_INSTALL_AGAIN = "Install the model again."


def world_partition(gallery: NDArray[np.float32]) -> Partition:
    """Return the cells for a gallery of places (G, 2), by `WORLD_LIMITS`."""
    return build_partition(gallery.astype(np.float64), WORLD_LIMITS, name="world")


@dataclass(frozen=True, slots=True)
class WorldOutline:
    """What a world model's guesses are about, without what makes them.

    ``key``, ``log_prior`` (C,) and ``album_key`` are those of `WorldModel`.
    """

    key: str
    partition: Partition
    log_prior: NDArray[np.float64]
    album_key: str = ""


def load_outline(folder: Path) -> WorldOutline:
    """Return what the stored guesses of a model folder are about; neither weights nor torch.

    Raises
    ------
    ModelError
        The model claims nothing about the world, or its partition is missing or damaged.
    """
    config = read_config(folder)
    if not needs_self_check(config):
        raise ModelError("The model claims nothing about the world.", path=folder)
    if not (folder / PARTITION_NAME).is_file():
        raise ModelError(
            f"The model lacks its {PARTITION_NAME}.", path=folder, remedy=_INSTALL_AGAIN
        )
    partition = _partition(folder, config)
    counts = partition.counts.astype(np.float64)
    with np.errstate(divide="ignore"):
        prior = np.log(counts / max(float(counts.sum()), 1.0))
    space = (folder / GEO_NAME).is_file()
    album = album_key(config.embedding_size) if space else ""
    return WorldOutline(_key(config, partition), partition, prior, album)


def load_world_model(
    folder: Path,
    *,
    cache: Path | None = None,
    temperature: float = 1.0,
    pairs: CheckPairs | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> WorldModel:
    """Return what a model folder says of the world, its checksums and self-check passed.

    The first time the gallery of a GeoCLIP model is encoded, which takes about a minute for
    100,000 places; after that it is read from the cache.

    Parameters
    ----------
    folder
        The model folder.
    cache
        Where computed vectors are kept; None takes the user's cache folder.
    temperature
        Divides the logits of a gallery.
    pairs
        As for `geotagger.models.self_check.check_weights`.

    Raises
    ------
    ModelError
        The model claims nothing about the world, is damaged, fails its self-check, or its
        partition does not belong to it.
    CancelledError
        The token was cancelled.
    """
    config = read_config(folder)
    if not needs_self_check(config):
        raise ModelError("The model claims nothing about the world.", path=folder)
    check_weights(folder, pairs=pairs)
    if not (folder / GEO_NAME).is_file():
        return _of_head(folder, config)
    _verify(folder, config, GEO_NAME, GALLERY_NAME)
    space = load_geo_space(folder)
    if space.dimension != config.embedding_size:
        raise ModelError(
            f"The model's places are vectors of {space.dimension} numbers, its photos of "
            f"{config.embedding_size}.",
            path=folder,
            remedy=_INSTALL_AGAIN,
        )
    if (folder / PARTITION_NAME).is_file():
        partition = _partition(folder, config)
    else:
        partition = world_partition(space.gallery)
    classes = partition.classes_of(space.gallery[:, 0], space.gallery[:, 1])
    held = np.bincount(classes[classes >= 0], minlength=partition.size)
    if not np.array_equal(held, partition.counts):
        raise _other_partition(folder, "other places than the model's gallery")
    table = build_cell_table(
        space,
        classes,
        partition.size,
        cache=default_cache() if cache is None else cache,
        progress=progress,
        cancel=cancel,
    )
    world = WorldModel(partition, GalleryHead(table, temperature), _key(config, partition))
    world.album_key = album_key(config.embedding_size)
    if world.album_key:
        world.album = AlbumReader(world, space.encoder)
    return world


def _of_head(folder: Path, config: ModelConfig) -> WorldModel:
    _verify(folder, config, HEAD_NAME, PARTITION_NAME)
    partition = _partition(folder, config)
    head = LinearHead.load(folder / HEAD_NAME, partition.counts)
    if head.dimension != config.embedding_size:
        raise ModelError(
            f"The model's head takes {head.dimension} numbers, its photos have "
            f"{config.embedding_size}.",
            path=folder / HEAD_NAME,
            remedy=_INSTALL_AGAIN,
        )
    return WorldModel(partition, head, _key(config, partition))


def _key(config: ModelConfig, partition: Partition) -> str:
    return f"{config.name}/{config.version}/{partition.digest}"


def _partition(folder: Path, config: ModelConfig) -> Partition:
    _verify(folder, config, PARTITION_NAME)
    path = folder / PARTITION_NAME
    try:
        found = load(path)
    except PartitionError as error:
        raise ModelError(
            f"The model's partition cannot be used. {error.message}",
            path=path,
            remedy=error.remedy or _INSTALL_AGAIN,
        ) from error
    return found if isinstance(found, Partition) else found.finest


def _verify(folder: Path, config: ModelConfig, *names: str) -> None:
    for name in names:
        path = folder / name
        if not path.is_file():
            raise ModelError(f"The model lacks its {name}.", path=folder, remedy=_INSTALL_AGAIN)
        told = config.files.get(name)
        if told is None or sha256_of(path) != told:
            raise ModelError(
                f"The model's {name} is not the one that its config.json names.",
                path=path,
                remedy=_INSTALL_AGAIN,
            )


def _other_partition(folder: Path, what: str) -> ModelError:
    return ModelError(
        f"The model's partition was made of {what}.",
        path=folder / PARTITION_NAME,
        remedy=_INSTALL_AGAIN,
    )
