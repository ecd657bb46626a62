"""The folder where models are installed: list, install, verify, remove."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from geotagger.errors import ModelError
from geotagger.models.registry import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    ModelConfig,
    backbone_of,
    backbones,
    read_config,
)
from geotagger.models.weights import sha256_of, tensor_shapes
from geotagger.progress import CancelToken

ENVIRONMENT = "GEOTAGGER_MODELS"
"""Environment variable that names another folder for models."""

_UNFINISHED = ".installing-"
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A folder in the store; ``config`` is None and ``error`` set where it is damaged."""

    folder: Path
    config: ModelConfig | None
    error: ModelError | None = None

    @property
    def name(self) -> str:
        """The model's name, or the folder's where the model cannot be read."""
        return self.config.name if self.config is not None else self.folder.name


def default_root() -> Path:
    """Return the folder for models: ``GEOTAGGER_MODELS`` or the user's data folder."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named).expanduser()
    return Path(platformdirs.user_data_dir("photo-geotagger", appauthor=False)) / "models"


def model_folders(root: Path | None = None) -> list[InstalledModel]:
    """Return the models below a root, by name; damaged ones with the reason."""
    root = default_root() if root is None else root
    try:
        folders = sorted(
            entry
            for entry in root.iterdir()
            if entry.is_dir() and not entry.name.startswith((".", _UNFINISHED))
        )
    except OSError:
        return []
    return [_inspect(folder) for folder in folders]


def _inspect(folder: Path) -> InstalledModel:
    try:
        config = read_config(folder)
        backbone_of(config.kind, folder)
        if not (folder / WEIGHTS_NAME).is_file():
            raise ModelError(
                "The model's weights are missing.", path=folder, remedy="Install the model again."
            )
    except ModelError as error:
        return InstalledModel(folder, None, error)
    return InstalledModel(folder, config)


def install(
    source: Path, root: Path | None = None, *, cancel: CancelToken | None = None
) -> InstalledModel:
    """Install a model folder or a bare safetensors file; return what was installed.

    The copy is made beside its final place, verified there and moved at once: a broken or
    cancelled installation leaves the former state.

    Raises
    ------
    ModelError
        The source is missing, damaged or of no known kind, or the store cannot be written.
    CancelledError
        The token was cancelled.
    """
    if source.is_dir():
        return install_from_folder(source, root, cancel=cancel)
    return install_from_file(source, root, cancel=cancel)


def install_from_folder(
    source: Path, root: Path | None = None, *, cancel: CancelToken | None = None
) -> InstalledModel:
    """Install a folder that has ``config.json`` and ``model.safetensors``; see `install`."""
    config = read_config(source)
    return _put(source / WEIGHTS_NAME, config, root, cancel)


def install_from_file(
    source: Path, root: Path | None = None, *, cancel: CancelToken | None = None
) -> InstalledModel:
    """Install a safetensors file whose tensors tell its kind; see `install`."""
    shapes = tensor_shapes(source)
    kinds = [kind for kind in backbones().values() if kind.recognises(shapes)]
    if len(kinds) != 1:
        raise ModelError(
            "The file's tensors are of no kind of model that this version knows.",
            path=source,
            remedy="Install a model folder that has a config.json.",
        )
    digest = sha256_of(source, cancel=cancel)
    config = replace(kinds[0].default_config(), sha256=digest)
    return _put(source, config, root, cancel)


def _put(
    weights: Path, config: ModelConfig, root: Path | None, cancel: CancelToken | None
) -> InstalledModel:
    root = default_root() if root is None else root
    if not _SAFE_NAME.fullmatch(config.name):
        raise ModelError(f"The model's name {config.name!r} cannot name a folder.", path=weights)
    shapes = tensor_shapes(weights)
    if not backbone_of(config.kind, weights).recognises(shapes):
        raise ModelError(
            f"The weights are not those of a model of the kind {config.kind}.", path=weights
        )
    final = root / config.name
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _workplace(root) as temporary:
            _copy(weights, temporary / WEIGHTS_NAME, cancel)
            if sha256_of(temporary / WEIGHTS_NAME, cancel=cancel) != config.sha256:
                raise ModelError(
                    "The weights are not those that config.json names (the checksum differs).",
                    path=weights,
                    remedy="Get the model again.",
                )
            with (temporary / CONFIG_NAME).open("w", encoding="utf-8") as file:
                file.write(config.to_json())
                file.flush()
                os.fsync(file.fileno())
            _swap(temporary, final, root)
    except OSError as error:
        raise ModelError(
            f"The model could not be installed ({error.strerror or error}).",
            path=final,
            remedy="Check the free space and the rights of the folder.",
        ) from error
    return InstalledModel(final, config)


@contextlib.contextmanager
def _workplace(root: Path) -> Iterator[Path]:
    temporary = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=root))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _copy(source: Path, target: Path, cancel: CancelToken | None) -> None:
    with source.open("rb") as read, target.open("wb") as write:
        while block := read.read(1 << 20):
            if cancel is not None:
                cancel.raise_if_cancelled()
            write.write(block)
        write.flush()
        os.fsync(write.fileno())


def _swap(temporary: Path, final: Path, root: Path) -> None:
    """Move the finished folder to its place; what was there goes only after that."""
    if not final.exists():
        temporary.rename(final)
        return
    with _workplace(root) as aside:
        former = aside / "former"
        final.rename(former)
        try:
            temporary.rename(final)
        except OSError:
            former.rename(final)
            raise


def verify(folder: Path, *, cancel: CancelToken | None = None) -> ModelConfig:
    """Return the configuration of a model folder whose weights match their checksum.

    Raises
    ------
    ModelError
        Something of it is missing or damaged.
    """
    config = read_config(folder)
    backbone = backbone_of(config.kind, folder)
    weights = folder / WEIGHTS_NAME
    if sha256_of(weights, cancel=cancel) != config.sha256:
        raise ModelError(
            "The model's weights are damaged (the checksum differs).",
            path=weights,
            remedy="Install the model again.",
        )
    if not backbone.recognises(tensor_shapes(weights)):
        raise ModelError(f"The weights are not of the kind {config.kind}.", path=weights)
    return config


def remove(name: str, root: Path | None = None) -> None:
    """Remove an installed model by its folder's name.

    Raises
    ------
    ModelError
        No such model is installed, or it cannot be removed.
    """
    root = default_root() if root is None else root
    folder = root / name
    if not _SAFE_NAME.fullmatch(name) or not folder.is_dir():
        raise ModelError(f"No model named {name!r} is installed.", path=root)
    try:
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder)
    except OSError as error:
        raise ModelError(
            f"The model could not be removed ({error.strerror or error}).", path=folder
        ) from error
