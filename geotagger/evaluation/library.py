"""How good suggestions are on one's own photos: hide the GPS of a library, and look for it.

Works on what the catalog holds, albums, embeddings and guesses as suggestions use them, and changes
nothing in it. Only GPS that the files had of their own is hidden and looked for: a place that was
accepted, or written by this program, is an opinion and no truth, and is left out altogether.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from geotagger.errors import GeotaggerError
from geotagger.evaluation.completion_result import WITHIN_KM, MethodResult
from geotagger.evaluation.scoring import ORACLE, Truth, joined, rules, score_ours, score_simple
from geotagger.library import clocks, queries
from geotagger.library.analysing import album_photos, references_of
from geotagger.library.catalog import Catalog
from geotagger.library.rows import PhotoState
from geotagger.library.world_guesses import Outline, world_cells
from geotagger.progress import CancelToken, Progress, ProgressCallback
from geotagger.suggest.album import suggest_album
from geotagger.suggest.types import AlbumPhoto

SEEDS = 3
BINS = 5
"""Classes of stated probability that `LibraryScore.reliability` tells apart."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Suggestions of about one stated probability: its mean, the share that held, how many."""

    stated: float
    held: float
    count: int


@dataclass(frozen=True, slots=True)
class AlbumScore:
    """One album: how many photos with GPS it has, and the methods on those that were hidden."""

    title: str
    photos: int
    methods: Mapping[str, MethodResult]


@dataclass(frozen=True, slots=True)
class LibraryScore:
    """The albums of a library, and all their hidden photos together.

    ``left_out`` counts albums in which nothing can be hidden since fewer than two photos have GPS;
    ``embedded`` the photos with GPS whose looks are known.
    """

    albums: tuple[AlbumScore, ...]
    pooled: Mapping[str, MethodResult]
    hide: float
    seeds: int
    left_out: int
    embedded: int
    model: str

    @property
    def photos(self) -> int:
        """Photos with GPS of their own in the albums that were used."""
        return sum(album.photos for album in self.albums)

    @property
    def hidden(self) -> int:
        """How often a photo was hidden and looked for."""
        return len(self.pooled["ours"].error_m)

    @property
    def reliability(self) -> list[ReliabilityBin]:
        """What was promised, beside what held, from the least sure suggestions to the surest."""
        ours = self.pooled["ours"]
        if ours.stated is None or ours.held is None:
            return []
        number = np.minimum((ours.stated * BINS).astype(np.intp), BINS - 1)
        return [
            ReliabilityBin(
                float(ours.stated[number == one].mean()),
                float(ours.held[number == one].mean()),
                int((number == one).sum()),
            )
            for one in range(BINS)
            if (number == one).any()
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            "hide": self.hide,
            "seeds": self.seeds,
            "photos": self.photos,
            "hidden": self.hidden,
            "left_out": self.left_out,
            "embedded": self.embedded,
            "model": self.model,
            "methods": {name: one.to_json() for name, one in self.pooled.items()},
            "reliability": [
                {"stated": round(one.stated, 4), "held": round(one.held, 4), "count": one.count}
                for one in self.reliability
            ],
            "albums": [
                {
                    "title": album.title,
                    "photos": album.photos,
                    "hidden": len(album.methods["ours"].error_m),
                    "methods": {name: one.to_json() for name, one in album.methods.items()},
                }
                for album in self.albums
            ],
        }


