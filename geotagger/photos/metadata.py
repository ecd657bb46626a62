"""Read everything the scan wants to know of one photo file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from geotagger.earth.distance import haversine_m
from geotagger.errors import UnreadableFileError
from geotagger.photos import raw_read
from geotagger.photos.blocks import MAX_BLOCK, Blocks, jpeg_blocks, png_blocks, webp_blocks
from geotagger.photos.companions import group, is_related, sidecar_of
from geotagger.photos.documents import Signs, looks_like_document
from geotagger.photos.exif_read import ExifTags, read_block, read_stream
from geotagger.photos.find import Found
from geotagger.photos.fingerprint import fingerprint_stream
from geotagger.photos.gps_read import read_gps
from geotagger.photos.isobmff import heif_blocks
from geotagger.photos.opening import (
    MeteredStream,
    ReadBudgetError,
    explain_os_error,
    open_regular,
    stamp_of,
)
from geotagger.photos.record import FileStamp, Gps, GpsState, Kind, PhotoRecord
from geotagger.photos.sniff import HEAD_SIZE, kind_of_content, kind_of_name
from geotagger.photos.times import read_time
from geotagger.photos.words import iptc_of_photoshop, read_words
from geotagger.photos.xmp_read import (
    DATE_CREATED,
    DATE_TIME_ORIGINAL,
    USER_COMMENT,
    XmpError,
    gps_of_xmp,
    parse_xmp,
    read_sidecar,
)

_MAKE, _MODEL, _ORIENTATION = 0x010F, 0x0110, 0x0112
_WIDTH, _HEIGHT, _XMP_TAG = 0x0100, 0x0101, 0x02BC
_DNG_SERIAL = 0xC62F
_ORIGINAL_TIME, _COMMENT, _EXIF_WIDTH, _EXIF_HEIGHT, _SERIAL = (
    0x9003,
    0x9286,
    0xA002,
    0xA003,
    0xA431,
)

DISAGREE_M = 50.0
"""File and sidecar further apart than this, in metres, are reported to disagree."""
DISAGREEMENT = "The file and its XMP disagree about the place; the file counts."
_NAMES = {
    Kind.JPEG: "a JPEG",
    Kind.TIFF: "a TIFF",
    Kind.PNG: "a PNG",
    Kind.WEBP: "a WebP",
    Kind.HEIF: "an HEIF",
    Kind.AVIF: "an AVIF",
    Kind.RAW: "a RAW file",
}


@dataclass(slots=True)
class _Content:
    """What one file says, before it is put together."""

    tags: ExifTags
    blocks: Blocks
    xmp: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_found(found: Found) -> PhotoRecord:
    """Return the record of a photo that `find_photos` found; see `read_photo`."""
    return read_photo(found.path, siblings=found.siblings)


def read_photo(path: Path, *, siblings: Iterable[Path] | None = None) -> PhotoRecord:
    """Return what a photo file, its sidecar and its companions say; meant to run in a worker.

    At most some hundred kilobytes are read. Exif is preferred to the XMP packet in the file, and
    that to the sidecar; they are never mixed within one position.

    Parameters
    ----------
    path
        The photo.
    siblings
        Other files of its folder that may belong to it; None to look for them.

    Raises
    ------
    UnreadableFileError
        With path and remedy, if it cannot be opened, is no photo, or is damaged beyond use.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    siblings = tuple(_list_siblings(path) if siblings is None else siblings)
    with open_regular(path) as stream:
        try:
            stamp = stamp_of(stream)
            kind = _kind(stream, path, stamp)
            identity = fingerprint_stream(stream, stamp.size, path)
            content = _content(stream, path, kind, stamp.size)
            # Tags are looked up in the file while the record is made.
            record = _record(path, kind, stamp, content, sidecar_of(path, siblings))
            after = stamp_of(stream)
        except ReadBudgetError as error:
            raise UnreadableFileError(
                "The file is damaged: its parts lead in circles.",
                path=path,
                remedy="Restore it from a backup, or remove it.",
            ) from error
        except OSError as error:
            raise explain_os_error(error, path) from error
    if after != stamp:
        raise UnreadableFileError(
            "The file changed while it was read.", path=path, remedy="Scan again."
        )
    companions = group([path, *siblings]).get(path, ())
    return replace(record, fingerprint=identity, companions=companions)


