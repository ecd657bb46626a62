"""The backbones that exist, one configuration for each, and the form of a model folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from geotagger.errors import ModelError

FORMAT_VERSION = 1
"""Version of ``config.json``; a folder that states a higher one is refused."""

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"

_INSTALL_AGAIN = "Install the model again."
_CONFIG_LIMIT = 1 << 20
_MAX_INPUT_SIZE = 2048
_MAX_EMBEDDING_SIZE = 65_536
_MOST_FILES = 100
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What is written in a model folder's ``config.json``.

    ``kind`` is the backbone's name in the registry; ``input_size`` the side in pixels of the
    square that it takes; ``mean`` and ``std`` belong to RGB values in 0…1; ``crop`` says how a
    photo becomes a square ("centre": the middle of it); ``embedding_size`` the length of a row;
    ``licence`` and ``origin`` are told to the user; ``sha256`` is that of ``model.safetensors``.
    ``files`` maps the names of all other files of the folder to their SHA-256. ``world`` says that
    the model makes claims about the whole world, ``scene`` that it tells indoor, natural and urban
    apart. ``resample`` is the filter by which photos are scaled ("bilinear" or "bicubic"); with
    ``min_side`` the whole photo is scaled until its shorter side fits and the middle is cut out of
    that, as published networks were trained; without, the middle is cut out first.
    ``size_bytes`` is that of all files together, 0 where it is not known. ``sources`` maps where
    a file was downloaded from ("owner/name@revision/file" or an address) to the SHA-256 that it had
    there; empty for models that were not downloaded.
    """

    name: str
    version: str
    kind: str
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    crop: str
    embedding_size: int
    licence: str
    origin: str
    sha256: str = ""
    files: dict[str, str] = field(default_factory=dict)
    world: bool = False
    scene: bool = False
    resample: str = "bicubic"
    min_side: bool = False
    size_bytes: int = 0
    sources: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the text of ``config.json``."""
        return json.dumps({"format_version": FORMAT_VERSION, **asdict(self)}, indent=2) + "\n"


class Network(Protocol):
    """A backbone ready to run."""

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return features (N, D) of images (N, S, S, 3), not yet normalised."""
        ...


