"""Albums with known places from a CSV file, and their photos' embeddings."""

from __future__ import annotations

import csv
import hashlib
import os
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Protocol
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from geotagger.cache import cache_folder
from geotagger.errors import FolderError, GeotaggerError
from geotagger.library.embedding import decoder_for
from geotagger.photos.bounded import BoundedPool
from geotagger.progress import CancelToken, Progress, ProgressCallback

COLUMNS = ("album_id", "file", "taken_at", "lat", "lon")

_DECODE_TIMEOUT_S = 60.0
_DECODE_MEMORY = 2 << 30
_BATCH = 32
_FIX = "The columns album_id, file, taken_at, lat and lon are needed."


class PhotoEmbedder(Protocol):
    """What is asked of an embedder here; `geotagger.models.embedder.Embedder` is one."""

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    @property
    def version(self) -> str:
        """The version of the weights."""
        ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    @property
    def input_size(self) -> int:
        """The side in pixels of the square that `embed` takes."""
        ...

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return unit rows for images (N, S, S, 3)."""
        ...


@dataclass(frozen=True, slots=True)
class KnownPhoto:
    """One line of the file; ``zone_known`` tells whether the time came with an offset.

    ``name`` is the name that the photo's owner gave it and ``folder`` the folder where it lay, both
    empty where only ``file`` is known.
    """

    album: str
    file: str
    when: datetime
    zone_known: bool
    lat: float
    lon: float
    name: str = ""
    folder: str = ""


def read_albums(path: Path) -> dict[str, list[KnownPhoto]]:
    """Return the photos of each album, in the order of the file.

    Where ``index.csv`` lies beside it and has the columns ``file`` and ``path_in_repo``, the photos
    get the names and folders that they have in the latter.

    Raises
    ------
    GeotaggerError
        The file cannot be read, lacks a column, or a line is no photo with time and place.
    """
    albums: dict[str, list[KnownPhoto]] = {}
    names = _names(path.with_name("index.csv"))
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise GeotaggerError(
                    f"The table has no column {missing[0]!r}.", path=path, remedy=_FIX
                )
            for row in reader:
                photo = _photo(row, path, reader.line_num, names)
                albums.setdefault(photo.album, []).append(photo)
    except OSError as error:
        raise GeotaggerError(
            f"The table cannot be read ({error.strerror or error}).", path=path
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise GeotaggerError("The file is no CSV table.", path=path, remedy=_FIX) from error
    if not albums:
        raise GeotaggerError("The table has no photos.", path=path)
    return albums


def _names(index: Path) -> dict[str, PurePosixPath]:
    """Return the owners' paths by file; none where there is no such table."""
    try:
        with index.open(encoding="utf-8-sig", newline="") as file:
            return {
                row["file"]: PurePosixPath(row["path_in_repo"])
                for row in csv.DictReader(file)
                if row.get("file") and row.get("path_in_repo")
            }
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}


def _photo(
    row: dict[str, str | None], path: Path, line: int, names: Mapping[str, PurePosixPath]
) -> KnownPhoto:
    try:
        when = datetime.fromisoformat(row["taken_at"] or "")
        lat, lon = float(row["lat"] or ""), float(row["lon"] or "")
        if not (abs(lat) <= 90.0 and abs(lon) <= 180.0):
            raise ValueError(f"{lat}, {lon} is no place on earth")
        file = row["file"]
        if not file:
            raise ValueError("no file is named")
    except ValueError as error:
        raise GeotaggerError(f"Line {line} of the table is damaged: {error}.", path=path) from error
    zone = when.tzinfo is not None
    when = when if zone else when.replace(tzinfo=UTC)
    photo = KnownPhoto(row["album_id"] or "", file, when, zone, lat, lon)
    path_there = names.get(file)
    if path_there is None:
        return photo
    return replace(photo, name=path_there.name, folder=str(path_there.parent))


def default_cache() -> Path:
    """Return the folder where embeddings are kept between evaluations."""
    return cache_folder("evaluation")


def embeddings_of(
    files: Sequence[str],
    folder: Path,
    embedder: PhotoEmbedder,
    *,
    cache: Path | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Return the embeddings of the files below a folder; unreadable ones are missing.

    They are kept in a cache by content and model, so that a second run computes none.

    Raises
    ------
    FolderError
        The folder does not exist.
    CancelledError
        The token was cancelled; what was computed so far is kept.
    """
    if not folder.is_dir():
        raise FolderError("The folder of photos does not exist.", path=folder)
    digests = {file: digest for file in files if (digest := _digest(folder / file)) is not None}
    store = (cache or default_cache()) / f"{embedder.name}-{embedder.version}.npz"
    known = _load(store, embedder.dimension)
    wanted = {folder / file: one for file, one in digests.items() if one not in known}
    if wanted:
        try:
            _embed(wanted, known, embedder, progress, cancel)
        finally:
            _save(store, known)
    return {file: known[one] for file, one in digests.items() if one in known}


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _embed(
    wanted: dict[Path, str],
    known: dict[str, NDArray[np.float32]],
    embedder: PhotoEmbedder,
    progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> None:
    decode = decoder_for(embedder)
    batch: list[tuple[str, NDArray[np.uint8]]] = []

    def flush() -> None:
        if batch:
            rows = embedder.embed(np.stack([pixels for _, pixels in batch]))
            known.update({digest: row for (digest, _), row in zip(batch, rows, strict=True)})
            batch.clear()

    with BoundedPool(
        max(1, min(4, os.cpu_count() or 1)), _DECODE_TIMEOUT_S, _DECODE_MEMORY
    ) as pool:
        for done, (path, result) in enumerate(
            pool.map_unordered(decode, wanted, cancel=cancel), start=1
        ):
            if not isinstance(result, Exception):
                batch.append((wanted[path], result))
            if len(batch) >= _BATCH:
                flush()
            if progress is not None:
                progress(Progress(done, len(wanted), "Looking at photos", path.name))
    flush()


def _load(store: Path, dimension: int) -> dict[str, NDArray[np.float32]]:
    """Return what the cache holds; one that cannot be read holds nothing."""
    try:
        # np.load of a path leaves the file open when it is damaged.
        with store.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            digests, rows = file["digests"], file["rows"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error):
        return {}
    if rows.ndim != 2 or rows.shape != (len(digests), dimension) or rows.dtype != np.float32:
        return {}
    return {str(digest): row for digest, row in zip(digests, rows, strict=True)}


def _save(store: Path, known: dict[str, NDArray[np.float32]]) -> None:
    """Keep the embeddings; a cache that cannot be written is done without."""
    if not known:
        return
    temporary: Path | None = None
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=store.parent, prefix=".", suffix=".npz", delete=False
        ) as file:
            temporary = Path(file.name)
            np.savez(file, digests=np.array(list(known)), rows=np.stack(list(known.values())))
        temporary.replace(store)
    except OSError:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
