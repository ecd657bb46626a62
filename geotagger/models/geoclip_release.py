"""From the folders that the model hub publishes to a model folder of ours.

GeoCLIP is published as two folders. The head release has ``config.json`` (``model_type``,
``format_version`` 1, ``sigma``, ``gallery_file``, ``backbone``), ``model.safetensors`` (the head,
the location encoder and the logit scale) and the gallery as CSV. The other is CLIP ViT-L/14 as
`transformers` reads it, with or without its text tower. No code of either is run.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from geotagger.earth.partition_file import save
from geotagger.errors import ModelError
from geotagger.models.geo_space import GALLERY_NAME, GEO_NAME, SCALE_NAME, logit_scale, read_gallery
from geotagger.models.geoclip import (
    CLIP_MEAN,
    CLIP_STD,
    HEAD_PREFIX,
    VISION_NAME,
    GeoClip,
    VisionForm,
    read_json,
    tower_shapes,
    vision_form,
)
from geotagger.models.location_encoder import encoder_shapes
from geotagger.models.registry import CONFIG_NAME, WEIGHTS_NAME, ModelConfig
from geotagger.models.self_check import SELF_CHECK_NAME
from geotagger.models.tensor_copy import copy_tensors
from geotagger.models.weights import sha256_of, tensor_shapes
from geotagger.models.world_load import PARTITION_NAME, world_partition
from geotagger.progress import CancelToken, ProgressCallback

MODEL_TYPE = "geoclip-geolocation"
RELEASE_FORMAT = 1
PREPROCESSOR_NAME = "preprocessor_config.json"

_CSV_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.csv")
_GET_AGAIN = "Get the release again."
_VISION_DEFAULTS: dict[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 32,
    "projection_dim": 512,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}
"""What CLIP's published configurations leave out where it is so."""


@dataclass(frozen=True, slots=True)
class HeadRelease:
    """What a head release says of itself.

    ``gallery`` and ``weights`` are files in its folder; ``repo_id`` and ``revision`` name the
    CLIP folder on the hub that belongs to it.
    """

    folder: Path
    weights: Path
    gallery: Path
    repo_id: str
    revision: str


def is_head_release(folder: Path) -> bool:
    """Return whether a folder says that it is a head release of GeoCLIP, whole or not."""
    try:
        return read_json(folder / CONFIG_NAME).get("model_type") == MODEL_TYPE
    except ModelError:
        return False


def read_head_release(folder: Path) -> HeadRelease:
    """Return what the ``config.json`` of a head release says.

    Raises
    ------
    ModelError
        It is missing, damaged, of another type or of a newer format.
    """
    path = folder / CONFIG_NAME
    raw = read_json(path)
    if raw.get("model_type") != MODEL_TYPE:
        raise _damaged(path, f"its model_type is not {MODEL_TYPE!r}")
    version = raw.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _damaged(path, "it states no format_version")
    if version > RELEASE_FORMAT:
        raise ModelError(
            f"The release's format {version} is newer than this program ({RELEASE_FORMAT}).",
            path=path,
            remedy="Update the program.",
        )
    gallery = raw.get("gallery_file")
    if not isinstance(gallery, str) or not _CSV_NAME.fullmatch(gallery):
        raise _damaged(path, "its gallery_file names no CSV file of the folder")
    backbone = raw.get("backbone")
    if not isinstance(backbone, dict):
        raise _damaged(path, "it names no backbone")
    repo_id, revision = backbone.get("repo_id"), backbone.get("revision")
    if not isinstance(repo_id, str) or not isinstance(revision, str):
        raise _damaged(path, "its backbone has no repo_id or no revision")
    weights = folder / WEIGHTS_NAME
    sigma, capsules = raw.get("sigma"), _capsules(weights)
    if not isinstance(sigma, list) or len(sigma) != capsules:
        raise _damaged(path, f"its sigma does not fit the {capsules} parts of the encoder")
    return HeadRelease(folder, weights, folder / gallery, repo_id, revision)