def places_inside(path: Path) -> tuple[Gps, Gps]:
    """Return the places that the Exif and the XMP packet of a photo file tell.

    Raises
    ------
    UnreadableFileError
        As `read_photo` does.
    """
    with open_regular(path) as stream:
        try:
            stamp = stamp_of(stream)
            content = _content(stream, path, _kind(stream, path, stamp), stamp.size)
            return read_gps(content.tags)[0], gps_of_xmp(content.xmp)[0]
        except ReadBudgetError as error:
            raise UnreadableFileError("The file is damaged.", path=path) from error
        except OSError as error:
            raise explain_os_error(error, path) from error


def _kind(stream: BinaryIO, path: Path, stamp: FileStamp) -> Kind:
    if stamp.size == 0:
        raise UnreadableFileError(
            "The file is empty.", path=path, remedy="Restore it from a backup, or remove it."
        )
    kind = kind_of_content(stream.read(HEAD_SIZE), path.name)
    if kind is None:
        raise UnreadableFileError(
            "The content is not that of a photo.",
            path=path,
            remedy="Open it in another program to see what it is, or remove it.",
        )
    return kind


def _content(stream: BinaryIO, path: Path, kind: Kind, size: int) -> _Content:
    tags, blocks = _tags_and_blocks(stream, path, kind, size)
    content = _Content(tags, blocks, notes=list(tags.notes))
    if blocks.note:
        content.notes.append(blocks.note)
    promised = kind_of_name(path.name)
    if promised is not None and promised is not kind:
        content.notes.append(f"The file is {_NAMES[kind]} by its content.")
    if blocks.xmp:
        try:
            # The two are one packet in two parts; what both say counts as the first says it.
            content.xmp = parse_xmp(blocks.xmp)
            if blocks.xmp_more:
                content.xmp = {**parse_xmp(blocks.xmp_more), **content.xmp}
        except XmpError as error:
            content.notes.append(f"The XMP in the file is damaged: {error}.")
    return content


def _tags_and_blocks(
    stream: BinaryIO, path: Path, kind: Kind, size: int
) -> tuple[ExifTags, Blocks]:
    metered = MeteredStream(stream, max_reads=50_000, max_bytes=4 * MAX_BLOCK)
    if kind is Kind.RAW:
        return raw_read.read_raw(stream, metered, path, size)
    if kind is Kind.TIFF:
        tags = read_stream(stream)
        blocks = Blocks(
            xmp=tags.data("Image", _XMP_TAG, MAX_BLOCK),
            width=_whole(tags.number("Image", _WIDTH)),
            height=_whole(tags.number("Image", _HEIGHT)),
        )
    else:
        if kind is Kind.JPEG:
            blocks = jpeg_blocks(metered, size)
        elif kind is Kind.PNG:
            blocks = png_blocks(metered, size)
        elif kind is Kind.WEBP:
            blocks = webp_blocks(metered, size)
        else:
            blocks = heif_blocks(metered, size)
        tags = read_block(blocks.exif) if blocks.exif else ExifTags()
    if not blocks.has_picture and not blocks.exif and not blocks.xmp:
        raise UnreadableFileError(
            "The file is damaged: there is no picture in it.",
            path=path,
            remedy="Restore it from a backup, or remove it.",
        )
    return tags, blocks


