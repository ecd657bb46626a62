"""Whether a model that speaks about the whole world gives what its makers' weights give.

A network with random or wrong weights runs as well as a trained one and names places just as
readily. So before a model of that kind is used, stored inputs are put through it and the outputs
compared with stored ones: for GeoCLIP's location encoder and head they come with this program
(computed from the published weights), for photos a release may bring its own. A vision tower that
was never trained gives itself away by layer norms that stand where every training begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geotagger.errors import ModelError
from geotagger.models.geo_space import GEO_NAME, SCALE_NAME, logit_scale
from geotagger.models.geoclip import HEAD_PREFIX, TOWER_PREFIXES
from geotagger.models.location_encoder import LocationEncoder
from geotagger.models.registry import WEIGHTS_NAME, ModelConfig, Network, read_config
from geotagger.models.weights import load_tensors, tensor_shapes

if TYPE_CHECKING:
    import torch

SELF_CHECK_NAME = "selfcheck.safetensors"
SHIPPED = "geoclip-selfcheck.safetensors"
"""The pairs of the published GeoCLIP, in this program's resources."""

_GEOCLIP = "geoclip"
_EXACT = 0.999
"""Least cosine where float32 runs on both sides; weights of another training give about 0."""
_CLOSE = 0.98
"""Least cosine for photos, which may run in bfloat16 or eight bits."""
_SCALE_TOLERANCE = 0.01
_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class CheckPairs:
    """Inputs and what must come out of them; any pair of fields may be None.

    Attributes
    ----------
    places, place_vectors
        Degrees (K, 2), and the location encoder's vectors (K, D).
    features, feature_vectors
        Projected features of the vision tower (K, F), and what the head makes of them (K, D).
    images, embeddings
        Photos (K, S, S, 3), uint8, and their vectors (K, D).
    scale
        What cosines are multiplied by.
    """

    places: NDArray[np.float32] | None = None
    place_vectors: NDArray[np.float32] | None = None
    features: NDArray[np.float32] | None = None
    feature_vectors: NDArray[np.float32] | None = None
    images: NDArray[np.uint8] | None = None
    embeddings: NDArray[np.float32] | None = None
    scale: float | None = None


