"""The pipeline from catalogued photos to kept embeddings.

catalog → worker processes that decode → batches → the network → embeddings by content and model,
and with a world model the likeliest cells. While the network computes a batch, the next ones are
decoded. Memory does not grow with the number of photos.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from geotagger import __version__
from geotagger.errors import UnreadableFileError
from geotagger.library.brightness import brightness_of, store_brightness
from geotagger.library.catalog import Catalog
from geotagger.library.decode_ahead import Batch, DecodeAhead
from geotagger.library.storing import below, decode_path
from geotagger.library.vectors import encode_vector
from geotagger.library.world_guesses import World, guess_missing, store_guesses
from geotagger.models.embedder import Seen
from geotagger.models.preprocess import decoder_of
from geotagger.models.registry import ModelConfig
from geotagger.photos.bounded import default_workers
from geotagger.photos.decode import load_rgb
from geotagger.progress import CancelToken, Progress, ProgressCallback, RateMeter

_FIRST_BATCH = 4
_QUICK_S, _SLOW_S = 0.5, 2.0
"""A batch that takes less is followed by a larger one, one that takes more by a smaller one: so a
large network on a slow computer still shows progress and stops when told to."""
_PAGE = 256


class Named(Protocol):
    """What has a name and a version: a model, or its configuration."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def version(self) -> str:
        """The model's version; another one means new embeddings."""


class ImageEmbedder(Protocol):
    """What the pipeline wants of a model; `geotagger.models.embedder.Embedder` is one.

    One that has ``batch`` and ``stream`` as well is given its batches in a stream.
    """

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def version(self) -> str:
        """The model's version; another one means new embeddings."""

    @property
    def input_size(self) -> int:
        """Side of the square pictures it wants, in pixels."""

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return unit rows (N, D) for sRGB pictures (N, S, S, 3)."""


class StreamingEmbedder(ImageEmbedder, Protocol):
    """A model that takes batch after batch and tells how large they should be."""

    @property
    def batch(self) -> int:
        """How many photos at once suit it best."""

    def stream(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[Seen]:
        """Yield what is seen in each batch, in turn."""


@dataclass(frozen=True, slots=True)
class EmbeddingFailure:
    """A photo whose pixels could not be read; it is still placed by its album."""

    path: Path
    error: Exception


def model_key(model: Named) -> str:
    """Return the name under which a model's vectors are stored."""
    return f"{model.name}/{model.version}"


def embed_missing(
    catalog: Catalog,
    root: Path,
    embedder: ImageEmbedder,
    *,
    world: World | None = None,
    again: bool = False,
    workers: int | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    failures: list[EmbeddingFailure] | None = None,
) -> int:
    """Compute the embeddings that are missing below a root; return how many photos got new ones.

    Photos that only got a guess of the world model count as well. Every batch is stored when it is
    done: a stopped or killed run goes on where it was. A photo that cannot be decoded is
    remembered by its content and not tried again by this version of the program.

    Parameters
    ----------
    world
        Also keep the likeliest cells of every photo, those embedded before included.
    again
        Also try what could not be decoded before.
    workers
        Processes that decode; None for as many as there are cores.
    failures
        Gets the photos that could not be decoded this time.

    Raises
    ------
    CancelledError
        The token was cancelled; what was computed is stored.
    CatalogError
        The catalog cannot be written.
    """
    cancel = cancel or CancelToken()
    model = model_key(embedder)
    source = _Missing(catalog, root, model, again=again)
    size = _BatchSize(embedder)
    told = _Told(source, progress)
    stored = 0
    ahead = DecodeAhead(
        source.paths,
        decoder_for(embedder),
        workers=workers or default_workers(),
        size=lambda: size.wanted,
        cancel=cancel,
    )
    with ahead, closing(_looked_at(embedder, ahead, size)) as looked_at:
        for batch, seen in looked_at:
            digests = [source.taken(path) for path in batch.paths]
            with catalog.writing() as connection:
                if seen is not None:
                    store_seen(connection, model, digests, seen)
                    store_brightness(connection, digests, batch.brightness)
                if world is not None and seen is not None:
                    store_guesses(connection, world, model, digests, seen.vectors)
                for path, error in batch.failed:
                    digest = source.taken(path)
                    if _lasting(path, error):
                        _remember(connection, digest, error)
            if failures is not None:
                failures.extend(EmbeddingFailure(path, error) for path, error in batch.failed)
            stored += len(digests)
            told.take(batch)
    cancel.raise_if_cancelled()
    if world is not None:
        stored += guess_missing(catalog, root, world, model, progress=progress, cancel=cancel)
    return stored


def decoder_for(embedder: ImageEmbedder) -> Callable[[Path], NDArray[np.uint8]]:
    """Return how photos are decoded for a model: as its configuration says, if it has one."""
    config = getattr(embedder, "config", None)
    if isinstance(config, ModelConfig):
        return decoder_of(config)
    return partial(load_rgb, max_side=embedder.input_size, square=embedder.input_size)


