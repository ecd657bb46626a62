"""A plain reader of TIFF directories, for what exifread does not read.

exifread knows neither BigTIFF nor long values (comments, XMP packets), and an error in one tag
costs it all others. This reader looks only at the directories that matter here: the first one,
Exif and GPS. TIFF 6.0, Exif 2.32 section 4.6; BigTIFF as in libtiff.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass

ReadAt = Callable[[int, int], bytes]
"""Returns up to ``count`` bytes from ``offset``."""

EXIF_POINTER = 0x8769
GPS_POINTER = 0x8825

_MAX_ENTRIES = 2000
_MAX_VALUES = 4096
_ASCII, _UNDEFINED = 2, 7
_FORMATS = {
    1: "B",
    2: "c",
    3: "H",
    4: "I",
    5: "II",
    6: "b",
    7: "B",
    8: "h",
    9: "i",
    10: "ii",
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: its type, number of values, and where its bytes begin."""

    type: int
    count: int
    offset: int

    @property
    def size(self) -> int:
        """The length of the value in bytes, 0 for an unknown type."""
        return self.count * struct.calcsize("<" + _FORMATS.get(self.type, ""))


class TiffReader:
    """The directories "Image", "EXIF" and "GPS" of a TIFF block.

    Parameters
    ----------
    read_at
        Where the bytes come from; offset 0 is the byte order mark.

    Raises
    ------
    ValueError
        If it is no TIFF block.
    """

    def __init__(self, read_at: ReadAt) -> None:
        self._read_at = read_at
        head = read_at(0, 16)
        if head[:2] not in (b"II", b"MM"):
            raise ValueError("expected a TIFF header")
        self._order = "<" if head[:2] == b"II" else ">"
        self._big = head[2:4] in (b"+\x00", b"\x00+")
        try:
            (first,) = struct.unpack_from(
                self._order + ("Q" if self._big else "I"), head, 4 << self._big
            )
            self.directories = {"Image": self._directory(first)}
        except struct.error as error:
            raise ValueError("the TIFF header is cut short") from error
        for name, home, tag in (
            ("EXIF", "Image", EXIF_POINTER),
            ("GPS", "Image", GPS_POINTER),
        ):
            pointer = self.numbers(home, tag)
            if pointer and math.isfinite(pointer[0]):
                self.directories[name] = self._directory(int(pointer[0]))

    @property
    def is_big(self) -> bool:
        """Whether it is a BigTIFF, with offsets of 64 bits."""
        return self._big

    def entry(self, directory: str, tag: int) -> Entry | None:
        """Return a tag of a directory, None if it is not there."""
        return self.directories.get(directory, {}).get(tag)

    def data(self, directory: str, tag: int, limit: int) -> bytes:
        """Return the first ``limit`` bytes of a tag's value, empty if it is not there."""
        entry = self.entry(directory, tag)
        return self._read_at(entry.offset, min(entry.size, limit)) if entry else b""

    def text(self, directory: str, tag: int) -> bytes | None:
        """Return a text up to its first NUL, None if there is none or it is of another type."""
        entry = self.entry(directory, tag)
        if entry is None or entry.type != _ASCII:
            return None
        return self.data(directory, tag, _MAX_VALUES).split(b"\0", 1)[0]

    def numbers(self, directory: str, tag: int) -> list[float]:
        """Return the numbers of a tag, a rational with denominator 0 as NaN; empty if none."""
        entry = self.entry(directory, tag)
        if entry is None or entry.type in (_ASCII, _UNDEFINED) or entry.type not in _FORMATS:
            return []
        code = self._order + _FORMATS[entry.type]
        count = min(entry.count, _MAX_VALUES)
        data = self._read_at(entry.offset, count * struct.calcsize(code))
        whole = len(data) - len(data) % struct.calcsize(code)
        found = []
        for values in struct.iter_unpack(code, data[:whole]):
            if len(values) == 2:
                found.append(values[0] / values[1] if values[1] else math.nan)
            else:
                found.append(float(values[0]))
        return found

    def _directory(self, offset: int) -> dict[int, Entry]:
        """Return the tags of the directory at ``offset``, as far as it can be read."""
        big = self._big
        width = 20 if big else 12
        count_size = 8 if big else 2
        head = self._read_at(offset, count_size)
        if len(head) < count_size:
            return {}
        (count,) = struct.unpack(self._order + ("Q" if big else "H"), head)
        start = offset + count_size
        data = self._read_at(start, width * min(count, _MAX_ENTRIES))
        entries: dict[int, Entry] = {}
        for at in range(0, len(data) - width + 1, width):
            tag, kind = struct.unpack_from(self._order + "HH", data, at)
            (number,) = struct.unpack_from(self._order + ("Q" if big else "I"), data, at + 4)
            value_at = at + (12 if big else 8)
            entry = Entry(kind, number, start + value_at)
            if entry.size > (8 if big else 4):
                (where,) = struct.unpack_from(self._order + ("Q" if big else "I"), data, value_at)
                entry = Entry(kind, number, where)
            entries.setdefault(tag, entry)
        return entries
