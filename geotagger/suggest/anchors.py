"""Evidence from anchors in time: who was where shortly before and after."""

from __future__ import annotations

import numpy as np

from geotagger.earth.distance import haversine_m, interpolate
from geotagger.suggest import reasons
from geotagger.suggest.evidence import Reason, register
from geotagger.suggest.same_objects import SameArrays
from geotagger.suggest.scene import IS_OUTSIDE, FloatArray, IntArray, Origin, PlaceTable, View

NEIGHBOURS = 6
"""Anchors taken before and after a photo; farther ones win only by their looks."""

SHARES = (0.25, 0.5, 0.75)
"""Places on the way beside the one that the clock says: nobody travels evenly."""

GAP_FLOOR_S = 30.0
"""Gaps are compared on a logarithmic scale that does not resolve anything below this."""

GAP_CENTRE = 7.0
"""Logarithm of a usual gap in seconds (18 min): terms are near zero for it."""

WAY_FLOOR_M = 20.0
WAY_CENTRE = 8.0
"""The same for the distance between the anchors before and after, in metres (3 km)."""


@register
class AnchorsInTime:
    """The nearest anchors before and after, and places on the way between them."""

    name = "anchors"
    order = 0
    terms = (
        "on_way",
        "part_way",
        "gap",
        "first",
        "gap_ratio",
        "way_length",
        "part_way_length",
        "rank",
        "way_gap",
        "fine_gap_ratio",
    )

    def propose(self, view: View, table: PlaceTable) -> PlaceTable | None:
        """Return up to `NEIGHBOURS` anchors on each side and four places on the way."""
        scene = view.scene
        if scene.timed == 0:
            return None
        known = view.has_time
        rank = np.arange(NEIGHBOURS)
        after = _after(view)
        behind = after[:, None] - 1 - rank
        ahead = after[:, None] + rank
        index = np.concatenate([behind, ahead], axis=1)
        present = known[:, None] & (index >= 0) & (index < scene.timed)
        index = np.where(present, index, 0)
        origin = np.repeat([Origin.BEFORE, Origin.AFTER], NEIGHBOURS)
        neighbours = PlaceTable(
            lat=scene.lat[index],
            lon=scene.lon[index],
            present=present,
            origin=np.broadcast_to(origin.astype(np.int8), index.shape),
            index=index,
            other=np.full_like(index, -1),
            fraction=np.zeros(index.shape),
        )
        way = _way(view, after)
        return PlaceTable(
            *(
                np.concatenate([getattr(neighbours, name), getattr(way, name)], axis=1)
                for name in PlaceTable.__slots__
            )
        )

    def score(self, view: View, table: PlaceTable) -> FloatArray:
        """Return what gaps and distances say about each place."""
        timed = table.present & view.has_time[:, None]
        way = table.on_the_way & timed
        part = way & (table.origin == Origin.PART_WAY)
        exact = way & ~part
        anchor = table.is_anchor & timed
        gap = log_gap(view, table)
        length = way_length(view)[:, None]
        least = np.min(np.where(anchor, gap, np.inf), axis=1, keepdims=True, initial=np.inf)
        least = np.where(np.isfinite(least), least, 0.0)
        fine = log_fine_gap(view, table)
        least_fine = np.min(np.where(anchor, fine, np.inf), axis=1, keepdims=True, initial=np.inf)
        least_fine = np.where(np.isfinite(least_fine), least_fine, 0.0)
        rank = _rank(view, table)
        columns = (
            exact,
            part,
            np.where(timed & (anchor | way), gap, 0.0),
            anchor & (rank == 0),
            np.where(anchor, gap - least, 0.0),
            exact * length,
            part * length,
            np.where(anchor, np.log1p(np.minimum(rank, 50)), 0.0),
            way * gap,
            np.where(anchor, fine - least_fine, 0.0),
        )
        return np.stack([np.asarray(column, np.float64) for column in columns], axis=-1)

    def reasons(self, view: View, table: PlaceTable, row: int, place: int) -> list[Reason]:
        """Return "4 min after …" for an anchor, "between … and …" for a place on the way."""
        return self.all_reasons(view, table, np.array([row]), np.array([place]))[0]

    def all_reasons(
        self, view: View, table: PlaceTable, rows: IntArray, places: IntArray
    ) -> list[list[Reason]]:
        """Return the same for many photos (K,) and a place of each (K,)."""
        scene = view.scene
        out: list[list[Reason]] = [[] for _ in rows]
        photos = view.rows[rows]
        first, second = table.index[rows, places], table.other[rows, places]
        known = table.present[rows, places] & view.has_time[rows]
        way = known & (second >= 0)
        anchor = known & ~way & ~IS_OUTSIDE[table.origin[rows, places]]
        anchor &= first < scene.timed
        told = np.flatnonzero(way | anchor)
        ends = scene.anchors[first[told]], scene.anchors[second[told]]
        gap = view.gap_s[rows[told], first[told]]
        apart = np.abs(view.gap_s[rows[told], second[told]] - gap)
        lists = (one.tolist() for one in (told, photos[told], way[told], *ends, gap, apart))
        for number, mine, on_way, before, after, gap_s, apart_s in zip(*lists, strict=True):
            photo, one = scene.photos[mine], scene.photos[before]
            if on_way:
                other = scene.photos[after]
                text = reasons.between(one, other, apart_s)
                text += reasons.by_corrected_clock(photo, (one, other), scene.corrected)
                out[number].append(Reason(text, 0.4))
            else:
                text = reasons.near_in_time(photo, one, gap_s)
                text += reasons.by_corrected_clock(photo, (one,), scene.corrected)
                out[number].append(Reason(text, 1.0 / (1.0 + abs(gap_s) / 600.0)))
        return out


