"""What the names of each photo of an album point to, in the light of the rest of the album."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite

import numpy as np

from geotagger.earth.distance import haversine_m
from geotagger.earth.gazetteer import Gazetteer, Spot, shared
from geotagger.suggest.names import trust as trusting
from geotagger.suggest.names.arrays import BoolArray, FloatArray, IntArray
from geotagger.suggest.names.matches import Match, matches_in
from geotagger.suggest.names.trust import Trust
from geotagger.suggest.names.weighing import Spots, posterior, spots_of
from geotagger.suggest.same_objects import SameObjects
from geotagger.suggest.types import AlbumPhoto, PhotoText

MOST_SPOTS = 6
LEAST_SHARE = 0.01
"""Probability below which a spot is not worth weighing."""

MOST_REST = 0.5
"""Names that are likelier to mean nothing than any place are not heard: of 106 real photos with
candidates from weaker names, none was where they said."""

MOST_TEXTS = 200
"""Texts of one photo that are looked at; nobody writes more for a person to read."""

_NEAR_M = 200_000.0
_NEAR_WEIGHT = 0.003
"""What a disc of 200 km holds of the world's photos, where it is not known better."""

_ANCHORS_AGREE = 0.9
"""Probability that an album's photos with a place tell the region of the others. Of 32 real albums
nine photos in ten are within 200 km of half of the others."""

_NAMES_AGREE = 0.5
"""The same for what the names of other photos mean: an album may be a journey."""

_MOST_ANCHORS = 64
_MOST_OTHERS = 64


@dataclass(frozen=True, slots=True)
class NameGuess:
    """What the names of one photo point to: K spots, the likeliest first.

    ``lat``, ``lon`` in degrees, ``radius_m`` (median distance) and ``share`` are (K,); ``rest`` is
    the probability of anywhere else. ``phrases`` are the matches that mean them.
    """

    spots: tuple[Spot, ...]
    phrases: tuple[Match, ...]
    lat: FloatArray
    lon: FloatArray
    radius_m: FloatArray
    share: FloatArray
    rest: float


