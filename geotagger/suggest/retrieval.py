"""Look-alikes of the album and the whole library as one density over the earth.

Vo, Jacobs and Hays (2017, sec. 3.2) place a photo where its nearest neighbours in feature space are
dense: ``f(x) = sum_i w_i N(x; x_i, s)`` over the k nearest, ``w_i`` the inverse of the distance of
the features to the power m. Here the kernels are Gaussians on the sphere, all sums are of
logarithms, and three things are added that a person's own library asks for.

Look-alikes of one scene are one look-alike: of a burst, of copies, of what one camera took within
minutes, only the most alike is heard, as all of them err together; and of one other album the
second counts half, the third a third. Look-alikes of other albums count less than the album's own,
as many more of them are there to resemble by chance. And a look-alike of no place, as alike as two
photos are by chance, takes its share, so that a few faint ones are no certainty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import EARTH_RADIUS_M, to_degrees, unit_vectors
from geotagger.suggest.types import AlbumPhoto, Alike, References

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

NEAREST = 12
"""Look-alikes of different scenes that are heard (the paper's k).

Of 32 real albums with 80 % of the places hidden, the densest place by the album's own look-alikes
was within 1 / 25 km in 26.1 / 48.8 of 100 cases with 20 of them and the tenth power, 26.3 / 48.9
with 10, 25.8 / 48.9 with 5, and 25.2 / 48.0 for the most alike one; other powers and widths did no
better.
"""

FETCHED = 18
"""Look-alikes, of the album and of the library each, among which those are looked for."""

POWER = 10.0
"""The paper's m."""

SIGMA_M = 1_000.0
"""Width of the kernels: a quarter of a town, which is as far as a look-alike stands from it."""

SIGMA_PART = 2.0
"""Look-alikes within so many widths of a place are said to be around it."""

FAINTEST = 0.5
"""Cosine below which a photo is no look-alike."""

CHANCE = 0.55
"""Cosine of the look-alike of no place that takes its share beside the others."""

ELSEWHERE = 0.1
"""Weight of a look-alike outside the album against one of its own anchors.

On 32 real albums the most similar anchor of the album lay within 1 km in 25 of 100 cases, the most
similar photo of the other albums in 3.
"""

SCENE_S = 600.0
"""Photos of one camera go on with a scene while no longer than this passes."""

_CLOSEST = 0.1
"""Distance of two features below which they are the same picture."""

_CELLS = 4_000_000
"""Cosines that are held in memory at once, whatever the size of the library."""

_NOBODY, _OWN = -1, -2


@dataclass(frozen=True, slots=True)
class Found:
    """The look-alikes of H photos.

    ``index`` (H, K) are numbers of anchors or, A being the number of anchors, A and more for
    references, -1 where there is none; ``cosine`` (H, K) descend; ``log_odds`` (H, K) are the
    logarithms of how much more they weigh than chance's look-alike, -inf where there is none;
    ``vectors`` (H, K, 3) are unit vectors to their places. ``near`` (H, N) are the references that
    look most alike, -1 for none, and ``near_cosine`` (H, N) their cosines, descending.
    """

    index: IntArray
    cosine: FloatArray
    log_odds: FloatArray
    vectors: FloatArray
    near: IntArray
    near_cosine: FloatArray

    @property
    def share(self) -> FloatArray:
        """The shares (H, K) of all weight, which with chance's sum to 1."""
        odds = np.exp(self.log_odds)
        return np.asarray(odds / (1.0 + odds.sum(axis=1, keepdims=True)), np.float64)

    def of(self, count: int) -> Found:
        """Return the look-alikes of the first photos."""
        return Found(*(getattr(self, name)[:count] for name in self.__slots__))


def scenes_of(seconds: FloatArray) -> IntArray:
    """Return the number of the scene (N,) of photos at ascending times (N,), NaN last.

    A photo without a time is a scene of its own.
    """
    goes_on = np.diff(seconds) <= SCENE_S
    return np.concatenate([[0], np.cumsum(~goes_on)])[: len(seconds)].astype(np.intp)


def nearest_of(references: References, embeddings: NDArray[np.float32]) -> Alike:
    """Return the `FETCHED` references that look most like each of H unit rows (H, D).

    The library may be of any size; of its cosines only a part is held at once.
    """
    total = len(references.names)
    wanted = min(FETCHED, total)
    index = np.full((len(embeddings), wanted), _NOBODY, np.intp)
    cosine = np.full((len(embeddings), wanted), -np.inf)
    lost = ~(np.isfinite(references.lat) & np.isfinite(references.lon))
    rows = max(1, _CELLS // max(total, 1))
    for start in range(0, len(embeddings) if wanted else 0, rows):
        part = slice(start, start + rows)
        cosines = np.nan_to_num(embeddings[part] @ references.embeddings.T, copy=False, nan=-1.0)
        cosines[:, lost] = -np.inf
        best = np.argpartition(cosines, total - wanted, axis=1)[:, -wanted:]
        alike = np.take_along_axis(cosines, best, axis=1)
        # Ties by number, so that leaving references out that are not heard changes nothing.
        order = np.lexsort((best, -alike), axis=1)
        index[part] = np.take_along_axis(best, order, axis=1)
        cosine[part] = np.take_along_axis(alike, order, axis=1)
    return Alike({}, np.where(cosine >= FAINTEST, index, _NOBODY), cosine)


def heard_of(references: References, photos: Sequence[AlbumPhoto]) -> References:
    """Return of the references those that may be heard for some of the photos.

    They leave out only what changes no suggestion; there is always one, so that looks count as
    known. Which look most like which photo is kept with them.
    """
    size = references.embeddings.shape[1]
    known = [
        (one.key, one.embedding)
        for one in photos
        if one.embedding is not None
        and one.embedding.shape == (size,)
        and bool(np.isfinite(one.embedding).all())
    ]
    rows = [row for _, row in known]
    found = nearest_of(references, np.stack(rows) if rows else np.zeros((0, size), np.float32))
    heard = np.zeros(len(references.names), bool)
    heard[:1] = True
    heard[found.index[found.index >= 0]] = True
    number = np.append(np.cumsum(heard) - 1, _NOBODY)
    alike = Alike(
        {key: row for row, (key, _) in enumerate(known)}, number[found.index], found.cosine
    )
    return references.of(np.flatnonzero(heard), alike)


def alike_of(
    references: References, keys: Sequence[str], embeddings: NDArray[np.float32]
) -> tuple[IntArray, FloatArray]:
    """Return the references most like some photos (H, N) and their cosines, kept ones as kept."""
    kept = references.alike
    rows = [-1 if kept is None else kept.row_of.get(key, -1) for key in keys]
    asked = np.flatnonzero(np.array(rows, np.intp) < 0)
    found = nearest_of(references, embeddings[asked])
    if kept is None:
        return found.index, found.cosine
    index, cosine = kept.index[rows], kept.cosine[rows]
    width = found.index.shape[1]
    index[asked], cosine[asked] = _NOBODY, -np.inf
    index[asked, :width], cosine[asked, :width] = found.index, found.cosine
    return index, cosine


@dataclass(frozen=True, slots=True)
class Pool:
    """Photos with a place: degrees (N,), the numbers of their scenes (N,) and albums (N,)."""

    lat: FloatArray
    lon: FloatArray
    scene: IntArray
    album: IntArray


def library_of(references: References | None) -> Pool:
    """Return the references as a pool; where nothing is known of them, each stands for itself."""
    if references is None:
        nothing = np.zeros(0, np.intp)
        return Pool(np.zeros(0), np.zeros(0), nothing, nothing)
    alone = np.arange(len(references.names))
    return Pool(
        references.lat,
        references.lon,
        alone if references.scenes is None else references.scenes,
        alone if references.albums is None else references.albums,
    )


def found_of(
    similarity: FloatArray, anchors: Pool, near: IntArray, near_cosine: FloatArray, library: Pool
) -> Found:
    """Return the look-alikes of H photos among A anchors and the references.

    Parameters
    ----------
    similarity
        Cosines with the anchors (H, A), NaN where there is none.
    near, near_cosine
        References most alike and their cosines (H, N), -1 where there is none.
    """
    total = similarity.shape[1]
    wanted = min(FETCHED, total)
    free = np.where(np.isnan(similarity), -np.inf, similarity)
    best = np.argpartition(free, total - wanted, axis=1)[:, total - wanted :]
    alike = np.take_along_axis(free, best, axis=1)
    index = np.concatenate([best, np.where(near >= 0, near + total, _NOBODY)], axis=1)
    cosine = np.concatenate([alike, np.where(near >= 0, near_cosine, -np.inf)], axis=1)
    cosine = np.where(cosine >= FAINTEST, cosine, -np.inf)
    index, cosine = _ordered(index, cosine)
    # Numbers of scenes in the library are apart from the album's own.
    first = int(anchors.scene.max(initial=-1)) + 1
    scene = np.concatenate([anchors.scene, library.scene + first, [_NOBODY]])[index]
    cosine = np.where((_earlier(scene) > 0) | (index < 0), -np.inf, cosine)
    index, cosine = _ordered(index, cosine)
    cosine = cosine[:, :NEAREST]
    index = np.where(np.isfinite(cosine), index[:, :NEAREST], _NOBODY)
    album = np.concatenate([np.full(total, _OWN), library.album, [_NOBODY]])[index]
    raw = log_likeness(cosine)
    raw -= np.where(index >= total, np.log((1.0 + _earlier(album)) / ELSEWHERE), 0.0)
    lat = np.concatenate([anchors.lat, library.lat, [0.0]])[index]
    lon = np.concatenate([anchors.lon, library.lon, [0.0]])[index]
    return Found(
        index=index,
        cosine=cosine,
        log_odds=raw - log_likeness(np.full(1, CHANCE)),
        vectors=unit_vectors(lat.ravel(), lon.ravel()).reshape(*lat.shape, 3),
        near=near,
        near_cosine=near_cosine,
    )


def _ordered(index: IntArray, cosine: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return both (H, N) by descending cosine."""
    order = np.argsort(-cosine, axis=1, kind="stable")
    return np.take_along_axis(index, order, axis=1), np.take_along_axis(cosine, order, axis=1)


def _earlier(group: IntArray) -> IntArray:
    """Return how many earlier ones of the row are of the same group (H, N); groups are from -2."""
    # Sorting numbers that hold both group and place takes a third of the time of an argsort.
    width = group.shape[1]
    place = np.arange(width)
    packed = np.sort((group + 2) * width + place, axis=1)
    sorted_group, sorted_place = np.divmod(packed, max(width, 1))
    new = np.ones(group.shape, bool)
    new[:, 1:] = sorted_group[:, 1:] != sorted_group[:, :-1]
    start = np.maximum.accumulate(np.where(new, place, 0), axis=1)
    out = np.empty(group.shape, np.intp)
    np.put_along_axis(out, sorted_place, place - start, axis=1)
    return out


def log_likeness(cosine: FloatArray) -> FloatArray:
    """Return the logarithm of a look-alike's weight by its cosine: the paper's s to the m."""
    with np.errstate(invalid="ignore"):
        apart = np.sqrt(np.maximum(2.0 - 2.0 * cosine, _CLOSEST**2))
        return np.asarray(np.where(np.isfinite(cosine), -POWER * np.log(apart), -np.inf))


def as_one(log_weight: FloatArray) -> FloatArray:
    """Return the cosine of the one look-alike that would weigh so much, as a logarithm."""
    apart = np.exp(-np.minimum(log_weight, 700.0) / POWER)
    return np.asarray(1.0 - apart * apart / 2.0, np.float64)


def kernels(found: Found, vectors: FloatArray, radius_m: FloatArray | None = None) -> FloatArray:
    """Return the kernels around the look-alikes at places (H, P, K), 1 at most.

    Parameters
    ----------
    vectors
        Unit vectors to the places (H, P, 3).
    radius_m
        How wide the places themselves are (H, P): a kernel is no narrower. Points unless given.
    """
    # On the sphere a Gaussian is exp(kappa (cos - 1)) with kappa the squared radius over sigma's.
    out = vectors @ found.vectors.transpose(0, 2, 1)
    out -= 1.0
    np.minimum(out, 0.0, out=out)
    square = SIGMA_M**2 if radius_m is None else SIGMA_M**2 + np.square(radius_m)[..., None]
    out *= EARTH_RADIUS_M**2 / square
    # As single numbers their exponentials take half the time.
    return np.asarray(np.exp(out.astype(np.float32)), np.float64)


def density(found: Found, lat: FloatArray, lon: FloatArray, radius_m: FloatArray) -> FloatArray:
    """Return the density at places (H, P), the peak of chance's look-alike being 1.

    It is no share: the same picture taken again says the more the more alike the two are, though
    nothing else is alike.
    """
    vectors = unit_vectors(lat.ravel(), lon.ravel()).reshape(*lat.shape, 3)
    weight = np.exp(found.log_odds)[..., None]
    return np.asarray((kernels(found, vectors, radius_m) @ weight)[..., 0], np.float64)


@dataclass(frozen=True, slots=True)
class Modes:
    """Where the look-alikes of H photos are densest, M places each, the densest first.

    ``lat`` and ``lon`` (H, M) degrees; ``share`` (H, M) of the weight that is around, 0 where there
    is no mode; ``first`` (H, M) the most alike of those around, as in `Found.index`; ``count``
    (H, M) how many are around; ``alone`` (H, M) the cosine of the one photo outside the album that
    would weigh as much as those outside the album that are around.
    """

    lat: FloatArray
    lon: FloatArray
    share: FloatArray
    first: IntArray
    count: IntArray
    alone: FloatArray


def modes_of(found: Found, anchors: int, count: int = 2) -> Modes:
    """Return the modes of the density, found at the look-alikes and refined by mean shift.

    ``anchors`` is the number of the album's; a mode is no nearer to a denser one than four widths.
    """
    photos, known = found.index.shape
    shape = (photos, count)
    out = Modes(
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape),
        np.full(shape, _NOBODY, np.intp),
        np.zeros(shape, np.intp),
        np.full(shape, -1.0),
    )
    if known == 0:
        return out
    weight = found.share
    exists = found.index >= 0
    near = kernels(found, found.vectors)
    left = np.where(exists, (near @ weight[..., None])[..., 0], 0.0)
    outside = np.where(found.index >= anchors, np.exp(log_likeness(found.cosine)), 0.0)
    rows = np.arange(photos)
    for turn in range(count):
        best = left.argmax(axis=1)
        at = _shifted(found, weight * near[rows, best], found.vectors[rows, best])
        at = _shifted(found, weight * kernels(found, at[:, None])[:, 0], at)
        cosine = (found.vectors @ at[..., None])[..., 0]
        around = (cosine >= _AROUND) & exists & (left[rows, best] > 0.0)[:, None]
        out.lat[:, turn], out.lon[:, turn] = to_degrees(at)
        out.share[:, turn] = np.where(around, weight, 0.0).sum(axis=1)
        out.count[:, turn] = around.sum(axis=1)
        # They descend by cosine, so the first around is the most alike.
        out.first[:, turn] = np.where(
            around.any(axis=1), found.index[rows, around.argmax(axis=1)], _NOBODY
        )
        raw = np.where(around, outside, 0.0).sum(axis=1)
        out.alone[:, turn] = np.where(raw > 0.0, as_one(np.log(np.maximum(raw, 1e-9))), -1.0)
        left = np.where(cosine >= _APART, 0.0, left)
    return out


_AROUND = float(np.cos(SIGMA_PART * SIGMA_M / EARTH_RADIUS_M))
_APART = float(np.cos(2.0 * SIGMA_PART * SIGMA_M / EARTH_RADIUS_M))


def _shifted(found: Found, pull: FloatArray, at: FloatArray) -> FloatArray:
    """Return the mean (H, 3) of the look-alikes' places by their pull (H, K), else where it was."""
    moved = (pull[:, None] @ found.vectors)[:, 0]
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(np.where(length > 0.0, moved / np.where(length > 0.0, length, 1.0), at))


def around(
    found: Found, rows: IntArray, lat: FloatArray, lon: FloatArray, least_cosine: float
) -> NDArray[np.bool_]:
    """Return which look-alikes (N, K) of N photos are around a place of each.

    ``rows`` (N,) are the photos, ``lat`` and ``lon`` (N,) the places in degrees.
    """
    cosine = (found.vectors[rows] @ unit_vectors(lat, lon)[..., None])[..., 0]
    near = (cosine >= _AROUND) & (found.index[rows] >= 0)
    return np.asarray(near & (found.cosine[rows] >= least_cosine), bool)