class _Missing:
    """The photos to be embedded, listed once and then read page by page."""

    def __init__(self, catalog: Catalog, root: Path, model: str, *, again: bool) -> None:
        self.total = 0
        self._catalog = catalog
        self._values = (*below(root), model, "" if again else __version__)
        self._digests: dict[Path, str] = {}

    def paths(self) -> Iterator[Path]:
        """Yield the paths, album after album; runs in the thread that decodes.

        The list lies in a temporary table, which SQLite keeps on disk when it grows.
        """
        try:
            with self._catalog.reading() as connection:
                connection.execute(
                    "CREATE TEMP TABLE to_embed AS SELECT path, fingerprint FROM photos p"
                    " WHERE path >= ? AND path < ? AND error = '' AND NOT missing AND NOT document"
                    " AND NOT EXISTS (SELECT 1 FROM embeddings e"
                    "  WHERE e.fingerprint = p.fingerprint AND e.model = ?)"
                    " AND NOT EXISTS (SELECT 1 FROM undecodable u"
                    "  WHERE u.fingerprint = p.fingerprint AND u.program = ?)"
                    " GROUP BY fingerprint ORDER BY folder, wall_us, path",
                    self._values,
                )
                (self.total,) = connection.execute("SELECT count(*) FROM to_embed").fetchone()
            last = 0
            while True:
                with self._catalog.reading() as connection:
                    rows = connection.execute(
                        "SELECT rowid, path, fingerprint FROM to_embed WHERE rowid > ?"
                        " ORDER BY rowid LIMIT ?",
                        (last, _PAGE),
                    ).fetchall()
                if not rows:
                    return
                for row in rows:
                    path = decode_path(row["path"])
                    self._digests[path] = row["fingerprint"]
                    yield path
                last = rows[-1]["rowid"]
        finally:
            # The temporary table goes with the connection.
            self._catalog.release()

    def taken(self, path: Path) -> str:
        """Return the fingerprint of a path that was yielded, and forget it."""
        return self._digests.pop(path)


class _BatchSize:
    """How many photos the next batch should have, by how long the last one took."""

    def __init__(self, embedder: ImageEmbedder) -> None:
        self._embedder = embedder
        self.wanted = min(_FIRST_BATCH, self._most)

    @property
    def _most(self) -> int:
        return int(getattr(self._embedder, "batch", 16))

    def took(self, count: int, seconds: float) -> None:
        """Learn from a batch of ``count`` photos."""
        if seconds > _SLOW_S:
            self.wanted = max(1, self.wanted // 2)
        elif seconds < _QUICK_S and count >= self.wanted:
            self.wanted *= 2
        self.wanted = min(self.wanted, self._most)


class _Told:
    """Tells how far the pipeline is, photo by photo."""

    def __init__(self, source: _Missing, progress: ProgressCallback | None) -> None:
        self._source = source
        self._progress = progress
        self._meter = RateMeter()
        self._done = 0

    def take(self, batch: Batch) -> None:
        rate = self._meter.take(self._done + len(batch))
        for path in (*batch.paths, *(path for path, _ in batch.failed)):
            self._done += 1
            if self._progress is not None:
                self._progress(
                    Progress(self._done, self._source.total, "Looking at photos", path.name, rate)
                )


def _looked_at(
    embedder: ImageEmbedder, ahead: Iterable[Batch], size: _BatchSize
) -> Generator[tuple[Batch, Seen | None], None, None]:
    """Yield each batch with what is seen in it, None where nothing of it could be decoded."""
    under_way: deque[tuple[Batch, float]] = deque()
    empty: deque[Batch] = deque()

    def images() -> Iterator[NDArray[np.uint8]]:
        for batch in ahead:
            if not batch.paths:
                empty.append(batch)
                continue
            batch.brightness = brightness_of(batch.images)
            under_way.append((batch, time.monotonic()))
            yield batch.stacked()

    for seen in _stream(embedder)(images()):
        batch, since = under_way.popleft()
        size.took(len(batch.paths), time.monotonic() - since)
        yield batch, seen
        while empty:
            yield empty.popleft(), None
    while empty:
        yield empty.popleft(), None


def _stream(
    embedder: ImageEmbedder,
) -> Callable[[Iterable[NDArray[np.uint8]]], Iterator[Seen]]:
    if hasattr(embedder, "stream"):
        return cast(StreamingEmbedder, embedder).stream
    return lambda batches: (Seen(embedder.embed(images)) for images in batches)


def missing_photos(
    catalog: Catalog, root: Path, model: str, *, again: bool = False
) -> Iterator[tuple[Path, str]]:
    """Yield path and fingerprint of the photos below a root that a model has not embedded.

    Those that could not be decoded before are left out unless ``again``. Meant for a thread of its
    own or for a list: the thread's connection is closed at the end.
    """
    missing = _Missing(catalog, root, model, again=again)
    for path in missing.paths():
        yield path, missing.taken(path)


def store_seen(
    connection: sqlite3.Connection, model: str, digests: Sequence[str], seen: Seen
) -> None:
    """Keep what a model saw in photos of these fingerprints."""
    connection.executemany(
        "REPLACE INTO embeddings (fingerprint, model, vector) VALUES (?, ?, ?)",
        [
            (digest, model, encode_vector(vector))
            for digest, vector in zip(digests, seen.vectors, strict=True)
        ],
    )
    if seen.scenes is not None:
        connection.executemany(
            "REPLACE INTO scenes (fingerprint, model, scene) VALUES (?, ?, ?)",
            [
                (digest, model, encode_vector(scene))
                for digest, scene in zip(digests, seen.scenes, strict=True)
            ],
        )


def _lasting(path: Path, error: Exception) -> bool:
    """Return whether the content is to blame, not a drive that is away or a missing permission."""
    return isinstance(error, UnreadableFileError) and os.access(path, os.R_OK)


def _remember(connection: sqlite3.Connection, digest: str, error: Exception) -> None:
    connection.execute(
        "REPLACE INTO undecodable (fingerprint, program, error) VALUES (?, ?, ?)",
        (digest, __version__, getattr(error, "message", str(error))),
    )
