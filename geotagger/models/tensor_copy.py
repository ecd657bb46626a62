"""Take some tensors out of safetensors files into a new one without loading them."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from geotagger.errors import ModelError
from geotagger.models.weights import tensor_shapes
from geotagger.progress import CancelToken, Progress, ProgressCallback

_BLOCK = 4 << 20
_ALIGN = 8


@dataclass(frozen=True, slots=True)
class _Piece:
    """Bytes of one tensor: where they lie and what the header says of them."""

    path: Path
    start: int
    length: int
    entry: dict[str, Any]


def copy_tensors(
    sources: Mapping[Path, Mapping[str, tuple[int, ...]]],
    target: Path,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> None:
    """Write a safetensors file of tensors of others, byte for byte, in bounded memory.

    Parameters
    ----------
    sources
        For each file the names of the tensors to take and the shapes that they must have.
    target
        The file to write; what is there is overwritten.

    Raises
    ------
    ModelError
        A source is damaged, lacks a tensor, or has it in another shape.
    OSError
        The target cannot be written.
    CancelledError
        The token was cancelled; the target is unfinished then.
    """
    pieces: dict[str, _Piece] = {}
    for path, wanted in sources.items():
        pieces |= _pieces(path, wanted)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, piece in pieces.items():
        end = offset + piece.length
        header[name] = {**piece.entry, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGN)
    done = 0
    with target.open("wb") as write:
        write.write(struct.pack("<Q", len(text)) + text)
        for piece in pieces.values():
            with piece.path.open("rb") as read:
                read.seek(piece.start)
                _copy_bytes(read, write, piece, cancel)
            done += piece.length
            if progress is not None:
                progress(Progress(done, offset, "Copying the model", target.name))
        write.flush()
        os.fsync(write.fileno())


def _copy_bytes(read: BinaryIO, write: BinaryIO, piece: _Piece, cancel: CancelToken | None) -> None:
    left = piece.length
    while left:
        if cancel is not None:
            cancel.raise_if_cancelled()
        block = read.read(min(left, _BLOCK))
        if not block:
            raise _cut_short(piece.path)
        write.write(block)
        left -= len(block)


def _pieces(path: Path, wanted: Mapping[str, tuple[int, ...]]) -> dict[str, _Piece]:
    shapes = tensor_shapes(path)
    missing = sorted(set(wanted) - set(shapes))
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ModelError(
            f"The weights lack the tensor {missing[0]}{more}.",
            path=path,
            remedy="Get the model again.",
        )
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        size = os.fstat(file.fileno()).st_size
    found = {}
    for name, shape in wanted.items():
        if shapes[name] != shape:
            raise ModelError(
                f"The tensor {name} has the shape {shapes[name]}, not {shape}.", path=path
            )
        entry = header[name]
        offsets, dtype = entry.get("data_offsets"), entry.get("dtype")
        if (
            not isinstance(offsets, list)
            or len(offsets) != 2
            or not all(isinstance(one, int) for one in offsets)
            or not isinstance(dtype, str)
            or not 0 <= offsets[0] <= offsets[1] <= size - 8 - length
        ):
            raise _cut_short(path)
        start = 8 + length + offsets[0]
        found[name] = _Piece(
            path, start, offsets[1] - offsets[0], {"dtype": dtype, "shape": list(shape)}
        )
    return found


def _cut_short(path: Path) -> ModelError:
    return ModelError(
        "The weights are damaged or cut short.", path=path, remedy="Get the model again."
    )
