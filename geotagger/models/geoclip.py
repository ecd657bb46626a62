"""The `geoclip` backbone: the vision tower of CLIP and GeoCLIP's head on it.

A photo becomes the pooled, projected feature of CLIP (ViT-L/14: 768 numbers), two linear layers
make of it a vector in the space of the location encoder (512 numbers).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geotagger.errors import ModelError
from geotagger.models.engines.torch_engine import TorchNetwork
from geotagger.models.registry import ModelConfig, register
from geotagger.models.weights import load_tensors

if TYPE_CHECKING:
    import torch

VISION_NAME = "vision.json"
"""The file of a model folder that tells the form of the vision tower."""

HEAD_PREFIX = "image_encoder.mlp."
TOWER_PREFIXES = ("vision_model.", "visual_projection.")
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

_VISION_FORMAT = 1
_PATCHES = "vision_model.embeddings.patch_embedding.weight"
_PROJECTION = "visual_projection.weight"
_INSTALL_AGAIN = "Install the model again."
_SMALL_FILE = 1 << 20
_ACTIVATION = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class VisionForm:
    """The form of a CLIP vision tower, in the words of its published ``config.json``."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    image_size: int
    patch_size: int
    projection_dim: int
    hidden_act: str
    layer_norm_eps: float

    def to_json(self) -> str:
        """Return the text of `VISION_NAME`."""
        return json.dumps({"format_version": _VISION_FORMAT, **asdict(self)}, indent=2) + "\n"


def vision_form(raw: Mapping[str, Any], path: Path) -> VisionForm:
    """Return the form that a JSON object states; ``path`` is told where it is damaged.

    Raises
    ------
    ModelError
        A value is missing or impossible.
    """

    def number(key: str, most: int) -> int:
        value = raw.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise _damaged(path, f"{key!r} must be a whole number from 1 to {most}")
        return value

    act, eps = raw.get("hidden_act"), raw.get("layer_norm_eps")
    if not isinstance(act, str) or not _ACTIVATION.fullmatch(act):
        raise _damaged(path, "'hidden_act' names no activation")
    if not isinstance(eps, float) or not 0.0 < eps < 0.1:
        raise _damaged(path, "'layer_norm_eps' must be a small positive number")
    form = VisionForm(
        hidden_size=number("hidden_size", 16_384),
        intermediate_size=number("intermediate_size", 65_536),
        num_hidden_layers=number("num_hidden_layers", 200),
        num_attention_heads=number("num_attention_heads", 256),
        image_size=number("image_size", 2048),
        patch_size=number("patch_size", 512),
        projection_dim=number("projection_dim", 16_384),
        hidden_act=act,
        layer_norm_eps=eps,
    )
    if form.hidden_size % form.num_attention_heads or form.patch_size > form.image_size:
        raise _damaged(path, "its sizes do not fit together")
    return form


