"""What the catalog tells: small frozen values, ready to be shown or printed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from geotagger.photos.record import PhotoRecord
from geotagger.suggest.types import Candidate


class PhotoState(StrEnum):
    """Where a photo stands on its way from unknown to written."""

    HAS_GPS = "has_gps"
    PENDING = "pending"
    """Has no place and was not analysed yet."""
    CONFIDENT = "confident"
    AMBIGUOUS = "ambiguous"
    INSUFFICIENT = "insufficient"
    ACCEPTED = "accepted"
    """A place was accepted or set by hand and is not in the file yet."""
    REJECTED = "rejected"
    LATER = "later"
    WRITTEN = "written"
    FAILED = "failed"
    """The last attempt to write it failed; the file is as it was."""
    UNREADABLE = "unreadable"
    EXCLUDED = "excluded"
    """A screenshot, a scan or a download: gets no suggestion."""
    MISSING = "missing"
    """Was there at an earlier scan and is not now."""


class DecisionKind(StrEnum):
    """What a person decided for a photo."""

    ACCEPTED = "accepted"
    MOVED = "moved"
    """The place was set or corrected by hand."""
    REJECTED = "rejected"
    LATER = "later"

    @property
    def has_place(self) -> bool:
        """Whether the decision says where the photo was taken."""
        return self in {DecisionKind.ACCEPTED, DecisionKind.MOVED}


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's word on one photo.

    ``lat``, ``lon`` in degrees and ``radius_m`` in metres are None where the kind has no place;
    ``place`` is its name in words; ``proposed_by`` tells what was accepted: the strongest reason
    of the candidate, or "by hand".
    """

    photo_id: int
    kind: DecisionKind
    lat: float | None = None
    lon: float | None = None
    radius_m: float | None = None
    place: str = ""
    proposed_by: str = ""


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """One photo in a list.

    ``lat``, ``lon`` (degrees) are the decided place, else the file's own GPS, else the best
    candidate's; ``probability`` and ``radius_m`` (metres) belong to a candidate; ``companions``
    counts the other files of the same photo; ``error`` says why a file could not be read or
    written.
    """

    id: int
    folder: Path
    name: str
    when: datetime | None
    zone_known: bool
    time_is_fallback: bool
    state: PhotoState
    lat: float | None
    lon: float | None
    place: str
    probability: float | None
    radius_m: float | None
    width: int
    height: int
    camera: str
    companions: int
    error: str

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.folder / self.name


@dataclass(frozen=True, slots=True)
class PhotoDetails:
    """Everything about one photo: its row, what was read, what is suggested and decided."""

    row: PhotoRow
    record: PhotoRecord
    candidates: tuple[Candidate, ...]
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class AlbumRow:
    """One album of a folder tree: the photos of one folder.

    ``id`` is the folder's path as text; ``title`` its name relative to the opened folder.
    """

    id: str
    title: str
    folder: Path
    count: int
    without_gps: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """A decision before and after, to be reverted or applied again."""

    photo_id: int
    before: Decision | None
    after: Decision | None
