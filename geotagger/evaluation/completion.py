"""How well an album's missing places are found: hide some that are known, and compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.errors import GeotaggerError
from geotagger.evaluation import baselines, fitting
from geotagger.evaluation.albums_csv import (
    KnownPhoto,
    PhotoEmbedder,
    embeddings_of,
    read_albums,
)
from geotagger.evaluation.companions import OtherAlbums
from geotagger.evaluation.completion_result import (
    ClockFound,
    CompletionResult,
    MethodResult,
)
from geotagger.evaluation.fitting import Hiding
from geotagger.evaluation.hidings import SECOND_CAMERA, Way, hide
from geotagger.evaluation.scoring import ORACLE, joined, rules, score_ours, score_simple
from geotagger.progress import CancelToken, Progress, ProgressCallback
from geotagger.suggest import clocks as clocks_of
from geotagger.suggest.calibration import Calibration, base, shipped
from geotagger.suggest.company import Company
from geotagger.suggest.parties import suggest_by_party
from geotagger.suggest.scene import FloatArray
from geotagger.suggest.types import References

BY_NAMES = "nearest_in_time_by_names"

BY_LIBRARY = "nearest_in_time_in_library"
"""The same among the album's own photos with a place and those of other albums that are heard."""

FOLDS = 6
"""Albums are dealt into so many folds; what is fitted for one comes from the others."""

FIT_HIDINGS = (
    (Way.RANDOM, 0.5, 1),
    (Way.RANDOM, 0.8, 2),
    (Way.RANDOM, 0.95, 1),
    (Way.DAYS, 0.5, 1),
)
"""What is hidden, its share, and how often, in the albums that a fit learns from. The same for the
shipped calibration and for the ones fitted here: it must serve albums with many anchors and with
few, and photos that are a day from every one."""

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
    names: bool = True,
    library: bool = True,
    fits: Fits | None = None,
    cache: Path | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> CompletionResult:
    """Return how well hidden places of albums are found, by ours and by simple rules.

    ``albums`` is a CSV file with the columns album_id, file, taken_at, lat, lon; files are below
    ``photos``, which is only looked at with an ``embedder``. ``how`` says what is hidden, ``share``
    how much of it (a second camera is always a half). With ``names``, photos have the names that
    ``index.csv`` beside the table gives them, as far as there is one. With ``library``, an album is
    placed as in the program: beside the other albums of the file, whose places are all known (see
    `companions`). All that is fitted for an album comes from other albums of the file; if they are
    fewer than six, the shipped calibration is used, and the result says so. ``fits`` are those of
    an earlier evaluation of the same albums with the same embedder.

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
    if not names:
        known = [[replace(row, name="") for row in rows] for rows in known]
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
    if fits is None:
        fits = fits_of(known, vectors, progress=progress, cancel=cancel)
    others = OtherAlbums(known, vectors) if library else None
    simple = rules(embedder is not None) | {BY_NAMES: baselines.nearest_in_time_by_names}
    with_library = {BY_LIBRARY: baselines.nearest_in_time_by_names} if others is not None else {}
    errors: dict[str, list[FloatArray]] = {name: [] for name in (*simple, *with_library, ORACLE)}
    ours: list[MethodResult] = []
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
            company = Company() if others is None else others.company(number, hiding.photos)
            known_elsewhere = None if others is None else others.references(number, company)
            ours.append(_ours(hiding, fits.of_album[number], company, known_elsewhere))
            beside = [*hiding.photos, *company.photos]
            scores = score_simple(beside, hiding.truth, with_library)
            scores |= score_simple(hiding.photos, hiding.truth, simple)
            for name, error in scores.items():
                errors[name].append(error)
    if progress is not None:
        progress(Progress(len(known), len(known), "Placing hidden photos"))
    if not placed:
        raise GeotaggerError(
            f"No album of the table can be hidden in the way {how.value!r}.", path=albums
        )
    methods = {"ours": joined(ours)}
    methods |= {name: MethodResult(np.concatenate(parts)) for name, parts in errors.items()}
    return CompletionResult(
        methods=methods,
        how=how,
        hide=share if not how.of_stream else 0.5,
        seeds=seeds,
        albums=len(placed),
        photos=sum(len(known[number]) for number in placed),
        hidden=len(methods["ours"].error_m),
        embedded=len(vectors),
        model=f"{embedder.name} {embedder.version}" if embedder is not None else "",
        fitted=fits.how,
        library=library,
        clocks=tuple(clocks),
    )


def fit_hidings(
    numbered: Sequence[tuple[int, Sequence[KnownPhoto]]],
    vectors: dict[str, NDArray[np.float32]],
) -> list[Hiding]:
    """Return the hidings that a calibration is fitted on."""
    return [
        hiding
        for number, rows in numbered
        for way, share, seeds in FIT_HIDINGS
        for seed in range(seeds)
        if (hiding := hide(way, number, rows, vectors, share, _FIT_SEED + seed)) is not None
    ]


@dataclass(frozen=True, slots=True)
class Fits:
    """For each album a calibration that has not seen it, and how they came about in words."""

    of_album: tuple[Calibration, ...]
    how: str


def fits_of(
    known: Sequence[Sequence[KnownPhoto]],
    vectors: dict[str, NDArray[np.float32]],
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Fits:
    """Return what `evaluate_completion` fits for some albums.

    Raises
    ------
    CancelledError
        The token was cancelled.
    """
    if len(known) < _FEWEST_ALBUMS:
        text = "shipped calibration (too few albums to fit one); it may have seen these albums"
        return Fits((shipped(),) * len(known), text)
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
    return Fits(tuple(fits[fold[number]] for number in numbers), text)


def _ours(
    hiding: Hiding,
    calibration: Calibration,
    company: Company,
    references: References | None,
) -> MethodResult:
    parts = suggest_by_party(
        [*hiding.photos, *company.photos], references=references, calibration=calibration
    )
    found = [one for part in parts for one in company.believed(part, hiding.photos)]
    return score_ours(found, hiding.truth)


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
