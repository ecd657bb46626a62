"""Decide, without changing anything, what a write would do to which file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Literal

from geotagger.errors import FileChangedError, GeotaggerError, WriteError, WriteRefusedError
from geotagger.library import disagreements
from geotagger.library.write_files import Files
from geotagger.photos import replace as replacing
from geotagger.photos import sidecar
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.containers.registry import container_of
from geotagger.photos.gps_words import describe, describe_fix
from geotagger.photos.gps_write import GpsFix, read_position
from geotagger.photos.opening import open_regular
from geotagger.photos.record import FileStamp
from geotagger.photos.sidecar import Naming, Sidecar
from geotagger.photos.sniff import kind_of_name
from geotagger.photos.tag_changes import TagChange, exif_changes
from geotagger.photos.write_errors import explain_write_error
from geotagger.progress import CancelToken, Progress, ProgressCallback

How = Literal["in the file", "sidecar", "refused"]
_SCAN_AGAIN = "Scan the folder again, then write again."
_CONTRADICTS = "It exists and would contradict the file."
_NAMES_IN_XMP = "Place names go into XMP only, and the XMP inside the file is not touched."
_NO_NAMES = "The place names are left out, because no sidecar may be written."
_SAME_FILE = "It is another name (hard link) of a file that this write changes already."
_ONE_NAME = "Scan the folder again afterwards to see the place that it has then."
_NAMES_KEPT = "It has place names of its own; they are kept and ours left out."


@dataclass(frozen=True, slots=True)
class WriteTarget:
    """A photo and the place to write into it; None takes GPS out.

    ``stamp`` is what the scan saw; ``companions`` and ``sidecar`` as in `PhotoRecord`.
    """

    path: Path
    fix: GpsFix | None
    stamp: FileStamp
    companions: tuple[Path, ...] = ()
    sidecar: Path | None = None


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How to write.

    ``sidecar`` "auto" writes into the file where that is safe and into a sidecar elsewhere,
    "always" only into sidecars, "never" only into files. ``naming`` of new sidecars is
    "extension" (``photo.nef.xmp``) or "adobe" (``photo.xmp`` for RAW files). With ``place_names``
    the name of the place is written too, into sidecars only.
    """

    sidecar: Literal["auto", "always", "never"] = "auto"
    naming: Naming = "extension"
    place_names: bool = False


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """One file that will change, or why not.

    ``path`` is the photo or the companion that the place is for, ``destination`` the file that
    changes; ``reason`` says why a sidecar is used or what forbids the write; ``before`` and
    ``after`` are the place in words. ``stamp`` is the photo's, ``destination_stamp`` the
    destination's, None if it will be created. ``error`` is set for what is refused. ``tags`` are
    all tags of the place in the destination before and after; ``warning`` says what will
    contradict the place written and stays as it is. ``photo`` is the photo itself where ``path``
    is a companion of it. ``inode`` tells which file on which disk it is if it has several names.
    """

    path: Path
    destination: Path
    how: How
    reason: str
    before: str
    after: str
    fix: GpsFix | None
    stamp: FileStamp
    destination_stamp: FileStamp | None = None
    error: GeotaggerError | None = None
    tags: tuple[TagChange, ...] = ()
    warning: str = ""
    photo: Path | None = None
    inode: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class WritePlan:
    """Exactly what will change in which file, in the order of writing."""

    items: tuple[PlannedWrite, ...]