def read_pairs(path: Path) -> CheckPairs:
    """Return the pairs of a ``selfcheck.safetensors``; unknown tensors are left alone.

    Raises
    ------
    ModelError
        The file is missing or damaged, one half of a pair lacks, or a value is no number.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        if path.stat().st_size > _LIMIT:
            raise _damaged(path, "it is far too large")
        tensors = load(path.read_bytes())
    except OSError as error:
        raise ModelError(
            f"The self-check cannot be read ({error.strerror or error}).", path=path
        ) from error
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, "it is no safetensors file") from error
    for one, other in (
        ("places", "place_vectors"),
        ("features", "feature_vectors"),
        ("images", "embeddings"),
    ):
        if (one in tensors) != (other in tensors):
            raise _damaged(path, f"it has only one of {one!r} and {other!r}")
        if one in tensors and (
            len(tensors[one]) == 0
            or len(tensors[one]) != len(tensors[other])
            or tensors[other].ndim != 2
        ):
            raise _damaged(path, f"its {one!r} and {other!r} do not fit together")
    images = tensors.get("images")
    if images is not None and (images.dtype != np.uint8 or images.ndim != 4):
        raise _damaged(path, "its images are no photos")
    scale = tensors.get(SCALE_NAME)

    def numbers(name: str) -> NDArray[np.float32] | None:
        if name not in tensors:
            return None
        found = np.asarray(tensors[name], np.float32)
        if not np.isfinite(found).all():
            raise _damaged(path, f"its {name!r} hold what is no number")
        return found

    return CheckPairs(
        places=numbers("places"),
        place_vectors=numbers("place_vectors"),
        features=numbers("features"),
        feature_vectors=numbers("feature_vectors"),
        images=images,
        embeddings=numbers("embeddings"),
        scale=None if scale is None else float(np.exp(np.asarray(scale, np.float64).reshape(()))),
    )


def shipped_pairs() -> CheckPairs:
    """Return the pairs of the published GeoCLIP that come with this program."""
    with resources.as_file(resources.files("resources") / "models" / SHIPPED) as path:
        return read_pairs(path)


def needs_self_check(config: ModelConfig) -> bool:
    """Return whether a model may only be used after a passed self-check."""
    return config.world or config.kind == _GEOCLIP


def run_self_check(folder: Path, network: Network, *, pairs: CheckPairs | None = None) -> None:
    """Return if the model gives what it must; see `check_weights` and `check_photos`.

    Raises
    ------
    ModelError
        The check fails, or there is nothing to check the model by.
    """
    check_weights(folder, pairs=pairs)
    check_photos(folder, network, pairs=pairs)


def check_weights(folder: Path, *, pairs: CheckPairs | None = None) -> None:
    """Return if a model folder may be loaded, as far as that shows without running it on photos.

    For GeoCLIP the location encoder, the scale and the head are held against the pairs that come
    with the program, and its vision tower must have been trained. Any other model about the world
    must bring photos to check it by. Models that claim nothing about the world pass.

    Parameters
    ----------
    folder
        The model folder.
    pairs
        In place of those that come with the program, for models that are not the published one.

    Raises
    ------
    ModelError
        The check fails, or there is nothing to check the model by.
    """
    config = read_config(folder)
    if not needs_self_check(config):
        return
    if config.kind == _GEOCLIP:
        given = shipped_pairs() if pairs is None else pairs
        _check_places(folder, given)
        _check_head(folder, given)
        _check_trained(folder / WEIGHTS_NAME)
    elif not _photos(folder, pairs):
        raise ModelError(
            "The model makes claims about the world, but brings nothing to check it by.",
            path=folder,
            remedy=f"Models of this kind need a {SELF_CHECK_NAME}.",
        )


def check_photos(folder: Path, network: Network, *, pairs: CheckPairs | None = None) -> None:
    """Return if the network gives the stored vectors for the stored photos, where there are any.

    Photos come from the folder's own `SELF_CHECK_NAME` and from ``pairs``.

    Raises
    ------
    ModelError
        It does not, or the photos do not fit the model.
    """
    config = read_config(folder)
    if not needs_self_check(config):
        return
    size = config.input_size
    for one in _photos(folder, pairs):
        images, wanted = one.images, one.embeddings
        if images is None or wanted is None or images.shape[1:] != (size, size, 3):
            raise _damaged(folder / SELF_CHECK_NAME, "its images are not of the model's size")
        found = network.run(np.ascontiguousarray(images))[:, : config.embedding_size]
        _compare(found, wanted, _CLOSE, "network", folder)


def _photos(folder: Path, pairs: CheckPairs | None) -> list[CheckPairs]:
    own = folder / SELF_CHECK_NAME
    brought = read_pairs(own) if own.is_file() else None
    return [one for one in (pairs, brought) if one is not None and one.images is not None]


def _check_places(folder: Path, pairs: CheckPairs) -> None:
    path = folder / GEO_NAME
    if pairs.places is None or pairs.place_vectors is None:
        raise _nothing_to_check(folder)
    encoder = LocationEncoder.load(path)
    found = encoder.encode(pairs.places[:, 0], pairs.places[:, 1])
    _compare(found, pairs.place_vectors, _EXACT, "location encoder", path)
    scale = logit_scale(path)
    if pairs.scale is not None and abs(scale / pairs.scale - 1.0) > _SCALE_TOLERANCE:
        raise _failed("scale", path)


def _check_head(folder: Path, pairs: CheckPairs) -> None:
    import torch
    from torch.nn.functional import linear, relu

    path = folder / WEIGHTS_NAME
    if pairs.features is None or pairs.feature_vectors is None:
        raise _nothing_to_check(folder)
    head = _tensors(path, (HEAD_PREFIX,))
    names = [f"{HEAD_PREFIX}{part}" for part in ("0.weight", "0.bias", "2.weight", "2.bias")]
    fits = all(name in head for name in names)
    if not fits or head[names[0]].shape[1:] != pairs.features.shape[1:]:
        raise _failed("head", path)
    one, one_bias, two, two_bias = (head[name] for name in names)
    with torch.inference_mode():
        features = torch.from_numpy(pairs.features)
        found = linear(relu(linear(features, one, one_bias)), two, two_bias).numpy()
    _compare(found, pairs.feature_vectors, _EXACT, "head", path)


def _check_trained(path: Path) -> None:
    norms = _tensors(path, TOWER_PREFIXES, only="norm")
    untouched = [
        bool((tensor == float(name.endswith("weight"))).all()) for name, tensor in norms.items()
    ]
    if not untouched or all(untouched):
        raise ModelError(
            "The model's vision tower was never trained, so its answers would be noise.",
            path=path,
            remedy="Install the published model.",
        )


def _compare(
    found: NDArray[np.float32], wanted: NDArray[np.float32], least: float, what: str, path: Path
) -> None:
    if found.shape != wanted.shape or not np.isfinite(found).all():
        raise _failed(what, path)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
    cosines = (found * wanted).sum(axis=1) / np.maximum(lengths, 1e-12)
    if not float(cosines.min()) >= least:
        raise _failed(what, path)


def _tensors(path: Path, prefixes: tuple[str, ...], *, only: str = "") -> dict[str, torch.Tensor]:
    shapes = tensor_shapes(path)
    chosen: Mapping[str, tuple[int, ...]] = {
        name: shape for name, shape in shapes.items() if name.startswith(prefixes) and only in name
    }
    return load_tensors(path, dict(chosen))


def _failed(what: str, path: Path) -> ModelError:
    return ModelError(
        f"The model failed its self-check: its {what} gives other numbers than it should.",
        path=path,
        remedy="Install the published model.",
    )


def _nothing_to_check(folder: Path) -> ModelError:
    return ModelError("There is nothing to check the model by.", path=folder)


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(
        f"The model's self-check is damaged: {why}.", path=path, remedy="Install the model again."
    )
