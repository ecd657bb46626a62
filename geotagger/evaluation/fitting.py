"""Fitting a calibration on albums whose places are known: hide some, and learn to find them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.progress import CancelToken
from geotagger.suggest import fusion, terms
from geotagger.suggest.calibration import MODES, Calibration, ModeCalibration
from geotagger.suggest.dated_names import dated
from geotagger.suggest.honesty import masses_to
from geotagger.suggest.motion import KERNEL_TERMS, SCALES_M, kernel_terms, log_density
from geotagger.suggest.scene import FloatArray, View, scene_of, view_of
from geotagger.suggest.types import AlbumPhoto

STEPS = 160
_RATE = 0.08
_PULL = (1e-3, 1e-3)
"""Weight of the pull of the weights and of the motion towards zero, without a base."""

_BASE_STEPS = 120
_BASE_RATE = 0.05
_BASE_PULL = (0.01, 0.3)
"""The same towards a base: albums with photos are few, so they refine more than they decide."""

_LEAST_DISTANCE_M = 5.0
"""GPS repeats itself to no less; without it a duplicate would be infinitely likely."""

_EARTH_M2 = 5.1e14
_LEVELS = np.linspace(0.0, 1.0, 41)
_INNER_FOLDS = 3

_REFERENCE_RINGS = (0.25, 0.25, 0.2, 0.1, 0.05, 0.05, 0.05, 0.05)
"""Rings around a look-alike of the library: pairs of one album with a cosine above 0.8 lay within
100 m in 78 of 100 cases, within 1 km in 82; the rest is anywhere near."""

_FIXED_TERMS = ("reference", "reference_odds", "retrieved", "retrieved_odds")
"""Terms that are measured by themselves, as albums under test have no library beside them."""


@dataclass(frozen=True, slots=True)
class Hiding:
    """One album with some places hidden; ``truth`` maps keys of hidden photos to their places.

    ``shift_s`` is how far the hidden photos' clock was set wrong, in seconds.
    """

    album: int
    photos: tuple[AlbumPhoto, ...]
    truth: dict[str, tuple[float, float]]
    shift_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Examples:
    """Hidden photos as the fit sees them, N photos with P places each (padded).

    ``terms`` (N, P, T), ``kernel`` (N, P, K), ``present`` (N, P), ``distance_m`` (N, P) from each
    place to the truth, ``album`` (N,) the album's number.
    """

    terms: NDArray[np.float32]
    kernel: NDArray[np.float32]
    present: NDArray[np.bool_]
    distance_m: NDArray[np.float32]
    album: NDArray[np.int64]

    def of(self, rows: NDArray[np.bool_]) -> Examples:
        """Return some of the photos."""
        return Examples(
            self.terms[rows],
            self.kernel[rows],
            self.present[rows],
            self.distance_m[rows],
            self.album[rows],
        )


def in_mode(hiding: Hiding, mode: str) -> Hiding:
    """Return the album with only that known which the mode has."""
    time, look = "time" in mode, "look" in mode
    photos = tuple(
        replace(
            photo,
            when=photo.when if time else None,
            name=photo.name if time else "",
            embedding=photo.embedding if look else None,
        )
        for photo in hiding.photos
    )
    return Hiding(hiding.album, photos, hiding.truth)


def examples_of(hidings: Sequence[Hiding], *, cancel: CancelToken | None = None) -> Examples:
    """Return what the evidence sources say of every hidden photo."""
    parts: list[tuple[FloatArray, FloatArray, NDArray[np.bool_], FloatArray, int]] = []
    for hiding in hidings:
        if cancel is not None:
            cancel.raise_if_cancelled()
        scene = scene_of(dated(hiding.photos), None)
        view = view_of(scene, scene.targets)
        table = fusion.propose(view)
        lat, lon = truth_of(view, hiding)
        parts.append(
            (
                terms.terms_of(view, table),
                kernel_terms(view, table),
                table.present,
                haversine_m(lat[:, None], lon[:, None], table.lat, table.lon),
                hiding.album,
            )
        )
    widest = max(part[2].shape[1] for part in parts)

    def padded(array: NDArray[np.generic]) -> NDArray[np.generic]:
        missing = widest - array.shape[1]
        rest = [(0, 0)] * (array.ndim - 2)
        return np.pad(array, [(0, 0), (0, missing), *rest])

    def column(number: int, kind: type) -> NDArray[np.generic]:
        return np.concatenate([padded(np.asarray(part[number], kind)) for part in parts])

    return Examples(
        terms=np.asarray(column(0, np.float32), np.float32),
        kernel=np.asarray(column(1, np.float32), np.float32),
        present=np.asarray(column(2, np.bool_), np.bool_),
        distance_m=np.asarray(column(3, np.float32), np.float32),
        album=np.concatenate([np.full(len(part[2]), part[4], np.int64) for part in parts]),
    )


def truth_of(view: View, hiding: Hiding) -> tuple[FloatArray, FloatArray]:
    """Return the true places (H,) of a view's photos."""
    truth = [hiding.truth[view.scene.photos[row].key] for row in view.rows]
    return (
        np.array([one[0] for one in truth], np.float64),
        np.array([one[1] for one in truth], np.float64),
    )


