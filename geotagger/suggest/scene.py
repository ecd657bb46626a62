"""An album as arrays: what the evidence sources look at."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from geotagger.suggest import retrieval, timeline
from geotagger.suggest.clock_course import Corrections
from geotagger.suggest.clock_zones import believed_of
from geotagger.suggest.names.guessing import NameGuess, guesses_of
from geotagger.suggest.types import AlbumPhoto, Anchor, References, WorldCells

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scene:
    """An album of N photos, T of them without a place (targets), A with one (anchors).

    ``targets`` (T,) and ``anchors`` (A,) are indices into ``photos``; the anchors are in order of
    time, those without a time last; ``timed`` of them have one. ``seconds``, ``active`` and
    ``doubt`` (N,) are as `timeline` gives them; ``lat`` and ``lon`` (A,) are the anchors' places
    in degrees, ``radius_m`` (A,) the radii that hold them; ``embeddings`` (N, D) are
    unit rows, zero where ``seen`` (N,) is False. ``world`` are the cells that the photos' guesses
    speak of; None where there are no guesses. ``names`` has for each photo what its texts point to,
    or None; ``clock_belief`` tells by camera how many offsets from UTC were right and wrong;
    ``corrected`` by camera what was added to its times.
    """

    photos: tuple[AlbumPhoto, ...]
    targets: IntArray
    anchors: IntArray
    timed: int
    seconds: FloatArray
    active: FloatArray
    doubt: FloatArray
    lat: FloatArray
    lon: FloatArray
    radius_m: FloatArray
    embeddings: NDArray[np.float32]
    seen: BoolArray
    references: References | None
    world: WorldCells | None = None
    names: tuple[NameGuess | None, ...] = ()
    clock_belief: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    corrected: Corrections = field(default_factory=dict)

    @property
    def anchor_seconds(self) -> FloatArray:
        """The times of the anchors that have one, ascending."""
        return self.seconds[self.anchors[: self.timed]]


def scene_of(
    photos: Sequence[AlbumPhoto],
    references: References | None,
    world: WorldCells | None = None,
    *,
    corrected: Corrections | None = None,
    doubted: Collection[str] = (),
) -> Scene:
    """Return the arrays of an album.

    ``doubted`` are keys of photos whose places are no anchors, though they have one.

    Embeddings of another length than the first one's, or with values that are no numbers, count
    as missing; so do references that cannot be compared with the album's embeddings, and anchors
    whose coordinates are no place on earth.
    """
    times = timeline.seconds(photos)
    known = np.array([_is_place(photo) and photo.key not in doubted for photo in photos], bool)
    anchors = np.flatnonzero(known)
    # NaN sorts last, so anchors without a time come after all others.
    anchors = anchors[np.argsort(times[anchors], kind="stable")]
    embeddings, seen = _embeddings(photos)
    if references is not None and (
        len(references.names) == 0 or references.embeddings.shape[1] != embeddings.shape[1]
    ):
        references = None
    placed = [photos[int(index)] for index in anchors]
    places = [photo.anchor for photo in placed]
    lat = np.array([place.lat for place in places if place is not None], np.float64)
    lon = np.array([place.lon for place in places if place is not None], np.float64)
    return Scene(
        photos=tuple(photos),
        targets=np.flatnonzero([photo.anchor is None for photo in photos]),
        anchors=anchors,
        timed=int(np.isfinite(times[anchors]).sum()),
        seconds=times,
        active=timeline.active(photos, times),
        doubt=timeline.doubts(photos),
        lat=lat,
        lon=lon,
        radius_m=np.array([_radius(place) for place in places if place is not None], np.float64),
        embeddings=embeddings,
        seen=seen,
        references=references,
        world=world,
        names=guesses_of(photos),
        clock_belief=believed_of(placed, lat, lon),
        corrected=corrected or {},
    )


def hiding(scene: Scene, rows: IntArray) -> Scene:
    """Return a scene in which some photos (K,) have no place any more, the rest being as it is."""
    photos = list(scene.photos)
    for row in rows.tolist():
        photos[row] = replace(photos[row], anchor=None)
    keep = ~np.isin(scene.anchors, rows)
    anchors, lat, lon = scene.anchors[keep], scene.lat[keep], scene.lon[keep]
    return replace(
        scene,
        photos=tuple(photos),
        targets=np.union1d(scene.targets, rows).astype(np.intp),
        anchors=anchors,
        timed=int(keep[: scene.timed].sum()),
        lat=lat,
        lon=lon,
        radius_m=scene.radius_m[keep],
        names=guesses_of(photos),
        clock_belief=believed_of([photos[row] for row in anchors.tolist()], lat, lon),
    )


def _is_place(photo: AlbumPhoto) -> bool:
    anchor = photo.anchor
    return (
        anchor is not None
        and isfinite(anchor.lat)
        and isfinite(anchor.lon)
        and abs(anchor.lat) <= 90.0
    )


def _radius(anchor: Anchor) -> float:
    return anchor.radius_m if isfinite(anchor.radius_m) and anchor.radius_m > 0.0 else 0.0


def _embeddings(photos: Sequence[AlbumPhoto]) -> tuple[NDArray[np.float32], BoolArray]:
    rows = [photo.embedding for photo in photos]
    length = next((len(row) for row in rows if row is not None), 0)
    out = np.zeros((len(photos), length), np.float32)
    seen = np.array([row is not None and row.shape == (length,) for row in rows], bool)
    if seen.any():
        out[seen] = [row for row, usable in zip(rows, seen.tolist(), strict=True) if usable]
        seen &= np.isfinite(out).all(axis=1)
        out[~seen] = 0.0
    return out, seen


class Origin(IntEnum):
    """How a place came to be among those that are weighed for a photo."""

    BEFORE = 0
    AFTER = 1
    BETWEEN = 2
    """On the way between the anchors before and after, where the clock says."""
    PART_WAY = 3
    """On that way, elsewhere."""
    LOOKALIKE = 4
    REFERENCE = 5
    ALBUM = 6
    WORLD = 7
    """A cell that the world model sees in the pixels."""
    NAME = 8
    """What a name in the photo's texts means."""
    RETRIEVED = 9
    """Where several look-alikes outside the album are dense."""


