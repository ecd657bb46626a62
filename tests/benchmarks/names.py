"""What names of folders, files and captions tell, on photos whose place is known.

    python -m tests.benchmarks.names ../shared/photos [--fit] [--json FILE] [--report FILE]

Whole sources are held out: the trust in names that judges a source was fitted on the others. With
``--fit`` the trust fitted on all of them is written to resources/calibration/names.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from geotagger.earth.distance import haversine_m
from geotagger.earth.gazetteer import Entry, Gazetteer, SpotKind, shared
from geotagger.suggest import scene as scenes
from geotagger.suggest.album import suggest_album
from geotagger.suggest.motion import log_density
from geotagger.suggest.names import evidence, guessing, trust
from geotagger.suggest.names import matches as matching
from geotagger.suggest.names.matches import FEATURES, matches_in
from geotagger.suggest.names.trust import Trust
from geotagger.suggest.names.weighing import Spots, posterior, spots_of
from geotagger.suggest.types import (
    AlbumPhoto,
    Anchor,
    AnchorKind,
    PhotoText,
    SuggestionState,
    TextKind,
)
from tests.benchmarks.names_report import WITHIN_KM, report

CAPTIONED = ("kanhar/kanhar.github.io",)
"""Sources whose table names a place that is not in the path: it stands for a caption."""
FOLDERS = 4
LAND_M2 = 1.5e14
STEPS = 5
OWN_FOLD = 3
"""Sources with so many different names are held out one by one, smaller ones together."""


@dataclass(frozen=True, slots=True)
class Known:
    """A photo with its place and its texts."""

    source: str
    album: str
    label: str
    lat: float
    lon: float
    texts: tuple[PhotoText, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Photos of a source for which the same names speak: distances (P, S) to the spots."""

    source: str
    spots: Spots
    away: np.ndarray


def texts_of(path: str, caption: str = "") -> tuple[PhotoText, ...]:
    """Return the texts that a path below an opened folder gives."""
    parts = PurePosixPath(path)
    folders = list(reversed(parts.parent.parts))[:FOLDERS]
    texts = [PhotoText(TextKind.FILE, parts.name)]
    for level, folder in enumerate(folders):
        texts.append(PhotoText(TextKind.PARENT if level else TextKind.FOLDER, folder))
    return (*texts, PhotoText(TextKind.CAPTION, caption)) if caption else tuple(texts)


def read(folder: Path) -> list[Known]:
    """Return the photos of the index."""
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        return [
            Known(
                source=row["source_repo"],
                album=row["album"],
                label=row["label_type"],
                lat=float(row["lat"]),
                lon=float(row["lon"]),
                texts=texts_of(
                    row["path_in_repo"],
                    row["album"]
                    if row["source_repo"] in CAPTIONED and row["label_type"] == "city"
                    else "",
                ),
            )
            for row in csv.DictReader(file)
        ]


