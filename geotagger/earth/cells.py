"""S2 cells in bulk: places to cell ids and back, with NumPy, bit for bit as s2sphere has them.

S2 projects the sphere on a cube, bends each face's coordinates (u, v) into (s, t) by a quadratic
so that cells have alike areas, halves the face 30 times, and numbers the leaves along a Hilbert
curve. An id is 3 bits of face, 2 bits per level, a one, and zeros: a cell's leaves are a range of
ids with the cell's own id in its middle, which is what partitions are built on (PlaNet, section 3).

Ids depend on the last bit of sine and cosine where a place lies on an edge. NumPy's may differ in
that bit from those of the C library, which s2sphere uses, so places within a few such bits of an
edge are computed once more with the C library's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geotagger.earth import hilbert
from geotagger.earth.distance import EARTH_RADIUS_M, to_degrees

MAX_LEVEL = 30
"""The level of the leaves, about 1 cm wide."""

MAX_LON = 360.0
"""Longitudes may be written past ±180°, but not past this."""

FACES = 6

Ids = NDArray[np.uint64]
Levels = NDArray[np.int64]
Floats = NDArray[np.float64]

_SIDE = 1 << MAX_LEVEL
_CHUNK = 1 << 14
"""Places at once: the arrays in between stay in the processor's cache."""

# Sine and cosine are off by at most 2 bits of 2**-53, (s, t) by a few more: below 4e-6 leaves.
_EDGE_LEAVES = 1e-5
_EDGE_FACE = 1e-14
_ONE = np.uint64(1)


def cell_ids(lat: ArrayLike, lon: ArrayLike, level: int = MAX_LEVEL) -> Ids:
    """Return the ids (N) of the cells of a level that hold the places, degrees.

    Raises
    ------
    ValueError
        The shapes differ, the level is not from 0 to 30, a latitude is not within ±90, a longitude
        is not within ±360, or one of them is not finite.
    """
    _check_level(level)
    phi, lam = checked_places(lat, lon)
    found = np.empty(len(phi), np.uint64)
    for rows in _chunks(len(phi)):
        found[rows] = _leaves(np.radians(phi[rows]), np.radians(lam[rows]))
    return found if level == MAX_LEVEL else parents(found, level)


def cell_centres(ids: ArrayLike) -> tuple[Floats, Floats]:
    """Return latitudes and longitudes (N) of the cells' centres, degrees; lon in [-180, 180).

    Raises
    ------
    ValueError
        One of the ids is no cell's.
    """
    return to_degrees(centre_vectors(checked_ids(ids)))


def cell_levels(ids: ArrayLike) -> Levels:
    """Return the levels (N) of cells, 0 for a face to 30 for a leaf.

    Raises
    ------
    ValueError
        One of the ids is no cell's.
    """
    return _levels(checked_ids(ids))


def parents(ids: ArrayLike, level: int) -> Ids:
    """Return the cells (N) of a coarser level that hold the given ones; of its own level itself.

    Raises
    ------
    ValueError
        An id is no cell's or its cell is coarser than the level.
    """
    _check_level(level)
    given = checked_ids(ids)
    last = np.uint64(1 << 2 * (MAX_LEVEL - level))
    if np.any(last_bits(given) > last):
        raise ValueError(f"a cell is coarser than level {level}")
    return np.asarray((given & ~(last - _ONE) & ~last) | last, np.uint64)


def children(ids: ArrayLike) -> Ids:
    """Return the four cells (N, 4) inside each cell, in the order of the curve.

    Raises
    ------
    ValueError
        An id is no cell's or a leaf's.
    """
    given = checked_ids(ids)
    last = last_bits(given)
    if np.any(last == _ONE):
        raise ValueError("a leaf has no children")
    small = (last >> np.uint64(2))[:, None]
    steps = np.arange(-3, 4, 2, dtype=np.int64).astype(np.uint64)
    return np.asarray(given[:, None] + steps * small, np.uint64)


def ranges(ids: ArrayLike) -> tuple[Ids, Ids]:
    """Return the first and the last leaf (N each) inside each cell."""
    given = np.asarray(ids, np.uint64)
    reach = last_bits(given) - _ONE
    return given - reach, given + reach


def tokens(ids: ArrayLike) -> list[str]:
    """Return the ids as S2 writes them: hexadecimal without the zeros at the end."""
    return [f"{one:016x}".rstrip("0") for one in checked_ids(ids).tolist()]


def from_tokens(given: Sequence[str]) -> Ids:
    """Return the ids (N) of tokens.

    Raises
    ------
    ValueError
        A token is no cell's.
    """
    for token in given:
        if not 0 < len(token) <= 16 or token.strip("0123456789abcdefABCDEF"):
            raise ValueError(f"{token!r} is no token of a cell")
    return checked_ids(np.array([int(token.ljust(16, "0"), 16) for token in given], np.uint64))


def cell_vertices(ids: ArrayLike) -> Floats:
    """Return the corners (N, 4, 2) of cells, latitude and longitude, counter-clockwise.

    Raises
    ------
    ValueError
        One of the ids is no cell's.
    """
    return cell_outlines(ids, steps=1)


