"""Bring the catalog up to date with a folder tree: what is new is read, what is gone is marked."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from geotagger.errors import FolderError, GeotaggerError, UnreadableFileError
from geotagger.library.catalog import Catalog
from geotagger.library.storing import below, decode_path, encode_path, store_error, store_record
from geotagger.photos import companions
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.find import Found, Unlistable, find_photos
from geotagger.photos.metadata import read_photo
from geotagger.photos.record import PhotoRecord
from geotagger.progress import CancelToken, Progress, ProgressCallback

READ_TIMEOUT_S = 20.0
"""Longest time for the metadata of one file; a sleeping disk or a slow share takes seconds."""
READ_MEMORY = 1 << 30
"""Bytes that reading the metadata of one file may take on top of the worker itself."""
_STORE_EVERY_S = 0.4
_STORE_AT_MOST = 200


class ScanOutcome(StrEnum):
    """What the scan did with a file."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    UNREADABLE = "unreadable"
    MISSING = "missing"
    UNLISTABLE = "unlistable"
    """A folder below the root whose content cannot be listed."""


@dataclass(frozen=True, slots=True)
class ScanEvent:
    """One file (or folder) that the scan dealt with; ``photo_id`` is None for folders."""

    path: Path
    outcome: ScanOutcome
    photo_id: int | None = None
    error: GeotaggerError | None = None


@dataclass(slots=True)
class _Known:
    photo_id: int
    size: int
    mtime_ns: int
    sidecar_stamp: str
    companions: str
    unreadable: bool
    missing: bool


@dataclass(slots=True)
class _Folder:
    """The listing of one folder: who belongs to whom, and the stamps of its sidecars."""

    groups: dict[Path, tuple[Path, ...]] = field(default_factory=dict)
    sidecars: dict[str, str] = field(default_factory=dict)

    @property
    def companions(self) -> frozenset[Path]:
        return frozenset(path for group in self.groups.values() for path in group)


@dataclass(frozen=True, slots=True)
class _Task:
    found: Found
    siblings: tuple[Path, ...]
    sidecar_stamp: str
    known: bool


