"""The registry of evidence sources: each proposes places and says how likely they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, TypeVar, runtime_checkable

from geotagger.suggest.scene import FloatArray, IntArray, PlaceTable, View


@dataclass(frozen=True, slots=True)
class Reason:
    """A true sentence about why a photo may be at a place, and how much it weighs.

    Of reasons with the same ``theme`` a candidate gets the strongest only, as it is told twice in
    other numbers otherwise.
    """

    text: str
    strength: float
    theme: str = ""


class Evidence(Protocol):
    """One source of evidence; a module that has one registers it.

    ``terms`` names the columns that `score` gives. A term's weight comes from the calibration;
    the weighted sum over all sources is the log-likelihood of a place (log-linear pooling), so a
    term is 0 where the source has nothing to say.
    """

    name: str
    order: int
    """Sources propose in ascending order; a later one leaves out what is in the table."""
    terms: tuple[str, ...]

    def propose(self, view: View, table: PlaceTable) -> PlaceTable | None:
        """Return further places for the photos of the view, beyond those in the table."""
        ...

    def score(self, view: View, table: PlaceTable) -> FloatArray:
        """Return the terms of all places, shape (H, P, len(terms))."""
        ...

    def reasons(self, view: View, table: PlaceTable, row: int, place: int) -> list[Reason]:
        """Return what this source has to say for a place of one photo, in words."""
        ...


@runtime_checkable
class TellsMany(Protocol):
    """A source that tells the reasons of many places in less time than one after the other."""

    def all_reasons(
        self, view: View, table: PlaceTable, rows: IntArray, places: IntArray
    ) -> list[list[Reason]]:
        """Return what `Evidence.reasons` does for each of K photos (K,) and its place (K,)."""
        ...


_SOURCES: dict[str, Evidence] = {}

E = TypeVar("E", bound=type[Any])


def register(source: E) -> E:
    """Enter an evidence class into the registry under its ``name``; a class decorator."""
    instance: Evidence = source()
    if instance.name in _SOURCES:
        raise ValueError(f"an evidence source named {instance.name!r} is registered already")
    _SOURCES[instance.name] = instance
    sources.cache_clear()
    return source


@cache
def sources() -> tuple[Evidence, ...]:
    """Return all sources in the order in which they propose places."""
    from geotagger.suggest import anchors, gathered, lookalikes, prior, world, zones  # noqa: F401
    from geotagger.suggest.names import evidence as names  # noqa: F401

    return tuple(sorted(_SOURCES.values(), key=lambda source: source.order))
