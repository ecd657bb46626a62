"""How well an album's missing places are found: hide some that are known, and compare."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
from geotagger.evaluation.fitting import Hiding
from geotagger.progress import CancelToken, Progress, ProgressCallback
from geotagger.suggest.album import suggest_album
from geotagger.suggest.calibration import Calibration, base, shipped
from geotagger.suggest.scene import FloatArray, scene_of
from geotagger.suggest.types import AlbumPhoto, Anchor, AnchorKind

WITHIN_KM = (0.1, 1.0, 25.0, 200.0, 750.0)
LEVELS = (0.5, 0.8, 0.95)

FOLDS = 6
"""Albums are dealt into so many folds; what is fitted for one comes from the others."""

FIT_HIDINGS = ((0.5, 1), (0.8, 2), (0.95, 1))
"""Shares hidden, and how often, in the albums that a fit learns from. The same for the shipped
calibration and for the ones fitted here: it must serve albums with many anchors and with few."""

_FIT_SEED = 1_000_000
_GPS_RADIUS_M = 10.0
_FEWEST_ALBUMS = 6
"""Fewer albums than this teach nothing that holds for another; then the shipped numbers serve."""


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What one method reached on all hidden photos.

    ``error_m`` (N,) are the distances to the truth, infinite where the method gave no place;
    ``radius_m`` (N, L) are the stated radii of `LEVELS`, None for methods that state none.
    ``stated`` (N,) and ``held`` (N,) are the probabilities of the best candidates and whether the
    truth was within their radius.
    """

    error_m: FloatArray
    radius_m: FloatArray | None = None
    stated: FloatArray | None = None
    held: NDArray[np.bool_] | None = None

    @property
    def within_km(self) -> dict[str, float]:
        """Per cent of the photos placed within each distance."""
        return {
            f"{km:g}": round(100.0 * float((self.error_m <= km * 1e3).mean()), 2)
            for km in WITHIN_KM
        }

    @property
    def median_km(self) -> float | None:
        """The median error; None where half of the photos or more got no place."""
        median = float(np.median(self.error_m)) / 1e3
        return round(median, 4) if math.isfinite(median) else None

    @property
    def radius_holds(self) -> dict[str, float]:
        """Per cent of the photos whose truth lies within the stated radius of each level."""
        if self.radius_m is None:
            return {}
        holds = (self.error_m[:, None] <= self.radius_m).mean(axis=0)
        return {
            f"{level:g}": round(100.0 * float(share), 2)
            for level, share in zip(LEVELS, holds, strict=True)
        }

    @property
    def calibration_error(self) -> float | None:
        """Expected calibration error of the best candidates' probabilities, in ten bins."""
        if self.stated is None or self.held is None:
            return None
        bins = np.minimum((self.stated * 10).astype(np.intp), 9)
        total = 0.0
        for number in range(10):
            inside = bins == number
            if inside.any():
                gap = abs(float(self.stated[inside].mean() - self.held[inside].mean()))
                total += gap * float(inside.mean())
        return round(total, 4)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as JSON values."""
        out: dict[str, Any] = {"within_km": self.within_km, "median_km": self.median_km}
        if self.radius_m is not None:
            out["radius_holds"] = self.radius_holds
            out["calibration_error"] = self.calibration_error
        return out


@dataclass(frozen=True, slots=True)
class CompletionResult:
    """An evaluation: the methods by name, and how it was done."""

    methods: dict[str, MethodResult]
    hide: float
    seeds: int
    albums: int
    photos: int
    hidden: int
    embedded: int
    model: str
    fitted: str
    rule: str = field(
        default="in each album round(share x photos) places are hidden at random, at least one, "
        "and at least one is left; photos are pooled over albums and seeds"
    )

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            "methods": {name: method.to_json() for name, method in self.methods.items()},
            "hide": self.hide,
            "seeds": self.seeds,
            "albums": self.albums,
            "photos": self.photos,
            "hidden": self.hidden,
            "embedded": self.embedded,
            "model": self.model,
            "fitted": self.fitted,
            "rule": self.rule,
        }


def evaluate_completion(
    albums: Path,
    photos: Path,
    *,
    hide: float = 0.8,
    seeds: int = 5,
    embedder: PhotoEmbedder | None = None,
    cache: Path | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> CompletionResult:
    """Return how well hidden places of albums are found, by ours and by simple rules.

    ``albums`` is a CSV file with the columns album_id, file, taken_at, lat, lon; files are below
    ``photos``, which is only looked at with an ``embedder``. ``hide`` is the share hidden. All
    that is fitted for an album comes from other albums of the file; if they are fewer than six,
    the shipped calibration is used, and the result says so.

    Raises
    ------
    GeotaggerError
        The table or the folder cannot be used, ``hide`` is not between 0 and 1, or ``seeds`` is
        below 1.
    CancelledError
        The token was cancelled.
    """
    if not 0.0 < hide < 1.0:
        raise GeotaggerError(f"The share to hide must be between 0 and 1, not {hide:g}.")
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
    for number, rows in enumerate(known):
        if progress is not None:
            progress(Progress(number, len(known), "Placing hidden photos", rows[0].album))
        for seed in range(seeds):
            if cancel is not None:
                cancel.raise_if_cancelled()
            hiding = hide_some(number, rows, vectors, hide, seed)
            ours, ours_radii, probability, within = _ours(hiding, calibrations[number])
            errors["ours"].append(ours)
            radii.append(ours_radii)
            stated.extend(probability)
            held.extend(within)
            for name, error in _simple(hiding, names).items():
                errors[name].append(error)
    if progress is not None:
        progress(Progress(len(known), len(known), "Placing hidden photos"))
    pooled = {name: np.concatenate(parts) for name, parts in errors.items()}
    methods = {name: MethodResult(error) for name, error in pooled.items()}
    methods["ours"] = MethodResult(
        pooled["ours"], np.concatenate(radii), np.array(stated), np.array(held, bool)
    )
    return CompletionResult(
        methods=methods,
        hide=hide,
        seeds=seeds,
        albums=len(known),
        photos=sum(len(rows) for rows in known),
        hidden=len(pooled["ours"]),
        embedded=len(vectors),
        model=f"{embedder.name} {embedder.version}" if embedder is not None else "",
        fitted=fitted,
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


def hide_some(
    number: int,
    rows: Sequence[KnownPhoto],
    vectors: dict[str, NDArray[np.float32]],
    share: float,
    seed: int,
) -> Hiding:
    """Return an album of two photos or more with a share of its places hidden at random.

    The choice depends on the seed and on the album's name, not on the other albums.
    """
    count = min(max(round(len(rows) * share), 1), len(rows) - 1)
    generator = np.random.default_rng([seed, zlib.crc32(rows[0].album.encode())])
    hidden = set(generator.permutation(len(rows))[:count].tolist())
    photos: list[AlbumPhoto] = []
    truth: dict[str, tuple[float, float]] = {}
    for index, row in enumerate(rows):
        key = str(index)
        anchor = None
        if index in hidden:
            truth[key] = (row.lat, row.lon)
        else:
            anchor = Anchor(row.lat, row.lon, _GPS_RADIUS_M, AnchorKind.GPS)
        photos.append(
            AlbumPhoto(
                key=key,
                name=Path(row.file).name,
                when=row.when,
                zone_known=row.zone_known,
                anchor=anchor,
                embedding=vectors.get(row.file),
            )
        )
    return Hiding(number, tuple(photos), truth)


def fit_hidings(
    numbered: Sequence[tuple[int, Sequence[KnownPhoto]]],
    vectors: dict[str, NDArray[np.float32]],
) -> list[Hiding]:
    """Return the hidings that a calibration is fitted on."""
    return [
        hide_some(number, rows, vectors, share, _FIT_SEED + seed)
        for number, rows in numbered
        for share, seeds in FIT_HIDINGS
        for seed in range(seeds)
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


def main_report(result: CompletionResult) -> str:
    """Return the result as a table for people."""
    width = max(len(name) for name in result.methods)
    head = "  ".join(f"{km:>6g}" for km in WITHIN_KM)
    lines = [
        f"{result.albums} albums, {result.photos} photos, {100 * result.hide:g} % hidden, "
        f"{result.seeds} seeds: {result.hidden} hidden places",
        f"model: {result.model or 'none'}"
        + (f", {result.embedded} photos embedded" if result.model else ""),
        f"fitted {result.fitted}",
        f"rule: {result.rule}",
        "",
        f"{'% within km':<{width}}  {head}  {'median km':>10}",
    ]
    for name, method in result.methods.items():
        cells = "  ".join(f"{share:6.1f}" for share in method.within_km.values())
        median = f"{method.median_km:10.3f}" if method.median_km is not None else f"{'-':>10}"
        lines.append(f"{name:<{width}}  {cells}  {median}")
    ours = result.methods["ours"]
    holds = ", ".join(
        f"{100 * float(level):g} % radius held {share:.1f} %"
        for level, share in ours.radius_holds.items()
    )
    lines += ["", f"ours: stated {holds}"]
    lines.append(
        "ours: expected calibration error of the best candidate's probability "
        f"{ours.calibration_error:.3f}"
    )
    return "\n".join(lines)