def scan_folder(
    catalog: Catalog,
    folder: Path,
    *,
    again: bool = False,
    workers: int | None = None,
    timeout_s: float = READ_TIMEOUT_S,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[ScanEvent]:
    """Scan a folder tree into the catalog and yield what became of each file, as it happens.

    Files whose size, modification time and sidecar are as before are not read, except with
    ``again`` those that could not be read last time. Stopping at any point keeps what was stored;
    the next scan goes on from there. Photos are marked missing only at the end of a complete scan
    and never below a folder that cannot be listed.

    Raises
    ------
    FolderError
        The folder is not there or cannot be listed.
    CancelledError
        The token was cancelled; everything read so far is stored.
    CatalogError
        The catalog cannot be written.
    """
    root = folder.resolve()
    if not root.is_dir():
        raise FolderError(
            "There is no such folder." if not root.exists() else "This is not a folder.",
            path=root,
            remedy="Choose a folder that holds photos; if it is on another disk, connect it.",
        )
    cancel = cancel or CancelToken()
    known = _known(catalog, root)
    seen: set[Path] = set()
    unlistable: list[Path] = []
    walked: list[ScanEvent] = []
    state = _State()

    def changed() -> Iterator[_Task]:
        listings = _Listings()
        for found in find_photos(root, cancel):
            if isinstance(found, Unlistable):
                unlistable.append(found.path)
                walked.append(ScanEvent(found.path, ScanOutcome.UNLISTABLE, error=_as_error(found)))
                continue
            listing = listings.of(found.path.parent)
            if found.path in listing.companions:
                continue
            seen.add(found.path)
            state.found += 1
            stamp = _sidecar_stamp(found.path, listing)
            before = known.get(found.path)
            if before is not None and not _needs_reading(before, found, stamp, listing, again):
                state.done += 1
                walked.append(ScanEvent(found.path, ScanOutcome.UNCHANGED, before.photo_id))
                continue
            yield _Task(found, listing.groups.get(found.path, ()), stamp, known=before is not None)
        state.walked = True

    count = workers or max(1, min(8, os.cpu_count() or 1))
    _remember_root(catalog, root)
    with BoundedPool(count, timeout_s, READ_MEMORY) as pool:
        batch: list[tuple[_Task, PhotoRecord | Exception]] = []
        stored_at = time.monotonic()
        for task, result in pool.map_unordered(_read, changed(), cancel=cancel):
            batch.append((task, result))
            state.done += 1
            _tell(progress, state, task.found.path)
            if len(batch) >= _STORE_AT_MOST or time.monotonic() - stored_at > _STORE_EVERY_S:
                yield from _store(catalog, batch)
                yield from _drain(walked)
                batch.clear()
                stored_at = time.monotonic()
        yield from _store(catalog, batch)
        yield from _drain(walked)
    cancel.raise_if_cancelled()
    yield from _mark_missing(catalog, known, seen, unlistable)
    _tell(progress, state, root)


def _read(task: _Task) -> PhotoRecord:
    """Read one photo; runs in a worker process."""
    return read_photo(task.found.path, siblings=task.siblings)


@dataclass(slots=True)
class _State:
    done: int = 0
    found: int = 0
    walked: bool = False


def _tell(progress: ProgressCallback | None, state: _State, path: Path) -> None:
    if progress is not None:
        total = state.found if state.walked else 0
        progress(Progress(state.done, total, "Reading photos", path.name))


class _Listings:
    """The listing of the folder at hand; the walk visits folder after folder."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._listing = _Folder()

    def of(self, folder: Path) -> _Folder:
        if folder != self._folder:
            self._folder, self._listing = folder, _list(folder)
        return self._listing


def _list(folder: Path) -> _Folder:
    listing = _Folder()
    paths = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                path = folder / entry.name
                if entry.name.lower().endswith(".xmp"):
                    listing.sidecars[entry.name.lower()] = _stamp_text(entry.stat())
                else:
                    paths.append(path)
    except OSError:
        return listing  # it vanished since the walk saw it; its files will tell
    listing.groups = companions.group(paths)
    return listing


def _stamp_text(status: os.stat_result) -> str:
    return f"{status.st_size}:{status.st_mtime_ns}"


def sidecar_stamp(path: Path) -> str:
    """Return the stamps of the sidecars that may belong to a photo; changes with any of them."""
    listing = _Folder()
    for base in (path.name, path.stem):
        for name in (f"{base}.xmp", f"{base}.XMP"):
            with suppress(OSError):
                listing.sidecars[name.lower()] = _stamp_text(path.with_name(name).stat())
                break
    return _sidecar_stamp(path, listing)


def _sidecar_stamp(path: Path, listing: _Folder) -> str:
    names = (f"{path.name}.xmp".lower(), f"{path.stem}.xmp".lower())
    return " ".join(listing.sidecars[name] for name in names if name in listing.sidecars)


def _needs_reading(
    before: _Known, found: Found, sidecar_stamp: str, listing: _Folder, again: bool
) -> bool:
    if before.missing or (again and before.unreadable):
        return True
    group = sorted(str(path) for path in listing.groups.get(found.path, ()))
    return (
        (before.size, before.mtime_ns) != (found.stamp.size, found.stamp.mtime_ns)
        or before.sidecar_stamp != sidecar_stamp
        or (not before.unreadable and before.companions != " ".join(group))
    )


def _known(catalog: Catalog, root: Path) -> dict[Path, _Known]:
    with catalog.reading() as connection:
        rows = connection.execute(
            "SELECT id, path, size, mtime_ns, sidecar_stamp, companions, error, missing"
            " FROM photos WHERE path >= ? AND path < ?",
            below(root),
        ).fetchall()
    return {
        decode_path(row["path"]): _Known(
            row["id"],
            row["size"],
            row["mtime_ns"],
            row["sidecar_stamp"],
            " ".join(sorted(json.loads(row["companions"]))),
            bool(row["error"]),
            bool(row["missing"]),
        )
        for row in rows
    }


def _remember_root(catalog: Catalog, root: Path) -> None:
    with catalog.writing() as connection:
        connection.execute("REPLACE INTO roots VALUES (?, ?)", (encode_path(root), time.time()))


def _store(catalog: Catalog, batch: list[tuple[_Task, PhotoRecord | Exception]]) -> list[ScanEvent]:
    events = []
    if not batch:
        return events
    with catalog.writing() as connection:
        for task, result in batch:
            found = task.found
            if isinstance(result, PhotoRecord):
                photo_id = store_record(connection, result, task.sidecar_stamp)
                outcome = ScanOutcome.UPDATED if task.known else ScanOutcome.ADDED
                events.append(ScanEvent(found.path, outcome, photo_id))
                continue
            if isinstance(result, FileNotFoundError) or not os.path.lexists(found.path):
                continue  # it vanished while we looked; the next scan will know
            error = _as_unreadable(found.path, result)
            photo_id = store_error(connection, found.path, found.kind, found.stamp, _told(error))
            events.append(ScanEvent(found.path, ScanOutcome.UNREADABLE, photo_id, error))
    return events


def _as_unreadable(path: Path, error: Exception) -> UnreadableFileError:
    if isinstance(error, UnreadableFileError):
        return error
    if isinstance(error, GeotaggerError):
        return UnreadableFileError(error.message, path=path, remedy=error.remedy)
    return UnreadableFileError(
        f"Its metadata could not be read ({type(error).__name__}: {error}).", path=path
    )


def _told(error: GeotaggerError) -> str:
    """Return message and remedy without the path, which the row has already."""
    return f"{error.message} {error.remedy}".strip()


def _as_error(found: Unlistable) -> GeotaggerError:
    if isinstance(found.error, GeotaggerError):
        return found.error
    return FolderError(
        f"The folder cannot be listed: {found.error.strerror or found.error}.",
        path=found.path,
        remedy="Check its permissions; the rest is scanned.",
    )


def _drain(events: list[ScanEvent]) -> Iterator[ScanEvent]:
    while events:
        yield events.pop(0)


def _mark_missing(
    catalog: Catalog, known: dict[Path, _Known], seen: set[Path], unlistable: list[Path]
) -> list[ScanEvent]:
    gone = [
        (path, before)
        for path, before in known.items()
        if path not in seen
        and not before.missing
        and not any(path.is_relative_to(folder) for folder in unlistable)
    ]
    with catalog.writing() as connection:
        # A file that was moved has taken its row along to the new path: match by path, not by id.
        for path, _ in gone:
            if os.path.lexists(path):  # it became the companion of another file
                connection.execute("DELETE FROM photos WHERE path = ?", (encode_path(path),))
            else:
                connection.execute(
                    "UPDATE photos SET missing = 1 WHERE path = ?", (encode_path(path),)
                )
        left = {
            decode_path(row["path"])
            for row in connection.execute("SELECT path FROM photos WHERE missing = 1")
        }
    return [
        ScanEvent(path, ScanOutcome.MISSING, before.photo_id)
        for path, before in gone
        if path in left
    ]
