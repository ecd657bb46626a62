"""Evidence from the pixels alone: what a world model makes of a photo.

A guess is a distribution over cells. It does two things. Its likeliest cells are places of their
own, which together with the rest of the world share what the album leaves to "anywhere on earth".
And every other place, an anchor or a look-alike, is lifted or lowered by how much more often than
usual the model expects photos like this one there: log p(cell | pixels) - log p(cell).

How far that lift is trusted beside the album is no fitted number: no world model could be run on
real albums when this was written. The lift is halved, because photos of one album repeat each
other's mistakes, and bounded, so that pixels alone never overrule a clock that speaks clearly.
"""

from __future__ import annotations

import numpy as np

from geotagger.suggest import reasons
from geotagger.suggest.evidence import Reason, register
from geotagger.suggest.scene import FloatArray, IntArray, Origin, PlaceTable, View
from geotagger.suggest.types import CellGuess, WorldCells

MOST_CELLS = 8
"""Cells that become places of their own."""

LEAST_SHARE = 0.01
"""Probability below which a cell is not worth weighing."""

TRUST = 0.5
MOST_LIFT = 3.0
"""Bound of the trusted lift, a factor of twenty either way."""

WORTH_TELLING = float(np.log(3.0))
"""Lift from which a person is told that the picture fits a place."""


@register
class WorldModelEvidence:
    """The cells that a world model sees in the pixels; its term is not a fitted one."""

    name = "world"
    order = 3
    terms: tuple[str, ...] = ()

    def propose(self, view: View, table: PlaceTable) -> PlaceTable | None:
        """Return the mean places of the likeliest cells of each photo."""
        world = view.scene.world
        if world is None or not view.has_guess.any():
            return None
        shape = (len(view.rows), MOST_CELLS)
        index = np.zeros(shape, np.intp)
        present = np.zeros(shape, bool)
        for row, guess in enumerate(_guesses(view)):
            if guess is None:
                continue
            order = np.argsort(-guess.log_p, kind="stable")[:MOST_CELLS]
            order = order[guess.log_p[order] >= np.log(LEAST_SHARE)]
            index[row, : len(order)] = guess.classes[order]
            present[row, : len(order)] = True
        return PlaceTable(
            lat=np.where(present, world.lat[index], 0.0),
            lon=np.where(present, world.lon[index], 0.0),
            present=present,
            origin=np.full(shape, Origin.WORLD, np.int8),
            index=index,
            other=np.full(shape, -1, np.intp),
            fraction=np.zeros(shape),
        )

    def score(self, view: View, table: PlaceTable) -> FloatArray:
        """Return no fitted terms; the fusion adds `log_lift`."""
        return np.zeros((*table.lat.shape, 0))

    def reasons(self, view: View, table: PlaceTable, row: int, place: int) -> list[Reason]:
        """Return what the pixels alone give the area, where it is worth telling."""
        world = view.scene.world
        guess = view.scene.photos[view.rows[row]].guess
        if world is None or guess is None or not table.present[row, place]:
            return []
        if table.origin[row, place] == Origin.WORLD:
            cell = int(table.index[row, place])
            share = float(np.exp(_log_p(guess, world, np.array([cell]))[0]))
            return [Reason(reasons.pixels_fit(share, guess.together), 0.9)]
        where = world.classes_of(table.lat[row, [place]], table.lon[row, [place]])
        log_p = _log_p(guess, world, where)
        if where[0] < 0 or log_p[0] - world.log_prior[where[0]] < WORTH_TELLING:
            return []
        said = reasons.pixels_fit(float(np.exp(log_p[0])), guess.together)
        return [Reason(said, 0.3)]

    def all_reasons(
        self, view: View, table: PlaceTable, rows: IntArray, places: IntArray
    ) -> list[list[Reason]]:
        """Return the same for many photos (K,) and a place of each (K,)."""
        if view.scene.world is None:
            return [[] for _ in rows]
        pairs = zip(rows.tolist(), places.tolist(), strict=True)
        return [self.reasons(view, table, row, place) for row, place in pairs]


def log_lift(view: View, table: PlaceTable) -> FloatArray:
    """Return what the guesses add to the logits of the places (H, P).

    For a cell of the model that is its log-probability; for other places the trusted lift; 0 for
    photos without a guess.
    """
    out = np.zeros(table.lat.shape)
    world = view.scene.world
    if world is None or table.lat.shape[1] == 0:
        return out
    for row, guess in enumerate(_guesses(view)):
        if guess is None:
            continue
        cell = table.origin[row] == Origin.WORLD
        where = np.where(cell, table.index[row], world.classes_of(table.lat[row], table.lon[row]))
        log_p = _log_p(guess, world, where)
        lift = np.where(where >= 0, log_p - world.log_prior[np.maximum(where, 0)], 0.0)
        # Where the model has no cell it knows nothing: that speaks against a place, never for it.
        lift = np.where(where >= 0, lift, min(_rest_lift(guess, world), 0.0))
        out[row] = np.where(cell, log_p, np.clip(TRUST * lift, -MOST_LIFT, MOST_LIFT))
    return np.where(table.present, out, 0.0)


def log_rest(view: View) -> FloatArray:
    """Return the logarithm (H,) of what the proposed cells leave of the world; 0 without a guess.

    It is never below that of `LEAST_SHARE`: no model is that sure.
    """
    out = np.zeros(len(view.rows))
    if view.scene.world is None:
        return out
    for row, guess in enumerate(_guesses(view)):
        if guess is not None:
            best = np.sort(np.exp(guess.log_p.astype(np.float64)))[::-1][:MOST_CELLS]
            rest = 1.0 - best[best >= LEAST_SHARE].sum()
            out[row] = np.log(max(rest, LEAST_SHARE))
    return out


def _guesses(view: View) -> list[CellGuess | None]:
    return [view.scene.photos[row].guess for row in view.rows]


def _log_p(guess: CellGuess, world: WorldCells, classes: np.ndarray) -> FloatArray:
    """Return the log-probabilities of classes (P,); those not among the likeliest share the rest.

    They share it by their priors. Class -1 gets what the rarest cell would.
    """
    prior = world.log_prior[np.maximum(classes, 0)]
    out: FloatArray = np.where(classes >= 0, prior, world.log_prior.min()) + _rest_lift(
        guess, world
    )
    order = np.argsort(guess.classes)
    known = guess.classes[order]
    at = np.minimum(np.searchsorted(known, classes), len(known) - 1) if len(known) else None
    if at is not None:
        hit = known[at] == classes
        out = np.where(hit, guess.log_p[order][at], out)
    return out


def _rest_lift(guess: CellGuess, world: WorldCells) -> float:
    """Return the lift of all cells that are not among the likeliest."""
    left = 1.0 - float(np.exp(world.log_prior[guess.classes]).sum())
    return float(guess.log_rest - np.log(max(left, 1e-3)))