def convert_release(
    head_folder: Path,
    clip_folder: Path,
    out: Path,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> ModelConfig:
    """Write a model folder from a head release and the CLIP folder that belongs to it.

    Tensors are copied byte for byte, so memory stays small; of CLIP only the vision tower is
    taken. ``config.json`` is written last. A ``selfcheck.safetensors`` of the head release comes
    along; the cells that answers are given in are made of the gallery here, once, so that they stay
    the same with later versions of the program.

    Parameters
    ----------
    head_folder, clip_folder
        As downloaded.
    out
        An empty folder, or one to be made.

    Returns
    -------
    ModelConfig
        What ``config.json`` of the new folder says.

    Raises
    ------
    ModelError
        A release is damaged, incomplete or newer, the two do not belong together, or the folder
        cannot be written.
    CancelledError
        The token was cancelled; the folder is unfinished then.
    """
    head = read_head_release(head_folder)
    form = _clip_form(clip_folder)
    mean, std = _scaling(clip_folder, form)
    partition = world_partition(read_gallery(head.gallery))
    logit_scale(head.weights)
    shapes = tensor_shapes(head.weights)
    encoder = encoder_shapes(shapes, head.weights)
    dimension = shapes["location_encoder.LocEnc0.head.0.bias"][0]
    image = tower_shapes(form, dimension, clip_folder / CONFIG_NAME)
    of_head = {name: shape for name, shape in image.items() if name.startswith(HEAD_PREFIX)}
    of_clip = {name: shape for name, shape in image.items() if name not in of_head}
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / VISION_NAME).write_text(form.to_json(), encoding="utf-8")
        shutil.copyfile(head.gallery, out / GALLERY_NAME)
        save(partition, out / PARTITION_NAME)
        own_check = head_folder / SELF_CHECK_NAME
        if own_check.is_file():
            shutil.copyfile(own_check, out / SELF_CHECK_NAME)
        copy_tensors({head.weights: {**encoder, SCALE_NAME: ()}}, out / GEO_NAME, cancel=cancel)
        copy_tensors(
            {clip_folder / WEIGHTS_NAME: of_clip, head.weights: of_head},
            out / WEIGHTS_NAME,
            progress=progress,
            cancel=cancel,
        )
        config = _config(out, form, dimension, mean, std, cancel)
        with (out / CONFIG_NAME).open("w", encoding="utf-8") as file:
            file.write(config.to_json())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ModelError(
            f"The model folder cannot be written ({error.strerror or error}).",
            path=out,
            remedy="Check the free space and the rights of the folder.",
        ) from error
    return config


def _config(
    out: Path,
    form: VisionForm,
    dimension: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    cancel: CancelToken | None,
) -> ModelConfig:
    others = sorted(
        entry for entry in out.iterdir() if entry.name not in (CONFIG_NAME, WEIGHTS_NAME)
    )
    files = {entry.name: sha256_of(entry, cancel=cancel) for entry in others}
    weights = sha256_of(out / WEIGHTS_NAME, cancel=cancel)
    # Vectors depend on these files alone; a gallery that changes leaves cached vectors valid.
    told = hashlib.sha256((weights + files[VISION_NAME] + files[GEO_NAME]).encode()).hexdigest()
    size = (out / WEIGHTS_NAME).stat().st_size + sum(entry.stat().st_size for entry in others)
    return replace(
        GeoClip().default_config(),
        version=f"{RELEASE_FORMAT}-{told[:12]}",
        input_size=form.image_size,
        mean=mean,
        std=std,
        embedding_size=dimension,
        sha256=weights,
        files=files,
        size_bytes=size,
    )


def _capsules(weights: Path) -> int:
    shapes = encoder_shapes(tensor_shapes(weights), weights)
    return sum(name.endswith(".capsule.0.b") for name in shapes)


def _clip_form(folder: Path) -> VisionForm:
    """Return the form of the vision tower of a CLIP folder, whole or vision only."""
    path = folder / CONFIG_NAME
    raw = read_json(path)
    kind = raw.get("model_type")
    if kind == "clip":
        vision = raw.get("vision_config") or raw.get("vision_config_dict") or {}
        if not isinstance(vision, dict):
            raise _damaged(path, "its vision_config is no object")
        # The whole CLIP projects to the width that it states for both towers.
        width = raw.get("projection_dim", _VISION_DEFAULTS["projection_dim"])
        told = {**vision, "projection_dim": width}
    elif kind == "clip_vision_model":
        told = raw
    else:
        raise _damaged(path, "it is no CLIP model")
    return vision_form({**_VISION_DEFAULTS, **told}, path)


def _scaling(
    folder: Path, form: VisionForm
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return mean and std of the folder's image processor, CLIP's own where it has none.

    Raises
    ------
    ModelError
        It prepares photos in another way than this program would.
    """
    path = folder / PREPROCESSOR_NAME
    if not path.is_file():
        return CLIP_MEAN, CLIP_STD
    raw = read_json(path)

    def side(key: str) -> object:
        value = raw.get(key, form.image_size)
        if not isinstance(value, dict):
            return value
        sides = {value.get(name) for name in ("shortest_edge", "height", "width")} - {None}
        return sides.pop() if len(sides) == 1 else None

    usual = (
        side("size") == side("crop_size") == form.image_size
        and raw.get("resample", 3) == 3
        and all(raw.get(f"do_{step}", True) for step in ("resize", "center_crop", "normalize"))
    )
    mean, std = raw.get("image_mean", list(CLIP_MEAN)), raw.get("image_std", list(CLIP_STD))
    if not usual or not _is_triple(mean) or not _is_triple(std) or min(std) <= 0.0:
        raise _damaged(path, "it prepares photos in a way that is not CLIP's")
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])


def _is_triple(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(one, float) and abs(one) < 1e3 for one in value)
    )


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(f"The release's {path.name} is damaged: {why}.", path=path, remedy=_GET_AGAIN)
