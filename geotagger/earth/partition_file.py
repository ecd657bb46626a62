"""Partitions and hierarchies in files: a NumPy archive (.npz) without pickles, versioned.

`format_version` and `about` (JSON as bytes) come first, then for each partition, coarse to fine,
``0/ids``, ``0/counts``, ``0/mean_lat``, ``0/mean_lon``, ``0/radius_m``, ``1/ids``, …. Members are
stored, not compressed, so that a file never grows while it is read, and `numpy.load` reads it.
Parents are found anew, and thereby checked, when a hierarchy is loaded.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.hierarchy import Hierarchy
from geotagger.earth.partition import Limits, Partition
from geotagger.errors import PartitionError

FORMAT_VERSION = 1

MAX_BYTES = 1 << 30
"""A larger file is none of ours: 20 million cells fit into it."""

_MAX_PARTITIONS = 32
_MAX_ABOUT = 1 << 20
_COLUMNS = {"ids": "<u8", "counts": "<i8", "mean_lat": "<f8", "mean_lon": "<f8", "radius_m": "<f8"}
# Zip cannot tell earlier years; a fixed date makes equal partitions equal files.
_DATE = (1980, 1, 1, 0, 0, 0)


def save(one: Partition | Hierarchy, path: Path) -> None:
    """Write a partition or a hierarchy; the file is replaced whole or not at all.

    Raises
    ------
    PartitionError
        The file cannot be written.
    """
    partitions = one.partitions if isinstance(one, Hierarchy) else (one,)
    about = {
        "kind": "hierarchy" if isinstance(one, Hierarchy) else "partition",
        "partitions": [
            {
                "name": part.name,
                "scheme": part.scheme,
                "points": part.points,
                "limits": asdict(part.limits),
            }
            for part in partitions
        ],
    }
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    members: dict[str, NDArray[Any]] = {
        "format_version": np.array([FORMAT_VERSION], "<i8"),
        "about": text,
    }
    for number, part in enumerate(partitions):
        for column, kind in _COLUMNS.items():
            members[f"{number}/{column}"] = getattr(part, column).astype(kind)
    # Of its own process and with the user's usual permissions, which a temporary file has not.
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with beside.open("wb") as file:
                _write(file, members)
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise PartitionError(
            f"The partition cannot be written ({error.strerror or error}).", path=path
        ) from error


def load(path: Path) -> Partition | Hierarchy:
    """Return what a file holds.

    Raises
    ------
    PartitionError
        It cannot be read, is damaged, is no file of a partition, or of a newer version.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise PartitionError(f"This is no partition: it has {size:,} bytes.")
        with zipfile.ZipFile(path) as archive:
            return _read(archive, size)
    except PartitionError as error:
        # Checks of the contents know no path.
        raise PartitionError(error.message, path=path, remedy=error.remedy) from error
    except OSError as error:
        raise PartitionError(
            f"The partition cannot be read ({error.strerror or error}).", path=path
        ) from error
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        KeyError,
        TypeError,
        ValueError,
        OverflowError,
        MemoryError,
    ) as error:
        raise PartitionError(
            f"The file is damaged or holds no partition ({type(error).__name__}: {error}).",
            path=path,
            remedy="Build it again with geotagger partition build.",
        ) from error


def load_partition(path: Path) -> Partition:
    """Return the partition of a file, the finest one of a hierarchy; errors as `load`."""
    one = load(path)
    return one.finest if isinstance(one, Hierarchy) else one


def load_hierarchy(path: Path) -> Hierarchy:
    """Return the hierarchy of a file, one of a single partition where there is no more; as `load`.

    Raises
    ------
    PartitionError
        As `load` does.
    """
    one = load(path)
    return one if isinstance(one, Hierarchy) else Hierarchy.of([one])


def _write(file: IO[bytes], members: dict[str, NDArray[Any]]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, values in members.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, values, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _DATE), content.getbuffer())
    file.flush()
    os.fsync(file.fileno())


def _read(archive: zipfile.ZipFile, size: int) -> Partition | Hierarchy:
    members = archive.infolist()
    if len(members) > 2 + _MAX_PARTITIONS * len(_COLUMNS):
        raise PartitionError("This is no partition: the archive has too many members.")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise PartitionError("This is no partition of ours: its members are compressed.")
    # Stored members that together exceed the file overlap or lie about their sizes.
    if sum(member.file_size for member in members) > size:
        raise PartitionError("The file is damaged: its members are larger than itself.")
    version = _array(archive, "format_version", "<i8", 1)
    if version[0] > FORMAT_VERSION:
        raise PartitionError(
            f"The partition is of format {version[0]}, newer than {FORMAT_VERSION}, which this "
            "program knows.",
            remedy="Update the program.",
        )
    if version[0] != FORMAT_VERSION:
        raise PartitionError(f"There is no format {version[0]} of partitions.")
    about = json.loads(_array(archive, "about", "|u1", None, _MAX_ABOUT).tobytes().decode())
    kind, given = about["kind"], about["partitions"]
    if kind not in ("partition", "hierarchy") or not isinstance(given, list):
        raise PartitionError("This is no partition: it does not say what it holds.")
    if not 1 <= len(given) <= (1 if kind == "partition" else _MAX_PARTITIONS):
        raise PartitionError(f"This is no {kind}: it holds {len(given)} partitions.")
    partitions = [_partition(archive, number, one) for number, one in enumerate(given)]
    return partitions[0] if kind == "partition" else Hierarchy.of(partitions)


def _partition(archive: zipfile.ZipFile, number: int, about: dict[str, Any]) -> Partition:
    ids = _array(archive, f"{number}/ids", _COLUMNS["ids"], None)
    columns = {
        column: _array(archive, f"{number}/{column}", kind, len(ids))
        for column, kind in _COLUMNS.items()
    }
    return Partition(
        name=_typed(about["name"], str),
        scheme=_typed(about["scheme"], str),
        points=_typed(about["points"], int),
        limits=_limits(about["limits"]),
        **columns,
    )


def _limits(about: dict[str, Any]) -> Limits:
    deepest = about["max_level"]
    return Limits(
        max_count=_typed(about["max_count"], int),
        min_count=_typed(about["min_count"], int),
        min_level=_typed(about["min_level"], int),
        max_level=None if deepest is None else _typed(deepest, int),
        min_area_km2=_typed(about["min_area_km2"], float),
        keep_small=_typed(about["keep_small"], bool),
    )


def _typed(value: Any, kind: type) -> Any:
    # A bool is an int to isinstance, and a whole number may stand for a float.
    if type(value) is kind or (kind is float and type(value) is int):
        return value
    raise TypeError(f"expected {kind.__name__}, found {type(value).__name__}")


def _array(
    archive: zipfile.ZipFile, name: str, kind: str, length: int | None, most: int = MAX_BYTES
) -> NDArray[Any]:
    """Return a member as a flat array; its header is checked before anything is made of it."""
    with archive.open(f"{name}.npy") as member:
        content = member.read(most + 1)
    if len(content) > most:
        raise PartitionError(f"{name} is too large.")
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise PartitionError(f"{name} is not written as it should be.")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.str != kind or len(shape) != 1 or (length is not None and shape[0] != length):
        wanted = "N" if length is None else length
        raise PartitionError(
            f"Expected {name} of shape ({wanted},) and type {kind}, found {shape} and {dtype.str}."
        )
    start = stream.tell()
    if len(content) - start != shape[0] * dtype.itemsize:
        raise PartitionError(f"{name} is cut off.")
    return np.frombuffer(content, dtype, offset=start)