def _after(view: View) -> IntArray:
    """Return for each photo the position of the first timed anchor that is not before it."""
    times = np.nan_to_num(view.scene.seconds[view.rows])
    return np.searchsorted(view.scene.anchor_seconds, times)


def _way(view: View, after: IntArray) -> PlaceTable:
    """Return the places on the way between the anchors around each photo."""
    scene = view.scene
    inside = view.has_time & (after > 0) & (after < scene.timed)
    first = np.where(inside, after - 1, 0)
    second = np.where(inside, after, 0)
    start, end = scene.active[scene.anchors[first]], scene.active[scene.anchors[second]]
    now = np.nan_to_num(scene.active[view.rows])
    span = np.where(inside, end - start, 0.0)
    share = np.where(span > 0.0, (now - start) / np.where(span > 0.0, span, 1.0), 0.5)
    shares = np.concatenate(
        [share[:, None], np.broadcast_to(SHARES, (len(share), len(SHARES)))], axis=1
    )
    lat, lon = interpolate(
        scene.lat[first][:, None],
        scene.lon[first][:, None],
        scene.lat[second][:, None],
        scene.lon[second][:, None],
        shares,
    )
    shape = shares.shape
    origin = np.array([Origin.BETWEEN] + [Origin.PART_WAY] * len(SHARES), np.int8)
    return PlaceTable(
        lat=lat,
        lon=lon,
        present=np.broadcast_to(inside[:, None], shape),
        origin=np.broadcast_to(origin, shape),
        index=np.broadcast_to(first[:, None], shape),
        other=np.broadcast_to(second[:, None], shape),
        fraction=shares,
    )


def doubted_gap_s(view: View, anchors: IntArray) -> FloatArray:
    """Return the gaps to some anchors (H, P), in seconds, without sign and nights, with doubt."""
    scene = view.scene
    gap = np.abs(np.take_along_axis(view.active_gap_s, anchors, axis=1))
    gap += scene.doubt[view.rows][:, None] + scene.doubt[scene.anchors[anchors]]
    return np.asarray(gap, np.float64)


