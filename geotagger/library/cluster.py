"""The embedding step on several machines: Ray Data maps it over photos; results come back here.

Ray, an optional extra, spreads the photos over actors that each hold the model. An actor or
machine that dies takes nothing with it: Ray gives its photos to another one. What comes back is
checked all the same: each photo once, none too many.

The model travels to the machines through Ray's object store; photos are read where an actor runs,
so a folder of photos must be visible there under the same path (a network share). Photos that are
not can be sent in Parquet shards with the columns ``path`` (text) and ``bytes``.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geotagger.errors import ClusterError
from geotagger.models.embedder import Embedder, load_embedder
from geotagger.models.preprocess import decoder_of
from geotagger.progress import CancelToken, Progress, ProgressCallback, RateMeter

LOCAL = "local"
"""In place of an address: actors on this machine."""
_BATCH = 16
_STORE_BYTES = 128 << 20
_ALONE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Ray's variable; despite its name it counts on Linux too."""
EXTRA = 'pip install "photo-geotagger[cluster]"'


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Where and how widely to run.

    Attributes
    ----------
    address
        ``ray://HOST:PORT``, or `LOCAL` for actors on this machine.
    workers
        How many actors hold the model at the same time.
    device
        As in `geotagger.models.embedder.load_embedder`.
    batch
        Photos given to an actor at once: what is done again when it dies.
    """

    address: str
    workers: int = 2
    device: str = "auto"
    batch: int = _BATCH


@dataclass(frozen=True, slots=True)
class Embedded:
    """One photo's result.

    ``vector`` is a unit row (D,), float32; ``scene`` (3,) or None; ``error`` says why there is no
    vector; ``process`` names machine and process that made it.
    """

    name: str
    vector: NDArray[np.float32] | None
    scene: NDArray[np.float32] | None
    error: str
    process: str


def require_cluster() -> None:
    """Raise `ClusterError` where the optional extra is not installed."""
    for module in ("ray", "pyarrow"):
        if importlib.util.find_spec(module) is None:
            raise ClusterError(
                f"Running on a cluster needs {module}, which is not installed.",
                remedy=f"Install it with {EXTRA}.",
            )


def embed_on_cluster(
    model_folder: Path,
    photos: Sequence[Path] | None,
    options: ClusterOptions,
    *,
    shards: Sequence[Path] = (),
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[Embedded]:
    """Yield the result of every photo, in any order, as they come back.

    Parameters
    ----------
    model_folder
        An installed model; its files are sent to the machines.
    photos
        Paths that the machines can read, each once; or None to read ``shards`` instead.
    shards
        Parquet files with the columns ``path`` and ``bytes``.

    Raises
    ------
    ClusterError
        Ray is missing, the cluster cannot be reached, or it lost or doubled a photo.
    CancelledError
        The token was cancelled.
    """
    require_cluster()
    names = None if photos is None else [os.fsdecode(path) for path in photos]
    if names is not None and len(set(names)) != len(names):
        raise ValueError("expected each photo once")
    cancel = cancel or CancelToken()
    meter, seen = RateMeter(), set[str]()
    total = 0 if names is None else len(names)
    with _connected(options) as ray:
        model = {
            path.name: ray.put(path.read_bytes())
            for path in sorted(model_folder.iterdir())
            if path.is_file()
        }
        for one in _rows(ray, model, names, shards, options):
            cancel.raise_if_cancelled()
            if one.name in seen:
                raise ClusterError(f"The cluster gave a photo twice ({one.name!a}).")
            seen.add(one.name)
            if progress is not None:
                rate = meter.take(len(seen))
                shown = Path(one.name).name
                progress(Progress(len(seen), total, "Looking at photos", shown, rate))
            yield one
    if names is not None and len(seen) != len(names):
        raise ClusterError(
            f"The cluster lost {len(names) - len(seen)} of {len(names)} photos.",
            remedy="What came back is kept; run the command again for the rest.",
        )


def _rows(
    ray: Any,
    model: dict[str, Any],
    names: list[str] | None,
    shards: Sequence[Path],
    options: ClusterOptions,
) -> Iterator[Embedded]:
    import ray.data as data

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    if not (shards if names is None else names):
        return
    if names is not None:
        # Names need not be valid UTF-8, which Arrow's texts must be: they travel as bytes.
        items = [{"path": os.fsencode(name)} for name in names]
        blocks = max(options.workers, -(-len(items) // options.batch))
        source = data.from_items(items, override_num_blocks=min(blocks, len(items)))
    else:
        # Not `read_parquet`: its threads import a file system for HTTP side by side, and where that
        # cannot be imported one of them may see it half made and end the work.
        items = [{"shard": os.fsencode(path.absolute())} for path in shards]
        source = data.from_items(items, override_num_blocks=len(items)).map_batches(
            _rows_of_shards, fn_args=(options.batch,), batch_size=1, batch_format="pyarrow"
        )
        # Few shards, or small ones, come as one block, which only one actor would get.
        source = source.repartition(target_num_rows_per_block=options.batch)
    tables = source.map_batches(
        PhotoActor,
        fn_constructor_args=(model, options.device),
        batch_size=options.batch,
        batch_format="pyarrow",
        compute=data.ActorPoolStrategy(
            min_size=1, max_size=options.workers, initial_size=options.workers
        ),
        num_cpus=1,
    ).iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1)
    try:
        for table in tables:
            yield from map(_result_of, table.to_pylist())
    except ray.exceptions.RayError as error:
        words = str(error).strip().splitlines()
        raise ClusterError(
            f"The cluster failed ({words[-1][:200] if words else type(error).__name__}).",
            remedy="What came back is kept; run the command again for the rest.",
        ) from error


def _rows_of_shards(table: Any, rows: int) -> Iterator[Any]:
    """Yield the photos of Parquet files as tables of at most ``rows``."""
    import pyarrow
    import pyarrow.parquet

    for name in table.column("shard").to_pylist():
        with pyarrow.parquet.ParquetFile(os.fsdecode(name)) as shard:
            for batch in shard.iter_batches(rows, columns=["path", "bytes"]):
                yield pyarrow.Table.from_batches([batch])


def _result_of(row: dict[str, Any]) -> Embedded:
    def numbers(key: str) -> NDArray[np.float32] | None:
        return None if row[key] is None else np.asarray(row[key], np.float32)

    return Embedded(
        os.fsdecode(row["path"]), numbers("vector"), numbers("scene"), row["error"], row["process"]
    )


class PhotoActor:
    """Holds the model on a machine of the cluster; Ray makes it and calls it with batches."""

    def __init__(self, model: dict[str, Any], device: str) -> None:
        import ray

        with tempfile.TemporaryDirectory(prefix="geotagger-model-") as place:
            for name, reference in model.items():
                (Path(place) / name).write_bytes(ray.get(reference))
            self._embedder = load_embedder(Path(place), device=device)
        self._process = f"{os.uname().nodename if hasattr(os, 'uname') else ''}:{os.getpid()}"

    def __call__(self, table: Any) -> Any:
        """Return a table of results for a table with ``path`` and perhaps ``bytes``."""
        import pyarrow

        names = [_as_bytes(name) for name in table.column("path").to_pylist()]
        contents: list[bytes | None] = [None] * len(names)
        if "bytes" in table.column_names:
            contents = table.column("bytes").to_pylist()
        pixels = [
            _decoded(self._embedder, name, content)
            for name, content in zip(names, contents, strict=True)
        ]
        good = [one for one in pixels if isinstance(one, np.ndarray)]
        vectors: list[Any] = [None] * len(pixels)
        scenes: list[Any] = [None] * len(pixels)
        if good:
            seen = self._embedder.look(np.stack(good))
            places = [at for at, one in enumerate(pixels) if isinstance(one, np.ndarray)]
            for row, at in enumerate(places):
                vectors[at] = seen.vectors[row].tolist()
                scenes[at] = None if seen.scenes is None else seen.scenes[row].tolist()
        floats = pyarrow.list_(pyarrow.float32())
        errors = ["" if isinstance(one, np.ndarray) else one for one in pixels]
        return pyarrow.table(
            {
                "path": pyarrow.array(names, pyarrow.binary()),
                "vector": pyarrow.array(vectors, floats),
                "scene": pyarrow.array(scenes, floats),
                "error": pyarrow.array(errors, pyarrow.string()),
                "process": pyarrow.array([self._process] * len(names), pyarrow.string()),
            }
        )


def _as_bytes(name: Any) -> bytes:
    return os.fsencode(name) if isinstance(name, str) else bytes(name)


def _decoded(embedder: Embedder, name: bytes, content: Any) -> NDArray[np.uint8] | str:
    """Return a photo's pixels, or why there are none."""
    decode = decoder_of(embedder.config)
    path = Path(os.fsdecode(name))
    try:
        if content is None:
            return decode(path)
        with tempfile.TemporaryDirectory(prefix="geotagger-photo-") as place:
            # Decoders tell some kinds of file by its name.
            copy = Path(place) / f"photo{path.suffix}"
            copy.write_bytes(bytes(content))
            return decode(copy)
    except (OSError, MemoryError) as error:
        return str(error) or type(error).__name__
    except Exception as error:  # noqa: BLE001 - one photo must not end the work of a cluster
        return getattr(error, "message", "") or str(error) or type(error).__name__


@contextmanager
def _connected(options: ClusterOptions) -> Iterator[Any]:
    """Connect to the cluster, or start one of this machine's own, and leave it afterwards."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if options.address == LOCAL:
        # Ray takes 127.0.0.1 for a mistake, resolves it to this machine's address in the network
        # and listens on all interfaces, unless it is told before its import that it stays alone.
        os.environ.setdefault(_ALONE, "0")
    import ray

    if ray.is_initialized():
        yield ray
        return
    how: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if options.address == LOCAL:
        how |= {
            "address": "local",
            "num_cpus": options.workers + 1,
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
            "_node_ip_address": "127.0.0.1",
        }
    else:
        how |= {"address": options.address}
    try:
        ray.init(**how)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        words = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ClusterError(
            f"The cluster {options.address} cannot be used ({words[:200]}).",
            remedy="Check the address and that Ray of the same version runs there.",
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