class Backbone(Protocol):
    """One kind of backbone; a module that has one registers it."""

    kind: str

    def default_config(self) -> ModelConfig:
        """Return the configuration for weights that come without one, its checksum empty."""
        ...

    def recognises(self, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Return whether tensors of these names and shapes are weights of this backbone."""
        ...

    def load(self, weights: Path, config: ModelConfig, *, device: str) -> Network:
        """Return the network with the weights of the file.

        It should be a `geotagger.models.engines.torch_engine.TorchNetwork`, made of a torch module
        that takes scaled float pixels: then the engines can export it, send it to a GPU or run it
        as it is. Any other `Network` is run as it is.

        Raises
        ------
        ModelError
            The tensors do not fit, or are not numbers.
        """
        ...


_BACKBONES: dict[str, Backbone] = {}

B = TypeVar("B", bound=type[Any])


def register(backbone: B) -> B:
    """Enter a backbone class into the registry under its ``kind``; a class decorator."""
    instance: Backbone = backbone()
    if instance.kind in _BACKBONES:
        raise ValueError(f"a backbone of the kind {instance.kind!r} is registered already")
    _BACKBONES[instance.kind] = instance
    return backbone


def backbones() -> dict[str, Backbone]:
    """Return all backbones by kind."""
    _import_all()
    return dict(_BACKBONES)


def backbone_of(kind: str, path: Path) -> Backbone:
    """Return the backbone of a kind; ``path`` is the folder that asks for it.

    Raises
    ------
    ModelError
        No such kind exists in this version of the program.
    """
    known = backbones()
    if kind not in known:
        raise ModelError(
            f"The model is of the kind {kind!r}, which this version does not know.",
            path=path,
            remedy="Update the program or install another model.",
        )
    return known[kind]


def _import_all() -> None:
    """Import the modules that register a backbone; each imports torch only when it loads."""
    from geotagger.models import any_vision, geoclip, mobilenet, starter  # noqa: F401


def read_config(folder: Path) -> ModelConfig:
    """Return the configuration of a model folder.

    Raises
    ------
    ModelError
        The folder or its ``config.json`` is missing, damaged, or of a newer format.
    """
    path = folder / CONFIG_NAME
    if not folder.is_dir():
        raise ModelError("The model folder does not exist.", path=folder, remedy=_INSTALL_AGAIN)
    try:
        if path.stat().st_size > _CONFIG_LIMIT:
            raise _damaged(path, "it is far too large")
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"The model folder has no {CONFIG_NAME}.", path=folder, remedy=_INSTALL_AGAIN
        ) from None
    except OSError as error:
        raise ModelError(
            f"The model's {CONFIG_NAME} cannot be read ({error.strerror or error}).", path=path
        ) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "it is not JSON") from error
    if not isinstance(raw, dict):
        raise _damaged(path, "it holds no object")
    version = raw.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _damaged(path, "it states no format_version")
    if version > FORMAT_VERSION:
        raise ModelError(
            f"The model's format {version} is newer than this program ({FORMAT_VERSION}).",
            path=folder,
            remedy="Update the program.",
        )
    return _checked(raw, path)


def _checked(raw: dict[str, Any], path: Path) -> ModelConfig:
    def text(key: str, *, limit: int = 500, empty: bool = False) -> str:
        value = raw.get(key)
        if not isinstance(value, str) or len(value) > limit or not (value or empty):
            raise _damaged(path, f"{key!r} is missing or no text")
        return value

    def number(key: str, most: int) -> int:
        value = raw.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise _damaged(path, f"{key!r} must be a whole number from 1 to {most}")
        return value

    def triple(key: str) -> tuple[float, float, float]:
        value = raw.get(key)
        if (
            not isinstance(value, list)
            or len(value) != 3
            or not all(isinstance(one, int | float) and np.isfinite(one) for one in value)
        ):
            raise _damaged(path, f"{key!r} must be three numbers")
        return float(value[0]), float(value[1]), float(value[2])

    std = triple("std")
    if min(std) <= 0.0:
        raise _damaged(path, "'std' must be positive")
    crop = text("crop")
    if crop != "centre":
        raise _damaged(path, f"the crop {crop!r} is unknown")

    def flag(key: str) -> bool:
        value = raw.get(key, False)
        if not isinstance(value, bool):
            raise _damaged(path, f"{key!r} must be true or false")
        return value

    sha256 = text("sha256").lower()
    if not _is_checksum(sha256):
        raise _damaged(path, "'sha256' is no checksum")
    resample = raw.get("resample", "bicubic")
    if resample not in ("bilinear", "bicubic"):
        raise _damaged(path, f"the filter {resample!r} is unknown")
    size = raw.get("size_bytes", 0)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise _damaged(path, "'size_bytes' must be a whole number")
    return ModelConfig(
        name=text("name", limit=100),
        version=text("version", limit=100),
        kind=text("kind", limit=100),
        input_size=number("input_size", _MAX_INPUT_SIZE),
        mean=triple("mean"),
        std=std,
        crop=crop,
        embedding_size=number("embedding_size", _MAX_EMBEDDING_SIZE),
        licence=text("licence", empty=True),
        origin=text("origin", empty=True),
        sha256=sha256,
        files=_checked_files(raw.get("files", {}), path),
        world=flag("world"),
        scene=flag("scene"),
        resample=resample,
        min_side=flag("min_side"),
        size_bytes=size,
        sources=_checked_sources(raw.get("sources", {}), path),
    )


def _checked_files(raw: Any, path: Path) -> dict[str, str]:
    """Return the checksums of further files; their names stay inside the folder."""
    if not isinstance(raw, dict) or len(raw) > _MOST_FILES:
        raise _damaged(path, "'files' must map names to checksums")
    files = {}
    for name, digest in raw.items():
        if not _FILE_NAME.fullmatch(name) or name in (CONFIG_NAME, WEIGHTS_NAME):
            raise _damaged(path, f"{name!r} cannot name a file of the model")
        if not isinstance(digest, str) or not _is_checksum(digest.lower()):
            raise _damaged(path, f"the checksum of {name!r} is none")
        files[name] = digest.lower()
    return files


def _checked_sources(raw: Any, path: Path) -> dict[str, str]:
    """Return where files came from; told to the user and never opened."""
    if not isinstance(raw, dict) or len(raw) > _MOST_FILES:
        raise _damaged(path, "'sources' must map addresses to checksums")
    for address, digest in raw.items():
        if len(address) > 1000 or not isinstance(digest, str) or not _is_checksum(digest):
            raise _damaged(path, "a source in 'sources' has no checksum")
    return dict(raw)


def _is_checksum(text: str) -> bool:
    return len(text) == 64 and not set(text) - set("0123456789abcdef")


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(
        f"The model's {CONFIG_NAME} is damaged: {why}.", path=path, remedy=_INSTALL_AGAIN
    )