OUTSIDE = (Origin.REFERENCE, Origin.WORLD, Origin.NAME, Origin.RETRIEVED)
"""Places that do not come from the album's anchors."""

AREAS = (Origin.WORLD, Origin.NAME)
"""Places that divide "anywhere on earth" among themselves and have a size of their own."""

IS_OUTSIDE, IS_AREA = (np.isin(list(Origin), which) for which in (OUTSIDE, AREAS))
"""The same by the value of an `Origin`; quicker to ask than whether a value is among some."""


@dataclass(frozen=True, slots=True)
class View:
    """H targets of a scene that are worked on together.

    ``rows`` (H,) are indices into the scene's photos; ``similarity`` (H, A) are cosines with the
    anchors, NaN where either has no embedding; ``gap_s`` (H, A) are the seconds to the anchors,
    positive if the anchor is later, NaN where either has no time or all anchors are out of reach;
    ``active_gap_s`` the same without the nights; ``found`` are the look-alikes in the album and
    outside of it.
    """

    scene: Scene
    rows: IntArray
    similarity: FloatArray
    gap_s: FloatArray
    active_gap_s: FloatArray
    found: retrieval.Found

    def of(self, count: int) -> View:
        """Return the view of the first targets."""
        return View(
            self.scene,
            self.rows[:count],
            self.similarity[:count],
            self.gap_s[:count],
            self.active_gap_s[:count],
            self.found.of(count),
        )

    @property
    def has_time(self) -> BoolArray:
        """Which photos (H,) have a time and an anchor not too far from it (`timeline.REACH_S`)."""
        if self.scene.timed == 0:
            return np.zeros(len(self.rows), bool)
        # The anchors with a time come first, and a gap to one of them is known or none is.
        return np.asarray(np.isfinite(self.gap_s[:, 0]), bool)

    @property
    def has_guess(self) -> BoolArray:
        """Which photos (H,) a world model has seen."""
        if self.scene.world is None:
            return np.zeros(len(self.rows), bool)
        return np.array([self.scene.photos[row].guess is not None for row in self.rows], bool)

    @property
    def has_names(self) -> BoolArray:
        """Which photos (H,) have texts that point somewhere."""
        if not self.scene.names:
            return np.zeros(len(self.rows), bool)
        return np.array([self.scene.names[row] is not None for row in self.rows], bool)

    @property
    def has_look(self) -> BoolArray:
        """Which photos (H,) have an embedding and something to compare it with."""
        if self.scene.references is None and not self.scene.seen[self.scene.anchors].any():
            return np.zeros(len(self.rows), bool)
        return self.scene.seen[self.rows]


