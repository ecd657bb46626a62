"""What a world model makes of kept embeddings: the likeliest cells of every photo, kept as well."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geotagger.library.catalog import Catalog
from geotagger.library.storing import below
from geotagger.library.vectors import decode_cells, decode_vector, encode_cells, rounded
from geotagger.progress import CancelToken, Progress, ProgressCallback
from geotagger.suggest.types import CellGuess, WorldCells

TOP_CELLS = 50
"""Cells that are kept of a photo; the rest of the world is one number."""
_PAGE = 512


class Cells(Protocol):
    """What is wanted of a partition; `geotagger.earth.partition.Partition` is one."""

    @property
    def size(self) -> int:
        """The number of classes C."""

    @property
    def mean_lat(self) -> NDArray[np.float64]:
        """Latitude of the mean place of each class (C,), degrees."""

    @property
    def mean_lon(self) -> NDArray[np.float64]:
        """Longitude of the mean place of each class (C,), degrees."""

    @property
    def radius_m(self) -> NDArray[np.float64]:
        """Distance from the mean place that holds half of a class's photos (C,)."""

    def classes_of(self, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return the class of each place (N,), -1 for none."""


class Outline(Protocol):
    """What stored guesses are about; `geotagger.models.world_load.WorldOutline` is one."""

    @property
    def key(self) -> str:
        """Names model and partition; guesses of different keys cannot be compared."""

    @property
    def partition(self) -> Cells:
        """The cells that its classes stand for."""

    @property
    def log_prior(self) -> NDArray[np.float64]:
        """The logarithm of each class's share of all photos (C,)."""

    @property
    def album_key(self) -> str:
        """Names the model that sees whole albums for it, "" where there is none."""


class World(Outline, Protocol):
    """What turns embeddings into cells; `geotagger.models.world.WorldModel` is one."""

    def top_cells(
        self, embeddings: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """Return classes (N, k), log-probabilities (N, k), and the log of the rest's (N,)."""

    def album_cells(
        self, embeddings: NDArray[np.float32], seconds: NDArray[np.float64], k: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """Return the same for the photos of an album, seen together in time (N,)."""


def store_guesses(
    connection: sqlite3.Connection,
    world: World,
    model: str,
    digests: Sequence[str],
    vectors: NDArray[np.float32],
) -> None:
    """Keep the likeliest cells of photos, made from their vectors (N, D) as they are stored."""
    if not digests:
        return
    k = min(TOP_CELLS, world.partition.size)
    classes, log_p, log_rest = world.top_cells(rounded(vectors), k)
    connection.executemany(
        "REPLACE INTO cell_guesses (fingerprint, model, partition, classes, log_p, log_rest)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (digest, model, world.key, *encode_cells(classes[row], log_p[row]), rest)
            for row, (digest, rest) in enumerate(zip(digests, log_rest.tolist(), strict=True))
        ],
    )


def guess_missing(
    catalog: Catalog,
    root: Path,
    world: World,
    model: str,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> int:
    """Make the missing guesses of photos below a root that have an embedding; return how many.

    No pixels are read: a new partition, or a world model installed later, costs little.

    Raises
    ------
    CancelledError
        The token was cancelled; what was computed is stored.
    """
    missing = (
        "FROM photos p JOIN embeddings e ON e.fingerprint = p.fingerprint AND e.model = ?"
        " WHERE p.path >= ? AND p.path < ? AND NOT EXISTS (SELECT 1 FROM cell_guesses g"
        " WHERE g.fingerprint = p.fingerprint AND g.model = e.model AND g.partition = ?)"
    )
    values = (model, *below(root), world.key)
    with catalog.reading() as connection:
        (total,) = connection.execute(
            f"SELECT count(DISTINCT p.fingerprint) {missing}", values
        ).fetchone()
    done = 0
    while done < total:
        if cancel is not None:
            cancel.raise_if_cancelled()
        with catalog.writing() as connection:
            rows = connection.execute(
                f"SELECT DISTINCT p.fingerprint, e.vector {missing} LIMIT {_PAGE}", values
            ).fetchall()
            if not rows:
                break
            vectors = np.stack([decode_vector(row["vector"]) for row in rows])
            store_guesses(connection, world, model, [row["fingerprint"] for row in rows], vectors)
        done += len(rows)
        if progress is not None:
            progress(Progress(done, total, "Guessing places"))
    return done


def guess_of(row: sqlite3.Row) -> CellGuess | None:
    """Return the guess in a row of ``cell_guesses``, None where the join found none."""
    if row["classes"] is None:
        return None
    classes, log_p = decode_cells(row["classes"], row["log_p"])
    return CellGuess(classes, log_p, float(row["log_rest"]))


def world_cells(world: Outline) -> WorldCells:
    """Return a world model's cells as `suggest` sees them; an empty one gets a small prior."""
    partition = world.partition
    share = np.exp(np.asarray(world.log_prior, np.float64))
    share = np.maximum(share, share[share > 0].min() / 2.0)
    return WorldCells(
        classes_of=partition.classes_of,
        lat=np.asarray(partition.mean_lat, np.float64),
        lon=np.asarray(partition.mean_lon, np.float64),
        radius_m=np.asarray(partition.radius_m, np.float64),
        log_prior=np.log(share / share.sum()),
    )