def plan_writes(
    targets: Sequence[WriteTarget],
    options: WriteOptions = WriteOptions(),
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    pool: BoundedPool | None = None,
) -> WritePlan:
    """Return what writing would change; files are read, nothing is changed.

    A photo comes first, then the sidecar that it already has, then its companions. Raises
    `CancelledError` if `cancel` is set; every other trouble is a refused item. With a `pool` the
    files are read in its workers, so that a hostile file or a share that does not answer costs no
    more than the pool's time and memory, and a folder on it only once.
    """
    files = Files(pool)
    items: list[PlannedWrite] = []
    taken: set[object] = set()
    for number, target in enumerate(targets):
        if cancel is not None:
            cancel.raise_if_cancelled()
        if progress is not None:
            progress(Progress(number, len(targets), "Checking", target.path.name))
        for item in _planned(target, options, files):
            if item.how != "refused":
                if item.destination in taken:
                    reason = "Another photo of this write goes to the same file."
                    item = _refusal(item, WriteError(reason, path=item.path))
                elif item.inode is not None and item.inode in taken:
                    item = _refusal(item, WriteError(_SAME_FILE, path=item.path, remedy=_ONE_NAME))
                taken |= {item.destination, item.inode} - {None}
            items.append(item)
    return WritePlan(tuple(items))


def _planned(target: WriteTarget, options: WriteOptions, files: Files) -> list[PlannedWrite]:
    try:
        return files.about(target.path, plan_photo, target, options)
    except GeotaggerError as error:
        blank = _blank(target.path, target.fix, target.stamp)
        return [_refusal(replace(blank, photo=target.path), error)]


def plan_photo(target: WriteTarget, options: WriteOptions) -> list[PlannedWrite]:
    """Return what writing one photo would change, its sidecar and its companions included."""
    if not options.place_names and target.fix is not None and target.fix.place is not None:
        target = replace(target, fix=replace(target.fix, place=None))
    return [replace(item, photo=target.path) for item in _plan_photo(target, options)]


def _plan_photo(target: WriteTarget, options: WriteOptions) -> Iterator[PlannedWrite]:
    companions = tuple(path for path in target.companions if kind_of_name(path.name) is not None)
    yield from _plan_file(target, companions, options)
    for path in companions:
        try:
            stamp = replacing.stamp_of(path)
        except OSError as error:
            blank = _blank(path, target.fix, target.stamp)
            yield _refusal(blank, explain_write_error(error, path))
            continue
        others = (target.path, *(other for other in companions if other != path))
        yield from _plan_file(WriteTarget(path, target.fix, stamp), others, options, main=False)


def _plan_file(
    target: WriteTarget, companions: tuple[Path, ...], options: WriteOptions, *, main: bool = True
) -> Iterator[PlannedWrite]:
    """Yield the writes for one file: into it or beside it, and into the sidecar that it has."""
    blank = _blank(target.path, target.fix, target.stamp)
    try:
        found = sidecar.existing(target.path, companions, target.sidecar)
        if options.sidecar == "always":
            item = _beside(target, blank, found, options, "")
        else:
            item = _inside(blank)
    except WriteRefusedError as error:
        if options.sidecar == "never":
            # A RAW that goes with a JPEG is simply left out when only files may be written.
            if main:
                yield _refusal(blank, error)
            return
        item = _beside(target, blank, found, options, error.message)
    except GeotaggerError as error:
        item = _refusal(blank, error)
    except OSError as error:
        item = _refusal(blank, explain_write_error(error, target.path))
    named = target.fix is not None and target.fix.place is not None
    if item is not None:
        item = _refused_if_read_only(_with_warnings(item, found, options))
        if item.how == "in the file" and named and options.sidecar == "never":
            item = replace(item, reason=_NO_NAMES)
        yield item
    if item is None or item.how != "in the file" or options.sidecar != "auto":
        return
    if found or named:
        reasons = [_CONTRADICTS] * bool(found) + [_NAMES_IN_XMP] * named
        second = _beside(target, blank, found, options, " ".join(reasons))
        if second is not None:
            yield second


def _with_warnings(item: PlannedWrite, found: Path | None, options: WriteOptions) -> PlannedWrite:
    """Say what will contradict the place that is written and is not changed."""
    if item.how == "refused":
        return item
    left_alone = found if item.how == "in the file" and options.sidecar == "never" else None
    own = item.how == "sidecar"
    more = disagreements.warnings(item.path, item.fix, left_alone, with_own_exif=own)
    return replace(item, warning=" ".join(part for part in (item.warning, *more) if part))


