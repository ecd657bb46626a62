"""Small valid files and the ways in which they are spoiled, for tests of parsers and writers."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc

from geotagger.errors import GeotaggerError
from geotagger.photos.containers.registry import Container
from geotagger.photos.edits import apply
from tests.support.patching import FIX, NAME

MAX_MEMORY = 300 << 20
"""Bytes that handling a small file may take; the parsers' own bound is 64 MB a walk."""
_NUMBERS = (0, 1, 2, 3, 8, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)


def spoiled(data: bytes, seed: int) -> bytes:
    """The file with a few random faults, the same ones for the same seed."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 4)):
        data = chance.choice(_FAULTS)(data, chance)
    return data


def _flip(data: bytes, chance: random.Random) -> bytes:
    new = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        if new:
            new[_spot(new, chance)] ^= 1 << chance.randrange(8)
    return bytes(new)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randint(0, len(data))]


def _number(data: bytes, chance: random.Random) -> bytes:
    """A count, length or offset becomes one that is far off, or leads to somewhere else."""
    at = _spot(data, chance)
    number = chance.choice((*_NUMBERS, len(data), chance.randint(0, len(data) + 9)))
    form = chance.choice(("<H", ">H", "<I", ">I"))
    number &= (1 << 8 * struct.calcsize(form)) - 1
    return data[:at] + struct.pack(form, number) + data[at + struct.calcsize(form) :]


def _twice(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted((_spot(data, chance), _spot(data, chance)))
    return data[:end] + data[start:end] * chance.randint(1, 3) + data[end:]


def _lose(data: bytes, chance: random.Random) -> bytes:
    start = _spot(data, chance)
    return data[:start] + data[start + chance.randint(1, 40) :]


def _spot(data: bytes | bytearray, chance: random.Random) -> int:
    """A place in the data; mostly at its begin, where the structures are."""
    limit = chance.choice((32, 256, len(data)))
    return chance.randrange(max(1, min(limit, len(data))))


_FAULTS = (_flip, _flip, _cut, _number, _number, _number, _twice, _lose)


def survives(container: Container, data: bytes) -> bool:
    """Whether the file was written, with every check passed; a refusal is a GeotaggerError."""
    source, target, cleared = io.BytesIO(data), io.BytesIO(), io.BytesIO()
    try:
        container.read(source, NAME)
        apply(container.edits(source, NAME, FIX), source, target)
        container.check(source, target, NAME, FIX)
        apply(container.edits(target, NAME, None), target, cleared)
        container.check(target, cleared, NAME, None)
    except GeotaggerError as error:
        assert str(error)
        return False
    return True


def peak_memory(container: Container, data: bytes) -> int:
    """The bytes that were allocated at most while the file was handled."""
    tracemalloc.start()
    try:
        survives(container, data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
