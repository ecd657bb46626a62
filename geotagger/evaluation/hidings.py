"""Ways of hiding known places of an album, to see how well they are found again."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.evaluation.albums_csv import KnownPhoto
from geotagger.evaluation.fitting import Hiding
from geotagger.suggest.clock_course import Correction, Course, at, wall_s
from geotagger.suggest.types import AlbumPhoto, Anchor, AnchorKind

GPS_RADIUS_M = 10.0
FIRST_CAMERA, SECOND_CAMERA = "first", "second"


class Way(StrEnum):
    """What is hidden."""

    RANDOM = "random"
    """A share of the photos."""
    DAYS = "days"
    """Whole days, about a share of the photos; albums of one day are left out."""
    STREAM = "stream"
    """A random half of the photos, as if they came from a second camera without GPS."""
    SHIFTED_ZONE = "shifted-zone"
    """The same, the second camera's clock off by a random zone."""
    SHIFTED_DST = "shifted-dst"
    """The same, off by daylight saving, one hour either way."""
    SHIFTED_MINUTES = "shifted-minutes"
    """The same, off by 5 to 59 minutes either way."""
    DRIFTING = "drifting"
    """The same, right at first and gaining or losing 10 to 60 seconds a day."""

    @property
    def of_stream(self) -> bool:
        """Whether the album is made to look like one of two cameras."""
        return self not in (Way.RANDOM, Way.DAYS)


RULES = {
    Way.RANDOM: "in each album round(share x photos) places are hidden at random, at least one, "
    "and at least one is left; photos are pooled over albums and seeds",
    Way.DAYS: "in each album of two days or more random whole days are hidden until the share of "
    "photos is reached, and at least one day is left; photos are pooled over albums and seeds",
    Way.STREAM: "in each album a random half of the photos is a second camera without places; "
    "photos are pooled over albums and seeds",
    Way.SHIFTED_ZONE: "as 'stream', and the second camera's clock is off by whole hours, "
    "-12 to +14",
    Way.SHIFTED_DST: "as 'stream', and the second camera's clock is off by one hour",
    Way.SHIFTED_MINUTES: "as 'stream', and the second camera's clock is off by 5 to 59 minutes",
    Way.DRIFTING: "as 'stream', and the second camera's clock, right at the album's first photo, "
    "gains or loses 10 to 60 seconds a day",
}


def hide(
    way: Way,
    number: int,
    rows: Sequence[KnownPhoto],
    vectors: dict[str, NDArray[np.float32]],
    share: float,
    seed: int,
) -> Hiding | None:
    """Return an album with some places hidden, None if it cannot be hidden in that way.

    The choice depends on the seed and on the album's name, not on the other albums.
    """
    generator = np.random.default_rng([seed, zlib.crc32(rows[0].album.encode())])
    hidden = chosen(way, [row.when.date() for row in rows], share, generator)
    if not hidden:
        return None
    if not way.of_stream:
        return _hiding(number, rows, vectors, hidden)
    shift = shift_of(way, generator, min(row.when.replace(tzinfo=None) for row in rows))
    return _hiding(number, rows, vectors, hidden, stream=True, shift=shift)


def chosen(
    way: Way, days: Sequence[object], share: float, generator: np.random.Generator
) -> set[int]:
    """Return the numbers of the photos to hide; none if the album cannot be hidden in that way.

    ``days`` says for each photo the day of it; there are two photos or more.
    """
    if way is Way.RANDOM:
        count = min(max(round(len(days) * share), 1), len(days) - 1)
        return set(generator.permutation(len(days))[:count].tolist())
    if way is Way.DAYS:
        return _days(days, share, generator)
    return set(generator.permutation(len(days))[: len(days) // 2].tolist())


def _days(dates: Sequence[object], share: float, generator: np.random.Generator) -> set[int]:
    days: dict[object, list[int]] = {}
    for index, date in enumerate(dates):
        days.setdefault(date, []).append(index)
    if len(days) < 2:
        return set()
    hidden: set[int] = set()
    order = list(days.values())
    for day in generator.permutation(len(order))[: len(order) - 1]:
        if hidden and len(hidden) + len(order[day]) / 2 > share * len(dates):
            continue
        hidden |= set(order[day])
    return hidden


def shift_of(way: Way, generator: np.random.Generator, first: datetime) -> Correction:
    """Return how far the second camera's clock is off in that way.

    ``first`` is the wall clock of the album's first photo.
    """
    if way is Way.DRIFTING:
        gain = float(generator.choice([-1.0, 1.0]) * generator.uniform(10.0, 60.0))
        return Course(((-np.inf, 0.0),), gain, wall_s(first))
    return _shift_s(way, generator)


def _shift_s(way: Way, generator: np.random.Generator) -> float:
    sign = float(generator.choice([-1.0, 1.0]))
    if way is Way.SHIFTED_ZONE:
        hours = int(generator.integers(1, 15))
        return 3600.0 * (hours if sign > 0 or hours > 12 else -hours)
    if way is Way.SHIFTED_DST:
        return sign * 3600.0
    if way is Way.SHIFTED_MINUTES:
        return sign * 60.0 * float(generator.uniform(5.0, 59.0))
    return 0.0


def _hiding(
    number: int,
    rows: Sequence[KnownPhoto],
    vectors: dict[str, NDArray[np.float32]],
    hidden: set[int],
    *,
    stream: bool = False,
    shift: Correction = 0.0,
) -> Hiding:
    photos: list[AlbumPhoto] = []
    truth: dict[str, tuple[float, float]] = {}
    for index, row in enumerate(rows):
        key = str(index)
        anchor = None
        if index in hidden:
            truth[key] = (row.lat, row.lon)
        else:
            anchor = Anchor(row.lat, row.lon, GPS_RADIUS_M, AnchorKind.GPS)
        photos.append(
            AlbumPhoto(
                key=key,
                name=row.name or Path(row.file).name,
                when=row.when + timedelta(seconds=at(shift, row.when))
                if index in hidden
                else row.when,
                zone_known=row.zone_known,
                camera="" if not stream else SECOND_CAMERA if index in hidden else FIRST_CAMERA,
                anchor=anchor,
                embedding=vectors.get(row.file),
            )
        )
    # Of a clock that drifts, that of the middle photo stands for all.
    off = float(np.median([at(shift, rows[index].when) for index in hidden]))
    return Hiding(number, tuple(photos), truth, off)
