"""A world model that really tells pictures apart, made of random weights and two kinds of scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from geotagger.earth.partition import Limits
from geotagger.earth.partition_build import build_partition
from geotagger.earth.partition_file import save
from geotagger.models.embedder import load_embedder
from geotagger.models.mobilenet import MobileNetV2
from geotagger.models.preprocess import decoder_of
from geotagger.models.registry import read_config
from geotagger.models.store import install_from_file
from geotagger.models.weights import sha256_of
from tests.support.pictures import scene

Place = tuple[float, float]
BERGEN: Place = (60.39, 5.32)
DUBAI: Place = (25.20, 55.27)


def random_weights() -> dict[str, torch.Tensor]:
    """Return random half-precision weights of MobileNetV2, with the classifier that files carry."""
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    torch.manual_seed(1)
    module = MobileNetV2ForImageClassification(MobileNetV2Config(num_labels=1001))
    for name, tensor in module.named_parameters():
        if tensor.ndim == 4:
            # The default is so small that nothing would be left of a picture after 50 layers.
            torch.nn.init.kaiming_normal_(tensor, mode="fan_in")
        elif name == "classifier.weight":
            torch.nn.init.normal_(tensor, std=0.02)
    return {
        name: tensor.to(torch.float16).contiguous()
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def install_random_model(root: Path) -> Path:
    """Install MobileNetV2 with random weights below a root; return its folder."""
    root.mkdir(parents=True, exist_ok=True)
    weights = root.parent / "mobilenet.safetensors"
    save_file(random_weights(), weights)
    assert MobileNetV2().recognises({k: tuple(v.shape) for k, v in random_weights().items()})
    return install_from_file(weights, root).folder


def teach_world(folder: Path, examples: Sequence[tuple[Path, Place]]) -> None:
    """Turn a model folder into a world model that has learned where pictures were taken.

    The head is the nearest mean: its weights are the mean vectors of each place's pictures.
    """
    config = read_config(folder)
    decode = decoder_of(config)
    images = np.stack([decode(path) for path, _ in examples])
    vectors = load_embedder(folder, device="torch", threads=1).embed(images)
    places = sorted({place for _, place in examples})
    # A hundred photos around each place, so that its cell has a size.
    spread = np.random.default_rng(1).normal(0.0, 0.02, (100, 2))
    points = np.concatenate([np.array(place) + spread for place in places])
    partition = build_partition(points, Limits(max_count=150, min_count=1, max_level=8), name="two")
    centres = np.zeros((partition.size, vectors.shape[1]), np.float32)
    for place in places:
        (at,) = partition.classes_of(np.array([place[0]]), np.array([place[1]]))
        rows = [row for row, (_, where) in enumerate(examples) if where == place]
        centres[at] = vectors[rows].mean(axis=0)
    centres -= centres.mean(axis=0)
    strength = 6.0 / max(float((vectors @ centres.T).std()), 1e-6)
    middle = strength * (vectors @ centres.T).mean(axis=0)
    save(partition, folder / "partition.npz")
    head = {
        "head.weight": torch.from_numpy(np.ascontiguousarray(strength * centres)),
        "head.bias": torch.from_numpy(-middle),
    }
    save_file(head, folder / "head.safetensors")
    pairs = {"images": torch.from_numpy(images[:2]), "embeddings": torch.from_numpy(vectors[:2])}
    save_file(pairs, folder / "selfcheck.safetensors")
    names = ("partition.npz", "head.safetensors", "selfcheck.safetensors")
    files = {name: sha256_of(folder / name) for name in names}
    (folder / "config.json").write_text(replace(config, world=True, files=files).to_json())


def install_world_of_two(root: Path, workplace: Path) -> Path:
    """Install a model below a root that takes night for Bergen and sea for Dubai."""
    folder = install_random_model(root)
    workplace.mkdir()
    examples = []
    for number in range(10, 14):
        for kind, place in (("night", BERGEN), ("sea", DUBAI)):
            path = workplace / f"{kind}{number}.jpg"
            scene(kind, number, (320, 240)).save(path)
            examples.append((path, place))
    teach_world(folder, examples)
    return folder