def groups_of(photos: Sequence[Known]) -> list[Group]:
    """Return the photos for which names speak, those with the same names together."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], list[Known]] = defaultdict(list)
    spots: dict[tuple[tuple[str, str], ...], Spots] = {}
    for photo in photos:
        matches = [m for text in photo.texts for m in matches_in(text, shared())]
        if matches:
            key = tuple((m.kind.value, m.entry.key) for m in matches)
            spots.setdefault(key, spots_of(matches))
            found[photo.source, key].append(photo)
    out = []
    for (source, key), some in found.items():
        lat, lon = np.array([p.lat for p in some]), np.array([p.lon for p in some])
        one = spots[key]
        out.append(Group(source, one, haversine_m(lat[:, None], lon[:, None], one.lat, one.lon)))
    return out


def vector(one: Trust) -> np.ndarray:
    """Return the numbers of a trust in one row, all free of bounds."""
    logit = np.log(one.slip / (1.0 - one.slip))
    return np.concatenate([one.weights, one.kinds, np.log(one.spread), [np.log(one.power), logit]])


def trust_of(row: np.ndarray) -> Trust:
    """Return the trust that `vector` made a row of."""
    at = len(FEATURES)
    return Trust(
        weights=row[:at],
        kinds=row[at : at + 4],
        spread=np.exp(row[at + 4 : at + 6]),
        power=float(np.exp(row[at + 6])),
        slip=float(1.0 / (1.0 + np.exp(-row[at + 7]))),
    )


def doubt() -> np.ndarray:
    """Return how far a fit may go from what was believed, one standard deviation each."""
    # Labels of most sources are the towns' own coordinates: they would teach that photos are taken
    # at town halls, and that no name is ever wrong. So radii stay, and slips almost.
    # Hardly any of these folders is called after a person, so little can be learned about that.
    weights = [0.2 if name == "person" else 1.0 for name in FEATURES]
    return np.array([*weights, 1e-3, 1.0, 1.0, 1.0, 1e-3, 1e-3, 0.3, 0.2])


def losses(groups: Sequence[Group], one: Trust) -> np.ndarray:
    """Return the mean negative log density per square metre at the truth, for each group."""
    out = np.empty(len(groups))
    for number, group in enumerate(groups):
        share, rest = posterior(group.spots, one)
        scale = group.spots.radius_m * one.spread[group.spots.area]
        density = np.exp(log_density(group.away, scale)) @ share + rest / LAND_M2
        out[number] = -np.log(density).mean()
    return out


def fit(groups: Sequence[Group]) -> Trust:
    """Return the trust that makes the truths likeliest, drawn towards what was believed."""
    start = vector(trust.believed())
    precision = 1.0 / doubt() ** 2
    row, damp = start.copy(), 1.0

    def total(some: np.ndarray, base: np.ndarray) -> float:
        return float(base.sum() + 0.5 * (precision * (some - start) ** 2).sum())

    base = losses(groups, trust_of(row))
    for _ in range(STEPS):
        slopes = np.empty((len(groups), len(row)))
        for index in range(len(row)):
            moved = row.copy()
            moved[index] += 0.02
            slopes[:, index] = (losses(groups, trust_of(moved)) - base) / 0.02
        gradient = slopes.sum(axis=0) + precision * (row - start)
        # The outer product of the groups' slopes stands in for the curvature (Fisher scoring).
        curvature = slopes.T @ slopes + np.diag(precision * damp)
        step = np.linalg.solve(curvature, gradient)
        step *= min(1.0, 2.0 / np.abs(step).max())
        for _ in range(6):
            there = losses(groups, trust_of(row - step))
            if total(row - step, there) < total(row, base):
                row, base = row - step, there
                break
            step = step / 2.0
        else:
            break
    return trust_of(row)


@dataclass(frozen=True, slots=True)
class Judged:
    """One photo judged: error in metres (inf if nothing was said), radius, probability."""

    known: Known
    error_m: float
    radius_m: float
    probability: float
    speaks: bool
    wide_m: tuple[float, ...]


def judge(photos: Sequence[Known], one: Trust) -> list[Judged]:
    """Return what is suggested for each photo from names alone, album by album."""
    albums: dict[tuple[str, str], list[Known]] = defaultdict(list)
    for photo in photos:
        albums[photo.source, photo.album].append(photo)
    out = []
    original = scenes.guesses_of
    scenes.guesses_of = lambda some: guessing.guesses_of(some, one)
    try:
        for some in albums.values():
            made = [
                AlbumPhoto(key=str(i), name=p.texts[0].text, when=None, texts=p.texts)
                for i, p in enumerate(some)
            ]
            for known, said in zip(some, suggest_album(made), strict=True):
                out.append(_judged(known, said))
    finally:
        scenes.guesses_of = original
    return out


def _judged(known: Known, said: Any) -> Judged:
    if not said.candidates:
        return Judged(known, np.inf, 0.0, 0.0, False, ())
    best = said.candidates[0]
    error = float(haversine_m(known.lat, known.lon, best.lat, best.lon))
    speaks = said.state is not SuggestionState.INSUFFICIENT
    wide = tuple(radius for _, radius in said.radii_m)
    return Judged(known, error, best.radius_m, best.probability, speaks, wide)


def summary(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return how often names spoke and how right they were."""
    said = [one for one in judged if one.speaks]
    out: dict[str, Any] = {"photos": len(judged), "speaks": len(said)}
    if said:
        error = np.array([one.error_m for one in said])
        for km in WITHIN_KM:
            out[f"within_{km:g}"] = round(100.0 * float((error <= km * 1e3).mean()), 1)
        held = error <= np.array([one.radius_m for one in said])
        out["stated"] = round(100.0 * float(np.mean([one.probability for one in said])), 1)
        out["held"] = round(100.0 * float(held.mean()), 1)
        wide = np.array([one.wide_m for one in said])
        out["radii"] = [round(100.0 * float(x), 1) for x in (error[:, None] <= wide).mean(axis=0)]
    return out


