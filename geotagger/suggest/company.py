"""Photos of other folders as anchors: which of their cameras were together with this album's.

A phone's photos in one folder tell where the camera was whose photos lie in the folder beside it,
if one person carried both. Two people's folders may lie side by side as well, and one of them may
have been elsewhere. So a stream of another folder is heard if it is of a camera of this album, if
it lies near in the folder tree, or if something shows that both were together; it is not heard
where the album's own known places contradict it; and as long as nothing has shown it, what it says
is less than certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from geotagger.earth.distance import haversine_m
from geotagger.suggest import clocks, timeline
from geotagger.suggest.clock_course import Corrections
from geotagger.suggest.clocks import ClockOffset
from geotagger.suggest.types import AlbumPhoto, Suggestion, SuggestionState

TOGETHER = 0.8
"""Probability that cameras of neighbouring folders were together where nothing shows it.

Two folders of one outing mostly are of one party; no corpus at hand tells how often they are not.
"""

UNSHOWN = "nothing shows yet that both cameras were together"

_NEAR_S = 1_800.0
"""Photos further apart in time neither confirm nor contradict."""

_SLACK_M, _PACE_M_S = 3_000.0, 35.0
"""How far apart people of one party are at once, and the speed of a car on a motorway."""

_CONTRADICTED, _CONFIRMED = 0.5, 0.8
"""Share of the checked photos that agree below which a stream is out, from which it is in."""

_LIKELY = 0.9
_PAIRS = 2
"""Look-alike pairs of one moment, and the probability of the clock they tell, that confirm."""

_MOST_CHECKED = 500


@dataclass(frozen=True, slots=True)
class Stream:
    """What one camera of another folder took, all with known places and near in time.

    ``kin`` is whether its folder lies beside, right above or right below the album's; ``own``
    whether it is of a camera of the album.
    """

    folder: str
    camera: str
    kin: bool
    own: bool
    photos: tuple[AlbumPhoto, ...]


@dataclass(frozen=True, slots=True)
class Company:
    """The photos of other folders that are heard, and whether anything confirms one of them."""

    photos: tuple[AlbumPhoto, ...] = ()
    confirmed: bool = False

    def believed(
        self, suggestions: Sequence[Suggestion], photos: Sequence[AlbumPhoto]
    ) -> list[Suggestion]:
        """Return the suggestions for an album with no more certainty than company deserves.

        ``photos`` are the album's. Where it has an anchor of its own, or one stream is confirmed,
        they stay; else the probability is that of the place and of having been together.
        """
        if not self.photos or self.confirmed or any(one.anchor is not None for one in photos):
            return list(suggestions)
        return [_doubted(one) for one in suggestions]


def together(
    photos: Sequence[AlbumPhoto],
    streams: Sequence[Stream],
    *,
    found: Sequence[ClockOffset] = (),
    clock_seconds: Corrections | None = None,
) -> Company:
    """Return which streams of other folders are heard as company of an album.

    ``found`` is what was estimated of the clocks of the album's cameras and the streams',
    ``clock_seconds`` what is added to the times of the cameras it names.
    """
    mine = {photo.camera for photo in photos}
    heard: list[AlbumPhoto] = []
    confirmed = False
    for stream in streams:
        share = _agreement(photos, stream.photos, clock_seconds or {})
        if share is not None and share < _CONTRADICTED:
            continue
        shown = stream.own or (share is not None and share >= _CONFIRMED)
        shown = shown or _seen_together(stream.camera, mine, found)
        if stream.kin or shown:
            heard.extend(stream.photos)
            confirmed = confirmed or shown
    return Company(tuple(heard), confirmed)


def _seen_together(camera: str, mine: set[str], found: Sequence[ClockOffset]) -> bool:
    """Return whether look-alikes of one moment link a camera with one of the album's."""
    return any(
        one.pairs >= _PAIRS
        and one.probability >= _LIKELY
        and (
            (one.camera == camera and one.reference in mine)
            or (one.reference == camera and one.camera in mine)
        )
        for one in found
    )


def _agreement(
    photos: Sequence[AlbumPhoto], others: Sequence[AlbumPhoto], seconds: Corrections
) -> float | None:
    """Return the share of the album's anchors that a stream agrees with, None if none is near."""
    anchored = [one for one in photos if one.anchor is not None and not one.time_is_fallback]
    if not anchored or not others:
        return None
    both = clocks.as_taken([*anchored, *others], seconds)
    times = timeline.seconds(both)
    lat = np.array([one.anchor.lat if one.anchor is not None else np.nan for one in both])
    lon = np.array([one.anchor.lon if one.anchor is not None else np.nan for one in both])
    usable = np.isfinite(times) & np.isfinite(lat) & np.isfinite(lon)
    own = np.flatnonzero(usable[: len(anchored)])
    theirs = np.flatnonzero(usable[len(anchored) :]) + len(anchored)
    if len(own) == 0 or len(theirs) == 0:
        return None
    if len(own) > _MOST_CHECKED:
        own = own[np.linspace(0, len(own) - 1, _MOST_CHECKED).astype(np.intp)]
    theirs = theirs[np.argsort(times[theirs], kind="stable")]
    near = theirs[timeline.nearest(times[theirs], times[own])]
    gap = np.abs(times[near] - times[own])
    checked = gap <= _NEAR_S
    if not checked.any():
        return None
    away = haversine_m(lat[own], lon[own], lat[near], lon[near])
    return float((away <= _SLACK_M + _PACE_M_S * gap)[checked].mean())


def _doubted(suggestion: Suggestion) -> Suggestion:
    candidates = tuple(
        replace(
            one,
            probability=TOGETHER * one.probability,
            reasons=(*one.reasons[:3], UNSHOWN),
        )
        for one in suggestion.candidates
    )
    # What held eight places of ten holds TOGETHER of that.
    radii = dict(suggestion.radii_m)
    wider = {0.5: 0.8, 0.8: 0.95}
    held = tuple((level, radii[more]) for level, more in wider.items() if more in radii)
    state = suggestion.state
    if state is SuggestionState.CONFIDENT:
        state = SuggestionState.AMBIGUOUS
    return replace(suggestion, state=state, candidates=candidates, radii_m=held)
