"""Write GPS into a JPEG: the Exif segment gets a patched block, everything else stays.

Offsets of a multi-picture index (MPF, CIPA DC-007) count from the index itself, so an Exif segment
in front of it may grow; one behind it may not. The index also states the size of the first picture.
That number is left as it is, like ExifTool leaves it: readers find the end of the picture by its
marker, and files that passed through a web service have it wrong anyway.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import piexif

from geotagger.errors import WriteError
from geotagger.photos.containers.jpeg_previews import (
    PictureMarks,
    refuse_moved,
    refuse_pointers,
)
from geotagger.photos.containers.jpeg_segments import (
    APP0,
    EXIF_HEADER,
    MAX_BLOCK,
    Head,
    Segment,
    exif_segment,
    payload,
    read_head,
    refused,
)
from geotagger.photos.edits import CHUNK, Edit
from geotagger.photos.gps_check import agrees, agrees_by_exifread
from geotagger.photos.gps_write import GpsFix, merge
from geotagger.photos.record import Kind
from geotagger.photos.tiff_block import (
    EMPTY_BLOCKS,
    GpsTags,
    TooLargeError,
    check_untouched,
    clear_gps,
    patch_gps,
    read_gps,
)
from geotagger.photos.tiff_tags import TiffError, byte_order


class Jpeg:
    """The container JPEG, MPO and gain-map files and trailers of any kind included."""

    kind = Kind.JPEG

    def read(self, source: BinaryIO, path: Path) -> GpsTags:
        """Return the GPS tags of the first Exif segment, which is the one that readers take."""
        head = read_head(source, path)
        if not head.exif:
            return GpsTags(">", {}, False)
        block = _block(source, head.exif[0], path)
        try:
            return read_gps(block)
        except TiffError as error:
            raise refused(f"The Exif data is damaged: {error}.", path) from error

    def edits(self, source: BinaryIO, path: Path, fix: GpsFix | None) -> list[Edit]:
        """Return the edits that write `fix`, or clear GPS for None."""
        head = read_head(source, path)
        _refuse_broken_segments(source, head, path)
        if not head.exif:
            return [] if fix is None else [_insertion(head, fix, path)]
        edits = []
        for index, segment in enumerate(head.exif):
            block = _block(source, segment, path)
            try:
                # A second Exif block is for readers that take the last; it must not disagree.
                if index and not read_gps(block).present:
                    continue
                new = _patched(block, fix)
            except TooLargeError as error:
                raise refused("The Exif segment has no room left (64 kB).", path) from error
            except TiffError as error:
                raise refused(f"The Exif data is damaged: {error}.", path) from error
            if new != block:
                edits.append(_replacement(source, head, segment, new, path))
        if sum(len(edit.data) - (edit.end - edit.start) for edit in edits):
            refuse_moved(source, head, path)
        return edits

    def check(self, old: BinaryIO, new: BinaryIO, path: Path, fix: GpsFix | None) -> None:
        """Raise WriteError unless `new` is `old` with exactly this GPS and no other difference."""
        before, after = read_head(old, path), read_head(new, path)
        grown = after.scan - before.scan
        _check_segments(old, before, new, after, path)
        pictures = _compare_pictures(old, before.scan, new, after.scan, path)
        if grown and before.exif:
            refuse_pointers(old, before, pictures, path)
        _check_gps(new, after, path, fix)


def _refuse_broken_segments(source: BinaryIO, head: Head, path: Path) -> None:
    """Refuse a file whose last segment ends behind the end of the file."""
    source.seek(head.scan)
    if len(source.read(4)) < 4:
        raise refused("The file ends before its picture begins.", path)


def _block(source: BinaryIO, segment: Segment, path: Path) -> bytes:
    return payload(source, segment, path)[EXIF_HEADER:]


def _patched(block: bytes, fix: GpsFix | None) -> bytes:
    if fix is None:
        return clear_gps(block)
    tags = read_gps(block)
    return patch_gps(block, merge(tags.values, fix, tags.order), max_size=MAX_BLOCK)


def _insertion(head: Head, fix: GpsFix, path: Path) -> Edit:
    """Return the edit that puts an Exif segment behind the leading APP0 segments (JFIF)."""
    at = 2
    for segment in head.segments:
        if segment.marker != APP0:
            break
        at = segment.end
    _refuse_behind_index(head, at, path)
    # piexif rewrites what it touches, so it makes the empty block of files without Exif, no more.
    block = piexif.dump({})[EXIF_HEADER:]
    block = patch_gps(block, merge({}, fix, byte_order(block)), max_size=MAX_BLOCK)
    return Edit(at, at, exif_segment(block))


def _replacement(source: BinaryIO, head: Head, segment: Segment, block: bytes, path: Path) -> Edit:
    old_size = segment.end - segment.payload - EXIF_HEADER
    if len(block) != old_size:
        _refuse_behind_index(head, segment.start, path)
    if not block:
        return Edit(segment.start, segment.end, b"")
    source.seek(segment.payload)
    header = source.read(EXIF_HEADER)
    length = (2 + EXIF_HEADER + len(block)).to_bytes(2, "big")
    return Edit(segment.payload - 2, segment.end, length + header + block)


def _refuse_behind_index(head: Head, at: int, path: Path) -> None:
    if any(segment.is_mpf and segment.start < at for segment in head.segments):
        raise refused("The index of the pictures in the file comes before its Exif data.", path)


def _check_segments(old: BinaryIO, before: Head, new: BinaryIO, after: Head, path: Path) -> None:
    """Compare all segments one by one; Exif blocks by their tags."""
    kept_old = [payload(old, s, path) for s in before.segments if not s.is_exif]
    kept_new = [payload(new, s, path) for s in after.segments if not s.is_exif]
    markers = [s.marker for s in before.segments if not s.is_exif]
    if kept_old != kept_new or markers != [s.marker for s in after.segments if not s.is_exif]:
        raise WriteError("Writing would have changed other segments.", path=path)
    blocks_old = [_block(old, s, path) for s in before.exif]
    blocks_new = [_block(new, s, path) for s in after.exif]
    if not blocks_old and len(blocks_new) == 1:
        blocks_old = [EMPTY_BLOCKS[read_gps(blocks_new[0]).order]]
    try:
        if len(blocks_old) == len(blocks_new):
            for a, b in zip(blocks_old, blocks_new, strict=True):
                if a != b:
                    check_untouched(a, b)
        else:
            _check_removed(blocks_old, blocks_new)
    except TiffError as error:
        raise WriteError(f"Writing would have changed other tags: {error}.", path=path) from error


def _check_removed(blocks_old: list[bytes], blocks_new: list[bytes]) -> None:
    """Raise TiffError if clearing dropped a segment that held more than GPS."""
    left = list(blocks_new)
    for block in blocks_old:
        cleared = clear_gps(block)
        if cleared and (not left or left.pop(0) not in (block, cleared)):
            raise TiffError("an Exif segment is gone")
    if left:
        raise TiffError("an Exif segment appeared")


def _compare_pictures(
    old: BinaryIO, old_start: int, new: BinaryIO, new_start: int, path: Path
) -> list[int]:
    """Compare everything from the first scan on; return where pictures begin behind the first."""
    old.seek(old_start)
    new.seek(new_start)
    marks = PictureMarks(old_start)
    while True:
        a, b = old.read(CHUNK), new.read(CHUNK)
        if a != b:
            raise WriteError("Writing would have changed the picture.", path=path)
        if not a:
            return marks.found
        marks.feed(a)


def _check_gps(new: BinaryIO, head: Head, path: Path, fix: GpsFix | None) -> None:
    """Read the place back, with our reader and with exifread, and compare it with the fix."""
    for index, segment in enumerate(head.exif):
        tags = read_gps(_block(new, segment, path))
        if (index == 0 or tags.present) and not agrees(tags, fix):
            raise WriteError("The place read back is not the one that was written.", path=path)
    if fix is not None and not head.exif:
        raise WriteError("The place could not be read back.", path=path)
    if not agrees_by_exifread(new, fix):
        raise WriteError("Another reader finds a different place in the result.", path=path)
