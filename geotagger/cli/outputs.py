"""Files that a command was asked to write beside its answer: tables, pictures, pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from geotagger.errors import GeotaggerError

PICTURES = (".png",)
PAGES = (".html", ".htm")


def check(file: Path | None, what: str, endings: tuple[str, ...] = ()) -> None:
    """Return if a file can be written as far as can be told, to say so before long work.

    ``what`` is what would be written: "table". With ``endings`` the name must have one of them, so
    that no photo is ever taken for a target by mistake.

    Raises
    ------
    GeotaggerError
        Its folder is missing, it is a folder itself, or its name has another ending.
    """
    if file is None:
        return
    if endings and file.suffix.lower() not in endings:
        raise GeotaggerError(
            f"The {what} is written to a name that ends in {' or '.join(endings)}.", path=file
        )
    if file.is_dir():
        raise GeotaggerError(f"The {what} cannot be written: this is a folder.", path=file)
    if not file.parent.is_dir():
        raise GeotaggerError(f"The {what} cannot be written: the folder is missing.", path=file)


def store(file: Path | None, what: str, content: bytes | str) -> None:
    """Write a file, if one is named.

    Raises
    ------
    GeotaggerError
        It cannot be written.
    """
    if file is None:
        return
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    try:
        file.write_bytes(data)
    except OSError as error:
        raise GeotaggerError(
            f"The {what} cannot be written: {error.strerror}.", path=file
        ) from error


def store_table(file: Path | None, value: dict[str, Any]) -> None:
    """Write a value as JSON, if a file is named."""
    if file is not None:
        store(file, "table", json.dumps(value, indent=1) + "\n")
