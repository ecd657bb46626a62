"""What speaks for the candidates of many photos, in words, asked of the sources all at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from geotagger.suggest import reasons
from geotagger.suggest.evidence import Evidence, Reason, TellsMany, sources
from geotagger.suggest.fusion import Fused
from geotagger.suggest.scene import FloatArray, IntArray

MOST_REASONS = 4


def reasons_of(
    fused: Fused, rows: IntArray, places: IntArray, radii_m: FloatArray
) -> list[tuple[str, ...]]:
    """Return what speaks for each of K candidates: the reasons of the places within its radius.

    Each place's reasons count with its share of the distribution.

    Parameters
    ----------
    rows, places
        The photos and the columns of the table that the candidates are (K,).
    radii_m
        Radii of the candidates, metres (K,).
    """
    if len(rows) == 0:
        return []
    near = (fused.apart_m[rows, places] <= radii_m[:, None]) & fused.table.present[rows]
    share = np.where(near, fused.share[rows], 0.0)
    order = np.argsort(-share, axis=1, kind="stable")[:, :MOST_REASONS]
    wanted = np.concatenate([places[:, None], order], axis=1)
    heard = np.take_along_axis(share, wanted, axis=1) > 0.0
    heard[:, 1:] &= order != places[:, None]
    heard[:, 0] = True
    of, place = np.nonzero(heard)[0], wanted[heard]
    # What a person can check (minutes, likeness) ranks above how the shares happened to fall.
    weights = (share[of, place] ** 0.25).tolist()
    told = _together(
        *(_told(source, fused, rows[of], place) for source in sources()),
        _told_by_neighbours(fused, rows[of], place),
    )
    found: list[dict[str, tuple[float, str]]] = [{} for _ in rows]
    for mine, weight, some in zip(of.tolist(), weights, told, strict=True):
        texts = found[mine]
        for reason in some:
            value, theme = reason.strength * weight, reason.theme or reason.text
            if theme not in texts or value > texts[theme][0]:
                texts[theme] = value, reason.text
    return [_strongest(one.values()) for one in found]


def _together(*told: list[list[Reason]]) -> list[list[Reason]]:
    """Return the reasons of all sources for each place; most sources have none for most."""
    out = [list(some) for some in told[0]]
    for one in told[1:]:
        for mine, some in zip(out, one, strict=True):
            if some:
                mine += some
    return out


def _strongest(told: Iterable[tuple[float, str]]) -> tuple[str, ...]:
    ranked = sorted(told, key=lambda one: -one[0])
    return tuple(text for _, text in ranked[:MOST_REASONS])


def _told(source: Evidence, fused: Fused, rows: IntArray, places: IntArray) -> list[list[Reason]]:
    view, table = fused.view, fused.table
    if isinstance(source, TellsMany):
        return source.all_reasons(view, table, rows, places)
    pairs = zip(rows.tolist(), places.tolist(), strict=True)
    return [source.reasons(view, table, row, place) for row, place in pairs]


def _told_by_neighbours(fused: Fused, rows: IntArray, places: IntArray) -> list[list[Reason]]:
    """Return which photo without a place, taken shortly before or after, points here as well."""
    scene, told = fused.view.scene, fused.told
    out: list[list[Reason]] = [[] for _ in rows]
    heard = told.agrees[rows, places] & (told.lift[rows, places] >= _WORTH_TELLING)
    for number in np.flatnonzero(heard):
        mine, other = int(fused.view.rows[rows[number]]), int(told.teller[rows[number]])
        gap = float(scene.seconds[other] - scene.seconds[mine])
        out[number].append(Reason(reasons.neighbour_points(scene.photos[other], gap), 0.2))
    return out


_WORTH_TELLING = float(np.log(1.25))
"""Lift from which a person is told of the neighbour that it comes from."""
