"""GeoCLIP's location encoder: any place on earth as a unit vector that photos can be held against.

Latitude and longitude go through the Equal Earth projection, then through capsules that differ in
the scale of their random Fourier features; their outputs are added (GeoCLIP, NeurIPS 2023,
section 3.1). The matrices of the features are stored with the weights, never drawn again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geotagger.earth.distance import wrap_lon
from geotagger.errors import ModelError
from geotagger.models.weights import load_tensors, tensor_shapes
from geotagger.progress import CancelToken, Progress, ProgressCallback

if TYPE_CHECKING:
    import torch

PREFIX = "location_encoder."
"""What the encoder's tensors begin with in the published release."""

_BATCH = 2048
"""Places at once: three layers of 1,024 numbers each take 25 MB then."""
_LAYERS = ("capsule.1", "capsule.3", "capsule.5", "head.0")
_CAPSULE = re.compile(r"LocEnc(\d+)\.")
_MOST_CAPSULES = 64

# Equal Earth (Šavrič, Patterson, Jenny 2018), and the scale that the encoder was trained with.
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_SCALE = 66.50336


@dataclass(frozen=True, slots=True)
class _Capsule:
    """The matrix of the Fourier features (F, 2) and four layers of weights and biases."""

    matrix: torch.Tensor
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]


