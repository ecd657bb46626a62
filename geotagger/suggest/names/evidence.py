"""Evidence from names, as the fusion hears it.

Like a world model's guess, what names point to does two things. Its spots are places of their own,
which share what the album leaves to "anywhere on earth". And every other place, an anchor or a
look-alike, is lifted or lowered by how much likelier the names make it than it was. How far names
can be trusted is in their probabilities, which were fitted; the lift is bounded all the same, so
that a folder's name alone never overrules a clock that speaks clearly.
"""

from __future__ import annotations

import math

import numpy as np

from geotagger.earth.distance import EARTH_RADIUS_M, unit_vectors
from geotagger.earth.gazetteer import Spot, SpotKind
from geotagger.earth.zone_map import shared
from geotagger.suggest.evidence import Reason, register
from geotagger.suggest.names.guessing import MOST_SPOTS, NameGuess, rows_by_guess
from geotagger.suggest.scene import FloatArray, IntArray, Origin, PlaceTable, View
from geotagger.suggest.types import TextKind

MOST_LIFT = 3.0
"""Bound of the lift, a factor of twenty either way."""

WORTH_TELLING = float(np.log(2.0))

_IN_RADII = 2.0
_AT_LEAST_M = 15_000.0
"""What is within so much of a spot's middle counts as there."""

_FADING = 4.0
"""Power of the distance with which a spot fades: a town is heard for some 50 km, a region of the
size of Nova Scotia for some 700 km. Chosen once, not fitted: of 32 real albums one has anchors on
both sides of such an edge."""

_SAID = {
    TextKind.FOLDER: "the folder is called “{phrase}” ({label})",
    TextKind.PARENT: "a folder above is called “{phrase}” ({label})",
    TextKind.FILE: "the file's name says “{phrase}” ({label})",
    TextKind.CAPTION: "the caption says “{phrase}” ({label})",
    TextKind.KEYWORD: "a keyword says “{phrase}” ({label})",
    TextKind.PLACE: "the metadata name “{phrase}” ({label})",
}


@register
class NamesEvidence:
    """What names mean; its term is not a fitted one, as its probabilities are."""

    name = "names"
    order = 4
    terms: tuple[str, ...] = ()

    def propose(self, view: View, table: PlaceTable) -> PlaceTable | None:
        """Return the spots that the names of each photo point to."""
        if not view.has_names.any():
            return None
        most = max(len(guess.share) for guess, _ in _grouped(view))
        shape = (len(view.rows), most)
        lat, lon, present = np.zeros(shape), np.zeros(shape), np.zeros(shape, bool)
        for guess, rows in _grouped(view):
            count = len(guess.share)
            lat[rows, :count], lon[rows, :count] = guess.lat, guess.lon
            present[rows, :count] = True
        return PlaceTable(
            lat=lat,
            lon=lon,
            present=present,
            origin=np.full(shape, Origin.NAME, np.int8),
            index=np.broadcast_to(np.arange(most), shape),
            other=np.full(shape, -1, np.intp),
            fraction=np.zeros(shape),
        )

    def score(self, view: View, table: PlaceTable) -> FloatArray:
        """Return no fitted terms; the fusion adds `log_lift`."""
        return np.zeros((*table.lat.shape, 0))

    def reasons(self, view: View, table: PlaceTable, row: int, place: int) -> list[Reason]:
        """Return which name means a place, or an area around it."""
        guess = view.scene.names[view.rows[row]] if view.scene.names else None
        if guess is None or not table.present[row, place]:
            return []
        if table.origin[row, place] == Origin.NAME:
            return [Reason(_said(guess, int(table.index[row, place])), 0.95)]
        # The smallest of the spots that holds the place says most about it.
        worth = np.log(guess.share / _weights(guess))
        lat, lon = float(table.lat[row, place]), float(table.lon[row, place])
        for best in np.argsort(-worth, kind="stable").tolist():
            if worth[best] < WORTH_TELLING:
                break
            if _holds(guess, best, lat, lon):
                return [Reason(_said(guess, best), 0.35)]
        return []

    def all_reasons(
        self, view: View, table: PlaceTable, rows: IntArray, places: IntArray
    ) -> list[list[Reason]]:
        """Return the same for many photos (K,) and a place of each (K,)."""
        if not view.has_names.any():
            return [[] for _ in rows]
        pairs = zip(rows.tolist(), places.tolist(), strict=True)
        return [self.reasons(view, table, row, place) for row, place in pairs]


