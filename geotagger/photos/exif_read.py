"""The Exif tags of a photo as plain values: exifread reads, a plain reader helps out."""

from __future__ import annotations

import io
import logging
import math
import struct
from typing import Any, BinaryIO

import exifread

from geotagger.photos.opening import MeteredStream
from geotagger.photos.tiff_read import TiffReader

# It reports every oddity of a file as a warning; those that matter are told with the photo.
logging.getLogger("exifread").setLevel(logging.CRITICAL)

_EXIFREAD_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    exifread.core.exceptions.ExifError,
)
"""What exifread raises on damaged files; ReadBudgetError is a ValueError."""

_DIRECTORIES = ("Image", "EXIF", "GPS")


class ExifTags:
    """The tags of the first, Exif and GPS directories by number.

    ``notes`` tells what could not be read. Directories are named "Image", "EXIF" and "GPS".
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._values: dict[tuple[str, int], Any] = {}
        self._plain: TiffReader | None = None

    def has(self, directory: str, tag: int) -> bool:
        """Return whether the tag is there, readable or not."""
        if (directory, tag) in self._values:
            return True
        return self._plain is not None and self._plain.entry(directory, tag) is not None

    def text(self, directory: str, tag: int) -> str:
        """Return a text tag without padding; empty if missing or not text."""
        value = self._values.get((directory, tag))
        if value is None and self._plain is not None:
            value = self._plain.text(directory, tag)
        if isinstance(value, bytes):
            value = value.split(b"\0", 1)[0].decode("latin-1")
        return value.strip(" \0\t\r\n") if isinstance(value, str) else ""

    def numbers(self, directory: str, tag: int) -> list[float]:
        """Return the numbers of a tag, NaN where a denominator is 0; empty if missing or text."""
        value = self._values.get((directory, tag))
        if value is None and self._plain is not None:
            return self._plain.numbers(directory, tag)
        return [_as_float(item) for item in value] if isinstance(value, list) else []

    def number(self, directory: str, tag: int) -> float | None:
        """Return the first number of a tag if it is finite."""
        for value in self.numbers(directory, tag):
            return value if math.isfinite(value) else None
        return None

    def data(self, directory: str, tag: int, limit: int) -> bytes:
        """Return up to ``limit`` bytes of a tag as they stand in the file."""
        try:
            return self._plain.data(directory, tag, limit) if self._plain is not None else b""
        except (OSError, ValueError):
            return b""

    def adopt(self, other: ExifTags, directory: str) -> None:
        """Take the first directory of another block in as ``directory`` (CR3 keeps them apart)."""
        self.notes.extend(other.notes)
        for (name, tag), value in other._values.items():
            if name == "Image":
                self._values[directory, tag] = value


def read_block(block: bytes) -> ExifTags:
    """Return the tags of a TIFF block that was cut out of its container."""
    return read_stream(io.BytesIO(block))


def read_stream(stream: BinaryIO | io.BytesIO) -> ExifTags:
    """Return the tags of a file that is a TIFF itself; never raises for damaged content.

    Raises
    ------
    OSError
        If the disk fails.
    """
    tags = ExifTags()
    metered = MeteredStream(stream, max_reads=20_000)
    try:
        tags._plain = TiffReader(metered.read_at)
    except ValueError:
        tags.notes.append("The Exif block is damaged.")
        return tags
    if tags._plain.is_big:
        return tags  # exifread would take its numbers for those of a small one
    try:
        found = exifread.process_file(MeteredStream(stream), details=False, extract_thumbnail=False)
    except _EXIFREAD_ERRORS as error:
        tags.notes.append(f"Parts of the Exif are damaged ({error or type(error).__name__}).")
        return tags
    for name, tag in found.items():
        directory = name.split(" ", 1)[0]
        if directory in _DIRECTORIES and hasattr(tag, "values"):
            values = tag.values
            # It leaves values of a thousand items or more empty: the plain reader has those.
            if isinstance(values, str | bytes) or values:
                tags._values.setdefault((directory, tag.tag), values)
    return tags


def _as_float(value: Any) -> float:
    """Return a value of exifread as a float, NaN for a denominator of 0 or anything odd."""
    if isinstance(value, tuple):
        value = value[0] if value else math.nan
    denominator = getattr(value, "denominator", 1)
    if denominator == 0:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, ArithmeticError):
        return math.nan