def reliability(judged: Sequence[Judged]) -> list[tuple[str, int, float, float]]:
    """Return by bin of stated probability: photos, mean stated, share held."""
    rows = []
    some = [one for one in judged if np.isfinite(one.error_m)]
    stated = np.array([one.probability for one in some])
    held = np.array([one.error_m <= one.radius_m for one in some])
    for low in np.arange(0.0, 1.0, 0.2):
        inside = (stated >= low) & (stated < low + 0.2 + 1e-9 * (low > 0.7))
        if inside.any():
            name = f"{low:.1f}–{low + 0.2:.1f}"
            mean, share = float(stated[inside].mean()), float(held[inside].mean())
            rows.append((name, int(inside.sum()), mean, share))
    return rows


def without_features(photos: Sequence[Known]) -> dict[str, Any]:
    """Return the summary with the table of natural features left out, by the shipped trust."""
    original = Gazetteer.find

    def find(self: Gazetteer, key: str) -> Entry | None:
        entry = original(self, key)
        if entry is None:
            return None
        kept = tuple(m for m in entry.meanings if m.spot.kind is not SpotKind.FEATURE)
        return replace(entry, meanings=kept) if kept else None

    def forget() -> None:
        matching._cached.cache_clear()
        guessing._spots.cache_clear()

    Gazetteer.find = find
    forget()
    try:
        return summary(judge(photos, trust.shipped()))
    finally:
        Gazetteer.find = original
        forget()


def live_ms() -> float:
    """Return the median time of weighing names for an album of 500 photos, the second time on."""
    folders = texts_of("Espagne/Cordoue/x.jpg")[1:]
    photos = [
        AlbumPhoto(
            key=str(i),
            name="a",
            when=None,
            texts=(PhotoText(TextKind.FILE, f"DSC_{i:04d}.JPG"), *folders),
            anchor=Anchor(37.9, -4.8, 10.0, AnchorKind.GPS) if i % 5 == 0 else None,
        )
        for i in range(500)
    ]
    times = []
    for _ in range(8):
        start = time.process_time()
        scene = scenes.scene_of(photos, None)
        view = scenes.view_of(scene, scene.targets)
        table = evidence.NamesEvidence().propose(view, scenes.empty_table(len(view.rows)))
        assert table is not None
        evidence.log_lift(view, table)
        times.append(time.process_time() - start)
    return round(1e3 * float(np.median(times[1:])), 1)


def tell(*what: object) -> None:
    """Write a line to the terminal."""
    sys.stdout.write(" ".join(str(one) for one in what) + "\n")


def main() -> None:
    """Measure, print, and with ``--fit`` write what was fitted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    photos = read(given.photos)
    groups = groups_of(photos)
    sources = sorted({photo.source for photo in photos})
    heard = {group.source for group in groups}
    judged: dict[str, list[Judged]] = {}
    count = Counter(group.source for group in groups)
    small = {source for source in sources if count[source] < OWN_FOLD}
    without_small = fit([group for group in groups if group.source not in small])
    for source in sources:
        others = [group for group in groups if group.source != source]
        one = without_small if source in small else fit(others)
        judged[source] = judge([p for p in photos if p.source == source], one)
        tell(source, summary(judged[source]))
    everything = [one for some in judged.values() for one in some]
    exact = [one for one in everything if one.known.label in {"exif", "manifest-gps"}]
    result: dict[str, Any] = {
        "sources": {source: summary(some) for source, some in judged.items()},
        "all": summary(everything),
        "own_gps": summary(exact),
        "names_in_table": summary([one for one in everything if one not in exact]),
        "reliability": reliability(everything),
        "reliability_own_gps": reliability(exact),
    }
    believed = [
        one
        for source in sources
        for one in judge([p for p in photos if p.source == source], trust.believed())
    ]
    result["before_any_fit"] = summary(believed)
    without = [
        replace(p, texts=tuple(t for t in p.texts if t.kind is not TextKind.CAPTION))
        for p in photos
    ]
    result["shipped"] = summary(judge(photos, trust.shipped()))
    result["shipped_paths_only"] = summary(judge(without, trust.shipped()))
    result["shipped_without_features"] = without_features(photos)
    result["ms_for_500"] = live_ms()
    for key in ("all", "own_gps", "names_in_table", "before_any_fit"):
        tell(key, result[key])
    for row in result["reliability"]:
        tell(*row)
    if given.fit:
        fitted = replace(
            fit(groups), note=f"fitted on {len(groups)} groups of {len(heard)} sources"
        )
        shipped = Path(__file__).parents[2] / "resources" / "calibration" / "names.json"
        shipped.write_text(fitted.to_json(), encoding="utf-8")
        tell(fitted.to_json())
    if given.report:
        given.report.write_text(report(result), encoding="utf-8")
    if given.json:
        given.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
