"""Two photographers in one folder: whose streams interleave in time but not in space.

One camera's photo is near in time to another's, yet says nothing of where the first was if the two
people went their own ways. The cameras' own anchors tell: where one camera's anchors before and
after lie near each other, it was about there in between, and an anchor of the other camera at that
time is either near or not. Cameras that are mostly not are of different parties, and each party is
an album of its own. A camera without anchors may be of any party and hears them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.suggest import clocks, timeline
from geotagger.suggest.album import suggest_parts
from geotagger.suggest.clock_course import Corrections
from geotagger.suggest.types import AlbumPhoto, Suggestion

FloatArray = NDArray[np.float64]

_FEWEST = 4
"""Anchors of one camera between two of the other that must have been compared."""

_LONGEST_S = 3_600.0
"""Two anchors further apart in time do not tell where their camera was in between."""

_SLACK_M, _STROLL_M_S = 1_000.0, 8.0
"""How far from both a party may have strayed in between: a kilometre, and a ride through town for
the time to the nearer of the two."""

_APART, _TOGETHER = 0.5, 0.2
"""Share of anchors out of place from which cameras are of two parties, up to which of one."""

_MOST_CAMERAS = 32
"""Cameras with most anchors that are told apart; of more, the rest hears all."""


def suggest_by_party(
    photos: Sequence[AlbumPhoto],
    *,
    clock_seconds: Corrections | None = None,
    near: Collection[str] = (),
    **how: Any,
) -> Iterator[list[Suggestion]]:
    """Yield what `suggest_parts` does, each photo hearing only anchors of its own party.

    The arguments are those of `suggest_parts`; the party of the photos that are ``near`` is first.
    """
    groups = parties(photos, clock_seconds)
    wanted = set(near)
    groups.sort(key=lambda group: all(one.key not in wanted for one in group))
    for group in groups:
        yield from suggest_parts(group, clock_seconds=clock_seconds, near=near, **how)


def parties(
    photos: Sequence[AlbumPhoto], clock_seconds: Corrections | None = None
) -> list[list[AlbumPhoto]]:
    """Return an album as the albums of its parties; each photo without a place is in one of them.

    ``clock_seconds`` are added to the times of the cameras that it names. An album of one party is
    returned as it is. Photos of cameras whose party is not known are a last album with all anchors.
    """
    albums = groups_of(photos, clock_seconds)
    some = [album for album in albums if any(one.anchor is None for one in album)]
    return some if len(albums) > 1 else albums


def groups_of(
    photos: Sequence[AlbumPhoto], clock_seconds: Corrections | None = None
) -> list[list[AlbumPhoto]]:
    """Return the same with the parties all of whose photos have a place."""
    whole = [list(photos)]
    cameras = _cameras(photos, clock_seconds or {})
    if len(cameras) < 2:
        return whole
    apart, together = _compared(list(cameras.values()))
    groups = _groups(list(cameras), apart, together)
    if len(groups) < 2:
        return whole
    of_group = {camera: number for number, group in enumerate(groups) for camera in group}
    albums: list[list[AlbumPhoto]] = [[] for _ in groups]
    others: list[AlbumPhoto] = []
    for photo in photos:
        number = of_group.get(photo.camera)
        if number is not None:
            albums[number].append(photo)
        elif photo.anchor is None:
            others.append(photo)
        else:  # nobody knows whose it is: everybody hears it
            for album in albums:
                album.append(photo)
    if others:
        albums.append([*(one for one in photos if one.anchor is not None), *others])
    return albums


class _Track:
    """The anchors of a camera in order of time: seconds, degrees (N,)."""

    def __init__(self, seconds: FloatArray, lat: FloatArray, lon: FloatArray) -> None:
        order = np.argsort(seconds, kind="stable")
        self.seconds, self.lat, self.lon = seconds[order], lat[order], lon[order]

    def out_of_place(self, other: _Track) -> tuple[int, int]:
        """Return how many of the other's anchors are out of place beside this track, of how many.

        Asked are those between two anchors of this track, not too far apart in time.
        """
        after = np.searchsorted(self.seconds, other.seconds)
        inside = (after > 0) & (after < len(self.seconds))
        first = np.where(inside, after - 1, 0)
        second = np.where(inside, after, 0)
        inside &= self.seconds[second] - self.seconds[first] <= _LONGEST_S
        if not inside.any():
            return 0, 0
        one, two = first[inside], second[inside]
        lat, lon, at = other.lat[inside], other.lon[inside], other.seconds[inside]
        near = np.minimum(
            haversine_m(lat, lon, self.lat[one], self.lon[one]),
            haversine_m(lat, lon, self.lat[two], self.lon[two]),
        )
        way = haversine_m(self.lat[one], self.lon[one], self.lat[two], self.lon[two])
        gap = np.minimum(at - self.seconds[one], self.seconds[two] - at)
        wrong = near > _SLACK_M + way + _STROLL_M_S * gap
        return int(wrong.sum()), len(wrong)


def _cameras(photos: Sequence[AlbumPhoto], clock_seconds: Corrections) -> dict[str, _Track]:
    """Return the tracks of the cameras that have a name and anchors enough, the longest first."""
    anchored = Counter(one.camera for one in photos if one.anchor is not None and one.camera)
    if sum(count >= _FEWEST for count in anchored.values()) < 2:
        return {}
    right = clocks.as_taken(photos, clock_seconds)
    times = timeline.seconds(right)
    rows: dict[str, list[int]] = {}
    for index, photo in enumerate(right):
        anchor = photo.anchor
        if anchor is None or not photo.camera or photo.time_is_fallback:
            continue
        if np.isfinite([times[index], anchor.lat, anchor.lon]).all() and abs(anchor.lat) <= 90.0:
            rows.setdefault(photo.camera, []).append(index)
    tracks = {}
    for camera, some in sorted(rows.items(), key=lambda one: -len(one[1]))[:_MOST_CAMERAS]:
        if len(some) >= _FEWEST:
            known = [right[index].anchor for index in some]
            lat = np.array([one.lat for one in known if one is not None])
            lon = np.array([one.lon for one in known if one is not None])
            tracks[camera] = _Track(times[some], lat, lon)
    return tracks


def _compared(tracks: Sequence[_Track]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which tracks are apart from which, and which are shown to be together."""
    count = len(tracks)
    apart, together = np.zeros((count, count), bool), np.zeros((count, count), bool)
    for one in range(count):
        for two in range(one + 1, count):
            wrong, asked = np.add(
                tracks[one].out_of_place(tracks[two]), tracks[two].out_of_place(tracks[one])
            )
            if asked >= _FEWEST:
                apart[one, two] = apart[two, one] = wrong >= _APART * asked
                together[one, two] = together[two, one] = wrong <= _TOGETHER * asked
    return apart, together


def _groups(
    cameras: Sequence[str], apart: NDArray[np.bool_], together: NDArray[np.bool_]
) -> list[list[str]]:
    """Return the cameras by party, those left out that may be of several."""
    groups: list[list[int]] = []
    for camera in range(len(cameras)):
        fits = [group for group in groups if not apart[camera, group].any()]
        shown = [group for group in fits if together[camera, group].any()]
        if not fits and (not groups or apart[camera].any()):
            groups.append([camera])
        elif len(shown) == 1:
            shown[0].append(camera)
        elif len(fits) == 1 and len(groups) == 1:
            fits[0].append(camera)
    return [[cameras[camera] for camera in group] for group in groups]