def evaluate_library(
    catalog: Catalog,
    root: Path,
    *,
    share: float = 0.8,
    seeds: int = SEEDS,
    model: str | None = None,
    world: Outline | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> LibraryScore:
    """Return how well the hidden GPS of the photos below a root is found again.

    Of each album's photos with GPS a ``share`` is hidden at random, at least one, and at least one
    is left; ``seeds`` times with other photos. Photos without GPS stay out, so what is measured
    are the kind of photos that have GPS. ``model`` is the `model_key` of the embedder whose stored
    embeddings count, ``world`` the world model whose stored guesses do; photos of other albums
    are references, and clocks are corrected, as always. The calibration is the shipped one.
    The catalog is only read.

    Raises
    ------
    GeotaggerError
        ``share`` is not between 0 and 1, ``seeds`` is below 1, or no album has two photos with
        GPS.
    CancelledError
        The token was cancelled.
    """
    if not 0.0 < share < 1.0:
        raise GeotaggerError(f"The share to hide must be between 0 and 1, not {share:g}.")
    if seeds < 1:
        raise GeotaggerError(f"At least one seed is needed, not {seeds}.")
    cells = None if world is None else world_cells(world)
    chosen = rules(model is not None)
    scores: list[AlbumScore] = []
    left_out = embedded = 0
    albums = queries.albums(catalog, root)
    truths = _truths(catalog, root)
    for number, album in enumerate(albums):
        if progress is not None:
            progress(Progress(number, len(albums), "Hiding and looking", album.title))
        photos = album_photos(
            catalog, album.id, model, partition="" if world is None else world.key
        )
        photos = [one for one in photos if one.key in truths and one.anchor is not None]
        if len(photos) < 2:
            left_out += 1
            continue
        embedded += sum(one.embedding is not None for one in photos)
        references = None if model is None else references_of(catalog, model, without=album.id)
        right = clocks.corrections(catalog, album.id)
        ours: list[MethodResult] = []
        simple: dict[str, list[MethodResult]] = {name: [] for name in (*chosen, ORACLE)}
        for seed in range(seeds):
            if cancel is not None:
                cancel.raise_if_cancelled()
            some, truth = _hidden(photos, truths, share, seed, album.id)
            suggested = suggest_album(
                some, references=references, world=cells, clock_seconds=right, cancel=cancel
            )
            ours.append(score_ours(suggested, truth))
            for name, error in score_simple(some, truth, chosen).items():
                simple[name].append(MethodResult(error))
        methods = {"ours": joined(ours)} | {name: joined(one) for name, one in simple.items()}
        scores.append(AlbumScore(album.title, len(photos), methods))
    if progress is not None:
        progress(Progress(len(albums), len(albums), "Hiding and looking"))
    if not scores:
        raise GeotaggerError(
            "No album here has two photos with GPS of their own, so nothing can be hidden.",
            path=root,
            remedy="Scan a folder with photos of a phone first: geotagger scan FOLDER.",
        )
    names = ("ours", *chosen, ORACLE)
    pooled = {name: joined([album.methods[name] for album in scores]) for name in names}
    return LibraryScore(tuple(scores), pooled, share, seeds, left_out, embedded, model or "")


def _truths(catalog: Catalog, root: Path) -> dict[str, tuple[float, float]]:
    """Return the places of the photos whose GPS is their own, by the key that `suggest` uses."""
    rows = queries.photos(catalog, root, states=frozenset({PhotoState.HAS_GPS}))
    return {
        str(row.id): (row.lat, row.lon)
        for row in rows
        if row.lat is not None and row.lon is not None
    }


def _hidden(
    photos: Sequence[AlbumPhoto], truths: Truth, share: float, seed: int, album: str
) -> tuple[list[AlbumPhoto], Truth]:
    """Return the photos, some without their place, and the places that those had."""
    generator = np.random.default_rng([seed, zlib.crc32(album.encode("utf-8", "surrogateescape"))])
    count = min(max(round(len(photos) * share), 1), len(photos) - 1)
    hidden = set(generator.permutation(len(photos))[:count].tolist())
    some = [
        replace(photo, anchor=None) if number in hidden else photo
        for number, photo in enumerate(photos)
    ]
    return some, {photos[number].key: truths[photos[number].key] for number in hidden}


def report(score: LibraryScore) -> str:
    """Return the score as tables for people: all photos together, then album by album."""
    width = max(len(name) for name in score.pooled)
    head = "  ".join(f"{km:>6g}" for km in WITHIN_KM)
    lines = [
        f"albums: {len(score.albums)}, {score.photos:,} photos with GPS, {100 * score.hide:g} % "
        f"hidden, {score.seeds} times: {score.hidden:,} hidden places"
        + (f"; albums with fewer than two: {score.left_out}" if score.left_out else ""),
        f"model: {score.model}, {score.embedded:,} of the photos embedded"
        if score.model
        else "model: none, looks are not heard",
        "",
        f"{'% within km':<{width}}  {head}  {'median km':>10}",
    ]
    for name, method in score.pooled.items():
        cells = "  ".join(f"{percent:6.1f}" for percent in method.within_km.values())
        lines.append(f"{name:<{width}}  {cells}  {_median(method)}")
    ours = score.pooled["ours"]
    holds = ", ".join(
        f"{100 * float(level):g} % radius held {percent:.1f} %"
        for level, percent in ours.radius_holds.items()
    )
    lines += ["", f"ours: {holds}"]
    for one in score.reliability:
        lines.append(
            f"ours: said {100 * one.stated:.0f} %, held {100 * one.held:.0f} % "
            f"({one.count:,} suggestions)"
        )
    lines += ["", f"{'album':<32}  {'hidden':>6}  {head}  {'median km':>10}"]
    for album in score.albums:
        mine, near = album.methods["ours"], album.methods["nearest_in_time"]
        for label, method in ((album.title[:32], mine), ("  nearest in time", near)):
            cells = "  ".join(f"{percent:6.1f}" for percent in method.within_km.values())
            count = f"{len(mine.error_m):>6}" if method is mine else " " * 6
            lines.append(f"{label:<32}  {count}  {cells}  {_median(method)}")
    return "\n".join(lines)


def _median(method: MethodResult) -> str:
    return f"{method.median_km:10.3f}" if method.median_km is not None else f"{'-':>10}"
