"""Where results of a cluster go: a Parquet file, or the catalog."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from geotagger.errors import ClusterError
from geotagger.library.catalog import Catalog
from geotagger.library.cluster import EXTRA, ClusterOptions, Embedded, embed_on_cluster
from geotagger.library.embedding import missing_photos, store_seen
from geotagger.models.embedder import Seen
from geotagger.models.registry import read_config
from geotagger.progress import CancelToken, ProgressCallback

_STORED_AT_ONCE = 64


def embed_missing_on_cluster(
    catalog: Catalog,
    root: Path,
    model_folder: Path,
    options: ClusterOptions,
    *,
    again: bool = False,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> tuple[int, list[tuple[Path, str]]]:
    """Compute the embeddings that are missing below a root on a cluster; keep them in the catalog.

    Returns how many were stored, and the photos that have none with the reason. What came back
    before a failure is kept. Failures are not remembered: the machines may lack the files.

    Raises
    ------
    ClusterError, ModelError, CatalogError, CancelledError
    """
    config = read_config(model_folder)
    model = f"{config.name}/{config.version}"
    digests = dict(missing_photos(catalog, root, model, again=again))
    failed: list[tuple[Path, str]] = []
    waiting: list[Embedded] = []
    stored = 0

    def store() -> None:
        vectors = [one.vector for one in waiting if one.vector is not None]
        scenes = [one.scene for one in waiting if one.scene is not None]
        if vectors:
            seen = Seen(np.stack(vectors), np.stack(scenes) if scenes else None)
            with catalog.writing() as connection:
                store_seen(connection, model, [digests[Path(one.name)] for one in waiting], seen)
        waiting.clear()

    try:
        for one in embed_on_cluster(
            model_folder, list(digests), options, progress=progress, cancel=cancel
        ):
            if one.vector is None:
                failed.append((Path(one.name), one.error))
                continue
            waiting.append(one)
            stored += 1
            if len(waiting) >= _STORED_AT_ONCE:
                store()
    finally:
        store()
    return stored, failed


def write_parquet(results: Iterable[Embedded], file: Path) -> int:
    """Write results to a Parquet file, complete or not at all; return how many rows it has.

    Columns: ``path`` (binary, as the file system knows it), ``vector`` (list of float32, null where
    there is none), ``scene`` (likewise), ``error``.

    Raises
    ------
    ClusterError
        The file cannot be written, or pyarrow is missing.
    """
    require_pyarrow()
    import pyarrow
    import pyarrow.parquet

    floats = pyarrow.list_(pyarrow.float32())
    schema = pyarrow.schema(
        [
            ("path", pyarrow.binary()),
            ("vector", floats),
            ("scene", floats),
            ("error", pyarrow.string()),
        ]
    )
    fresh = file.with_name(file.name + ".new")
    count = 0
    try:
        with pyarrow.parquet.ParquetWriter(str(fresh), schema) as writer:
            rows: list[dict[str, Any]] = []
            for one in results:
                count += 1
                rows.append(
                    {
                        "path": os.fsencode(one.name),
                        "vector": one.vector,
                        "scene": one.scene,
                        "error": one.error,
                    }
                )
                if len(rows) >= 1024:
                    writer.write_table(pyarrow.Table.from_pylist(rows, schema))
                    rows.clear()
            writer.write_table(pyarrow.Table.from_pylist(rows, schema))
        fresh.replace(file)
    except OSError as error:
        raise ClusterError(
            f"The results cannot be written: {error.strerror or error}.", path=file
        ) from error
    finally:
        fresh.unlink(missing_ok=True)
    return count


def require_pyarrow() -> None:
    """Raise `ClusterError` where pyarrow is not installed."""
    if importlib.util.find_spec("pyarrow") is None:
        raise ClusterError(
            "Parquet files need pyarrow, which is not installed.",
            remedy=f"Install it with {EXTRA}.",
        )
