from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file

from geotagger.errors import ModelError
from geotagger.models import self_check
from geotagger.models.embedder import load_embedder
from geotagger.models.geoclip_release import convert_release
from geotagger.models.mobilenet import MobileNetV2
from geotagger.models.registry import read_config
from geotagger.models.self_check import (
    CheckPairs,
    check_weights,
    read_pairs,
    run_self_check,
    shipped_pairs,
)
from geotagger.models.weights import sha256_of
from tests.support.releases import own_pairs, write_clip, write_head


class _Reading:
    """A network that gives the mean colours of the images, and how often it was asked."""

    def __init__(self, factor: float = 1.0) -> None:
        self.asked = 0
        self._factor = factor

    def run(self, images: np.ndarray) -> np.ndarray:
        self.asked += 1
        rows = images.reshape(len(images), -1, 3).mean(axis=1, dtype=np.float32)
        return np.pad(rows - 100.0, ((0, 0), (0, 13))) * self._factor


def _images() -> np.ndarray:
    return np.random.default_rng(6).integers(0, 256, (3, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("hub")
    write_head(base / "head")
    write_clip(base / "clip")
    return base


@pytest.fixture
def model(hub: Path, tmp_path: Path) -> Path:
    convert_release(hub / "head", hub / "clip", tmp_path / "model")
    return tmp_path / "model"


def _change(folder: Path, file: str, **tensors: torch.Tensor) -> None:
    """Replace tensors of a file and let config.json name it, as a release made wrongly would."""
    path = folder / file
    save_file({**load_file(path), **tensors}, path)
    config = read_config(folder)
    digest = sha256_of(path)
    if file == "model.safetensors":
        config = replace(config, sha256=digest)
    else:
        config = replace(config, files={**config.files, file: digest})
    (folder / "config.json").write_text(config.to_json())


def test_the_pairs_that_come_with_the_program_are_whole() -> None:
    pairs = shipped_pairs()
    assert pairs.places is not None
    assert pairs.place_vectors is not None
    assert pairs.places.shape == (12, 2)
    assert pairs.place_vectors.shape == (12, 512)
    np.testing.assert_allclose(np.linalg.norm(pairs.place_vectors, axis=1), 1.0, atol=1e-3)
    # Different places differ clearly, so that no constant vector passes.
    cosines = pairs.place_vectors @ pairs.place_vectors.T
    assert cosines[~np.eye(12, dtype=bool)].max() < 0.9
    assert pairs.features is not None
    assert pairs.features.shape == (8, 768)
    assert pairs.scale == pytest.approx(39.687, abs=1e-3)


def test_random_weights_are_refused_unless_pairs_of_their_own_are_given(model: Path) -> None:
    with pytest.raises(ModelError, match="self-check"):
        check_weights(model)
    with pytest.raises(ModelError, match="self-check"):
        load_embedder(model, device="torch")
    load_embedder(model, device="torch", pairs=own_pairs())


def test_random_weights_of_the_published_sizes_are_refused(hub: Path, tmp_path: Path) -> None:
    from tests.support.releases import Sizes

    sizes = Sizes(dimension=512, projection=768)
    write_head(tmp_path / "head", sizes)
    write_clip(tmp_path / "clip", sizes)
    convert_release(tmp_path / "head", tmp_path / "clip", tmp_path / "model")
    with pytest.raises(ModelError, match="location encoder gives other numbers"):
        check_weights(tmp_path / "model")
    check_weights(tmp_path / "model", pairs=own_pairs(sizes))
    mixed = replace(
        own_pairs(sizes),
        features=shipped_pairs().features,
        feature_vectors=shipped_pairs().feature_vectors,
    )
    with pytest.raises(ModelError, match="head gives other numbers"):
        check_weights(tmp_path / "model", pairs=mixed)


def test_a_vision_tower_that_was_never_trained_is_refused(hub: Path, tmp_path: Path) -> None:
    write_clip(tmp_path / "clip", trained=False)
    convert_release(hub / "head", tmp_path / "clip", tmp_path / "model")
    with pytest.raises(ModelError, match="never trained"):
        load_embedder(tmp_path / "model", device="torch", pairs=own_pairs())


def test_a_release_that_says_it_claims_nothing_is_checked_all_the_same(model: Path) -> None:
    config = replace(read_config(model), world=False)
    (model / "config.json").write_text(config.to_json())
    with pytest.raises(ModelError, match="self-check"):
        load_embedder(model, device="torch")


def test_another_scale_fails(model: Path) -> None:
    check_weights(model, pairs=own_pairs())
    _change(model, "geo.safetensors", logit_scale=torch.tensor(3.7))
    with pytest.raises(ModelError, match="scale gives other numbers"):
        check_weights(model, pairs=own_pairs())


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("geo.safetensors", "location_encoder.LocEnc0.head.0.bias"),
        ("model.safetensors", "image_encoder.mlp.2.bias"),
        ("model.safetensors", "vision_model.post_layernorm.bias"),
    ],
)
def test_weights_that_are_no_numbers_are_refused(file: str, name: str, model: Path) -> None:
    tensor = load_file(model / file)[name]
    _change(model, file, **{name: torch.full_like(tensor, torch.nan)})
    with pytest.raises(ModelError, match="no numbers"):
        load_embedder(model, device="torch", pairs=own_pairs())