def far_in_time(view: View) -> FloatArray:
    """Return how far (H,) photos are from every anchor in time: 0 to 20 min, 1 from 4 h or never.

    What a distribution is worth depends on it: near an anchor little can go wrong.
    """
    gaps = np.abs(view.gap_s) + view.scene.doubt[view.rows][:, None]
    least = np.min(np.where(np.isfinite(gaps), gaps, np.inf), axis=1, initial=np.inf)
    least = np.clip(least, *_FAR_S)
    return np.asarray(np.log(least / _FAR_S[0]) / np.log(_FAR_S[1] / _FAR_S[0]), np.float64)


_FAR_S = (1_200.0, 14_400.0)


def log_gap(view: View, table: PlaceTable) -> FloatArray:
    """Return the logarithm of each place's gap in time (H, P), centred; 0 where there is none.

    A place on the way has the smaller gap of its two anchors.
    """
    return _log_gaps(view, table)[0]


def log_fine_gap(view: View, table: PlaceTable) -> FloatArray:
    """Return the same with a floor of 3 s, which tells bursts from walks, centred at a minute."""
    return _log_gaps(view, table)[1]


def _log_gaps(view: View, table: PlaceTable) -> tuple[FloatArray, FloatArray]:
    """Return both; kept, as the terms and the motion ask for the same."""
    arrays = view.active_gap_s, table.present, table.origin, table.index, table.other
    return _LOG_GAPS.get(arrays, lambda: _find_log_gaps(view, table))


_LOG_GAPS: SameArrays[tuple[FloatArray, FloatArray]] = SameArrays()


def _find_log_gaps(view: View, table: PlaceTable) -> tuple[FloatArray, FloatArray]:
    if len(view.scene.anchors) == 0:
        return np.zeros(table.lat.shape), np.zeros(table.lat.shape)
    of_album = table.of_album
    gap = doubted_gap_s(view, np.where(of_album, table.index, 0))
    way = np.flatnonzero((table.other >= 0).any(axis=0))
    if len(way):
        other = table.other[:, way]
        least = np.minimum(gap[:, way], doubted_gap_s(view, np.maximum(other, 0)))
        gap[:, way] = np.where(other >= 0, least, gap[:, way])
    known = of_album & np.isfinite(gap)
    gap = np.where(known, gap, 0.0)
    return (
        np.where(known, np.log(gap + GAP_FLOOR_S) - GAP_CENTRE, 0.0),
        np.where(known, np.log(gap + 3.0) - 4.0, 0.0),
    )


def nearest_in_time(view: View, table: PlaceTable) -> IntArray:
    """Return the column (H,) of the anchor nearest in time, the earlier on a tie, else -1."""
    anchor = table.is_anchor & view.has_time[:, None]
    if not anchor.any():
        return np.full(len(view.rows), -1, np.intp)
    gap = doubted_gap_s(view, np.where(anchor, table.index, 0))
    usable = anchor & np.isfinite(gap)
    column = np.where(usable, gap, np.inf).argmin(axis=1)
    return np.where(usable.any(axis=1), column, -1)


def way_length(view: View) -> FloatArray:
    """Return the logarithm of the distance between the anchors around each photo (H,), centred.

    A photo before the first or after the last anchor has the value of no distance.
    """
    scene = view.scene
    if scene.timed == 0:
        return np.zeros(len(view.rows))
    after = _after(view)
    inside = view.has_time & (after > 0) & (after < scene.timed)
    first = np.where(inside, after - 1, 0)
    second = np.where(inside, after, 0)
    distance = haversine_m(scene.lat[first], scene.lon[first], scene.lat[second], scene.lon[second])
    return np.asarray(np.log(distance + WAY_FLOOR_M) - WAY_CENTRE, np.float64)


def inside(view: View) -> FloatArray:
    """Return 1 for photos (H,) that have an anchor before and one after, else 0."""
    after = _after(view)
    return np.asarray(view.has_time & (after > 0) & (after < view.scene.timed), np.float64)


def _rank(view: View, table: PlaceTable) -> IntArray:
    """Return how many anchors lie between each anchor and the photo (H, P), on its side."""
    after = _after(view)[:, None] if view.scene.timed else np.zeros((len(view.rows), 1), np.intp)
    return np.where(table.index >= after, table.index - after, after - 1 - table.index)
