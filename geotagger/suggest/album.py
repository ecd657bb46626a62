"""Suggestions for an album's photos without a place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from geotagger.earth.places import PlaceNames
from geotagger.progress import CancelToken
from geotagger.suggest import chain, clocks, fusion, honesty, timeline
from geotagger.suggest.calibration import Calibration, shipped
from geotagger.suggest.candidates import Pick, firsts_of, picks, radii_of
from geotagger.suggest.clock_course import Corrections
from geotagger.suggest.doubts import doubted
from geotagger.suggest.fusion import Fused
from geotagger.suggest.scene import FloatArray, IntArray, Scene, scene_of, view_of
from geotagger.suggest.telling import reasons_of
from geotagger.suggest.types import (
    AlbumPhoto,
    Candidate,
    References,
    Suggestion,
    SuggestionState,
    WorldCells,
)

LEVELS = (0.5, 0.8, 0.95)
"""Levels of the radii of a suggestion."""

CHUNK = 512
"""Photos worked on together at most; every further part costs what 30 photos do."""

_FEWER, _MOST_GAPS = 128, 256_000
"""Photos worked on together in an album of so many anchors that the gaps in time between both are
more than this; with `CHUNK` it bounds the memory of an album of any size."""

FIRST = 32
"""Photos of the first part where some are wanted before the others."""

_NAMED_WITHIN_M = 1_000_000.0
"""A wider candidate gets no name: no one country in it deserves the honour."""

_SURE = 0.7
_LEAD = 3.0
_NARROW_M = 10_000.0
_USEFUL_M = 300_000.0
_HINT = 0.25


def suggest_album(
    photos: Sequence[AlbumPhoto],
    *,
    references: References | None = None,
    world: WorldCells | None = None,
    places: PlaceNames | None = None,
    calibration: Calibration | None = None,
    clock_seconds: Corrections | None = None,
    cancel: CancelToken | None = None,
) -> list[Suggestion]:
    """Return a suggestion for every photo without an anchor, in the order of the input.

    The photos may come in any order. ``references`` are photos outside the album; ``world`` are
    the cells that the photos' guesses speak of, without which these are not heard; ``places``
    gives the candidates their names; without ``calibration`` the shipped one is used.
    ``clock_seconds`` are added to the times of the cameras that it names; without it, cameras
    whose clocks surely disagree are brought to one time (see `clocks`). Days in file names that are
    earlier than the clock says are believed (see `dated_names`). Anchors that surely disagree with
    their neighbours are no evidence (see `doubts`).

    Raises
    ------
    CancelledError
        The token was cancelled.
    """
    parts = suggest_parts(
        photos,
        references=references,
        world=world,
        places=places,
        calibration=calibration,
        clock_seconds=clock_seconds,
        cancel=cancel,
    )
    return [suggestion for part in parts for suggestion in part]


def suggest_parts(
    photos: Sequence[AlbumPhoto],
    *,
    references: References | None = None,
    world: WorldCells | None = None,
    places: PlaceNames | None = None,
    calibration: Calibration | None = None,
    clock_seconds: Corrections | None = None,
    near: Collection[str] = (),
    cancel: CancelToken | None = None,
) -> Iterator[list[Suggestion]]:
    """Yield the same suggestions in parts as they are made.

    ``near`` are keys of photos: those nearest in time to one of them come first, in a small part
    of their own. Else the order is that of the input.

    Raises
    ------
    CancelledError
        The token was cancelled; it is looked at twice for each part.
    """
    chosen = shipped() if calibration is None else calibration
    if clock_seconds is None:
        clock_seconds = clocks.sure_corrections(clocks.estimate(photos))
    right = clocks.as_taken(photos, clock_seconds)
    scene = scene_of(right, references, world, corrected=clock_seconds)
    if astray := doubted(scene):
        scene = scene_of(right, references, world, corrected=clock_seconds, doubted=astray)
    _look_at(cancel)
    honest = honesty.of_album(scene, chosen)
    runs = chain.runs_of(scene, scene.targets)
    for rows in _parts(scene, near):
        _look_at(cancel)
        view = view_of(scene, chain.with_company(runs, rows))
        fused = fusion.fuse(view, fusion.propose(view), chosen).of(len(rows))
        _look_at(cancel)
        firsts = firsts_of(fused, honest)
        found = picks(fused, firsts)
        yield _suggestions(fused, found, radii_of(fused, firsts, LEVELS, honest), places)


def _look_at(cancel: CancelToken | None) -> None:
    if cancel is not None:
        cancel.raise_if_cancelled()


def _parts(scene: Scene, near: Collection[str]) -> list[IntArray]:
    """Return the targets in the parts and the order in which they are worked on."""
    rows = scene.targets
    most = max(min(CHUNK, _FEWER), min(CHUNK, _MOST_GAPS // max(len(scene.anchors), 1)))
    first = most
    moments = scene.seconds[[photo.key in near for photo in scene.photos]] if near else np.zeros(0)
    moments = np.sort(moments[np.isfinite(moments)])
    if len(moments):
        times = scene.seconds[rows]
        at = np.nan_to_num(times, nan=np.inf)
        gap = np.abs(times - moments[timeline.nearest(moments, at)])
        rows, first = rows[np.argsort(gap, kind="stable")], FIRST
    cuts = range(first, len(rows), most)
    return [part for part in np.split(rows, cuts) if len(part)]


def _suggestions(
    fused: Fused, found: Sequence[Sequence[Pick]], radii: FloatArray, places: PlaceNames | None
) -> list[Suggestion]:
    rows = np.array([row for row, some in enumerate(found) for _ in some], np.intp)
    columns = np.array([pick.place for some in found for pick in some], np.intp)
    reach = np.array([pick.radius_m for some in found for pick in some], np.float64)
    reasons = iter(reasons_of(fused, rows, columns, reach))
    out = []
    for row, some in enumerate(found):
        key = fused.view.scene.photos[fused.view.rows[row]].key
        if not some:
            out.append(Suggestion(key, SuggestionState.INSUFFICIENT, ()))
            continue
        out.append(
            Suggestion(
                key=key,
                state=state_of(some, float(radii[row, 1])),
                candidates=tuple(
                    _candidate(fused, row, pick, next(reasons), places) for pick in some
                ),
                radii_m=tuple(zip(LEVELS, radii[row].tolist(), strict=True)),
            )
        )
    return out


def state_of(found: Sequence[Pick], radius_80_m: float) -> SuggestionState:
    """Return how sure a suggestion is, from the lead of its best candidate.

    Confident: the best place has seven chances in ten, thrice those of the next, and is no wider
    than a town. Too little evidence: no useful distance holds the truth four times of five, and the
    best place has less than a quarter.
    """
    best = found[0]
    second = found[1].probability if len(found) > 1 else 0.0
    leads = best.probability >= _SURE and best.probability >= _LEAD * second
    if leads and best.radius_m <= _NARROW_M:
        return SuggestionState.CONFIDENT
    weak = best.probability < _HINT or best.radius_m > _USEFUL_M
    if radius_80_m > _USEFUL_M and weak:
        return SuggestionState.INSUFFICIENT
    return SuggestionState.AMBIGUOUS


def _candidate(
    fused: Fused, row: int, pick: Pick, reasons: tuple[str, ...], places: PlaceNames | None
) -> Candidate:
    lat = float(fused.table.lat[row, pick.place])
    lon = float(fused.table.lon[row, pick.place])
    name = ""
    if places is not None and pick.radius_m <= _NAMED_WITHIN_M:
        place = places.nearest(lat, lon)
        name = place.label_within(pick.radius_m) if place is not None else ""
    return Candidate(
        lat=lat,
        lon=lon,
        radius_m=pick.radius_m,
        probability=min(max(pick.probability, 0.0), 1.0),
        place=name,
        reasons=reasons,
    )
