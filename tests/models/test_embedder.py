from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from geotagger.errors import ModelError
from geotagger.models.embedder import load_embedder
from geotagger.models.store import install_from_file
from geotagger.models.weights import sha256_of


def _pixels(count: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, 224, 224, 3), np.uint8)


def _reseal(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Replace the weights and let config.json name them, as a model made wrongly would."""
    save_file(tensors, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    config["sha256"] = sha256_of(folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))


def test_embeddings_are_unit_rows_and_do_not_depend_on_the_batch(folder: Path) -> None:
    embedder = load_embedder(folder, device="cpu")
    images = _pixels(3)
    together = embedder.embed(images)
    assert together.shape == (3, embedder.dimension)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    alone = np.concatenate([embedder.embed(images[index : index + 1]) for index in range(3)])
    np.testing.assert_allclose(together, alone, atol=2e-4)
    assert embedder.embed(images[:0]).shape == (0, embedder.dimension)


def test_embeddings_equal_those_of_the_reference_implementation(
    folder: Path, tensors: dict[str, torch.Tensor]
) -> None:
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    settings = MobileNetV2Config(num_labels=1001, tf_padding=True, layer_norm_eps=1e-3)
    module = MobileNetV2ForImageClassification(settings)
    module.load_state_dict({name: one.float() for name, one in tensors.items()}, strict=False)
    module.eval()
    images = _pixels(2)
    scaled = torch.from_numpy(images.astype(np.float32) / 127.5 - 1.0).permute(0, 3, 1, 2)
    with torch.inference_mode():
        pooled = module.mobilenet_v2(pixel_values=scaled).pooler_output.numpy()
    expected = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    np.testing.assert_allclose(
        load_embedder(folder, device="cpu").embed(images), expected, atol=1e-4
    )


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 224, 224, 3), np.float32),
        np.zeros((1, 100, 224, 3), np.uint8),
        np.zeros((224, 224, 3), np.uint8),
    ],
)
def test_images_of_another_form_are_refused_with_both_forms(
    images: np.ndarray, folder: Path
) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 .* found"):
        load_embedder(folder, device="cpu").embed(images)


def test_weights_that_are_not_those_of_the_config_are_refused(folder: Path) -> None:
    weights = folder / "model.safetensors"
    damaged = bytearray(weights.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    weights.write_bytes(damaged)
    with pytest.raises(ModelError, match="checksum") as caught:
        load_embedder(folder)
    assert caught.value.path == weights


def test_a_missing_tensor_is_named(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    some = dict(tensors)
    del some["mobilenet_v2.layer.3.conv_3x3.convolution.weight"]
    _reseal(folder, some)
    with pytest.raises(ModelError, match=r"layer\.3\.conv_3x3"):
        load_embedder(folder)


def test_a_tensor_that_is_no_number_is_named(
    folder: Path, tensors: dict[str, torch.Tensor]
) -> None:
    name = "mobilenet_v2.conv_1x1.convolution.weight"
    broken = tensors[name].clone()
    broken[5, 5] = float("nan")
    _reseal(folder, {**tensors, name: broken})
    with pytest.raises(ModelError, match="no numbers"):
        load_embedder(folder)


def test_a_tensor_of_another_shape_is_named(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    name = "mobilenet_v2.layer.0.expand_1x1.convolution.weight"
    _reseal(folder, {**tensors, name: tensors[name][:10].clone()})
    with pytest.raises(ModelError, match="shape"):
        load_embedder(folder)


def test_missing_weights_are_told(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="missing"):
        load_embedder(folder)


def test_a_stated_dimension_that_is_not_the_networks_is_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["embedding_size"] = 77
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="77"):
        load_embedder(folder, device="torch")


def test_the_real_weights_find_likeness(shared: Path, tmp_path: Path) -> None:
    from geotagger.photos.decode import load_rgb

    source = shared / "weights" / "mobilenet_v2_imagenet.safetensors"
    embedder = load_embedder(install_from_file(source, tmp_path).folder, device="cpu")
    photos = sorted((shared / "photos" / "kanhar+kanhar.github.io").glob("*.jpg"))[:6]
    size = embedder.input_size
    images = np.stack([load_rgb(photo, size, square=size) for photo in photos])
    darker = (images * 0.8).astype(np.uint8)
    cosines = embedder.embed(images) @ embedder.embed(darker).T
    # A photo is most like its own darker copy, and clearly more than like another photo.
    assert (cosines.argmax(axis=1) == np.arange(len(photos))).all()
    others = cosines[~np.eye(len(photos), dtype=bool)]
    assert np.diag(cosines).min() > 0.8 > others.mean() + 0.1


def test_importing_the_packages_loads_no_torch() -> None:
    code = (
        "import sys, geotagger.suggest.album, geotagger.models.embedder, geotagger.models.store, "
        "geotagger.evaluation.completion; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
