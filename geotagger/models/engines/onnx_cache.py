"""Where exported networks are kept: built once, sealed with checksums, published at once.

An entry is a folder with the graph, its weights and a ``seal.json`` that names the checksum of
each file and was written last. An entry without a seal, or with files that are not those of the
seal, is no entry: it is built again.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from geotagger.cache import cache_folder
from geotagger.errors import ModelError
from geotagger.models.registry import ModelConfig
from geotagger.models.weights import sha256_of

EXPORT_VERSION = 1
"""Raised when the way of exporting or quantising changes, so that old entries are not used."""
GRAPH_NAME = "network.onnx"

_SEAL_NAME = "seal.json"
_BUILDING = ".building-"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def default_root() -> Path:
    """Return the folder of exported networks."""
    return cache_folder("engines")


def key_of(config: ModelConfig) -> str:
    """Return the name of a model's entries: other weights, scaling or runtime, another name."""
    digest = hashlib.sha256(config.to_json().encode()).hexdigest()[:16]
    runtime = metadata.version("onnxruntime")
    name = _UNSAFE.sub("_", f"{config.name}-{config.version}")[:80]
    return f"{name}-{digest}-ort{runtime}-x{EXPORT_VERSION}"


class EngineCache:
    """Entries by model and precision below one folder; several processes may share it."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = default_root() if root is None else root

    def find(self, config: ModelConfig, precision: str) -> Path | None:
        """Return the folder of a sound entry, None where there is none; a damaged one is dropped.

        All of the entry is read and compared with its seal.
        """
        folder = self._folder(config, precision)
        if not folder.is_dir():
            return None
        if _sound(folder):
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        return None

    def about(self, config: ModelConfig, precision: str) -> dict[str, Any]:
        """Return what was noted when the entry was published; empty where there is none."""
        seal = _seal(self._folder(config, precision))
        about = seal.get("about", {}) if seal else {}
        return about if isinstance(about, dict) else {}

    def drop(self, config: ModelConfig, precision: str) -> None:
        """Remove an entry, if there is one."""
        shutil.rmtree(self._folder(config, precision), ignore_errors=True)

    def publish(
        self,
        config: ModelConfig,
        precision: str,
        build: Callable[[Path], dict[str, Any]],
    ) -> Path:
        """Build an entry and return its folder.

        ``build`` fills an empty folder and returns what is to be noted of it. The entry takes its
        name only when it is complete; if another process was quicker, its entry stays.

        Raises
        ------
        OSError
            The folder cannot be written, or the disk is full.
        Exception
            What ``build`` raised; nothing is left behind.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=self.root))
        try:
            about = build(fresh)
            files = {path.name: sha256_of(path) for path in sorted(fresh.iterdir())}
            text = json.dumps({"files": files, "about": about}, indent=1) + "\n"
            (fresh / _SEAL_NAME).write_text(text, encoding="utf-8")
            folder = self._folder(config, precision)
            folder.parent.mkdir(parents=True, exist_ok=True)
            self._put(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        self._drop_superseded(config)
        return folder

    def _put(self, fresh: Path, folder: Path) -> None:
        for _ in range(3):
            with suppress(OSError):
                fresh.rename(folder)
                return
            if _sound(folder):
                return
            shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)

    def _drop_superseded(self, config: ModelConfig) -> None:
        """Remove entries of the same weights for another runtime or way of exporting."""
        ours = key_of(config)
        same = ours.rsplit("-ort", 1)[0] + "-ort"
        with suppress(OSError):
            for other in self.root.iterdir():
                if other.name.startswith(same) and other.name != ours:
                    shutil.rmtree(other, ignore_errors=True)

    def _folder(self, config: ModelConfig, precision: str) -> Path:
        return self.root / key_of(config) / precision


def _seal(folder: Path) -> dict[str, Any]:
    try:
        seal = json.loads((folder / _SEAL_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return seal if isinstance(seal, dict) else {}


def _sound(folder: Path) -> bool:
    """Return whether all files are those of the seal, and no others."""
    files = _seal(folder).get("files")
    if not isinstance(files, dict):
        return False
    try:
        present = {path.name for path in folder.iterdir()} - {_SEAL_NAME}
        return present == set(files) and all(
            sha256_of(folder / name) == digest for name, digest in files.items()
        )
    except (OSError, ModelError):
        return False
