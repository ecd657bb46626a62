"""Any vision model that `transformers` has, from local files, as a backbone: ResNet, ViT, DINOv2.

Beside the usual files the model folder has ``network.json``: the model's own configuration as it
was published, and how its output becomes one row. Only classes that come with `transformers` are
made; a configuration that names code of its own is refused. What such a model says of the world is
a matter of the head that `geotagger.models.world_load` reads beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geotagger.errors import ModelError
from geotagger.models.engines.torch_engine import TorchNetwork
from geotagger.models.geoclip import read_json
from geotagger.models.registry import CONFIG_NAME, WEIGHTS_NAME, ModelConfig, register
from geotagger.models.weights import load_tensors, sha256_of

if TYPE_CHECKING:
    import torch

NETWORK_NAME = "network.json"
PREFIX = "backbone."
"""What all tensors of such a model begin with in ``model.safetensors``."""
POOLINGS = ("pooler", "first", "mean")
"""The model's own pooled output, its first token, or the mean over all tokens or places."""

_FORMAT = 1
_INSTALL_AGAIN = "Install the model again."


@register
class AnyVision:
    """A vision model of `transformers`; form and pooling come from its folder."""

    kind = "transformers"

    def default_config(self) -> ModelConfig:
        """Return a configuration with ImageNet's scaling; name, sizes and origin are examples."""
        return ModelConfig(
            name="transformers",
            version="1",
            kind=self.kind,
            input_size=224,
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            crop="centre",
            embedding_size=768,
            licence="as stated by the model's makers",
            origin="a vision model of transformers",
            min_side=True,
        )

    def recognises(self, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Return whether all tensors are named as those of such a folder."""
        return bool(shapes) and all(name.startswith(PREFIX) for name in shapes)

    def build(self, weights: Path, config: ModelConfig) -> torch.nn.Module:
        """Return the network as a module on the CPU, float32: pixels (N, 3, S, S) to rows (N, D).

        Raises
        ------
        ModelError
            ``network.json`` is missing, damaged or newer, the model is none that this
            `transformers` has, or a tensor is missing, does not fit, or is no number.
        """
        path = weights.parent / NETWORK_NAME
        settings, pooling = _read(path)
        module = _made(settings, pooling, path)
        state = module.trunk.state_dict()
        tensors = load_tensors(
            weights,
            {
                PREFIX + name: tuple(tensor.shape)
                for name, tensor in state.items()
                if not name.endswith("num_batches_tracked")
            },
        )
        found = {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()}
        module.trunk.load_state_dict(found, strict=False)
        module.eval()
        module.requires_grad_(False)
        built: torch.nn.Module = module
        return built

    def load(self, weights: Path, config: ModelConfig, *, device: str) -> TorchNetwork:
        """Return the network on the device; see `build`."""
        return TorchNetwork(self.build(weights, config), config, device)


def write_model(
    trunk: torch.nn.Module, pooling: str, config: ModelConfig, out: Path
) -> ModelConfig:
    """Write a model folder of a model of `transformers` and return its configuration.

    Parameters
    ----------
    trunk
        The model as `transformers` makes it, without a head.
    pooling
        One of `POOLINGS`.
    config
        Name, version, sizes, scaling, licence and origin; checksums are filled in.
    out
        An empty folder, or one to be made.

    Raises
    ------
    ValueError
        The pooling is unknown.
    OSError
        The folder cannot be written.
    """
    from safetensors.torch import save_file

    if pooling not in POOLINGS:
        raise ValueError(f"expected one of {', '.join(POOLINGS)}, found {pooling!r}")
    out.mkdir(parents=True, exist_ok=True)
    state = {
        PREFIX + name: tensor.detach().cpu().contiguous()
        for name, tensor in trunk.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file(state, out / WEIGHTS_NAME)
    settings: Any = trunk.config
    told = {"format_version": _FORMAT, "pooling": pooling, "model": settings.to_dict()}
    (out / NETWORK_NAME).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    sealed = replace(
        config,
        kind=AnyVision.kind,
        sha256=sha256_of(out / WEIGHTS_NAME),
        files={**config.files, NETWORK_NAME: sha256_of(out / NETWORK_NAME)},
        size_bytes=sum((out / name).stat().st_size for name in (WEIGHTS_NAME, NETWORK_NAME)),
    )
    (out / CONFIG_NAME).write_text(sealed.to_json(), encoding="utf-8")
    return sealed


def _read(path: Path) -> tuple[dict[str, Any], str]:
    raw = read_json(path)
    version, settings, pooling = (raw.get(key) for key in ("format_version", "model", "pooling"))
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _damaged(path, "it states no format_version")
    if version > _FORMAT:
        raise ModelError(
            f"The model's {path.name} is of the format {version}, newer than this program.",
            path=path,
            remedy="Update the program.",
        )
    if pooling not in POOLINGS:
        raise _damaged(path, f"the pooling {pooling!r} is unknown")
    if not isinstance(settings, dict) or not isinstance(settings.get("model_type"), str):
        raise _damaged(path, "it names no model")
    if "auto_map" in settings:
        raise ModelError(
            "The model wants code of its own to be run, which this program never does.",
            path=path,
            remedy="Install another model.",
        )
    return settings, pooling


def _made(settings: dict[str, Any], pooling: str, path: Path) -> Any:
    import torch
    from transformers import AutoConfig, AutoModel

    class Pooled(torch.nn.Module):
        """The model with one row per picture behind it."""

        def __init__(self, trunk: torch.nn.Module) -> None:
            super().__init__()
            self.trunk = trunk

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            output = self.trunk(pixel_values=pixels)
            if pooling == "pooler":
                rows: torch.Tensor = output.pooler_output.flatten(1)
                return rows
            tokens: torch.Tensor = output.last_hidden_state
            if tokens.ndim == 4:
                tokens = tokens.flatten(2).transpose(1, 2)
            return tokens[:, 0] if pooling == "first" else tokens.mean(dim=1)

    try:
        kind = settings["model_type"]
        given = {key: value for key, value in settings.items() if key != "model_type"}
        trunk = AutoModel.from_config(AutoConfig.for_model(kind, **given), trust_remote_code=False)
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise _damaged(path, "its model is none that this program can make") from error
    if getattr(trunk, "main_input_name", "") != "pixel_values":
        raise _damaged(path, f"{kind!r} is no vision model")
    return Pooled(trunk.float())


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(
        f"The model's {path.name} is damaged: {why}.", path=path, remedy=_INSTALL_AGAIN
    )
