"""The folder where models are installed: list, install from a folder or file, verify, remove.

Models that are fetched are installed by `geotagger.models.installing`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import platformdirs

from geotagger.errors import ModelError
from geotagger.models import placing
from geotagger.models.checking import (
    check_files,
    check_kind,
    check_model,
    check_names,
    check_runs,
)
from geotagger.models.disk import check_space
from geotagger.models.known import STARTER
from geotagger.models.registry import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    ModelConfig,
    backbone_of,
    backbones,
    read_config,
)
from geotagger.models.weights import sha256_of, tensor_shapes
from geotagger.progress import CancelToken, Progress, ProgressCallback

ENVIRONMENT = "GEOTAGGER_MODELS"
"""Environment variable that names another folder for models."""
CHOSEN = "GEOTAGGER_MODEL"
"""Environment variable that names the model to use, or its folder; `NONE` for no model at all."""
NONE = "none"

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A folder in the store; ``config`` is None and ``error`` set where it is damaged.

    ``builtin`` marks the model that comes with the program. ``unchecked`` names, right after an
    installation, the files for which the place that they came from stated no checksum.
    """

    folder: Path
    config: ModelConfig | None
    error: ModelError | None = None
    builtin: bool = False
    unchecked: tuple[str, ...] = ()

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


def builtin_folder() -> Path | None:
    """Return the folder of the small model that comes with the program, None if there is none."""
    folder = Path(str(resources.files("resources"))) / "models" / STARTER
    return folder if (folder / CONFIG_NAME).is_file() else None


def builtin() -> InstalledModel | None:
    """Return the model that comes with the program, None if there is none."""
    folder = builtin_folder()
    if folder is None:
        return None
    found = _inspect(folder)
    return InstalledModel(found.folder, found.config, found.error, builtin=True)


def model_folders(root: Path | None = None) -> list[InstalledModel]:
    """Return the models below a root, by name; damaged ones with the reason."""
    root = default_root() if root is None else root
    placing.recover(root)
    try:
        folders = sorted(
            entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")
        )
    except OSError:
        return []
    return [_inspect(folder) for folder in folders]


def usable_models(root: Path | None = None) -> list[InstalledModel]:
    """Return the models that a command without ``--model`` chooses from, the chosen one first.

    The order is: the one that the variable ``GEOTAGGER_MODEL`` names (a folder, or the name of a
    model); installed models that make claims about the world, by name; other installed models, by
    name; the one that comes with the program. Damaged ones are left out, but the one that was
    named stays, so that its error is told. Where the variable is ``none`` there are none: the
    albums alone speak.

    Raises
    ------
    ModelError
        The variable names a model that is not there.
    """
    named = os.environ.get(CHOSEN)
    if named == NONE:
        return []
    sound = [model for model in model_folders(root) if model.config is not None]
    sound.sort(key=lambda model: (not (model.config and model.config.world), model.name))
    own = builtin()
    if own is not None and own.config is not None:
        sound.append(own)
    if named:
        first = find_model(named, root)
        sound = [first, *(model for model in sound if model.folder != first.folder)]
    return sound


def find_model(named: str, root: Path | None = None) -> InstalledModel:
    """Return a model by its name or by its folder; an installed one comes before the built-in.

    Raises
    ------
    ModelError
        There is none.
    """
    own = builtin()
    models = model_folders(root) + ([] if own is None else [own])
    for model in models:
        if named in (model.name, model.folder.name):
            return model
    folder = Path(named).expanduser()
    if folder.is_dir():
        return _inspect(folder)
    raise ModelError(
        f"No model {named!r} is installed.",
        path=default_root() if root is None else root,
        remedy="See geotagger models list.",
    )


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
    source: Path,
    root: Path | None = None,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> InstalledModel:
    """Install a model folder or a bare safetensors file; return what was installed.

    The copy is made beside its final place, verified and run there, and moved at once: a broken,
    cancelled or killed installation leaves the former state. Only ``config.json``, the weights and
    the files that ``config.json`` lists with their checksums are copied.

    Raises
    ------
    ModelError
        The source is missing, damaged, of no known kind or fails its self-check, or the store
        cannot be written.
    CancelledError
        The token was cancelled.
    """
    if source.is_dir():
        return install_from_folder(source, root, progress=progress, cancel=cancel)
    return install_from_file(source, root, progress=progress, cancel=cancel)


