"""The space that photos and places share: a location encoder, a scale, and the gallery's places.

A photo's vector and a place's are compared by their cosine; the logit of a place is that times the
model's scale (39.7 in the published weights). Every backbone of this space, every partition and
the album model speak in its vectors.
"""

from __future__ import annotations

import csv
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.errors import ModelError
from geotagger.models.location_encoder import LocationEncoder
from geotagger.models.weights import load_tensors, sha256_of

GEO_NAME = "geo.safetensors"
"""The file of a model folder with the location encoder and the logit scale."""
GALLERY_NAME = "gallery.csv"
"""The file of a model folder with the places that its answers are made of."""
SCALE_NAME = "logit_scale"

_GALLERY_LIMIT = 1 << 30
_MOST_PLACES = 20_000_000
_MAX_LOG_SCALE = math.log(1000.0)
"""CLIP never lets its logit scale beyond 100; ten times that is damage."""
_INSTALL_AGAIN = "Install the model again."

__all__ = ["GALLERY_NAME", "GEO_NAME", "GeoSpace", "LocationEncoder", "load_geo_space"]


@dataclass(frozen=True, slots=True)
class GeoSpace:
    """What turns places into vectors, and cosines into logits.

    Attributes
    ----------
    encoder
        Places to unit vectors.
    scale
        What a cosine is multiplied by to be a logit.
    gallery
        Places (G, 2), latitude and longitude in degrees, float32.
    digest
        SHA-256 over weights and gallery: what is computed from both is kept under it.
    """

    encoder: LocationEncoder
    scale: float
    gallery: NDArray[np.float32]
    digest: str

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self.encoder.dimension


def load_geo_space(folder: Path) -> GeoSpace:
    """Return the geo space of a model folder.

    Raises
    ------
    ModelError
        A file is missing or damaged, or a tensor is missing, does not fit or is no number.
    """
    weights, gallery = folder / GEO_NAME, folder / GALLERY_NAME
    encoder = LocationEncoder.load(weights)
    places = read_gallery(gallery)
    digest = hashlib.sha256((sha256_of(weights) + sha256_of(gallery)).encode()).hexdigest()
    return GeoSpace(encoder, logit_scale(weights), places, digest)


def logit_scale(weights: Path) -> float:
    """Return what a cosine is multiplied by, from the stored logarithm.

    Raises
    ------
    ModelError
        The tensor is missing or no such number.
    """
    logarithm = float(load_tensors(weights, {SCALE_NAME: ()})[SCALE_NAME])
    if not abs(logarithm) <= _MAX_LOG_SCALE:
        raise ModelError(
            f"The model's logit scale e^{logarithm:g} is impossible.",
            path=weights,
            remedy=_INSTALL_AGAIN,
        )
    return math.exp(logarithm)


def read_gallery(path: Path) -> NDArray[np.float32]:
    """Return the places (G, 2) of a CSV file with the columns LAT and LON, in its order.

    Raises
    ------
    ModelError
        The file is missing or a row is no place.
    """
    rows: list[tuple[float, float]] = []
    try:
        if path.stat().st_size > _GALLERY_LIMIT:
            raise _damaged(path, "it is far too large")
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.reader(file)
            header = [name.strip().upper() for name in next(table, [])]
            if "LAT" not in header or "LON" not in header:
                raise _damaged(path, "it has no columns LAT and LON")
            north, east = header.index("LAT"), header.index("LON")
            for row in table:
                if row:
                    rows.append((float(row[north]), float(row[east])))
                if len(rows) > _MOST_PLACES:
                    raise _damaged(path, "it has too many rows")
    except OSError as error:
        raise ModelError(
            f"The model's gallery of places cannot be read ({error.strerror or error}).",
            path=path,
            remedy=_INSTALL_AGAIN,
        ) from error
    except (ValueError, IndexError, csv.Error) as error:
        raise _damaged(path, f"row {len(rows) + 2} is no place") from error
    places = np.asarray(rows, np.float32).reshape(-1, 2)
    limits = np.asarray((90.0, 180.0), np.float32)
    wrong = np.flatnonzero(~(np.abs(places) <= limits).all(axis=1))
    if len(wrong):
        raise _damaged(path, f"row {int(wrong[0]) + 2} is no place")
    if len(places) == 0:
        raise _damaged(path, "it holds no places")
    return places


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(
        f"The model's gallery of places is damaged: {why}.", path=path, remedy=_INSTALL_AGAIN
    )
