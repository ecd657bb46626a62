"""What is known of one photo file after reading it: values only, no reading here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class GpsState(StrEnum):
    """What a file says about its place."""

    NONE = "none"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    """Present but not to be trusted: 0,0, a missing hemisphere, a broken number."""


@dataclass(frozen=True, slots=True)
class Gps:
    """The place that a file carries.

    ``lat``, ``lon`` in degrees, north and east positive, None unless the state is COMPLETE;
    ``altitude_m`` in metres above sea level, ``error_m`` the stated horizontal error in metres;
    ``source`` is "exif" or "xmp" (sidecar or packet).
    """

    state: GpsState = GpsState.NONE
    lat: float | None = None
    lon: float | None = None
    altitude_m: float | None = None
    error_m: float | None = None
    source: str = ""


class TimeSource(StrEnum):
    """Where the time of a photo comes from, best first."""

    EXIF_OFFSET = "exif_offset"
    """DateTimeOriginal with OffsetTimeOriginal."""
    EXIF_GPS = "exif_gps"
    """DateTimeOriginal, its zone found from the GPS time stamp (UTC)."""
    EXIF_LOCAL = "exif_local"
    """DateTimeOriginal, zone unknown."""
    XMP = "xmp"
    """exif:DateTimeOriginal or photoshop:DateCreated of an XMP packet or sidecar."""
    EXIF_DIGITIZED = "exif_digitized"
    """DateTimeDigitized: a fall-back, for a scan it is the day of scanning."""
    EXIF_MODIFIED = "exif_modified"
    """IFD0 DateTime: a fall-back, often the last edit."""
    FILE_NAME = "file_name"
    """A date and time in the file's name, as phones and messengers write it: a fall-back."""
    FILE_MTIME = "file_mtime"
    """The file's modification time: the last fall-back."""

    @property
    def is_fallback(self) -> bool:
        """Whether the time may be far from the moment of the picture."""
        return self in {
            TimeSource.EXIF_DIGITIZED,
            TimeSource.EXIF_MODIFIED,
            TimeSource.FILE_NAME,
            TimeSource.FILE_MTIME,
        }


@dataclass(frozen=True, slots=True)
class TakenAt:
    """When a photo was taken.

    ``when`` is always aware and carries sub-seconds. Where ``zone_known`` is False it is the
    camera's wall clock labelled UTC, to be compared only with other wall clocks
    (``when.replace(tzinfo=None)`` is the wall clock in either case).
    """

    when: datetime
    zone_known: bool
    source: TimeSource


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells cheaply that a file has not changed: size in bytes, mtime in nanoseconds."""

    size: int
    mtime_ns: int


class Kind(StrEnum):
    """The container of a photo file."""

    JPEG = "jpeg"
    TIFF = "tiff"
    PNG = "png"
    WEBP = "webp"
    HEIF = "heif"
    AVIF = "avif"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Words:
    """What a photo's metadata say in words.

    ``captions`` are titles, headlines and descriptions; ``place`` the names of the place from the
    smallest to the country, apart by commas, empty if there are none.
    """

    captions: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """One photo file as read by the scan.

    ``path`` is absolute; ``fingerprint`` identifies the content (see `fingerprint`); ``width`` and
    ``height`` are in pixels before the Exif orientation is applied, 0 when unknown; ``camera`` is
    "make model" or empty, ``camera_serial`` its body serial number or empty; ``companions`` are
    the other files of the same photo (the JPEG of a RAW, the movie of a live photo);
    ``sidecar`` is the XMP file found beside it; ``looks_like_document`` marks screenshots, scans
    and downloads, which get no suggestion and serve as no evidence; ``note`` tells what was
    odd but not fatal; ``words`` are captions, keywords and names of the place.
    """

    path: Path
    kind: Kind
    stamp: FileStamp
    fingerprint: str
    taken_at: TakenAt | None = None
    gps: Gps = field(default_factory=Gps)
    width: int = 0
    height: int = 0
    orientation: int = 1
    camera: str = ""
    camera_serial: str = ""
    companions: tuple[Path, ...] = ()
    sidecar: Path | None = None
    looks_like_document: bool = False
    note: str = ""
    words: Words = field(default_factory=Words)