def _record(
    path: Path, kind: Kind, stamp: FileStamp, content: _Content, sidecar: Path | None
) -> PhotoRecord:
    """Return the record as far as contents and sidecar tell it."""
    tags, blocks, notes = content.tags, content.blocks, content.notes
    beside: dict[str, str] = {}
    if sidecar is not None:
        try:
            beside = read_sidecar(sidecar)
        except UnreadableFileError as error:
            notes.append(f"{error.message} ({sidecar.name})")
    gps = _gps(tags, content.xmp, beside, notes)
    xmp = {**beside, **content.xmp}
    taken_at, time_notes = read_time(tags, xmp, path, stamp)
    notes.extend(time_notes)
    make, model = tags.text("Image", _MAKE), tags.text("Image", _MODEL)
    has_original_time = bool(
        tags.text("EXIF", _ORIGINAL_TIME).strip("0: ")
        or xmp.get(DATE_TIME_ORIGINAL)
        or xmp.get(DATE_CREATED)
    )
    signs = Signs(
        path.name,
        kind,
        make,
        model,
        _comment(tags) or xmp.get(USER_COMMENT, ""),
        blocks.width,
        blocks.height,
        gps.state is GpsState.COMPLETE,
        has_original_time,
    )
    return PhotoRecord(
        path=path,
        kind=kind,
        stamp=stamp,
        fingerprint="",
        taken_at=taken_at,
        gps=gps,
        width=blocks.width,
        height=blocks.height,
        orientation=blocks.orientation or _orientation(tags),
        camera=_camera(make, model),
        camera_serial=tags.text("EXIF", _SERIAL) or tags.text("Image", _DNG_SERIAL),
        sidecar=sidecar,
        looks_like_document=looks_like_document(signs),
        note=" ".join(dict.fromkeys(notes)),
        words=read_words(tags, xmp, iptc_of_photoshop(blocks.photoshop), _comment(tags)),
    )


def _gps(tags: ExifTags, packet: dict[str, str], beside: dict[str, str], notes: list[str]) -> Gps:
    """Return the first complete position of Exif, packet and sidecar, else the first incomplete."""
    sources = [read_gps(tags), gps_of_xmp(packet), gps_of_xmp(beside)]
    complete = [gps for gps, _ in sources if gps.state is GpsState.COMPLETE]
    if complete and _far_apart(complete):
        notes.append(DISAGREEMENT)
    for gps, why in sources:
        if gps.state is GpsState.COMPLETE:
            notes.extend(why)
            return gps
    for gps, why in sources:
        if gps.state is GpsState.INCOMPLETE:
            notes.extend(why)
            return gps
    return Gps()


def _far_apart(places: list[Gps]) -> bool:
    """Return whether any of the positions lies far from the first."""
    positions = [
        (gps.lat, gps.lon) for gps in places if gps.lat is not None and gps.lon is not None
    ]
    return any(float(haversine_m(*positions[0], *other)) > DISAGREE_M for other in positions[1:])


def _orientation(tags: ExifTags) -> int:
    value = _whole(tags.number("Image", _ORIENTATION))
    return value if 1 <= value <= 8 else 1


def _camera(make: str, model: str) -> str:
    """Return "make model", the make once only."""
    first = make.split(" ", 1)[0].lower()
    if first and model.lower().startswith(first):
        return model
    return f"{make} {model}".strip()


def _comment(tags: ExifTags) -> str:
    """Return the readable part of the user comment (8 bytes of character code, then text)."""
    data = tags.data("EXIF", _COMMENT, 200)
    return data[8:].replace(b"\0", b"").decode("latin-1").strip()


def _whole(value: float | None) -> int:
    return int(value) if value is not None and 0 < value < 1e9 else 0


def _list_siblings(path: Path) -> tuple[Path, ...]:
    """Return the files of the folder that may belong to the photo."""
    try:
        with os.scandir(path.parent) as entries:
            names = sorted(entry.name for entry in entries if is_related(entry.name))
    except OSError:
        return ()
    return tuple(
        path.parent / name for name in names if name != path.name and not name.startswith(".")
    )