def cell_outlines(ids: ArrayLike, steps: int) -> Floats:
    """Return points (N, 4 · steps, 2) around cells: each edge, a great circle, in equal steps.

    Raises
    ------
    ValueError
        One of the ids is no cell's or the steps are not positive.
    """
    if steps < 1:
        raise ValueError("an edge has one step or more")
    face, low_u, low_v, high_u, high_v = _bounds(checked_ids(ids))
    share = np.arange(steps) / steps
    rising, falling = share[None, :], 1.0 - share[None, :]
    zero, one = np.zeros((1, steps)), np.ones((1, steps))
    across = np.concatenate((rising, one, falling, zero), axis=1)
    along = np.concatenate((zero, rising, one, falling), axis=1)
    u = low_u[:, None] * (1.0 - across) + high_u[:, None] * across
    v = low_v[:, None] * (1.0 - along) + high_v[:, None] * along
    lat, lon = to_degrees(_vectors(np.broadcast_to(face[:, None], u.shape), u, v))
    return np.stack((lat, lon), axis=-1)


def areas_m2(ids: ArrayLike) -> Floats:
    """Return the areas (N) of cells on the sphere, square metres.

    Raises
    ------
    ValueError
        One of the ids is no cell's.
    """
    _, low_u, low_v, high_u, high_v = _bounds(checked_ids(ids))

    def corner(u: Floats, v: Floats) -> Floats:
        # The solid angle of the rectangle from the face's middle to (u, v).
        return np.arctan2(u * v, np.sqrt(1.0 + u * u + v * v))

    whole = corner(high_u, high_v) - corner(low_u, high_v)
    whole += corner(low_u, low_v) - corner(high_u, low_v)
    # Small cells vanish in the differences of large ones; there the middle's density serves.
    wide, high = high_u - low_u, high_v - low_v
    u, v = low_u + wide / 2.0, low_v + high / 2.0
    small = wide * high * (1.0 + u * u + v * v) ** -1.5
    return np.asarray(np.where(wide < 1e-4, small, whole) * EARTH_RADIUS_M**2, np.float64)


def centre_vectors(ids: Ids) -> Floats:
    """Return unit vectors (N, 3) of the centres; ids are not checked."""
    found = np.empty((len(ids), 3))
    for rows in _chunks(len(ids)):
        face, i, j, size = _corners(ids[rows])
        u = _bent((i + 0.5 * size) / _SIDE)
        v = _bent((j + 0.5 * size) / _SIDE)
        part = _vectors(face, u, v)
        np.multiply(part, (1.0 / np.sqrt(1.0 + u * u + v * v))[:, None], out=found[rows])
    return found


def last_bits(ids: Ids) -> Ids:
    """Return the lowest bit that is set in each id (N), which tells the level."""
    return np.asarray(ids & (~ids + _ONE), np.uint64)


def checked_ids(ids: ArrayLike) -> Ids:
    """Return ids as an array (N).

    Raises
    ------
    ValueError
        One of them is no cell's id.
    """
    given = np.atleast_1d(np.asarray(ids))
    if given.ndim != 1:
        raise ValueError(f"expected ids of shape (N,), found {given.shape}")
    if given.dtype.kind not in "ui" or (given.dtype.kind == "i" and np.any(given < 0)):
        raise ValueError(f"ids are unsigned whole numbers, found {given.dtype}")
    given = given.astype(np.uint64, copy=False)
    if not valid(given).all():
        raise ValueError("an id is that of no S2 cell")
    return given


def valid(ids: Ids) -> NDArray[np.bool_]:
    """Return which numbers (N) are ids of cells."""
    odd_place = (last_bits(ids) & np.uint64(0x1555555555555555)) != 0
    return np.asarray(odd_place & ((ids >> np.uint64(61)) < FACES), np.bool_)


def checked_places(lat: ArrayLike, lon: ArrayLike) -> tuple[Floats, Floats]:
    """Return latitudes and longitudes as arrays (N) of degrees.

    Raises
    ------
    ValueError
        As `cell_ids` does.
    """
    phi = np.atleast_1d(np.asarray(lat, np.float64))
    lam = np.atleast_1d(np.asarray(lon, np.float64))
    if phi.shape != lam.shape or phi.ndim != 1:
        raise ValueError(f"expected two arrays (N,), found {phi.shape} and {lam.shape}")
    # Written so that a NaN fails too.
    if len(phi) and not (np.abs(phi).max() <= 90.0 and np.abs(lam).max() <= MAX_LON):
        raise ValueError("latitudes must be within ±90, longitudes within ±360 degrees")
    return phi, lam


def _chunks(total: int) -> Iterator[slice]:
    for start in range(0, total, _CHUNK):
        yield slice(start, min(start + _CHUNK, total))


def _check_level(level: int) -> None:
    if not 0 <= level <= MAX_LEVEL:
        raise ValueError(f"levels are from 0 to {MAX_LEVEL}, found {level}")


