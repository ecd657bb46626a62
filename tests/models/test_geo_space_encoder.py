from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from geotagger.errors import ModelError
from geotagger.models.location_encoder import LocationEncoder
from geotagger.progress import CancelledError, CancelToken, Progress
from tests.support.releases import Sizes, head_tensors


def plain_encoder(tensors: Mapping[str, torch.Tensor], places: np.ndarray) -> np.ndarray:
    """The published encoder said again in NumPy; float32 where the order of rounding counts."""
    phi, lam = np.radians(places.astype(np.float32)).T
    theta = np.arcsin(np.float32(np.sqrt(3) / 2) * np.sin(phi))
    below = 9 * 0.003796 * theta**8 + 7 * 0.000893 * theta**6 - 3 * 0.081106 * theta**2 + 1.340264
    x = 2 * np.sqrt(3) * lam * np.cos(theta) / (3 * below)
    y = 0.003796 * theta**9 + 0.000893 * theta**7 - 0.081106 * theta**3 + 1.340264 * theta
    place = (np.stack((x, y), axis=1) * 66.50336 / 180).astype(np.float32)
    total = np.float32(0)
    for number in range(3):
        start = f"location_encoder.LocEnc{number}."

        def at(name: str, start: str = start) -> np.ndarray:
            return tensors[start + name].numpy()

        phase = (np.float32(2 * np.pi) * place) @ at("capsule.0.b").T
        value = np.concatenate((np.cos(phase), np.sin(phase)), axis=1)
        for layer in (1, 3, 5):
            weight, bias = at(f"capsule.{layer}.weight"), at(f"capsule.{layer}.bias")
            value = np.maximum(value @ weight.T + bias, 0)
        total = total + value @ at("head.0.weight").T + at("head.0.bias")
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def _places(count: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, count)))
    return np.stack((lat, rng.uniform(-180, 180, count)), axis=1)


def _without_finest(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Only the two coarser scales: at the finest one float32 itself is worth 1e-4."""
    return {
        name: torch.zeros_like(tensor) if "LocEnc2.capsule.0.b" in name else tensor
        for name, tensor in tensors.items()
    }


def test_vectors_equal_an_independent_statement_of_the_published_encoder() -> None:
    tensors = _without_finest(head_tensors(Sizes(fourier=256, width=128, dimension=64)))
    places = _places(500)
    found = LocationEncoder.load(tensors).encode(places[:, 0], places[:, 1])
    np.testing.assert_allclose(found, plain_encoder(tensors, places), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)


def test_the_finest_scale_equals_it_as_far_as_float32_goes() -> None:
    tensors = head_tensors(Sizes(fourier=256, width=128, dimension=64))
    places = _places(500)
    found = LocationEncoder.load(tensors).encode(places[:, 0], places[:, 1])
    np.testing.assert_allclose(found, plain_encoder(tensors, places), atol=2e-3)


def test_a_vector_does_not_depend_on_its_neighbours_in_the_batch() -> None:
    encoder = LocationEncoder.load(head_tensors(Sizes(fourier=64, width=64)))
    places = _places(3000)
    together = encoder.encode(places[:, 0], places[:, 1])
    alone = np.concatenate([encoder.encode(*places[index]) for index in (0, 2047, 2048, 2999)])
    np.testing.assert_allclose(together[[0, 2047, 2048, 2999]], alone, atol=1e-5)


def test_the_poles_and_the_date_line_have_vectors_and_longitudes_wrap() -> None:
    encoder = LocationEncoder.load(head_tensors())
    found = encoder.encode([90.0, -90.0, 0.0, 0.0], [0.0, 0.0, 180.0, -180.0])
    assert np.isfinite(found).all()
    # East and west of the date line are two ends of the map that was trained.
    assert np.abs(found[2] - found[3]).max() > 1e-3
    np.testing.assert_array_equal(encoder.encode(10.0, 190.0), encoder.encode(10.0, -170.0))


@pytest.mark.parametrize("place", [(np.nan, 0.0), (0.0, np.inf), (90.1, 0.0), (-91.0, 0.0)])
def test_what_is_no_place_is_refused(place: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"coordinate|latitude"):
        LocationEncoder.load(head_tensors()).encode(*place)


def test_no_places_give_no_vectors() -> None:
    assert LocationEncoder.load(head_tensors()).encode([], []).shape == (0, 16)


def test_encoding_tells_how_far_it_is_and_stops_when_told() -> None:
    encoder = LocationEncoder.load(head_tensors())
    places, steps, token = _places(5000), list[Progress](), CancelToken()
    encoder.encode(places[:, 0], places[:, 1], progress=steps.append)
    assert [step.done for step in steps] == [2048, 4096, 5000]
    token.cancel()
    with pytest.raises(CancelledError):
        encoder.encode(places[:, 0], places[:, 1], cancel=token)


def test_a_file_and_tensors_in_memory_give_the_same_encoder(tmp_path: Path) -> None:
    tensors = head_tensors()
    save_file(tensors, tmp_path / "head.safetensors")
    bare = {
        name.removeprefix("location_encoder."): tensor
        for name, tensor in tensors.items()
        if name.startswith("location_encoder.")
    }
    places = _places(9)
    one = LocationEncoder.load(tmp_path / "head.safetensors").encode(places[:, 0], places[:, 1])
    two = LocationEncoder.load(bare).encode(places[:, 0], places[:, 1])
    np.testing.assert_array_equal(one, two)


_BIAS = "location_encoder.LocEnc1.capsule.3.bias"


@pytest.mark.parametrize(
    ("name", "tensor", "words"),
    [
        (_BIAS, None, "lack the tensor"),
        (_BIAS, torch.zeros(31), "do not fit together"),
        (_BIAS, torch.full((32,), torch.nan), "no numbers"),
        ("location_encoder.LocEnc2.head.0.bias", torch.zeros(3), "do not fit"),
        ("location_encoder.LocEnc0.capsule.0.b", torch.zeros(8, 3), "do not fit"),
        ("location_encoder.LocEnc4.head.0.bias", torch.zeros(16), "no location encoder"),
    ],
    ids=["missing", "shape", "nan", "head", "three-dimensional", "gap"],
)
def test_weights_that_are_no_encoder_are_refused(
    name: str, tensor: torch.Tensor | None, words: str, tmp_path: Path
) -> None:
    tensors = head_tensors()
    tensors.pop(name, None)
    if tensor is not None:
        tensors[name] = tensor
    path = tmp_path / "head.safetensors"
    save_file(tensors, path)
    with pytest.raises(ModelError, match=words) as caught:
        LocationEncoder.load(path)
    assert caught.value.path == path
    with pytest.raises(ModelError, match=words):
        LocationEncoder.load(tensors)


def test_weights_without_any_encoder_are_refused(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="no location encoder"):
        LocationEncoder.load(tmp_path / "x.safetensors")
