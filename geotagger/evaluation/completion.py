"""How well an album's missing places are found: hide some that are known, and compare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.errors import GeotaggerError
from geotagger.evaluation import baselines, fitting
from geotagger.evaluation.albums_csv import (
    KnownPhoto,
    PhotoEmbedder,
    embeddings_of,
    read_albums,
)
from geotagger.evaluation.completion_result import (
    LEVELS,
    ClockFound,
    CompletionResult,
    MethodResult,
)
from geotagger.evaluation.fitting import Hiding
from geotagger.evaluation.hidings import SECOND_CAMERA, Way, hide
from geotagger.progress import CancelToken, Progress, ProgressCallback
from geotagger.suggest import clocks as clocks_of
from geotagger.suggest.album import suggest_album
from geotagger.suggest.calibration import Calibration, base, shipped
from geotagger.suggest.scene import FloatArray, scene_of

FOLDS = 6
"""Albums are dealt into so many folds; what is fitted for one comes from the others."""

FIT_HIDINGS = ((0.5, 1), (0.8, 2), (0.95, 1))
"""Shares hidden, and how often, in the albums that a fit learns from. The same for the shipped
calibration and for the ones fitted here: it must serve albums with many anchors and with few."""

_FIT_SEED = 1_000_000
_FEWEST_ALBUMS = 6
"""Fewer albums than this teach nothing that holds for another; then the shipped numbers serve."""


def evaluate_completion(
    albums: Path,
    photos: Path,
    *,
    how: Way = Way.RANDOM,
    share: float = 0.8,
    seeds: int = 5,
    embedder: PhotoEmbedder | None = None,
    cache: Path | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> CompletionResult:
    """Return how well hidden places of albums are found, by ours and by simple rules.

    ``albums`` is a CSV file with the columns album_id, file, taken_at, lat, lon; files are below
    ``photos``, which is only looked at with an ``embedder``. ``how`` says what is hidden, ``share``
    how much of it (a second camera is always a half). All that is fitted for an album comes from
    other albums of the file; if they are fewer than six, the shipped calibration is used, and the
    result says so.

    Raises
    ------
    GeotaggerError
        The table or the folder cannot be used, ``share`` is not between 0 and 1, or ``seeds`` is
        below 1.
    CancelledError
        The token was cancelled.
    """
    if not 0.0 < share < 1.0:
        raise GeotaggerError(f"The share to hide must be between 0 and 1, not {share:g}.")
    if seeds < 1:
        raise GeotaggerError(f"At least one seed is needed, not {seeds}.")
    known = [rows for rows in read_albums(albums).values() if len(rows) > 1]
    if not known:
        raise GeotaggerError(
            "No album of the table has two photos, so nothing can be hidden.", path=albums
        )
    vectors: dict[str, NDArray[np.float32]] = {}
    if embedder is not None:
        files = [photo.file for rows in known for photo in rows]
        vectors = embeddings_of(
            files, photos, embedder, cache=cache, progress=progress, cancel=cancel
        )
    calibrations, fitted = _calibrations(known, vectors, progress, cancel)
    names = _rules(embedder is not None)
    errors: dict[str, list[FloatArray]] = {name: [] for name in ("ours", *names, _ORACLE)}
    radii: list[FloatArray] = []
    stated: list[float] = []
    held: list[bool] = []
    clocks: list[ClockFound] = []
    placed: set[int] = set()
    for number, rows in enumerate(known):
        if progress is not None:
            progress(Progress(number, len(known), "Placing hidden photos", rows[0].album))
        for seed in range(seeds):
            if cancel is not None:
                cancel.raise_if_cancelled()
            hiding = hide(how, number, rows, vectors, share, seed)
            if hiding is None:
                continue
            placed.add(number)
            clocks.extend(_clock(hiding))
            ours, ours_radii, probability, within = _ours(hiding, calibrations[number])
            errors["ours"].append(ours)
            radii.append(ours_radii)
            stated.extend(probability)
            held.extend(within)
            for name, error in _simple(hiding, names).items():
                errors[name].append(error)
    if progress is not None:
        progress(Progress(len(known), len(known), "Placing hidden photos"))
    if not placed:
        raise GeotaggerError(
            f"No album of the table can be hidden in the way {how.value!r}.", path=albums
        )
    pooled = {name: np.concatenate(parts) for name, parts in errors.items()}
    methods = {name: MethodResult(error) for name, error in pooled.items()}
    methods["ours"] = MethodResult(
        pooled["ours"], np.concatenate(radii), np.array(stated), np.array(held, bool)
    )
    return CompletionResult(
        methods=methods,
        how=how,
        hide=share if not how.of_stream else 0.5,
        seeds=seeds,
        albums=len(placed),
        photos=sum(len(known[number]) for number in placed),
        hidden=len(pooled["ours"]),
        embedded=len(vectors),
        model=f"{embedder.name} {embedder.version}" if embedder is not None else "",
        fitted=fitted,
        clocks=tuple(clocks),
    )


_ORACLE = "best_anchor_oracle"


def _rules(with_look: bool) -> dict[str, baselines.Baseline]:
    rules: dict[str, baselines.Baseline] = {
        "nearest_in_time": baselines.nearest_in_time(),
        "nearest_in_time_24h": baselines.nearest_in_time(86_400.0),
        "nearest_in_time_1h": baselines.nearest_in_time(3_600.0),
        "interpolation_in_time": baselines.interpolation,
        "album_mean": baselines.album_mean,
    }
    if with_look:
        rules["nearest_lookalike"] = baselines.nearest_lookalike
    return rules


def fit_hidings(
    numbered: Sequence[tuple[int, Sequence[KnownPhoto]]],
    vectors: dict[str, NDArray[np.float32]],
) -> list[Hiding]:
    """Return the hidings that a calibration is fitted on."""
    return [
        hiding
        for number, rows in numbered
        for share, seeds in FIT_HIDINGS
        for seed in range(seeds)
        if (hiding := hide(Way.RANDOM, number, rows, vectors, share, _FIT_SEED + seed)) is not None
    ]


def _calibrations(
    known: Sequence[Sequence[KnownPhoto]],
    vectors: dict[str, NDArray[np.float32]],
    progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> tuple[list[Calibration], str]:
    """Return for each album a calibration that has not seen it, and how they came about."""
    if len(known) < _FEWEST_ALBUMS:
        text = "shipped calibration (too few albums to fit one); it may have seen these albums"
        return [shipped()] * len(known), text
    numbers = list(range(len(known)))
    count = min(FOLDS, len(known))
    fold = fitting.folds_of(numbers, [len(rows) for rows in known], count)
    every = all(photo.file in vectors for rows in known for photo in rows)
    modes = ("time+look",) if every else ("time+look", "time") if vectors else ("time",)
    fits: list[Calibration] = []
    for one in range(count):
        if progress is not None:
            progress(Progress(one, count, "Fitting on other albums"))
        others = [(number, known[number]) for number in numbers if fold[number] != one]
        hidings = fit_hidings(others, vectors)
        fits.append(fitting.fit(hidings, modes=modes, base=base(), cancel=cancel))
    text = (
        f"on other albums only: {len(known)} albums in {count} folds, each placed with weights, "
        f"motion and levels fitted on the other folds, starting from the traces without photos"
    )
    return [fits[fold[number]] for number in numbers], text


def _ours(
    hiding: Hiding, calibration: Calibration
) -> tuple[FloatArray, FloatArray, list[float], list[bool]]:
    suggestions = suggest_album(hiding.photos, references=None, calibration=calibration)
    errors = np.full(len(suggestions), np.inf)
    radii = np.zeros((len(suggestions), len(LEVELS)))
    stated: list[float] = []
    held: list[bool] = []
    for row, one in enumerate(suggestions):
        if not one.candidates:
            stated.append(0.0)
            held.append(False)
            continue
        best = one.candidates[0]
        lat, lon = hiding.truth[one.key]
        errors[row] = float(haversine_m(lat, lon, best.lat, best.lon))
        radii[row] = [radius for _, radius in one.radii_m]
        stated.append(best.probability)
        held.append(bool(errors[row] <= best.radius_m))
    return errors, radii, stated, held


def _clock(hiding: Hiding) -> list[ClockFound]:
    return [
        ClockFound(
            hiding.album,
            -hiding.shift_s,
            one.offset_s,
            round(one.probability, 4),
            one.pairs,
            one.sure and one.matters,
        )
        for one in clocks_of.estimate(hiding.photos)
        if one.camera == SECOND_CAMERA
    ]


def _simple(hiding: Hiding, rules: dict[str, baselines.Baseline]) -> dict[str, FloatArray]:
    scene = scene_of(hiding.photos, None)
    truth = [hiding.truth[scene.photos[row].key] for row in scene.targets]
    lat = np.array([one[0] for one in truth])
    lon = np.array([one[1] for one in truth])
    placed = {name: rule(scene) for name, rule in rules.items()}
    placed[_ORACLE] = baselines.best_anchor(scene, lat, lon)
    errors: dict[str, FloatArray] = {}
    for name, (guess_lat, guess_lon) in placed.items():
        away = haversine_m(lat, lon, guess_lat, guess_lon)
        errors[name] = np.where(np.isfinite(away), away, np.inf)
    return errors