def guesses_of(
    photos: Sequence[AlbumPhoto],
    trust: Trust | None = None,
    gazetteer: Gazetteer | None = None,
) -> tuple[NameGuess | None, ...]:
    """Return what the names of each photo (N) point to; None where they say nothing.

    Photos with the same texts share one guess. The gazetteer is read when it is first needed.
    """
    if not any(photo.texts and photo.anchor is None for photo in photos):
        return (None,) * len(photos)
    trust = trust or trusting.shipped()
    names = gazetteer or shared()
    said = _SAID.get(
        (trust, names, *(photo.texts for photo in photos)), lambda: _said(photos, trust, names)
    )
    wanted = {
        texts
        for photo, texts in zip(photos, said.texts, strict=True)
        if photo.anchor is None and texts
    }
    if not wanted:
        return (None,) * len(photos)
    anchors = _anchors(photos)
    made = {
        texts: _guess(found, trust, _support(found, anchors, said.others))
        for texts in wanted
        if (found := said.known[texts]) is not None
    }
    return tuple(
        made.get(texts) if photo.anchor is None else None
        for photo, texts in zip(photos, said.texts, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """What the texts of N photos say, whatever is known of places.

    ``texts`` (N,) are those with names in them, ``known`` what they mean by themselves, ``others``
    what all of them together point to.
    """

    texts: tuple[tuple[PhotoText, ...], ...]
    known: dict[tuple[PhotoText, ...], Spots | None]
    others: _Points | None


_SAID: SameObjects[_Said] = SameObjects(4)
"""Of the last albums: after a decision on a place the texts are as they were."""


def _said(photos: Sequence[AlbumPhoto], trust: Trust, names: Gazetteer) -> _Said:
    # Photos whose file names alone differ say the same: only texts with names in them count.
    said = tuple(_saying(photo.texts, names) for photo in photos)
    count = Counter(texts for texts in said if texts)
    known = {texts: _spots(texts, names) for texts in count}
    return _Said(said, known, _others(count, known, trust))


def _saying(texts: tuple[PhotoText, ...], gazetteer: Gazetteer) -> tuple[PhotoText, ...]:
    return tuple(text for text in texts[:MOST_TEXTS] if matches_in(text, gazetteer))


@lru_cache(maxsize=20_000)
def _spots(texts: tuple[PhotoText, ...], gazetteer: Gazetteer) -> Spots | None:
    matches = [match for text in texts for match in matches_in(text, gazetteer)]
    return spots_of(matches) if matches else None


def _guess(spots: Spots, trust: Trust, support: FloatArray) -> NameGuess | None:
    share, rest = posterior(spots, trust, support)
    if rest > MOST_REST:
        return None
    order = np.argsort(-share, kind="stable")[:MOST_SPOTS]
    order = order[share[order] >= LEAST_SHARE]
    if len(order) == 0:
        return None
    radius = spots.radius_m * trust.spread[spots.area]
    return NameGuess(
        spots=tuple(spots.spots[index] for index in order),
        phrases=tuple(spots.phrases[spots.match[index]] for index in order),
        lat=spots.lat[order],
        lon=spots.lon[order],
        radius_m=radius[order],
        share=share[order],
        rest=float(max(1.0 - share[order].sum(), LEAST_SHARE)),
    )


@dataclass(frozen=True, slots=True)
class _Points:
    """Places that the rest of the album speaks of, with their shares, and the keys they are by."""

    lat: FloatArray
    lon: FloatArray
    share: FloatArray
    keys: tuple[str, ...] = ()


def _anchors(photos: Sequence[AlbumPhoto]) -> _Points | None:
    known = [
        (anchor.lat, anchor.lon)
        for photo in photos
        if (anchor := photo.anchor) is not None and isfinite(anchor.lat) and isfinite(anchor.lon)
    ]
    if not known:
        return None
    cells = Counter(map(tuple, np.round(known, 1).tolist()))
    common = cells.most_common(_MOST_ANCHORS)
    share = np.array([times for _, times in common], np.float64)
    places = np.array([place for place, _ in common], np.float64)
    return _Points(places[:, 0], places[:, 1], share / share.sum())


def _others(
    count: Counter[tuple[PhotoText, ...]],
    known: dict[tuple[PhotoText, ...], Spots | None],
    trust: Trust,
) -> _Points | None:
    """Return what all names of the album point to, each name by itself."""
    times: Counter[str] = Counter()
    matches: dict[str, Match] = {}
    for texts, number in count.items():
        spots = known[texts]
        for match in spots.phrases if spots is not None else ():
            times[match.entry.key] += number
            matches[match.entry.key] = match
    if len(matches) < 2:
        return None
    rows: defaultdict[tuple[str, int], float] = defaultdict(float)
    place: dict[int, Spot] = {}
    for key, number in times.most_common(_MOST_OTHERS):
        spots = spots_of([matches[key]])
        share, _ = posterior(spots, trust)
        for index in np.argsort(-share)[:3]:
            spot = spots.spots[index]
            rows[key, spot.number] += number * float(share[index])
            place[spot.number] = spot
    total = sum(times.values())
    return _Points(
        lat=np.array([place[number].lat for _, number in rows]),
        lon=np.array([place[number].lon for _, number in rows]),
        share=np.array(list(rows.values())) / total,
        keys=tuple(key for key, _ in rows),
    )


def _support(spots: Spots, anchors: _Points | None, others: _Points | None) -> FloatArray:
    """Return the factors (S,) by which the rest of the album speaks for each spot."""
    out = np.ones(len(spots.spots))
    if anchors is not None:
        near = (_near(spots, anchors) * anchors.share).sum(axis=1)
        out *= _factor(near, spots, _ANCHORS_AGREE)
    if others is not None:
        mine = {match.entry.key for match in spots.phrases}
        foreign = np.array([key not in mine for key in others.keys])
        share = others.share * foreign
        left = float(share.sum())
        if left > 0.05:
            near = (_near(spots, others) * share).sum(axis=1) / max(left, 0.3)
            # Names that say nothing of the place leave room for any.
            out *= _factor(near, spots, _NAMES_AGREE * min(left, 1.0))
    return out


def _near(spots: Spots, points: _Points) -> BoolArray:
    away = haversine_m(spots.lat[:, None], spots.lon[:, None], points.lat, points.lon)
    return np.asarray(away <= np.maximum(_NEAR_M, 1.5 * spots.radius_m)[:, None], bool)


def _factor(near: FloatArray, spots: Spots, agree: float) -> FloatArray:
    usual = np.maximum(spots.weight, _NEAR_WEIGHT)
    return np.asarray((1.0 - agree) + agree * near / usual, np.float64)


def rows_by_guess(guesses: Sequence[NameGuess | None]) -> list[tuple[NameGuess, IntArray]]:
    """Return the guesses that there are, each with the rows (R,) that share it."""
    rows: dict[int, list[int]] = defaultdict(list)
    by_id: dict[int, NameGuess] = {}
    for row, guess in enumerate(guesses):
        if guess is not None:
            rows[id(guess)].append(row)
            by_id[id(guess)] = guess
    return [(by_id[key], np.array(some, np.intp)) for key, some in rows.items()]
