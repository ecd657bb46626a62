"""What the program can tell of models: installed, coming with it, known, half fetched, damaged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from geotagger.errors import ModelError
from geotagger.models import placing, store
from geotagger.models.disk import megabytes
from geotagger.models.known import known_model, known_models
from geotagger.models.registry import WEIGHTS_NAME
from geotagger.models.store import InstalledModel


class ModelState(Enum):
    """What is there of a model."""

    INSTALLED = "installed"
    BUILT_IN = "built-in"
    AVAILABLE = "not installed"
    UNFINISHED = "partly fetched"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model, as a list shows it.

    Attributes
    ----------
    name, purpose, version, licence, origin
        Told to the user; empty where they are not known.
    state
        What is there of it.
    size_bytes
        Of its files, or of what would be fetched; 0 where that is not known.
    size_is_about
        Whether the size is a rounded one, stated beforehand.
    fetched_bytes
        What an installation that did not finish left for the next one.
    folder
        Where it is, None where it is not.
    error
        What is wrong with it.
    in_use
        Whether commands and the window use it when none is named.
    """

    name: str
    state: ModelState
    purpose: str = ""
    version: str = ""
    licence: str = ""
    origin: str = ""
    size_bytes: int = 0
    size_is_about: bool = False
    fetched_bytes: int = 0
    folder: Path | None = None
    error: ModelError | None = None
    in_use: bool = False

    @property
    def can_install(self) -> bool:
        """Whether it can be fetched by its name."""
        known = known_model(self.name)
        return known is not None and bool(known.repositories)

    @property
    def size_text(self) -> str:
        """The size in words, empty where it is not known."""
        if not self.size_bytes:
            return ""
        return ("about " if self.size_is_about else "") + megabytes(self.size_bytes)


def catalogue(root: Path | None = None) -> list[ModelRow]:
    """Return all models that the program can tell of: installed, built-in, then known ones."""
    root = store.default_root() if root is None else root
    used = used_folder(root)
    rows = [_installed(model, used) for model in store.model_folders(root)]
    names = {row.name for row in rows}
    own = store.builtin()
    if own is not None:
        rows.append(_installed(own, used))
        names.add(own.name)
    for known in known_models():
        if known.name in names or not known.repositories:
            continue
        fetched = placing.parts_size(root, known.name)
        rows.append(
            ModelRow(
                name=known.name,
                state=ModelState.UNFINISHED if fetched else ModelState.AVAILABLE,
                purpose=known.purpose,
                licence=known.licence,
                origin=known.origin,
                size_bytes=known.about_bytes,
                size_is_about=True,
                fetched_bytes=fetched,
            )
        )
    return rows


def used_folder(root: Path | None = None) -> Path | None:
    """Return the folder of the model that is used when none is named, None if there is none."""
    try:
        return next((model.folder for model in store.usable_models(root)), None)
    except ModelError:
        return None


def _installed(model: InstalledModel, used: Path | None) -> ModelRow:
    known = known_model(model.name)
    purpose = "" if known is None else known.purpose
    config = model.config
    if config is None:
        return ModelRow(
            name=model.name,
            state=ModelState.DAMAGED,
            purpose=purpose,
            folder=model.folder,
            error=model.error,
        )
    return ModelRow(
        name=config.name,
        state=ModelState.BUILT_IN if model.builtin else ModelState.INSTALLED,
        purpose=purpose,
        version=config.version,
        licence=config.licence,
        origin=config.origin,
        size_bytes=config.size_bytes or _size(model.folder, tuple(config.files)),
        folder=model.folder,
        in_use=model.folder == used,
    )


def _size(folder: Path, files: tuple[str, ...]) -> int:
    try:
        return sum((folder / name).stat().st_size for name in (WEIGHTS_NAME, *files))
    except OSError:
        return 0
