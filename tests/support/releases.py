"""GeoCLIP releases with random weights in exactly the form of the hub's folders."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from geotagger.models.location_encoder import LocationEncoder
from geotagger.models.self_check import CheckPairs


@dataclass(frozen=True, slots=True)
class Sizes:
    """The widths of a release; the default ones are small enough for a test."""

    hidden: int = 32
    mlp: int = 64
    layers: int = 2
    heads: int = 4
    image: int = 32
    patch: int = 8
    projection: int = 24
    dimension: int = 16
    fourier: int = 8
    width: int = 32
    text_hidden: int = 16
    text_layers: int = 1


FULL = Sizes(1024, 4096, 24, 16, 224, 14, 768, 512, 256, 1024, 768, 12)
"""The published sizes: 1.7 GB with the text tower."""


def head_tensors(sizes: Sizes = Sizes(), seed: int = 1) -> dict[str, torch.Tensor]:
    """Return what a head release's model.safetensors holds, at random."""
    made = torch.Generator().manual_seed(seed)

    def layer(name: str, rows: int, columns: int) -> dict[str, torch.Tensor]:
        weight = torch.randn((rows, columns), generator=made) * (2.0 / columns) ** 0.5
        return {f"{name}.weight": weight, f"{name}.bias": torch.randn(rows, generator=made) * 0.1}

    tensors = {"logit_scale": torch.tensor(3.681034)}
    for number, sigma in enumerate((1.0, 16.0, 256.0)):
        start = f"location_encoder.LocEnc{number}."
        tensors[f"{start}capsule.0.b"] = torch.randn((sizes.fourier, 2), generator=made) * sigma
        tensors |= layer(f"{start}capsule.1", sizes.width, 2 * sizes.fourier)
        tensors |= layer(f"{start}capsule.3", sizes.width, sizes.width)
        tensors |= layer(f"{start}capsule.5", sizes.width, sizes.width)
        tensors |= layer(f"{start}head.0", sizes.dimension, sizes.width)
    tensors |= layer("image_encoder.mlp.0", sizes.projection, sizes.projection)
    tensors |= layer("image_encoder.mlp.2", sizes.dimension, sizes.projection)
    return tensors


def gallery(count: int = 400, seed: int = 2) -> np.ndarray:
    """Return places (N, 2) in clusters, as photos lie on earth."""
    rng = np.random.default_rng(seed)
    centres = np.stack(
        (np.degrees(np.arcsin(rng.uniform(-0.9, 0.9, 20))), rng.uniform(-180, 180, 20)), axis=1
    )
    places = centres[rng.integers(0, 20, count)] + rng.normal(0, 2.0, (count, 2))
    places[:, 0] = places[:, 0].clip(-89.0, 89.0)
    places[:, 1] = (places[:, 1] + 180.0) % 360.0 - 180.0
    return np.round(places, 6)


def write_head(
    folder: Path, sizes: Sizes = Sizes(), *, seed: int = 1, places: np.ndarray | None = None
) -> Path:
    """Write a head release and return its folder."""
    folder.mkdir(parents=True)
    save_file(head_tensors(sizes, seed), folder / "model.safetensors")
    config = {
        "model_type": "geoclip-geolocation",
        "format_version": 1,
        "sigma": [1, 16, 256],
        "gallery_file": "coordinates_100K.csv",
        "backbone": {"repo_id": "openai/clip-vit-large-patch14", "revision": "0" * 40},
    }
    (folder / "config.json").write_text(json.dumps(config))
    rows = gallery() if places is None else places
    lines = ["LAT,LON", *(f"{lat:.6f},{lon:.6f}" for lat, lon in rows)]
    (folder / "coordinates_100K.csv").write_text("\n".join(lines) + "\n")
    return folder


def write_clip(
    folder: Path, sizes: Sizes = Sizes(), *, seed: int = 3, trained: bool = True, text: bool = True
) -> Path:
    """Write a CLIP folder and return it.

    With ``trained`` the layer norms are moved from the ones and zeros that they begin with, as
    training moves them; with ``text`` it is the whole CLIP, else the vision tower alone.
    """
    from transformers import (
        CLIPConfig,
        CLIPImageProcessorPil,
        CLIPModel,
        CLIPVisionConfig,
        CLIPVisionModelWithProjection,
    )

    torch.manual_seed(seed)
    vision = {
        "hidden_size": sizes.hidden,
        "intermediate_size": sizes.mlp,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "image_size": sizes.image,
        "patch_size": sizes.patch,
        "projection_dim": sizes.projection,
    }
    if text:
        words = {
            "hidden_size": sizes.text_hidden,
            "intermediate_size": 4 * sizes.text_hidden,
            "num_hidden_layers": sizes.text_layers,
            "num_attention_heads": sizes.text_hidden // 8 if sizes.text_hidden < 64 else 12,
            "projection_dim": sizes.projection,
            "vocab_size": 49408 if sizes.text_hidden > 64 else 99,
            "bos_token_id": 0,
            "eos_token_id": 2,
        }
        module = CLIPModel(
            CLIPConfig(text_config=words, vision_config=vision, projection_dim=sizes.projection)
        )
    else:
        module = CLIPVisionModelWithProjection(CLIPVisionConfig(**vision))
    if trained:
        with torch.no_grad():
            for name, tensor in module.named_parameters():
                if "norm" in name or "layrnorm" in name:
                    tensor.add_(torch.randn_like(tensor) * 0.05)
    module.save_pretrained(folder)
    CLIPImageProcessorPil(
        size={"shortest_edge": sizes.image},
        crop_size={"height": sizes.image, "width": sizes.image},
    ).save_pretrained(folder)
    return folder


def head_by_hand(tensors: dict[str, torch.Tensor], features: torch.Tensor) -> torch.Tensor:
    """Return what GeoCLIP's head makes of features (N, F): (N, D)."""
    start = "image_encoder.mlp."
    hidden = torch.relu(features @ tensors[f"{start}0.weight"].T + tensors[f"{start}0.bias"])
    return hidden @ tensors[f"{start}2.weight"].T + tensors[f"{start}2.bias"]


def own_pairs(sizes: Sizes = Sizes(), seed: int = 1) -> CheckPairs:
    """Return self-check pairs that the random release of the same seed passes."""
    tensors = head_tensors(sizes, seed)
    places = gallery(5, seed=9).astype(np.float32)
    made = torch.Generator().manual_seed(4)
    features = torch.randn((4, sizes.projection), generator=made)
    return CheckPairs(
        places=places,
        place_vectors=LocationEncoder.load(tensors).encode(places[:, 0], places[:, 1]),
        features=features.numpy(),
        feature_vectors=head_by_hand(tensors, features).numpy(),
        scale=float(np.exp(3.681034)),
    )