def fit_mode(examples: Examples, base: ModeCalibration | None = None) -> ModeCalibration:
    """Return weights and motion of greatest likelihood near a base, without honest levels yet.

    Every album counts with the square root of its hidden photos: a journey of 500 photos tells
    more than one of 8, but not sixty times more.
    """
    import torch

    names = terms.names()
    free = torch.tensor([name not in _FIXED_TERMS for name in names], dtype=torch.float32)
    steps, rate, pull = STEPS, _RATE, _PULL
    start = torch.zeros(len(names))
    kernel_start = torch.zeros(len(KERNEL_TERMS), len(SCALES_M))
    floor = torch.tensor(-4.0)
    if base is not None:
        steps, rate, pull = _BASE_STEPS, _BASE_RATE, _BASE_PULL
        start = torch.from_numpy(base.weights.astype(np.float32)) * free
        kernel_start = torch.from_numpy(base.kernel.astype(np.float32))
        floor = torch.tensor(base.floor, dtype=torch.float32)
    weights = start.clone().requires_grad_()
    kernel = kernel_start.clone().requires_grad_()
    floor.requires_grad_()
    columns, kernel_in = torch.from_numpy(examples.terms), torch.from_numpy(examples.kernel)
    absent = torch.from_numpy(~examples.present)
    distance = np.hypot(examples.distance_m, _LEAST_DISTANCE_M)[..., None]
    density = torch.from_numpy(log_density(distance, SCALES_M).astype(np.float32))
    share = torch.from_numpy(album_weights(examples.album).astype(np.float32))
    optimiser = torch.optim.Adam([weights, kernel, floor], lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        logits = (columns @ (weights * free)).masked_fill(absent, -1e9)
        logits = torch.cat([logits, floor.expand(len(logits), 1)], dim=1)
        place = torch.log_softmax(logits, dim=1)
        ring = torch.log_softmax(kernel_in @ kernel, dim=-1)
        known = torch.logsumexp(place[:, :-1] + torch.logsumexp(ring + density, dim=-1), dim=1)
        likelihood = torch.logaddexp(known, place[:, -1] - float(np.log(_EARTH_M2)))
        loss = -(share * likelihood).sum()
        loss = loss + pull[0] * ((weights - start) ** 2).sum()
        loss = loss + pull[1] * ((kernel - kernel_start) ** 2).mean()
        torch.autograd.backward([loss])
        optimiser.step()
    fitted = (weights * free).detach().numpy().astype(np.float64)
    matrix = kernel.detach().numpy().astype(np.float64)
    # A reference competes with the floor by its own odds, whatever the album says.
    lowest = float(floor.detach())
    for kind in ("reference", "retrieved"):
        fitted[names.index(kind)] = lowest
        fitted[names.index(f"{kind}_odds")] = 1.0
    matrix[KERNEL_TERMS.index("reference")] = np.log(_REFERENCE_RINGS)
    return ModeCalibration(fitted, lowest, matrix, *(np.array([0.0, 1.0]),) * 3)


def album_weights(album: NDArray[np.int64]) -> FloatArray:
    """Return a weight for each photo (N,), summing to 1: the square root rule of `fit_mode`."""
    _, inverse, counts = np.unique(album, return_inverse=True, return_counts=True)
    weight = counts[inverse] ** -0.5
    return np.asarray(weight / weight.sum(), np.float64)


def folds_of(albums: Sequence[int], sizes: Sequence[int], count: int) -> dict[int, int]:
    """Return the fold of each album; the albums are dealt out by size, so that folds are even."""
    order = sorted(range(len(albums)), key=lambda number: (-sizes[number], albums[number]))
    return {albums[number]: place % count for place, number in enumerate(order)}


def fit(
    hidings: Sequence[Hiding],
    *,
    modes: Sequence[str] = MODES,
    base: Calibration | None = None,
    note: str = "",
    cancel: CancelToken | None = None,
) -> Calibration:
    """Return a calibration fitted on albums with hidden places.

    The levels come from albums that the weights they are paired with have not seen: the albums
    are dealt into three folds, and each is predicted by a fit on the other two. Modes that are not
    asked for get the numbers of the first one that is. ``base`` is where the fit starts and what it
    stays near.
    """
    fitted = {mode: _fit_with_levels(hidings, mode, base, cancel) for mode in modes}
    first = fitted[modes[0]]
    return Calibration(tuple(fitted.get(mode, first) for mode in MODES), note)


def _fit_with_levels(
    hidings: Sequence[Hiding], mode: str, base: Calibration | None, cancel: CancelToken | None
) -> ModeCalibration:
    start = None if base is None else base.modes[MODES.index(mode)]
    seen = [in_mode(hiding, mode) for hiding in hidings]
    examples = examples_of(seen, cancel=cancel)
    albums, counts = np.unique(examples.album, return_counts=True)
    whole = fit_mode(examples, start)
    if len(albums) < _INNER_FOLDS:
        return whole
    fold = folds_of(albums.tolist(), counts.tolist(), _INNER_FOLDS)
    masses: list[FloatArray] = []
    fars: list[FloatArray] = []
    owners: list[NDArray[np.int64]] = []
    for number in range(_INNER_FOLDS):
        if cancel is not None:
            cancel.raise_if_cancelled()
        inside = np.array([fold[album] != number for album in examples.album.tolist()])
        part = fit_mode(examples.of(inside), start)
        for hiding in seen:
            if fold[hiding.album] == number:
                mass, far = masses_to_truth(hiding, part)
                masses.append(mass)
                fars.append(far)
                owners.append(np.full(len(mass), hiding.album, np.int64))
    mass, owner = np.concatenate(masses), np.concatenate(owners)
    weight, far = album_weights(owner), np.concatenate(fars)
    # Where all photos are near an anchor, or none is, both get what there is.
    near = weight * (1.0 - far) if (far < 1.0).any() else weight
    raw, true = levels_of(mass, near)
    away, _ = levels_of(mass, weight * far if (far > 0.0).any() else weight)
    return replace(whole, raw=raw, true=true, far_raw=away)


def masses_to_truth(hiding: Hiding, mode: ModeCalibration) -> tuple[FloatArray, FloatArray]:
    """Return the fused mass in the disc around each best place that just reaches the truth.

    The second array tells how far each photo is from every anchor in time.
    """
    scene = scene_of(dated(hiding.photos), None)
    view = view_of(scene, scene.targets)
    found = masses_to(view, *truth_of(view, hiding), Calibration((mode,) * len(MODES), ""))
    return found.mass, found.far


def levels_of(mass: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return fused masses and the share of truths within them, both ascending from 0 to 1."""
    order = np.argsort(mass)
    reached = (np.cumsum(weight[order]) - weight[order] / 2.0) / weight.sum()
    raw = np.interp(_LEVELS, reached, mass[order])
    raw[0], raw[-1] = 0.0, 1.0
    # Strictly rising, so that every level has one radius.
    return np.maximum.accumulate(raw) * (1.0 - 1e-3) + 1e-3 * _LEVELS, _LEVELS.copy()
