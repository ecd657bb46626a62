"""Reading a safetensors file with care: its header, its checksum, its tensors."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geotagger.errors import ModelError
from geotagger.progress import CancelToken

if TYPE_CHECKING:
    import torch

_HEADER_LIMIT = 25_000_000
"""Far more than any real model has; the format itself allows four times that."""
_WIDTHS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64"), 8),
}
"""Bytes per number of each type of the format."""
_BLOCK = 1 << 20
_INSTALL_AGAIN = "Install the model again."


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the tensors of a safetensors file, from its header alone.

    The header is held against the format: no name twice, known types, each tensor as long as its
    shape says, all of them side by side to the last byte of the file. What passes has no room for
    anything but numbers.

    Raises
    ------
    ModelError
        The file is missing or is no safetensors file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= length <= min(_HEADER_LIMIT, size - 8):
                raise _no_safetensors(path)
            text = file.read(length)
        header = json.loads(text, object_pairs_hook=_no_name_twice)
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise _no_safetensors(path) from error
    if not isinstance(header, dict):
        raise _no_safetensors(path)
    header.pop("__metadata__", None)
    shapes, pieces = {}, []
    for name, entry in header.items():
        shape, begin, end = _piece(entry, path)
        shapes[name] = shape
        pieces.append((begin, end))
    reached = 0
    for begin, end in sorted(pieces):
        if begin != reached:
            raise _no_safetensors(path)
        reached = end
    if reached != size - 8 - length:
        raise _no_safetensors(path)
    return shapes


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _piece(entry: Any, path: Path) -> tuple[tuple[int, ...], int, int]:
    """Return the shape of a tensor and where its bytes begin and end."""
    if not isinstance(entry, dict):
        raise _no_safetensors(path)
    shape = _whole_numbers(entry.get("shape"), path)
    offsets, kind = _whole_numbers(entry.get("data_offsets"), path), entry.get("dtype")
    width = _WIDTHS.get(kind) if isinstance(kind, str) else None
    if width is None or len(offsets) != 2 or math.prod(shape) * width != offsets[1] - offsets[0]:
        raise _no_safetensors(path)
    return tuple(shape), offsets[0], offsets[1]


def _whole_numbers(value: Any, path: Path) -> list[int]:
    if not isinstance(value, list) or not all(
        isinstance(one, int) and not isinstance(one, bool) and 0 <= one < 1 << 62 for one in value
    ):
        raise _no_safetensors(path)
    return value


def sha256_of(path: Path, *, cancel: CancelToken | None = None) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Raises
    ------
    ModelError
        The file cannot be read.
    CancelledError
        The token was cancelled.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                if cancel is not None:
                    cancel.raise_if_cancelled()
                digest.update(block)
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def load_tensors(path: Path, needed: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Return the needed tensors of a safetensors file as float32.

    ``needed`` maps names to shapes; other tensors of the file are left alone.

    Raises
    ------
    ModelError
        The file is damaged, a tensor is missing or of another shape, or holds NaN or infinity.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    tensor_shapes(path)
    tensors: dict[str, torch.Tensor] = {}
    try:
        with safe_open(path, framework="pt") as file:
            present = set(file.keys())
            missing = sorted(set(needed) - present)
            if missing:
                more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
                raise ModelError(
                    f"The model's weights lack the tensor {missing[0]}{more}.",
                    path=path,
                    remedy=_INSTALL_AGAIN,
                )
            for name, shape in needed.items():
                tensor = file.get_tensor(name)
                if tuple(tensor.shape) != shape:
                    raise ModelError(
                        f"The tensor {name} has the shape {tuple(tensor.shape)}, not {shape}.",
                        path=path,
                        remedy=_INSTALL_AGAIN,
                    )
                tensor = tensor.to(torch.float32)
                if not bool(torch.isfinite(tensor).all()):
                    raise ModelError(
                        f"The tensor {name} holds values that are no numbers.",
                        path=path,
                        remedy=_INSTALL_AGAIN,
                    )
                tensors[name] = tensor
    except SafetensorError as error:
        raise _no_safetensors(path) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    return tensors


def _no_safetensors(path: Path) -> ModelError:
    return ModelError(
        "The model's weights are damaged or no safetensors file.",
        path=path,
        remedy=_INSTALL_AGAIN,
    )


def _unreadable(path: Path, error: OSError) -> ModelError:
    if isinstance(error, FileNotFoundError):
        return ModelError("The model's weights are missing.", path=path, remedy=_INSTALL_AGAIN)
    return ModelError(f"The model's weights cannot be read ({error.strerror or error}).", path=path)
