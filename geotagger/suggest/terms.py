"""All terms of a place's log-likelihood: the sources' own, and how the album's pace bends them."""

from __future__ import annotations

import numpy as np

from geotagger.suggest.evidence import sources
from geotagger.suggest.pace import pace
from geotagger.suggest.scene import FloatArray, PlaceTable, View

BENT = ("gap_ratio", "first", "on_way", "part_way", "similarity", "gap", "density", "rank")
"""Terms whose weight depends on the pace: with a clock that lies, looks must count for more."""

_PACES = ("pace", "short_pace")


def own_names() -> tuple[str, ...]:
    """Return the names of the sources' own terms."""
    return tuple(name for source in sources() for name in source.terms)


def names() -> tuple[str, ...]:
    """Return the names of all terms, in the order of the columns of `terms_of`."""
    return own_names() + tuple(f"{name}*{which}" for which in _PACES for name in BENT)


def terms_of(view: View, table: PlaceTable) -> FloatArray:
    """Return all terms of all places, shape (H, P, T)."""
    own = np.concatenate([source.score(view, table) for source in sources()], axis=-1)
    columns = own_names()
    bent = own[..., [columns.index(name) for name in BENT]]
    return np.concatenate([own, *(bent * one for one in pace(view.scene))], axis=-1)
