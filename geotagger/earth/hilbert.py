"""The Hilbert curve of S2 on one face of the cube, for whole arrays: (i, j) to position and back.

The curve visits the four quarters of a square in one of four orders; the order inside a quarter
follows from the order outside. Six steps of it at once are one look-up in a table of 32 KB, so
that 30 steps are five look-ups. Only S2's own constants go in, the tables are computed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 30
"""Steps from a face to a leaf; i and j are below 2**BITS."""

_STEP = 6
_MASK = np.int64((1 << _STEP) - 1)
_SWAP, _INVERT = 1, 2

# Which quarter (i, j as two bits) comes at each place of the curve, by its orientation.
_QUARTER_AT = np.array([[0, 1, 3, 2], [0, 2, 3, 1], [3, 2, 0, 1], [3, 1, 0, 2]])
# How each place of the curve turns the orientation of what is inside it.
_TURN_AT = np.array([_SWAP, 0, 0, _INVERT | _SWAP])


def _tables() -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Return (i, j, orientation) → (position, orientation) and the way back, `_STEP` steps each.

    Both keys are 14 bits: i or the position's high half, j or its low half, the orientation.
    """
    first = np.arange(4)
    i, j, place, now = np.zeros(4, int), np.zeros(4, int), np.zeros(4, int), first
    for _ in range(_STEP):
        quarter, turn = _QUARTER_AT[now], np.broadcast_to(_TURN_AT, (len(now), 4))
        i = ((i[:, None] << 1) | (quarter >> 1)).ravel()
        j = ((j[:, None] << 1) | (quarter & 1)).ravel()
        place = ((place[:, None] << 2) | np.arange(4)).ravel()
        now = (now[:, None] ^ turn).ravel()
        first = np.repeat(first, 4)
    here = (i << _STEP) | j
    to_place, to_here = np.empty(len(i), np.uint16), np.empty(len(i), np.uint16)
    to_place[(here << 2) | first] = (place << 2) | now
    to_here[(place << 2) | first] = (here << 2) | now
    return to_place, to_here


_TO_PLACE, _TO_HERE = _tables()


def positions(
    face: NDArray[np.int64], i: NDArray[np.int64], j: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return the 60 bits of the curve's position for leaves (N); odd faces start swapped."""
    now = face & _SWAP
    found = np.zeros(len(i), np.int64)
    for shift in range(BITS - _STEP, -1, -_STEP):
        key = (i >> shift) & _MASK
        key <<= _STEP
        key |= (j >> shift) & _MASK
        key <<= 2
        key |= now
        value = _TO_PLACE.take(key).astype(np.int64)
        now = value & 3
        value >>= 2
        found <<= 2 * _STEP
        found |= value
    return found.view(np.uint64)


def squares(
    face: NDArray[np.int64], position: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return i and j (N) of the leaves at positions of 60 bits; the inverse of `positions`."""
    now = face & _SWAP
    place = position.view(np.int64)
    i = np.zeros(len(place), np.int64)
    j = np.zeros(len(place), np.int64)
    for shift in range(2 * (BITS - _STEP), -1, -2 * _STEP):
        key = (place >> shift) & np.int64((1 << 2 * _STEP) - 1)
        key <<= 2
        key |= now
        value = _TO_HERE.take(key).astype(np.int64)
        now = value & 3
        i <<= _STEP
        i |= value >> (_STEP + 2)
        j <<= _STEP
        j |= (value >> 2) & _MASK
    return i, j
