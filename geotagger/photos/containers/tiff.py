"""Write GPS into a TIFF: a directory behind the end of the file, and the pointer that leads to it.

TIFF 6.0 section 2. Only directories are read, never the picture, so a file of any size takes
little memory; what a write changes are a few bytes and the end of the file. BigTIFF and camera RAW
under another name are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from geotagger.errors import WriteError
from geotagger.photos.containers.jpeg_segments import refused
from geotagger.photos.containers.tiff_view import (
    Stretch,
    TiffView,
    overlap,
    pictures,
    refuse_raw,
    same_but,
)
from geotagger.photos.edits import Edit
from geotagger.photos.gps_check import agrees, agrees_by_exifread
from geotagger.photos.gps_write import GpsFix, merge
from geotagger.photos.record import Kind
from geotagger.photos.tiff_block import (
    GPS_MARK,
    SLOT_HEADER,
    GpsTags,
    TooLargeError,
    check_untouched,
    copy_bytes,
    copy_room,
    first_ifd,
    gps_ifd,
    gps_pointer,
    has_room,
    own_slot,
    pointer_entry,
    read_gps,
    slot_bytes,
    slot_size,
    table_with,
    table_without,
)
from geotagger.photos.tiff_tags import EXIF_POINTER, Entry, Ifd, TiffError, Value, byte_order

MAX_SIZE = (1 << 32) - 1
MAX_GPS = 1 << 20
"""More bytes than any real GPS directory and its values take."""
_BIG = (b"II+\0", b"MM\0+")
_POINTERS = ((4, 1), (13, 1))
"""Type and count of a pointer: one LONG, or one IFD of TIFF Technical Note 1."""


class Tiff:
    """The container TIFF of 32-bit offsets, in both byte orders, of one page or several."""

    kind = Kind.TIFF

    def read(self, source: BinaryIO, path: Path) -> GpsTags:
        """Return the GPS tags of the first page."""
        try:
            return read_gps(_view(source, path))
        except TiffError as error:
            raise _damaged(error, path) from error

    def edits(self, source: BinaryIO, path: Path, fix: GpsFix | None) -> list[Edit]:
        """Return the edits that write `fix`, or clear GPS for None."""
        view = _view(source, path)
        try:
            refuse_raw(view, path)
            if fix is not None:
                _refuse_broken_pointers(first_ifd(view, byte_order(view)))
            stretches = pictures(view, path)
            if fix is None:
                return _clearing(view, source, stretches)
            tags = read_gps(view)
            changes = _writing(view, merge(tags.values, fix, tags.order))
            _check_change(view, TiffView(source, changes), stretches, changes)
        except TooLargeError as error:
            raise refused("The file has no room left (4 GB).", path) from error
        except TiffError as error:
            raise _damaged(error, path) from error
        return changes

    def check(self, old: BinaryIO, new: BinaryIO, path: Path, fix: GpsFix | None) -> None:
        """Raise WriteError unless `new` is `old` with exactly this GPS and no other difference."""
        before, after = _view(old, path), _view(new, path)
        try:
            holes = _holes(before, fix)
            if overlap(pictures(before, path), holes):
                raise WriteError("Writing would have changed the picture.", path=path)
            if not same_but(old, new, holes):
                raise WriteError("Writing would have changed other parts.", path=path)
            check_untouched(before, after)
            was, now = read_gps(before), read_gps(after)
        except TiffError as error:
            raise WriteError(
                f"Writing would have changed other tags: {error}.", path=path
            ) from error
        wanted = {} if fix is None else merge(was.values, fix, was.order)
        if not agrees(now, fix) or now.values != wanted:
            raise WriteError("The place read back is not the one that was written.", path=path)
        if not agrees_by_exifread(new, fix):
            raise WriteError("Another reader finds a different place in the result.", path=path)


def _view(source: BinaryIO, path: Path) -> TiffView:
    view = TiffView(source)
    if view[0:4] in _BIG:
        # Measured: neither ExifTool 12.57 nor exifread finds GPS in them, wherever it stands.
        raise refused("Other programs find no place in files of this form (BigTIFF).", path)
    return view


def _damaged(error: TiffError, path: Path) -> WriteError:
    return refused(f"The file's directories are damaged: {error}.", path)


def _refuse_broken_pointers(ifd0: Ifd) -> None:
    """Refuse a first directory whose pointer to the Exif directory is none.

    Strict readers give the directory up there, and GPS, which stands behind it, is not found:
    measured with ExifTool on damaged files, whose other faults it passes over.
    """
    for entry in ifd0.entries:
        if entry.tag == EXIF_POINTER and (entry.value.type, entry.value.count) not in _POINTERS:
            raise TiffError("the way to the Exif data is broken, and readers give up there")


def _writing(view: TiffView, values: Mapping[int, Value]) -> list[Edit]:
    """Return the edits that make `values` the GPS directory."""
    order = byte_order(view)
    ifd0 = first_ifd(view, order)
    pointer = gps_pointer(ifd0)
    size = len(view)
    if pointer is None:
        return _first_writing(view, order, ifd0, values)
    own = _own(view, order, pointer)
    if own is not None:
        content = slot_bytes(values, order, own[0], own[1] - own[0])
        if len(content) == own[1] - own[0]:
            return [Edit(*own, content)]
    # Our own slot, too small, goes if it is the end of the file.
    base = own[0] if own is not None and own[1] == size else size
    at = base + base % 2
    tail = bytes(at - base) + _slot(values, order, at)
    changes = [Edit(pointer.position, pointer.position + 12, pointer_entry(order, at))]
    if own is not None and base == size:
        changes.append(Edit(*own, bytes(own[1] - own[0])))
    return [*sorted(changes, key=lambda edit: edit.start), Edit(base, size, tail)]


def _first_writing(
    view: TiffView, order: str, ifd0: Ifd, values: Mapping[int, Value]
) -> list[Edit]:
    """Return the edits for a file whose IFD0 has no GPS pointer yet."""
    size = len(view)
    base = size + size % 2
    in_place = has_room(view, order, ifd0)
    gps_at = base + (0 if in_place else copy_room(ifd0))
    table = table_with(view, order, ifd0, gps_at)
    slot = _slot(values, order, gps_at)
    if in_place:
        return [
            Edit(ifd0.offset, ifd0.offset + len(table), table),
            Edit(size, size, bytes(base - size) + slot),
        ]
    header = struct.pack(order + "I", base + SLOT_HEADER)
    copy = copy_bytes(order, ifd0, table)
    return [Edit(4, 8, header), Edit(size, size, bytes(base - size) + copy + slot)]


def _own(view: TiffView, order: str, pointer: Entry) -> Stretch | None:
    own = own_slot(view, order, pointer)
    if own is not None and own[1] - own[0] > MAX_GPS:
        raise TiffError("the GPS directory is larger than any real one")
    return own


def _slot(values: Mapping[int, Value], order: str, at: int) -> bytes:
    slot = slot_bytes(values, order, at, slot_size(at, values, MAX_SIZE))
    if at + len(slot) > MAX_SIZE:
        raise TooLargeError("there is no room left for a GPS directory")
    return slot


def _clearing(view: TiffView, source: BinaryIO, stretches: list[Stretch]) -> list[Edit]:
    """Return the edits that take GPS out: the pointer goes, what it led to becomes zeros."""
    order = byte_order(view)
    ifd0 = first_ifd(view, order)
    pointer = gps_pointer(ifd0)
    if pointer is None:
        return []
    table = Edit(ifd0.offset, ifd0.end, table_without(view, order, ifd0, pointer))
    wiped = [_wipe(start, end, view) for start, end in _gps_stretches(view, order, pointer)]
    changes = sorted([table, *wiped], key=lambda edit: edit.start)
    _check_change(view, TiffView(source, changes), stretches, changes)
    return changes


def _wipe(start: int, end: int, view: TiffView) -> Edit:
    own = view[start : start + 8] == GPS_MARK and end == len(view)
    return Edit(start, end, b"" if own else bytes(end - start))


def _gps_stretches(view: TiffView, order: str, pointer: Entry) -> list[Stretch]:
    """Return where the GPS directory and its values are, in order and without overlaps."""
    own = _own(view, order, pointer)
    if own is not None:
        return [own]
    gps = gps_ifd(view, order, pointer)
    if gps is None:
        return []
    found = [(gps.offset, gps.end)]
    found += [(e.value_offset, e.value_offset + e.size) for e in gps.entries if e.whole]
    merged: list[Stretch] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    if sum(end - start for start, end in merged) > MAX_GPS:
        raise TiffError("the GPS directory is larger than any real one")
    return merged


def _check_change(
    before: TiffView, after: TiffView, stretches: Iterable[Stretch], changes: list[Edit]
) -> None:
    """Raise TiffError unless the edits leave pictures and all tags but GPS as they are."""
    for one, two in pairwise(changes):
        if one.end > two.start:
            raise TiffError("the GPS directory lies inside of another one")
    if overlap(stretches, [(edit.start, edit.end) for edit in changes]):
        raise TiffError("the directories lie inside of the picture")
    check_untouched(before, after)


def _holes(view: TiffView, fix: GpsFix | None) -> list[Stretch]:
    """Return the stretches of the file before that a write may change."""
    order = byte_order(view)
    ifd0 = first_ifd(view, order)
    pointer = gps_pointer(ifd0)
    if pointer is None:
        return [(ifd0.offset, ifd0.end + 12)] if has_room(view, order, ifd0) else [(4, 8)]
    entry = (pointer.position, pointer.position + 12)
    own = _own(view, order, pointer)
    if fix is None:
        return [(ifd0.offset, ifd0.end), *_gps_stretches(view, order, pointer)]
    return [entry] if own is None else [entry, own]
