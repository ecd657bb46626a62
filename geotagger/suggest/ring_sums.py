"""The sums over rings that cost most of the time of a suggestion, in single precision and in parts.

A ring of size s holds half of ``1 - q`` in a disc of radius r at a distance d, with
``q = a / sqrt(a^2 + 4 s^2 r^2)`` and ``a = s^2 + (d^2 - r^2)`` (see `motion.mass_within`). Only the
difference of the squares can lose digits; it is taken in double precision and shared by all rings.
The rest in single precision is wrong by less than a millionth, far below what any of the fitted
numbers is known to, and takes a quarter of the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

BLOCK = 40_000
"""Numbers that are worked on together: the few arrays of them stay in a processor's cache."""


def hits_between(
    apart_m: FloatArray, scale_m: FloatArray, rings: FloatArray, radii_m: FloatArray
) -> FloatArray:
    """Return the rings' masses within all radii, summed, at some places from others.

    Parameters
    ----------
    apart_m
        Distances between the places of each photo, metres (H, X, P).
    scale_m, rings
        Sizes of the rings around each place, metres, and their shares (H, P, S).
    radii_m
        Radii of the discs, metres (R,).

    Returns
    -------
    FloatArray
        (H, at X, from P).
    """
    count, places, sizes = scale_m.shape
    asked = apart_m.shape[1]
    out = np.zeros(apart_m.shape)
    if out.size == 0:
        return out
    whole = len(radii_m) * 0.5 * rings.sum(axis=2)
    radii = np.square(radii_m)[:, None, None]
    for part in _parts(count, len(radii_m) * asked * places):
        # Places first, so that what belongs to a ring repeats over long stretches of memory.
        apart = np.square(apart_m[part].transpose(1, 0, 2)).reshape(asked, -1)
        base = np.subtract(apart, radii).astype(np.float32)
        square = np.square(scale_m[part]).astype(np.float32).reshape(-1, sizes).T.copy()
        share = (0.5 * rings[part]).astype(np.float32).reshape(-1, sizes).T.copy()
        four = (4.0 * radii).astype(np.float32)
        across, root = np.empty_like(base), np.empty_like(base)
        total = np.zeros(apart.shape, np.float32)
        for ring in range(sizes):
            np.add(base, square[ring], out=across)
            np.multiply(across, across, out=root)
            root += four * square[ring]
            np.sqrt(root, out=root)
            across /= root
            total += across.sum(axis=0) * share[ring]
        held = total.reshape(asked, -1, places).transpose(1, 0, 2)
        np.subtract(whole[part, None, :], held, out=out[part])
    return out


def mass_in_discs(
    away_m: FloatArray, radii_m: FloatArray, scale_m: FloatArray, weight: FloatArray
) -> FloatArray:
    """Return the mass (H, R) of all rings in discs of some radii around one place per photo.

    Parameters
    ----------
    away_m
        Distances of the rings' places from the middle of the discs, metres (H, P).
    radii_m
        Radii of the discs, metres (H, R).
    scale_m, weight
        Sizes of the rings, metres, and how much each counts (H, P, S).
    """
    count, places, sizes = scale_m.shape
    discs = radii_m.shape[1]
    out = np.zeros((count, discs))
    if places == 0 or out.size == 0:
        return out
    whole = 0.5 * weight.sum(axis=(1, 2))
    for part in _parts(count, discs * places):
        radius = np.square(radii_m[part].T)[:, :, None]
        apart = np.square(away_m[part]) - radius
        base = apart.astype(np.float32).reshape(discs, -1)
        four = np.broadcast_to(4.0 * radius, apart.shape).astype(np.float32).reshape(discs, -1)
        square = np.square(scale_m[part]).astype(np.float32).reshape(-1, sizes).T.copy()
        share = (0.5 * weight[part]).astype(np.float32).reshape(-1, sizes).T.copy()
        across, root, other = (np.empty_like(base) for _ in range(3))
        total = np.zeros_like(base)
        for ring in range(sizes):
            np.add(base, square[ring], out=across)
            np.multiply(across, across, out=root)
            np.multiply(four, square[ring], out=other)
            root += other
            np.sqrt(root, out=root)
            across /= root
            across *= share[ring]
            total += across
        held = total.reshape(discs, -1, places).sum(axis=2)
        out[part] = whole[part, None] - held.T
    return out


def _parts(count: int, size: int) -> list[slice]:
    rows = max(1, BLOCK // max(size, 1))
    return [slice(start, start + rows) for start in range(0, count, rows)]