def _levels(ids: Ids) -> Levels:
    # A power of two is exact in float64, and so is its exponent.
    exponents = np.frexp(last_bits(ids).astype(np.float64))[1] - 1
    return np.asarray(MAX_LEVEL - exponents // 2, np.int64)


def _leaves(phi: Floats, lam: Floats) -> Ids:
    """Return leaves of places in radians."""
    flat = np.cos(phi)
    face, s, t, unsure = _projected(np.cos(lam) * flat, np.sin(lam) * flat, np.sin(phi))
    if unsure.any():
        again = np.flatnonzero(unsure)
        some_phi, some_lam = phi[again].tolist(), lam[again].tolist()
        flat = np.array([math.cos(one) for one in some_phi])
        x = np.array([math.cos(one) for one in some_lam]) * flat
        y = np.array([math.sin(one) for one in some_lam]) * flat
        z = np.array([math.sin(one) for one in some_phi])
        face[again], s[again], t[again], _ = _projected(x, y, z)
    # Neither is negative, so cutting the fraction off is rounding down.
    i = np.minimum(s.astype(np.int64), _SIDE - 1)
    j = np.minimum(t.astype(np.int64), _SIDE - 1)
    place = hilbert.positions(face, i, j)
    place <<= _ONE
    place |= _ONE
    place |= face.astype(np.uint64) << np.uint64(61)
    return place


def _projected(
    x: Floats, y: Floats, z: Floats
) -> tuple[NDArray[np.int64], Floats, Floats, NDArray[np.bool_]]:
    """Return face, s and t in leaves, and whether the last bits of x, y, z decide on the leaf."""
    ax, ay, az = np.abs(x), np.abs(y), np.abs(z)
    # Ties go to the later axis, as in S2.
    x_over_y, flat = ax > ay, np.maximum(ax, ay)
    is_z = flat <= az
    is_x = x_over_y & ~is_z
    main = np.where(is_z, z, np.where(x_over_y, x, y))
    behind = main < 0
    face = np.where(is_z, 2, np.where(x_over_y, 0, 1))
    face += 3 * behind
    # u and v are the other two coordinates over the main one, with signs and order by the face.
    near = np.where(is_x, y, -x) / main
    far = np.where(is_z, -y, z) / main
    s, t = _straight(np.where(behind, far, near)), _straight(np.where(behind, near, far))
    # The main axis and the next are alike: largest less middle of the three.
    other = np.minimum(ax, ay)
    unsure = np.abs(flat - az) < _EDGE_FACE
    unsure |= (flat - other < _EDGE_FACE) & ~is_z
    for value in (s, t):
        value *= _SIDE
        unsure |= np.abs(value - np.rint(value)) < _EDGE_LEAVES
    return face, s, t, unsure


def _straight(u: Floats) -> Floats:
    """Return s of u (or t of v): S2's quadratic projection, in the same steps as s2sphere."""
    root = np.abs(u)
    root *= 3.0
    root += 1.0
    np.sqrt(root, out=root)
    root *= 0.5
    return np.where(u >= 0.0, root, 1.0 - root)


def _bent(s: Floats) -> Floats:
    """Return u of s; the inverse of `_straight`."""
    other = 1.0 - s
    return np.where(
        s >= 0.5, (1.0 / 3.0) * (4.0 * s * s - 1.0), (1.0 / 3.0) * (1.0 - 4.0 * other * other)
    )


def _corners(
    ids: Ids,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return face, the lowest i and j inside each cell, and the cell's side in leaves."""
    face = (ids >> np.uint64(61)).astype(np.int64)
    last = last_bits(ids)
    position = ((ids - last) >> _ONE) & np.uint64((1 << 60) - 1)
    i, j = hilbert.squares(face, position)
    size = np.left_shift(np.int64(1), MAX_LEVEL - _levels(ids))
    # The first leaf of the curve may be any corner of the cell; rounding down gives the lowest.
    return face, i & -size, j & -size, size


def _bounds(ids: Ids) -> tuple[NDArray[np.int64], Floats, Floats, Floats, Floats]:
    face, i, j, size = _corners(ids)
    return (
        face,
        _bent(i / _SIDE),
        _bent(j / _SIDE),
        _bent((i + size) / _SIDE),
        _bent((j + size) / _SIDE),
    )


def _vectors(face: NDArray[np.int64], u: Floats, v: Floats) -> Floats:
    """Return points (..., 3) on the cube."""
    one = np.ones(())
    by_face = (
        (one, u, v),
        (-u, one, v),
        (-u, -v, one),
        (-one, -v, -u),
        (v, -one, -u),
        (v, u, -one),
    )
    found = np.empty((*u.shape, 3))
    first = int(face.flat[0]) if face.size else 0
    if np.all(face == first):
        # Sorted cells come face by face.
        for axis, value in enumerate(by_face[first]):
            found[..., axis] = value
        return found
    for number, axes in enumerate(by_face):
        here = face == number
        for axis, value in enumerate(axes):
            np.copyto(found[..., axis], value, where=here)
    return found
