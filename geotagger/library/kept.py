"""What the program keeps on the disk besides the users' own files, and how large it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from geotagger.cache import cache_folder
from geotagger.library.catalog import Catalog
from geotagger.models.store import default_root


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of things that are kept: what it is, where it lies, its size in bytes."""

    what: str
    path: Path
    size: int


def kept(catalog: Catalog, models_root: Path | None = None) -> list[Kept]:
    """Return what is kept; blocks while folders are measured."""
    path = catalog.path
    aside = [path.with_name(path.name + end) for end in ("", "-wal", "-shm", ".backup")]
    thumbnails = [path.with_name(f"{path.name}.thumbnails{end}") for end in ("", "-wal", "-shm")]
    models = models_root if models_root is not None else default_root()
    return [
        Kept(
            "Places found, your decisions, and how to undo each write",
            path,
            sum(size_of(one) for one in aside),
        ),
        Kept("Thumbnails", thumbnails[0], sum(size_of(one) for one in thumbnails)),
        Kept("Models that you installed", models, size_of(models)),
        Kept("What can be computed again", cache_folder(""), size_of(cache_folder(""))),
    ]


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; links are not followed."""
    return sum(_sizes(path))


def _sizes(path: Path) -> Iterator[int]:
    try:
        if not path.is_dir():
            yield path.lstat().st_size
            return
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _sizes(Path(entry.path))
                else:
                    yield entry.stat(follow_symlinks=False).st_size
    except OSError:
        return