def log_lift(view: View, table: PlaceTable) -> FloatArray:
    """Return what the names add to the logits of the places (H, P).

    For a spot of the names that is its log-probability, for other places the bounded lift; 0 for
    photos whose texts say nothing.
    """
    out = np.zeros(table.lat.shape)
    if table.lat.shape[1] == 0 or not view.has_names.any():
        return out
    for guess, rows in _grouped(view):
        spot = table.origin[rows] == Origin.NAME
        inside = _inside(guess, table.lat[rows].ravel(), table.lon[rows].ravel())
        lift = np.log(guess.rest + (inside * (guess.share / _weights(guess))).sum(axis=1))
        lift = np.clip(lift, -MOST_LIFT, MOST_LIFT).reshape(len(rows), -1)
        index = np.where(spot, table.index[rows], 0)
        own = np.log(np.append(guess.share, np.full(MOST_SPOTS, 1e-12)))[index]
        out[rows] = np.where(spot, own, lift)
    return np.where(table.present, out, 0.0)


def log_rest(view: View) -> FloatArray:
    """Return the logarithm (H,) of what the names leave to the rest of the world; 0 without."""
    out = np.zeros(len(view.rows))
    for guess, rows in _grouped(view):
        out[rows] = np.log(guess.rest)
    return out


def radius_m(view: View, table: PlaceTable) -> FloatArray:
    """Return how wide the spots of names are, metres (H, P); 0 for other places."""
    out = np.zeros(table.lat.shape)
    for guess, rows in _grouped(view):
        spot = table.origin[rows] == Origin.NAME
        widths = np.append(guess.radius_m, np.zeros(MOST_SPOTS))
        out[rows] = np.where(spot, widths[np.where(spot, table.index[rows], 0)], 0.0)
    return out


def _grouped(view: View) -> list[tuple[NameGuess, np.ndarray]]:
    if not view.scene.names:
        return []
    return [*rows_by_guess([view.scene.names[row] for row in view.rows])]


def _weights(guess: NameGuess) -> FloatArray:
    """Return the shares (K,) of the world's photos that the spots have; a town's is never tiny.

    Nothing is known of how photos lie within a spot, so being in one is at most worth its share.
    """
    return np.maximum([spot.weight for spot in guess.spots], 1e-4)


def _inside(guess: NameGuess, lat: FloatArray, lon: FloatArray) -> FloatArray:
    """Return how far places (P,) count as in the spots (P, K), from 0 to 1.

    A spot is a disc only to us: just outside of it a place may still be in the region that the
    name means, or on an outing from the town. So it fades with distance, with no edge between two
    anchors of one journey. A country has its outlines.
    """
    reach = np.array([_reach_m(spot) for spot in guess.spots])
    cosines = unit_vectors(lat, lon) @ unit_vectors(guess.lat, guess.lon).T
    away = EARTH_RADIUS_M * np.arccos(np.clip(cosines, -1.0, 1.0))
    out = np.asarray(np.minimum(reach / np.maximum(away, 1.0), 1.0) ** _FADING, np.float64)
    for number, spot in enumerate(guess.spots):
        if spot.kind is SpotKind.COUNTRY:
            out[:, number] = shared().lie_in(spot.codes[0], lat, lon)
    return out


def _reach_m(spot: Spot) -> float:
    return max(_IN_RADII * spot.radius_m, _AT_LEAST_M)


def _holds(guess: NameGuess, index: int, lat: float, lon: float) -> bool:
    """Return whether a place is in one spot; the same as `_inside`, quick for one place."""
    spot = guess.spots[index]
    if spot.kind is SpotKind.COUNTRY:
        return bool(shared().lie_in(spot.codes[0], [lat], [lon])[0])
    half_lat = math.radians(spot.lat - lat) / 2.0
    half_lon = math.radians(spot.lon - lon) / 2.0
    across = math.cos(math.radians(lat)) * math.cos(math.radians(spot.lat))
    square = math.sin(half_lat) ** 2 + across * math.sin(half_lon) ** 2
    return 2.0 * EARTH_RADIUS_M * math.asin(min(math.sqrt(square), 1.0)) <= _reach_m(spot)


def _said(guess: NameGuess, index: int) -> str:
    match, spot = guess.phrases[index], guess.spots[index]
    return _SAID[match.kind].format(phrase=match.phrase, label=spot.label)