def install_from_folder(
    source: Path,
    root: Path | None = None,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> InstalledModel:
    """Install a folder that has ``config.json`` and ``model.safetensors``; see `install`."""
    config = read_config(source)
    check_names(config, source)
    files = {name: source / name for name in (WEIGHTS_NAME, *config.files)}
    return _put(files, config, root, progress, cancel)


def install_from_file(
    source: Path,
    root: Path | None = None,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
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
    config = replace(kinds[0].default_config(), sha256=digest, size_bytes=source.stat().st_size)
    return _put({WEIGHTS_NAME: source}, config, root, progress, cancel)


def checked_folder_name(name: str, path: Path) -> str:
    """Return a model's name if it can name a folder.

    Raises
    ------
    ModelError
        It cannot; ``path`` is told.
    """
    if not _SAFE_NAME.fullmatch(name):
        raise ModelError(f"The model's name {name!r} cannot name a folder.", path=path)
    return name


def _put(
    files: dict[str, Path],
    config: ModelConfig,
    root: Path | None,
    progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> InstalledModel:
    root = default_root() if root is None else root
    weights = files[WEIGHTS_NAME]
    final = root / checked_folder_name(config.name, weights)
    if weights.name == WEIGHTS_NAME:
        # Before a gigabyte is copied for nothing.
        check_kind(weights.parent, config)
    try:
        with placing.locked(root), placing.workplace(root) as temporary:
            total = sum(path.stat().st_size for path in files.values())
            check_space(total, root)
            done = 0
            for name, path in files.items():
                done = _copy(path, temporary / name, done, total, progress, cancel)
            return finish(temporary, final, config, cancel=cancel)
    except OSError as error:
        raise placing.could_not(error, final) from error


def finish(
    temporary: Path, final: Path, config: ModelConfig, *, cancel: CancelToken | None = None
) -> InstalledModel:
    """Check an assembled folder, write its ``config.json`` and put it in its place.

    Raises
    ------
    ModelError
        It is not whole or does not do what it should.
    OSError
        The store cannot be written.
    CancelledError
        The token was cancelled.
    """
    with (temporary / CONFIG_NAME).open("w", encoding="utf-8") as file:
        file.write(config.to_json())
        file.flush()
        os.fsync(file.fileno())
    check_files(temporary, config, cancel=cancel)
    check_kind(temporary, config)
    check_runs(temporary, config)
    if cancel is not None:
        cancel.raise_if_cancelled()
    placing.put_in_place(temporary, final)
    return InstalledModel(final, config)


def _copy(
    source: Path,
    target: Path,
    done: int,
    total: int,
    progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> int:
    with source.open("rb") as read, target.open("wb") as write:
        while block := read.read(_BLOCK):
            if cancel is not None:
                cancel.raise_if_cancelled()
            write.write(block)
            done += len(block)
            if progress is not None:
                progress(Progress(done, total, "Copying the model", source.name, unit="bytes"))
        write.flush()
        os.fsync(write.fileno())
    return done


def verify(folder: Path, *, cancel: CancelToken | None = None) -> ModelConfig:
    """Return the configuration of a model folder that is whole and does what it should.

    All checksums are computed, the network is loaded and run once, and the self-check is made
    where the model needs one.

    Raises
    ------
    ModelError
        Something of it is missing or damaged, or it fails its self-check.
    CancelledError
        The token was cancelled.
    """
    return check_model(folder, cancel=cancel)


def remove(name: str, root: Path | None = None) -> None:
    """Remove an installed model by its name, and what was fetched of it and not installed.

    Raises
    ------
    ModelError
        No such model is installed, or it cannot be removed.
    """
    root = default_root() if root is None else root
    known = {model.name: model.folder for model in model_folders(root)}
    folder = known.get(name, root / name)
    if not _SAFE_NAME.fullmatch(name) or not root.is_dir():
        raise ModelError(f"No model named {name!r} is installed.", path=root)
    with placing.locked(root):
        dropped = placing.drop_parts(root, name)
        if not folder.is_dir():
            if dropped:
                return
            own = builtin()
            remedy = "It comes with the program." if own and own.name == name else ""
            raise ModelError(f"No model named {name!r} is installed.", path=root, remedy=remedy)
        try:
            placing.take_away(folder)
        except OSError as error:
            raise ModelError(
                f"The model could not be removed ({error.strerror or error}).", path=folder
            ) from error