def read_vision_form(path: Path) -> VisionForm:
    """Return the form in a model folder's `VISION_NAME`.

    Raises
    ------
    ModelError
        The file is missing, damaged or of a newer format.
    """
    raw = read_json(path)
    version = raw.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _damaged(path, "it states no format_version")
    if version > _VISION_FORMAT:
        raise ModelError(
            f"The model's {path.name} is of the format {version}, newer than this program.",
            path=path,
            remedy="Update the program.",
        )
    return vision_form(raw, path)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a small JSON file of a model.

    Raises
    ------
    ModelError
        The file is missing, too large, or holds no object.
    """
    try:
        if path.stat().st_size > _SMALL_FILE:
            raise _damaged(path, "it is far too large")
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"The model lacks its {path.name}.", path=path, remedy=_INSTALL_AGAIN
        ) from None
    except OSError as error:
        raise ModelError(
            f"The model's {path.name} cannot be read ({error.strerror or error}).", path=path
        ) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "it is not JSON") from error
    if not isinstance(raw, dict):
        raise _damaged(path, "it holds no object")
    return raw


@register
class GeoClip:
    """CLIP ViT-L/14 with GeoCLIP's head; its embedding lies in the space of the places."""

    kind = "geoclip"

    def default_config(self) -> ModelConfig:
        """Return the configuration of the published model."""
        return ModelConfig(
            name="geoclip",
            version="1",
            kind=self.kind,
            input_size=224,
            mean=CLIP_MEAN,
            std=CLIP_STD,
            crop="centre",
            embedding_size=512,
            licence="MIT",
            origin="GeoCLIP (VicenteVivanco/geoclip-geolocation) on CLIP ViT-L/14 (openai)",
            world=True,
            resample="bicubic",
            min_side=True,
        )

    def recognises(self, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Return whether there are a vision tower, its projection and a head that fits it."""
        projection = shapes.get(_PROJECTION, ())
        first = shapes.get(HEAD_PREFIX + "0.weight", ())
        return (
            len(shapes.get(_PATCHES, ())) == 4
            and len(projection) == len(first) == 2
            and first[1] == projection[0]
            and HEAD_PREFIX + "2.weight" in shapes
        )

    def build(self, weights: Path, config: ModelConfig) -> torch.nn.Module:
        """Return the network as a module on the CPU, float32, ready to run.

        It takes normalised pixels (N, 3, S, S) and returns (N, D), not brought to length 1.

        Raises
        ------
        ModelError
            The form or a tensor is missing, does not fit, or holds what is no number.
        """
        form = read_vision_form(weights.parent / VISION_NAME)
        if form.image_size != config.input_size:
            raise ModelError(
                f"The vision tower takes {form.image_size} pixels, config.json says "
                f"{config.input_size}.",
                path=weights.parent,
                remedy=_INSTALL_AGAIN,
            )
        return _build(form, weights, config.embedding_size)

    def load(self, weights: Path, config: ModelConfig, *, device: str) -> TorchNetwork:
        """Return the network on the device; see `build`."""
        return TorchNetwork(self.build(weights, config), config, device)


def tower_shapes(form: VisionForm, dimension: int, path: Path) -> dict[str, tuple[int, ...]]:
    """Return the tensors that ``model.safetensors`` holds for a form, by name and shape.

    Raises
    ------
    ModelError
        The form names an activation that does not exist; ``path`` is told.
    """
    state = _skeleton(form, dimension, path).state_dict()
    return {_file_name(name): tuple(tensor.shape) for name, tensor in state.items()}


def _skeleton(form: VisionForm, dimension: int, path: Path) -> torch.nn.Module:
    """Return the network without memory behind its tensors."""
    import torch
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    class Tower(torch.nn.Module):
        """CLIP's image side with the head behind it."""

        def __init__(self) -> None:
            super().__init__()
            self.clip = CLIPVisionModelWithProjection(CLIPVisionConfig(**asdict(form)))
            width = form.projection_dim
            self.head = torch.nn.Sequential(
                torch.nn.Linear(width, width),
                torch.nn.ReLU(),
                torch.nn.Linear(width, dimension),
            )

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            features: torch.Tensor = self.clip(pixel_values=pixels).image_embeds
            vectors: torch.Tensor = self.head(features)
            return vectors

    try:
        # On the meta device nothing is allocated or drawn at random before the weights come.
        with torch.device("meta"):
            return Tower()
    except KeyError as error:
        raise _damaged(path, f"the activation {form.hidden_act!r} is unknown") from error


def _build(form: VisionForm, weights: Path, dimension: int) -> torch.nn.Module:
    import torch

    module: Any = _skeleton(form, dimension, weights.parent / VISION_NAME)
    state = module.state_dict()
    needed = {_file_name(name): tuple(tensor.shape) for name, tensor in state.items()}
    tensors = load_tensors(weights, needed)
    module.load_state_dict({name: tensors[_file_name(name)] for name in state}, assign=True)
    # The one buffer that no file carries: the numbers of the patches.
    embeddings = module.clip.vision_model.embeddings
    embeddings.position_ids = torch.arange(embeddings.num_positions).unsqueeze(0)
    module.eval()
    module.requires_grad_(False)
    built: torch.nn.Module = module
    return built


def _file_name(name: str) -> str:
    """Return what a tensor of the module is called in the file."""
    if name.startswith("head."):
        return HEAD_PREFIX + name.removeprefix("head.")
    return name.removeprefix("clip.")


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(
        f"The model's {path.name} is damaged: {why}.", path=path, remedy=_INSTALL_AGAIN
    )