def _blank(path: Path, fix: GpsFix | None, stamp: FileStamp) -> PlannedWrite:
    return PlannedWrite(path, path, "refused", "", "", describe_fix(fix), fix, stamp)


def _refusal(item: PlannedWrite, error: GeotaggerError) -> PlannedWrite:
    return replace(item, how="refused", reason=error.message, error=error)


def _refused_if_read_only(item: PlannedWrite) -> PlannedWrite:
    """Say before the write begins what it would only find out: nothing can be made in there."""
    folder = item.destination.parent
    if item.how == "refused" or os.access(folder, os.W_OK):
        return item
    read_only = hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY
    error = OSError(errno.EROFS if read_only else errno.EACCES, "")
    return _refusal(item, explain_write_error(error, item.path))


def _inside(blank: PlannedWrite) -> PlannedWrite | None:
    """Return the write into the file itself; raise WriteRefusedError if a sidecar must do."""
    path = replacing.resolve(blank.path)
    if not path.is_file() and path.exists():
        raise WriteError("This is not a regular file.", path=blank.path)
    with open_regular(path) as source:
        status = os.fstat(source.fileno())
        stamp = FileStamp(status.st_size, status.st_mtime_ns)
        if stamp != blank.stamp:
            raise _changed(blank.path)
        container = container_of(source, path)
        if container is None:
            raise WriteRefusedError(
                "Files of this kind are not written to.",
                path=blank.path,
                remedy="GPS can go into a sidecar instead.",
            )
        tags = container.read(source, blank.path)
        if blank.fix is None and not tags.present:
            return None
        container.edits(source, blank.path, blank.fix)
    before = describe(read_position(tags.values, tags.order), present=tags.present)
    return replace(
        blank,
        destination=path,
        how="in the file",
        before=before,
        destination_stamp=stamp,
        inode=(status.st_dev, status.st_ino) if status.st_nlink > 1 else None,
        tags=exif_changes(tags.values, tags.order, blank.fix),
    )


def _beside(
    target: WriteTarget,
    blank: PlannedWrite,
    found: Path | None,
    options: WriteOptions,
    reason: str,
) -> PlannedWrite | None:
    """Return the write into a sidecar, None if there is nothing to take out of one."""
    destination = found or sidecar.new_name(target.path, options.naming)
    try:
        if replacing.stamp_of(target.path) != target.stamp:
            raise _changed(target.path)
        if found is None:
            if target.fix is None:
                return None
            destination = replacing.resolve(destination.parent) / destination.name
            _require_free(destination, target.path)
            before, stamp, warning = describe(None, present=False), None, ""
            tags = Sidecar().changes(BytesIO(), destination, target.fix)
        else:
            destination = replacing.resolve(found)
            stamp = replacing.stamp_of(destination)
            with open_regular(destination) as source:
                place = Sidecar().read(source, found)
                tags = Sidecar().changes(source, found, target.fix)
                foreign = sidecar.has_foreign_names(source)
            named = target.fix is not None and target.fix.place is not None
            warning = _NAMES_KEPT if named and foreign else ""
            before = describe(place, present=False)
    except GeotaggerError as error:
        return _refusal(replace(blank, destination=destination), error)
    except OSError as error:
        refusal = explain_write_error(error, target.path)
        return _refusal(replace(blank, destination=destination), refusal)
    return replace(
        blank,
        destination=destination,
        how="sidecar",
        reason=reason,
        before=before,
        destination_stamp=stamp,
        tags=tags,
        warning=warning,
    )


def _require_free(destination: Path, path: Path) -> None:
    """Refuse a name for a new sidecar that something else than a file has."""
    if os.path.lexists(destination):
        raise WriteError(
            f"Something that is no file has the name of the sidecar ({destination.name}).",
            path=path,
            remedy="Move it away, then write again.",
        )


def _changed(path: Path) -> FileChangedError:
    return FileChangedError(
        "The file was changed by another program.", path=path, remedy=_SCAN_AGAIN
    )
