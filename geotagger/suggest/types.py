"""The values that go into `suggest` and come out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class SuggestionState(StrEnum):
    """How sure the suggestion of a photo is; comes from margins, never from one threshold."""

    CONFIDENT = "confident"
    AMBIGUOUS = "ambiguous"
    INSUFFICIENT = "insufficient"


class AnchorKind(StrEnum):
    """How the place of an anchor is known."""

    GPS = "gps"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place that is known: degrees, and the radius in metres that holds it."""

    lat: float
    lon: float
    radius_m: float
    kind: AnchorKind


@dataclass(frozen=True, slots=True)
class CellGuess:
    """What a world model makes of one photo's pixels.

    ``classes`` (K,) int32 are the likeliest cells, ``log_p`` (K,) their log-probabilities;
    ``log_rest`` is the logarithm of what all other cells share. ``together`` is whether an album
    model made it, which saw the photos of the album together.
    """

    classes: NDArray[np.int32]
    log_p: NDArray[np.float32]
    log_rest: float
    together: bool = False


@dataclass(frozen=True, slots=True)
class WorldCells:
    """The C cells that the classes of a world model stand for.

    ``classes_of`` takes degrees (N,), (N,) to classes (N,) int32, -1 for none; ``lat`` and ``lon``
    (C,) are the mean places of the cells in degrees, ``radius_m`` (C,) holds half of a cell's
    photos, ``log_prior`` (C,) is the logarithm of a cell's share of all photos.
    """

    classes_of: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.int32]]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    radius_m: NDArray[np.float64]
    log_prior: NDArray[np.float64]


class TextKind(StrEnum):
    """Where a text that belongs to a photo stands."""

    FOLDER = "folder"
    """The name of the folder that holds the photo."""
    PARENT = "parent"
    """The name of a folder above it, not above the opened one."""
    FILE = "file"
    """The file's own name."""
    CAPTION = "caption"
    """Title, headline or description in the metadata."""
    KEYWORD = "keyword"
    PLACE = "place"
    """Place, city, region and country as the metadata name them, apart by commas."""


@dataclass(frozen=True, slots=True)
class PhotoText:
    """A text that belongs to a photo."""

    kind: TextKind
    text: str


@dataclass(frozen=True, slots=True)
class AlbumPhoto:
    """One photo of an album as `suggest` sees it.

    ``key`` identifies it to the caller; ``name`` is the file name used in reasons; ``when`` and
    ``zone_known`` as in `geotagger.photos.record.TakenAt`, ``when`` None if no time is known;
    ``time_is_fallback`` marks a time that may be far off; ``camera`` is empty when unknown;
    ``embedding`` is a unit vector of shape (D,), float32, or None; ``guess`` what a world model
    makes of the pixels, or None; ``texts`` are names and words that may say where it was taken;
    ``day_only`` marks a time of which the file's name tells the day and nothing tells the hour;
    ``brightness`` is the mean luminance of the picture from 0 to 1, or None.
    """

    key: str
    name: str
    when: datetime | None
    zone_known: bool = False
    time_is_fallback: bool = False
    camera: str = ""
    anchor: Anchor | None = None
    embedding: NDArray[np.float32] | None = None
    guess: CellGuess | None = None
    texts: tuple[PhotoText, ...] = ()
    day_only: bool = False
    brightness: float | None = None


@dataclass(frozen=True, slots=True)
class Alike:
    """The references that look most like some photos.

    ``row_of`` leads from keys of photos to rows; ``index`` (M, K) are numbers of references, -1
    where there is none, ``cosine`` (M, K) their likeness, descending.
    """

    row_of: Mapping[str, int]
    index: NDArray[np.intp]
    cosine: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class References:
    """Photos outside the album whose place is known, for look-alikes.

    ``names`` has N entries; ``embeddings`` is (N, D) float32 unit rows; ``lat`` and ``lon`` are
    (N,) float64 degrees. ``scenes`` (N,) are the same for photos of one burst or scene, ``albums``
    (N,) for those of one album; None where that is not known. ``alike`` tells which look most like
    the photos they were chosen for, so that it need not be asked again.
    """

    names: tuple[str, ...]
    embeddings: NDArray[np.float32]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    scenes: NDArray[np.intp] | None = None
    albums: NDArray[np.intp] | None = None
    alike: Alike | None = None

    def of(self, rows: NDArray[np.intp], alike: Alike | None = None) -> References:
        """Return some of the references; ``alike`` must speak of their new numbers."""
        return References(
            names=tuple(self.names[row] for row in rows.tolist()),
            embeddings=self.embeddings[rows],
            lat=self.lat[rows],
            lon=self.lon[rows],
            scenes=None if self.scenes is None else self.scenes[rows],
            albums=None if self.albums is None else self.albums[rows],
            alike=alike,
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place where a photo may have been taken.

    ``probability`` is the probability that the true place lies within ``radius_m`` metres of the
    point. ``place`` is a name in words or empty; ``reasons`` are sentences for the user, the
    strongest first.
    """

    lat: float
    lon: float
    radius_m: float
    probability: float
    place: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The ranked candidates of one photo, best first; empty only when INSUFFICIENT.

    ``radii_m`` are pairs (level, radius): the true place lies within ``radius`` metres of the best
    candidate with probability ``level``, for the levels 0.5, 0.8 and 0.95.
    """

    key: str
    state: SuggestionState
    candidates: tuple[Candidate, ...]
    radii_m: tuple[tuple[float, float], ...] = ()