def view_of(scene: Scene, rows: IntArray) -> View:
    """Return the view of some targets."""
    anchors = scene.anchors
    similarity = np.full((len(rows), len(anchors)), np.nan)
    if scene.embeddings.shape[1] and len(anchors):
        cosines = scene.embeddings[rows] @ scene.embeddings[anchors].T
        similarity[:] = cosines
        similarity[~scene.seen[rows]] = np.nan
        similarity[:, ~scene.seen[anchors]] = np.nan
    gap = scene.seconds[anchors][None, :] - scene.seconds[rows][:, None]
    active = scene.active[anchors][None, :] - scene.active[rows][:, None]
    if scene.timed:
        times = scene.seconds[rows]
        near = scene.anchor_seconds[timeline.nearest(scene.anchor_seconds, times)]
        gap[~(np.abs(near - times) <= timeline.REACH_S)] = np.nan
        active[np.isnan(gap[:, 0])] = np.nan
    return View(scene, rows, similarity, gap, active, _found(scene, rows, similarity))


def _found(scene: Scene, rows: IntArray, similarity: FloatArray) -> retrieval.Found:
    """Return the look-alikes of some targets."""
    near, cosine = np.zeros((len(rows), 0), np.intp), np.zeros((len(rows), 0))
    seen = np.flatnonzero(scene.seen[rows])
    if scene.references is not None and len(seen):
        keys = [scene.photos[row].key for row in rows[seen].tolist()]
        alike, likeness = retrieval.alike_of(scene.references, keys, scene.embeddings[rows[seen]])
        near = np.full((len(rows), alike.shape[1]), -1, np.intp)
        cosine = np.zeros(near.shape)
        near[seen], cosine[seen] = alike, likeness
    scenes = retrieval.scenes_of(scene.seconds[scene.anchors])
    anchors = retrieval.Pool(scene.lat, scene.lon, scenes, np.zeros_like(scenes))
    library = retrieval.library_of(scene.references)
    return retrieval.found_of(similarity, anchors, near, cosine, library)


@dataclass(frozen=True, slots=True)
class PlaceTable:
    """P places that are weighed for each of H photos; all arrays are (H, P).

    ``present`` is False where a row has fewer places. ``origin`` holds `Origin` values.
    ``index`` is the anchor's position among the scene's anchors, or the reference's; for places
    on a way it is the anchor before, ``other`` the one after (else -1), ``fraction`` the share of
    the way.
    """

    lat: FloatArray
    lon: FloatArray
    present: BoolArray
    origin: NDArray[np.int8]
    index: IntArray
    other: IntArray
    fraction: FloatArray

    def of(self, count: int) -> PlaceTable:
        """Return the places of the first photos."""
        return PlaceTable(*(getattr(self, name)[:count] for name in self.__slots__))

    @property
    def is_anchor(self) -> BoolArray:
        """Where a place is that of an anchor of the album."""
        return np.asarray(self.of_album & ~self.on_the_way, bool)

    @property
    def of_album(self) -> BoolArray:
        """Where a place comes from the anchors of the album."""
        return np.asarray(self.present & ~IS_OUTSIDE[self.origin], bool)

    @property
    def on_the_way(self) -> BoolArray:
        """Where a place lies on the way between two anchors."""
        way = (self.origin == Origin.BETWEEN) | (self.origin == Origin.PART_WAY)
        return np.asarray(self.present & way, bool)

    def lies_on_the_way(self, row: int, place: int) -> bool:
        """Return whether one place lies on the way between two anchors."""
        return bool(self.present[row, place] and self.other[row, place] >= 0)

    def is_an_anchor(self, row: int, place: int) -> bool:
        """Return whether one place is that of an anchor of the album."""
        outside = IS_OUTSIDE[self.origin[row, place]]
        return bool(self.present[row, place] and not outside and self.other[row, place] < 0)


def empty_table(photos: int) -> PlaceTable:
    """Return a table without places."""
    none = np.zeros((photos, 0))
    whole = np.zeros((photos, 0), np.intp)
    return PlaceTable(none, none, none.astype(bool), none.astype(np.int8), whole, whole, none)


def joined(tables: Sequence[PlaceTable]) -> PlaceTable:
    """Return the tables side by side."""
    return PlaceTable(
        *(
            np.concatenate([getattr(table, name) for table in tables], axis=1)
            for name in PlaceTable.__slots__
        )
    )