def test_a_missing_file_is_named(model: Path) -> None:
    (model / "geo.safetensors").unlink()
    with pytest.raises(ModelError, match="missing") as caught:
        check_weights(model, pairs=own_pairs())
    assert caught.value.path == model / "geo.safetensors"


def test_photos_that_a_release_brings_are_compared(hub: Path, tmp_path: Path) -> None:
    images = _images()
    head = write_head(tmp_path / "head")
    save_arrays(
        {"images": images, "embeddings": _Reading(3.0).run(images)}, head / "selfcheck.safetensors"
    )
    convert_release(head, hub / "clip", tmp_path / "model")
    assert "selfcheck.safetensors" in read_config(tmp_path / "model").files
    good = _Reading()
    run_self_check(tmp_path / "model", good, pairs=own_pairs())
    assert good.asked == 1
    with pytest.raises(ModelError, match="network gives other numbers"):
        run_self_check(tmp_path / "model", _Reading(-1.0), pairs=own_pairs())
    with pytest.raises(ModelError, match="network gives other numbers"):
        run_self_check(tmp_path / "model", _Reading(np.nan), pairs=own_pairs())
    with pytest.raises(ModelError, match="network gives other numbers"):
        load_embedder(tmp_path / "model", device="torch", pairs=own_pairs())


def test_photos_of_another_size_are_refused(model: Path) -> None:
    images = np.zeros((1, 16, 16, 3), np.uint8)
    pairs = replace(own_pairs(), images=images, embeddings=np.ones((1, 16), np.float32))
    with pytest.raises(ModelError, match="size"):
        run_self_check(model, _Reading(), pairs=pairs)


def test_other_kinds_that_claim_the_world_must_bring_photos(folder: Path) -> None:
    assert read_config(folder).kind == MobileNetV2.kind
    check_weights(folder)
    claims = replace(read_config(folder), world=True)
    (folder / "config.json").write_text(claims.to_json())
    with pytest.raises(ModelError, match="nothing to check"):
        load_embedder(folder, device="torch")
    images = np.zeros((2, 224, 224, 3), np.uint8)
    rows = np.random.default_rng(0).normal(size=(2, 1280)).astype(np.float32)

    class Fixed:
        def run(self, given: np.ndarray) -> np.ndarray:
            assert given.shape == images.shape
            return rows

    save_arrays({"images": images, "embeddings": 2.0 * rows}, folder / "selfcheck.safetensors")
    run_self_check(folder, Fixed())
    save_arrays({"images": images, "embeddings": -rows}, folder / "selfcheck.safetensors")
    with pytest.raises(ModelError, match="self-check"):
        run_self_check(folder, Fixed())


@pytest.mark.parametrize(
    "tensors",
    [
        {"places": np.zeros((2, 2), np.float32)},
        {"places": np.zeros((2, 2), np.float32), "place_vectors": np.zeros((3, 4), np.float32)},
        {"places": np.zeros((0, 2), np.float32), "place_vectors": np.zeros((0, 4), np.float32)},
        {"images": np.zeros((1, 4, 4, 3), np.float32), "embeddings": np.zeros((1, 4), np.float32)},
        {
            "features": np.zeros((1, 4), np.float32),
            "feature_vectors": np.full((1, 4), np.nan, np.float32),
        },
    ],
)
def test_a_damaged_check_is_refused(tensors: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "selfcheck.safetensors"
    save_arrays(tensors, path)
    with pytest.raises(ModelError, match="damaged"):
        read_pairs(path)


@pytest.mark.parametrize("content", [b"", b"x" * 100])
def test_a_check_that_is_no_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        read_pairs(tmp_path / "c")
    with pytest.raises(ModelError, match="cannot be read"):
        read_pairs(tmp_path / "none")


def test_pairs_without_places_check_nothing(model: Path) -> None:
    with pytest.raises(ModelError, match="nothing to check"):
        check_weights(model, pairs=CheckPairs())


def test_the_shipped_file_is_small_and_holds_no_weights() -> None:
    from importlib import resources

    with resources.as_file(resources.files("resources") / "models" / self_check.SHIPPED) as path:
        assert path.stat().st_size < 100_000
        assert set(load_arrays(path)) == {
            "places",
            "place_vectors",
            "features",
            "feature_vectors",
            "logit_scale",
        }