class LocationEncoder:
    """Places in, unit vectors out; made by `load`."""

    def __init__(self, capsules: tuple[_Capsule, ...]) -> None:
        self._capsules = capsules
        self.dimension = int(capsules[0].layers[-1][0].shape[0])
        """The length of a vector."""

    @classmethod
    def load(cls, source: Path | Mapping[str, torch.Tensor]) -> LocationEncoder:
        """Return the encoder of a safetensors file or of tensors in memory.

        The names are those of the release, with or without ``location_encoder.`` before them;
        other tensors are left alone. Widths are taken from the shapes.

        Raises
        ------
        ModelError
            Tensors are missing, do not fit together, or are no numbers.
        """
        import torch

        path = source if isinstance(source, Path) else None
        if isinstance(source, Path):
            shapes = tensor_shapes(source)
        else:
            shapes = {name: tuple(tensor.shape) for name, tensor in source.items()}
        needed = encoder_shapes(shapes, path)
        if isinstance(source, Path):
            tensors = load_tensors(source, needed)
        else:
            tensors = {name: source[name].detach().to(torch.float32) for name in needed}
            for name, tensor in tensors.items():
                if not bool(torch.isfinite(tensor).all()):
                    raise _wrong(f"The tensor {name} holds values that are no numbers.", None)
        plain = {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()}
        count = 1 + max(_number(name) for name in plain)
        return cls(tuple(_capsule(plain, index) for index in range(count)))

    def raw(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float32]:
        """Return the vectors before they are brought to length 1; see `encode`."""
        import torch

        latitude, longitude = _places(lat, lon)
        found = np.empty((len(latitude), self.dimension), np.float32)
        with torch.inference_mode():
            for start in range(0, len(latitude), _BATCH):
                part = slice(start, start + _BATCH)
                found[part] = self._run(
                    torch.from_numpy(latitude[part]), torch.from_numpy(longitude[part])
                ).numpy()
        return found

    def encode(
        self,
        lat: ArrayLike,
        lon: ArrayLike,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> NDArray[np.float32]:
        """Return unit rows (N, D), float32, for N places in degrees.

        Longitudes beyond ±180 are wrapped; −180 and 180 are the same place with two vectors, for
        the encoder is discontinuous there. Degrees are taken to float32 first, as the published
        encoder does (2 m at most).

        Raises
        ------
        ValueError
            A coordinate is no number or a latitude beyond ±90.
        CancelledError
            The token was cancelled.
        """
        latitude, longitude = _places(lat, lon)
        found = np.empty((len(latitude), self.dimension), np.float32)
        for start in range(0, len(latitude), _BATCH):
            if cancel is not None:
                cancel.raise_if_cancelled()
            part = slice(start, start + _BATCH)
            rows = self.raw(latitude[part], longitude[part])
            found[part] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
            if progress is not None:
                done = min(start + _BATCH, len(latitude))
                progress(Progress(done, len(latitude), "Preparing the world map"))
        return found

    def _run(self, lat: torch.Tensor, lon: torch.Tensor) -> torch.Tensor:
        import torch
        from torch.nn.functional import linear, relu

        place = _equal_earth(lat, lon)
        total = torch.zeros((len(place), self.dimension))
        for capsule in self._capsules:
            # The features of the finest capsule turn thousands of times; only the same order of
            # float32 operations as at training gives the same vectors.
            phase = 2 * np.pi * place @ capsule.matrix.T
            value = torch.cat((torch.cos(phase), torch.sin(phase)), dim=-1)
            for weight, bias in capsule.layers[:-1]:
                value = relu(linear(value, weight, bias))
            weight, bias = capsule.layers[-1]
            total += linear(value, weight, bias)
        return total


def encoder_shapes(
    shapes: Mapping[str, tuple[int, ...]], path: Path | None = None
) -> dict[str, tuple[int, ...]]:
    """Return the encoder's tensors among others, their shapes checked against each other.

    Raises
    ------
    ModelError
        There is no encoder, a tensor is missing, or widths do not fit; ``path`` is told.
    """
    prefix = PREFIX if any(name.startswith(PREFIX) for name in shapes) else ""
    numbers = {
        int(match[1])
        for name in shapes
        if name.startswith(prefix) and (match := _CAPSULE.match(name[len(prefix) :]))
    }
    if not numbers or numbers != set(range(len(numbers))) or len(numbers) > _MOST_CAPSULES:
        raise _wrong("The weights hold no location encoder.", path)
    needed: dict[str, tuple[int, ...]] = {}
    widths: set[int] = set()
    for number in range(len(numbers)):
        start = f"{prefix}LocEnc{number}."
        names = [f"{start}capsule.0.b"] + [
            f"{start}{layer}.{part}" for layer in _LAYERS for part in ("weight", "bias")
        ]
        for name in names:
            if name not in shapes:
                raise _wrong(f"The model's weights lack the tensor {name}.", path)
            needed[name] = shapes[name]
        matrix = shapes[names[0]]
        fits = len(matrix) == 2 and matrix[1] == 2 and min(matrix) > 0
        width = 2 * matrix[0] if fits else 0
        for layer in _LAYERS:
            weight, bias = shapes[f"{start}{layer}.weight"], shapes[f"{start}{layer}.bias"]
            fits = fits and len(weight) == 2 and weight[1] == width and bias == weight[:1]
            width = weight[0] if weight else 0
        if not fits or width < 1:
            raise _wrong(f"The tensors of {start[:-1]} do not fit together.", path)
        widths.add(width)
    if len(widths) != 1:
        raise _wrong("The parts of the location encoder give vectors of different lengths.", path)
    return needed


def _capsule(tensors: Mapping[str, torch.Tensor], number: int) -> _Capsule:
    start = f"LocEnc{number}."
    return _Capsule(
        tensors[f"{start}capsule.0.b"],
        tuple(
            (tensors[f"{start}{layer}.weight"], tensors[f"{start}{layer}.bias"])
            for layer in _LAYERS
        ),
    )


def _number(name: str) -> int:
    match = _CAPSULE.match(name)
    return int(match[1]) if match else -1


def _places(lat: ArrayLike, lon: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    latitude, longitude = np.broadcast_arrays(
        np.atleast_1d(np.asarray(lat, np.float64)), np.atleast_1d(np.asarray(lon, np.float64))
    )
    if latitude.ndim != 1:
        raise ValueError(f"expected a row of places, found the shape {latitude.shape}")
    if not (np.isfinite(latitude).all() and np.isfinite(longitude).all()):
        raise ValueError("a coordinate is no number")
    if len(latitude) and float(np.abs(latitude).max()) > 90.0:
        raise ValueError("a latitude is not between -90 and 90")
    # 180 stays 180: it was trained as the eastern edge.
    longitude = np.where(np.abs(longitude) <= 180.0, longitude, wrap_lon(longitude))
    return latitude.astype(np.float32), longitude.astype(np.float32)


def _equal_earth(lat: torch.Tensor, lon: torch.Tensor) -> torch.Tensor:
    """Return the projected places (N, 2) in the scale of the encoder."""
    import torch

    root = torch.sqrt(torch.tensor(3.0))
    phi, lam = torch.deg2rad(lat), torch.deg2rad(lon)
    theta = torch.asin((root / 2) * torch.sin(phi))
    below = 3 * (9 * _A4 * theta**8 + 7 * _A3 * theta**6 + 3 * _A2 * theta**2 + _A1)
    x = (2 * root * lam * torch.cos(theta)) / below
    y = _A4 * theta**9 + _A3 * theta**7 + _A2 * theta**3 + _A1 * theta
    return (torch.stack((x, y), dim=1) * _SCALE) / 180


def _wrong(message: str, path: Path | None) -> ModelError:
    return ModelError(message, path=path, remedy="Install the model again.")
