"""The album model that comes with the program, beside an installed world model."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geotagger.models.album.release import SHIPPED, AlbumModel, load_album_model, summary
from geotagger.models.world import TopCells, WorldModel

if TYPE_CHECKING:
    from geotagger.models.album.applying import WorldView
    from geotagger.models.location_encoder import LocationEncoder

VARIABLE = "GEOTAGGER_ALBUM_MODEL"
"""Set to ``none``, photos are seen each for itself."""


def album_key(dimension: int, folder: Path | None = None) -> str:
    """Return what names the album model for a geo space of so many dimensions; "" for none.

    Reads neither weights nor torch. There is none where the user wants none (see `VARIABLE`), or
    where the model is for another geo space.

    Raises
    ------
    ModelError
        The model's configuration is damaged.
    """
    if os.environ.get(VARIABLE, "").strip().lower() == "none":
        return ""
    config, digest = summary(SHIPPED if folder is None else folder)
    return digest[:12] if config.head == "geo" and config.dimension == dimension else ""


class AlbumReader:
    """Reads whole albums with the shipped album model; it is loaded with the first of them.

    Parameters
    ----------
    world
        What is believed of each photo alone.
    encoder
        The location encoder of the world model's geo space.
    folder
        The album model's folder; the shipped one unless given.
    """

    def __init__(
        self, world: WorldModel, encoder: LocationEncoder, folder: Path | None = None
    ) -> None:
        self._world = world
        self._encoder = encoder
        self._folder = SHIPPED if folder is None else folder

    @cached_property
    def _model(self) -> AlbumModel:
        return load_album_model(self._folder)

    @cached_property
    def _view(self) -> WorldView:
        from geotagger.models.album.applying import WorldView

        return WorldView.of(self._world, self._encoder)

    def top_cells(
        self, embeddings: NDArray[np.float32], seconds: NDArray[np.float64], k: int
    ) -> TopCells:
        """Return the likeliest cells of an album's photos (N, D), taken at ``seconds`` (N).

        Anchors are not given to the network: who weighs its answer beside them would count them
        twice.

        Raises
        ------
        ModelError
            The album model is damaged.
        """
        return self._model.top_cells(embeddings, seconds, None, self._view, k)
