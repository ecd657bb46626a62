"""Pictures behind the first one of a JPEG, and Exif data that says where they are.

Maker notes of some cameras hold the offset of a large preview that lies behind the picture. It
counts from the start of the Exif block, so it would be wrong once the block has grown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from geotagger.photos.containers.jpeg_segments import (
    EXIF_HEADER,
    Head,
    payload,
    refused,
)
from geotagger.photos.edits import CHUNK

MAX_PICTURES = 256
"""Pictures behind the first that are looked at, more than any burst or multi-picture file has."""
_MARKS = re.compile(rb"\xff\xd9|\xff\xd8\xff")
_BEGIN, _END = b"\xff\xd8\xff", b"\xff\xd9"


class PictureMarks:
    """Finds where pictures begin behind the first, fed with all bytes from the first scan on.

    The end of the first picture counts as one, because some cameras' previews begin there with a
    damaged first byte.

    Parameters
    ----------
    start
        Where in the file the first byte that is fed stands.
    """

    def __init__(self, start: int) -> None:
        self.found: list[int] = []
        self._position = start
        self._ended = False
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """Look through the next bytes."""
        text = self._tail + data
        base = self._position - len(self._tail)
        for match in _MARKS.finditer(text):
            if match.group() == _END:
                if not self._ended:
                    self.found.append(base + match.end())
                self._ended = True
            elif self._ended and base + match.start() not in self.found[-1:]:
                if len(self.found) >= MAX_PICTURES:
                    break
                self.found.append(base + match.start())
        self._position += len(data)
        self._tail = text[-2:] if not self._ended else _unfinished(text)


def _unfinished(text: bytes) -> bytes:
    """Return the last bytes of a chunk that may be the begin of a mark."""
    for size in (2, 1):
        if _BEGIN.startswith(text[-size:]):
            return text[-size:]
    return b""


def refuse_moved(source: BinaryIO, head: Head, path: Path) -> None:
    """Raise WriteRefusedError if Exif data says where a picture behind the first one is.

    The file is read through only if some number in the data leads to the begin of a picture.
    """
    if _has_suspicious_number(source, head, path):
        refuse_pointers(source, head, pictures_behind(source, head.scan), path)


def pictures_behind(source: BinaryIO, scan: int) -> list[int]:
    """Return where pictures begin behind the first, whose first scan is at `scan`."""
    marks = PictureMarks(scan)
    source.seek(scan)
    while data := source.read(CHUNK):
        marks.feed(data)
    return marks.found


def refuse_pointers(source: BinaryIO, head: Head, pictures: Sequence[int], path: Path) -> None:
    """Raise WriteRefusedError if the Exif data holds the offset of one of the pictures."""
    for block, start in _blocks(source, head, path):
        for position in pictures:
            offset = position - start
            if offset <= len(block):
                continue
            if offset.to_bytes(4, "little") in block or offset.to_bytes(4, "big") in block:
                raise refused("Maker notes point to a preview behind the picture.", path)


def _has_suspicious_number(source: BinaryIO, head: Head, path: Path) -> bool:
    size = source.seek(0, os.SEEK_END)
    for block, start in _blocks(source, head, path):
        for offset in _numbers(block, head.scan - start, size - start):
            position = start + offset
            source.seek(position - 2)
            around = source.read(5)
            if around[:2] == _END or around[2:] == _BEGIN:
                return True
    return False


def _numbers(block: bytes, lowest: int, highest: int) -> Iterable[int]:
    """Return the numbers of four bytes in a block, at any place and in both orders, in a range."""
    found = set[int]()
    for shift in range(4):
        words = block[shift : shift + (len(block) - shift) // 4 * 4]
        for form in ("<u4", ">u4"):
            numbers = np.frombuffer(words, form)
            found.update(numbers[(numbers >= lowest) & (numbers <= highest)].tolist())
    return sorted(found)


def _blocks(source: BinaryIO, head: Head, path: Path) -> Iterable[tuple[bytes, int]]:
    """Yield each Exif block with the place in the file at which it begins."""
    for segment in head.exif:
        yield payload(source, segment, path)[EXIF_HEADER:], segment.payload + EXIF_HEADER
