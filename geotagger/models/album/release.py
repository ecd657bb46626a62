"""A trained album model as a folder: config.json, model.safetensors, cells.npz.

The network's weights are in half precision. With the head of the geo space it serves the cells of
any world model; with a softmax its cells are part of the folder. In use:

    model = load_album_model(SHIPPED)
    view = WorldView.of(world, encoder)          # once per world model
    log_p = model.apply(embeddings, seconds, {3: (38.71, -9.14)}, view)
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geotagger.errors import ModelError
from geotagger.models.album.config import AlbumModelConfig
from geotagger.models.weights import load_tensors, sha256_of

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import ArrayLike, NDArray

    from geotagger.earth.partition import Partition
    from geotagger.models.album.applying import Guess, Place, WorldView
    from geotagger.models.album.network import AlbumNetwork, CellHead
    from geotagger.models.world import TopCells

FORMAT_VERSION = 1
CONFIG_NAME, WEIGHTS_NAME, CELLS_NAME = "config.json", "model.safetensors", "cells.npz"

SHIPPED = Path(__file__).resolve().parents[3] / "resources" / "models" / "album" / "release"
"""The album model that comes with the program."""

_NETWORK, _HEAD = "network.", "head."
_CONFIG_LIMIT = 1 << 20
_MOST_CELLS = 1 << 20
_AGAIN = "Train or install the model again."


@dataclass(frozen=True, slots=True)
class AlbumModel:
    """A loaded album model.

    Attributes
    ----------
    config
        Which system it is.
    network
        Ready to run on the CPU.
    head
        The scores over its own cells; None with the head of the geo space.
    partition
        Its own cells; None with the head of the geo space.
    trained_on
        In words.
    """

    config: AlbumModelConfig
    network: AlbumNetwork
    head: CellHead | None
    partition: Partition | None
    trained_on: str

    def apply(
        self,
        embeddings: NDArray[np.float32],
        times: ArrayLike,
        anchors: Mapping[int, Place] | None,
        world: WorldView,
    ) -> NDArray[np.float32]:
        """Return log-probabilities (N, C) of the world model's cells, seen with the whole album.

        Parameters
        ----------
        embeddings
            The backbone's vectors of the album's photos (N, D), unit rows, in any order.
        times
            Seconds (N) from any beginning; photos without a time are better left out.
        anchors
            Known places by the number of their photo, in degrees.
        world
            The world model that the vectors belong to.

        Raises
        ------
        ModelError
            The model has cells of its own.
        ValueError
            Shapes do not fit, or an anchor's number is none of a photo.
        """
        import numpy as np

        from geotagger.models.album.applying import blocks

        found = np.empty((len(embeddings), world.size), np.float32)
        said = world.said(embeddings)
        network = self._general()
        for rows, log_p in blocks(network, said, embeddings, times, anchors, world):
            found[rows] = log_p
        return found

    def top_cells(
        self,
        embeddings: NDArray[np.float32],
        times: ArrayLike,
        anchors: Mapping[int, Place] | None,
        world: WorldView,
        k: int = 50,
    ) -> TopCells:
        """Return the ``k`` likeliest cells of each photo, as `WorldModel.top_cells` does.

        The same as of `apply`, in memory that does not grow with the number of cells times N.
        """
        from geotagger.models.album.applying import blocks, top_of

        said, k = world.said(embeddings), _some(k, world)
        network = self._general()
        return top_of(blocks(network, said, embeddings, times, anchors, world), len(embeddings), k)

    def rethink(
        self,
        guesses: Sequence[Guess],
        times: ArrayLike,
        anchors: Mapping[int, Place] | None,
        world: WorldView,
        k: int = 50,
    ) -> TopCells:
        """Return what the album makes of guesses that were kept (N), no embeddings needed.

        Of a kept guess the likeliest cells are known, the others share what is left by their
        priors. Only for a model that reads beliefs, as the shipped one does.
        """
        from geotagger.models.album.applying import blocks, top_of

        said, k = world.kept(guesses), _some(k, world)
        network = self._general()
        return top_of(blocks(network, said, None, times, anchors, world), len(guesses), k)

    def _general(self) -> AlbumNetwork:
        if self.head is not None:
            raise ModelError(
                "This album model has cells of its own and cannot serve a world model's.",
                remedy="Use a model with the head of the geo space.",
            )
        return self.network


def save_release(
    folder: Path,
    network: AlbumNetwork,
    head: CellHead,
    partition: Partition,
    *,
    trained_on: str,
) -> None:
    """Write a model folder."""
    import torch
    from safetensors.torch import save_file

    from geotagger.earth.partition_file import save

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"{_NETWORK}{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"{_HEAD}{name}": value for name, value in head.state_dict().items()}
    half = {name: value.detach().cpu().to(torch.float16) for name, value in tensors.items()}
    cells = 0
    if network.config.head == "softmax":
        cells = partition.size
        save(partition, folder / CELLS_NAME)
    save_file(half, folder / WEIGHTS_NAME)
    about = {
        "format_version": FORMAT_VERSION,
        "kind": "album",
        "model": dataclasses.asdict(network.config),
        "cells": cells,
        "trained_on": trained_on,
        "sha256": sha256_of(folder / WEIGHTS_NAME),
    }
    (folder / CONFIG_NAME).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _some(k: int, world: WorldView) -> int:
    if k < 1:
        raise ValueError(f"k must be at least 1, found {k}")
    return min(k, world.size)


def load_album_model(folder: Path = SHIPPED) -> AlbumModel:
    """Return the album model of a folder, the shipped one by default; see `load_release`."""
    return load_release(folder)


def load_release(folder: Path) -> AlbumModel:
    """Return the album model of a folder.

    Raises
    ------
    ModelError
        A file is missing or damaged, the format is newer, or tensors are of other shapes than the
        configuration says.
    PartitionError
        The cells are damaged.
    """
    from geotagger.earth.partition_file import load_partition
    from geotagger.models.album.network import AlbumNetwork, CellHead

    about = _read(folder / CONFIG_NAME)
    config = _model(about, folder / CONFIG_NAME)
    cells = about.get("cells")
    if type(cells) is not int or not 0 <= cells <= _MOST_CELLS:
        raise _wrong("The number of cells makes no sense.", folder / CONFIG_NAME)
    weights = folder / WEIGHTS_NAME
    network = AlbumNetwork(config)
    needed = {f"{_NETWORK}{name}": tuple(one.shape) for name, one in network.state_dict().items()}
    head = partition = None
    if config.head == "softmax":
        needed |= {f"{_HEAD}vectors": (cells, config.dimension), f"{_HEAD}log_prior": (cells,)}
    tensors = load_tensors(weights, needed)
    if sha256_of(weights) != about.get("sha256"):
        raise _wrong("The weights are not those that the configuration names.", weights)
    network.load_state_dict(_part(tensors, _NETWORK))
    if config.head == "softmax":
        partition = load_partition(folder / CELLS_NAME)
        if partition.size != cells:
            raise _wrong(f"The model has {cells} cells, not {partition.size}.", folder / CELLS_NAME)
        rows = _part(tensors, _HEAD)
        head = CellHead(rows["vectors"], rows["log_prior"], learned=True).eval()
    words = about.get("trained_on")
    return AlbumModel(
        config, network.eval(), head, partition, words if isinstance(words, str) else ""
    )


def summary(folder: Path) -> tuple[AlbumModelConfig, str]:
    """Return the configuration of a model folder and the SHA-256 of its weights, unverified.

    Raises
    ------
    ModelError
        The configuration is missing or damaged.
    """
    about = _read(folder / CONFIG_NAME)
    digest = about.get("sha256")
    if not isinstance(digest, str):
        raise _wrong("The configuration names no weights.", folder / CONFIG_NAME)
    return _model(about, folder / CONFIG_NAME), digest


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _CONFIG_LIMIT:
            raise _wrong("The configuration is far too large.", path)
        about = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _wrong(f"The configuration cannot be read ({error.strerror}).", path) from error
    except (ValueError, RecursionError) as error:
        raise _wrong("The configuration is no JSON.", path) from error
    if not isinstance(about, dict) or about.get("kind") != "album":
        raise _wrong("The folder holds no album model.", path)
    version = about.get("format_version")
    if type(version) is not int or version < 1:
        raise _wrong("The configuration states no version.", path)
    if version > FORMAT_VERSION:
        raise ModelError(
            f"The album model has the format {version}; this program reads up to {FORMAT_VERSION}.",
            path=path,
            remedy="Update the program.",
        )
    return about


def _model(about: dict[str, Any], path: Path) -> AlbumModelConfig:
    table = about.get("model")
    types = {"int": int, "bool": bool, "str": str}
    fields = {one.name: types[str(one.type)] for one in dataclasses.fields(AlbumModelConfig)}
    if not isinstance(table, dict) or set(table) != set(fields):
        raise _wrong("The configuration lacks settings of the model, or has unknown ones.", path)
    for name, kind in fields.items():
        if type(table[name]) is not kind:
            raise _wrong(f"The setting {name} must be of the type {kind.__name__}.", path)
    try:
        return AlbumModelConfig(**table)
    except ValueError as error:
        raise _wrong(f"The configuration cannot be used: {error}.", path) from error


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _wrong(message: str, path: Path) -> ModelError:
    return ModelError(message, path=path, remedy=_AGAIN)
