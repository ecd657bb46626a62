"""From the names in a photo's texts to a distribution over what they may mean.

A name is meant with some probability; if it is, the photo was taken in one of the spots of that
name, the more likely the more is photographed there. If not, the name says nothing. Different names
are taken for independent given the place, so a spot that lies in the country that another name
means gains as much as that country is rarer than the world: "Espagne/Cordoue" needs no rule of its
own. What all names together leave is "anywhere on earth".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.earth.gazetteer import Spot, SpotKind
from geotagger.suggest.names.arrays import BoolArray, FloatArray, IntArray
from geotagger.suggest.names.matches import Match
from geotagger.suggest.names.trust import Trust

MOST_NAMES = 10
"""Names weighed together for one photo."""

_WITHIN = 1.3
"""A spot lies in another if it is within so many radii of its middle: outlines are no discs."""
_REACH_M = 10_000.0
_AROUND = 3.0


@dataclass(frozen=True, slots=True)
class Spots:
    """The S spots that the names of one photo may mean, and what speaks for them.

    ``match`` (S,) tells which of the M names means a spot; ``features`` (M, F) are theirs;
    ``own`` (S,) is True where the name is the spot's own; ``within`` (S, S) is True where the first
    spot lies in the second; ``kind`` (S,) are `SpotKind` values.
    """

    spots: tuple[Spot, ...]
    phrases: tuple[Match, ...]
    match: IntArray
    features: FloatArray
    own: BoolArray
    weight: FloatArray
    within: BoolArray
    lat: FloatArray
    lon: FloatArray
    radius_m: FloatArray
    kind: IntArray

    @property
    def area(self) -> IntArray:
        """0 for towns, 1 for areas (S,)."""
        return np.asarray(self.kind != SpotKind.PLACE, np.intp)


def spots_of(matches: Sequence[Match]) -> Spots:
    """Return the spots of some names."""
    # The same word as folder and caption is one name; of many names the largest are kept.
    unique = {match.entry.key: match for match in reversed(matches)}
    chosen = sorted(
        unique.values(), key=lambda one: -max(m.spot.weight for m in one.entry.meanings)
    )[:MOST_NAMES]
    pairs = [(number, m) for number, one in enumerate(chosen) for m in one.entry.meanings]
    spots = tuple(meaning.spot for _, meaning in pairs)
    lat = np.array([spot.lat for spot in spots])
    lon = np.array([spot.lon for spot in spots])
    radius = np.array([spot.radius_m for spot in spots])
    return Spots(
        spots=spots,
        phrases=tuple(chosen),
        match=np.array([number for number, _ in pairs], np.intp),
        features=np.array([one.features for one in chosen], np.float64),
        own=np.array([not meaning.other for _, meaning in pairs], bool),
        weight=np.array([spot.weight for spot in spots]),
        within=_within(spots, lat, lon, radius),
        lat=lat,
        lon=lon,
        radius_m=radius,
        kind=np.array([spot.kind for spot in spots], np.intp),
    )


def _within(
    spots: Sequence[Spot], lat: FloatArray, lon: FloatArray, radius: FloatArray
) -> NDArray[np.bool_]:
    away = haversine_m(lat[:, None], lon[:, None], lat, lon)
    kind = np.array([spot.kind for spot in spots])
    region = np.array([spot.region for spot in spots])
    codes = sorted({code for spot in spots for code in spot.codes})
    member = np.array([[code in spot.codes for code in codes] for spot in spots], bool)
    shared = member.astype(np.int64) @ member.T.astype(np.int64) > 0
    near = away <= np.maximum(_WITHIN * radius, _REACH_M)[None, :]
    smaller = radius[:, None] <= radius[None, :]
    same_region = (region[:, None] == region[None, :]) & (region[:, None] >= 0)
    # Of regions and natural features only the discs are known: regions are long, so be generous.
    around = (away <= _AROUND * radius[None, :]) & shared & smaller
    of_region = np.where((kind == SpotKind.PLACE)[:, None], same_region, around)
    inside: NDArray[np.bool_] = np.where(
        (kind == SpotKind.COUNTRY)[None, :],
        shared,
        np.where((kind == SpotKind.REGION)[None, :], of_region, near & smaller),
    )
    return inside


def meant(spots: Spots, trust: Trust) -> FloatArray:
    """Return the probabilities (M,) that the names are meant, each by itself."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(spots.features @ trust.weights, -9.0, 9.0))))


def posterior(
    spots: Spots, trust: Trust, support: FloatArray | None = None
) -> tuple[FloatArray, float]:
    """Return the probabilities (S,) of the spots, and of "anywhere else".

    ``support`` (S,) are factors by which the rest of the album speaks for the spots rather than for
    anywhere.
    """
    q = meant(spots, trust)
    share = spots.weight**trust.power * np.where(spots.own, 1.0, _OTHER_NAME)
    share = share * np.exp(trust.kinds)[spots.kind]
    total = np.zeros(len(q))
    np.add.at(total, spots.match, share)
    share = share / total[spots.match]
    # (S, M): how much likelier each name is at a spot than anywhere.
    at = np.zeros((len(share), len(q)))
    density = share / np.maximum(spots.weight, 1e-9)
    for number in range(len(q)):
        mine = spots.match == number
        at[:, number] = (spots.within[:, mine] * density[mine]).max(axis=1, initial=0.0)
    factor = (1.0 - q) + q * at
    own = np.arange(len(share)), spots.match
    factor[own] = q[spots.match] * density
    with np.errstate(divide="ignore"):
        logs = np.log(spots.weight) + np.log(np.maximum(factor, 1e-12)).sum(axis=1)
    # A spot may be named twice, "New York, New York": it is one hypothesis.
    nothing = float(np.log(1.0 - q).sum())
    top = max(float(logs.max(initial=-np.inf)), nothing)
    weights, rest = np.exp(logs - top), float(np.exp(nothing - top))
    for index, spot in enumerate(spots.spots):
        if any(spot.number == other.number for other in spots.spots[:index]):
            weights[index] = 0.0
    share = np.asarray((1.0 - trust.slip) * weights / (float(weights.sum()) + rest), np.float64)
    rest = 1.0 - float(share.sum())
    if support is not None:
        # After the slip: what the album speaks against may be meant and still be wrong here.
        share = share * support
        whole = float(share.sum()) + rest
        share, rest = share / whole, rest / whole
    return share, rest


_OTHER_NAME = 0.5
"""A place is meant half as often where the name is one of its others."""
