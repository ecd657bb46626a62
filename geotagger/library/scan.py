"""Bring the catalog up to date with a folder tree: what is new is read, what is gone is marked."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from geotagger.errors import FolderError, GeotaggerError, UnreadableFileError
from geotagger.library.catalog import Catalog
from geotagger.library.storing import below, decode_path, encode_path, store_error, store_record
from geotagger.photos.bounded import BoundedPool, default_workers
from geotagger.photos.find import Found, Unlistable, find_photos
from geotagger.photos.metadata import read_found
from geotagger.photos.record import FileStamp, PhotoRecord
from geotagger.progress import CancelledError, CancelToken, Progress, ProgressCallback

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
    """One file or folder that the scan dealt with.

    ``photo_id`` is None for folders and for files that vanished while the scan ran.
    """

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
    has_words: bool


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
    root = root_of(folder)
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

    def changed() -> Iterator[Found]:
        for found in find_photos(root, cancel):
            if isinstance(found, Unlistable):
                unlistable.append(found.path)
                walked.append(ScanEvent(found.path, ScanOutcome.UNLISTABLE, error=found.error))
                continue
            seen.add(found.path)
            state.found += 1
            before = known.get(found.path)
            if before is not None and not _needs_reading(before, found, again):
                state.done += 1
                walked.append(ScanEvent(found.path, ScanOutcome.UNCHANGED, before.photo_id))
                continue
            yield found
        state.walked = True

    count = workers or default_workers()
    _remember_root(catalog, root)
    with BoundedPool(count, timeout_s, READ_MEMORY) as pool:
        batch: list[tuple[Found, PhotoRecord | Exception]] = []
        stored_at = time.monotonic()
        with suppress(CancelledError):  # raised again below, when what was read is stored
            for found, result in pool.map_unordered(read_found, changed(), cancel=cancel):
                batch.append((found, result))
                state.done += 1
                _tell(progress, state, found.path.name)
                if len(batch) >= _STORE_AT_MOST or time.monotonic() - stored_at > _STORE_EVERY_S:
                    yield from _store(catalog, batch, known, seen)
                    yield from _drain(walked)
                    batch.clear()
                    stored_at = time.monotonic()
        yield from _store(catalog, batch, known, seen)
        yield from _drain(walked)
    cancel.raise_if_cancelled()
    yield from _mark_missing(catalog, known, seen, unlistable)
    _tell(progress, state)


@dataclass(slots=True)
class _State:
    done: int = 0
    found: int = 0
    walked: bool = False


def _tell(progress: ProgressCallback | None, state: _State, detail: str = "") -> None:
    if progress is not None:
        total = state.found if state.walked else 0
        progress(Progress(state.done, total, "Reading photos", detail))


def root_of(folder: Path) -> Path:
    """Return a folder as the catalog knows it: absolute, without dots, links kept as they are."""
    return Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow links


def sidecar_stamp(sidecar: Path | None) -> str:
    """Return what tells whether a sidecar changed; empty where there is none."""
    if sidecar is None:
        return ""
    try:
        status = sidecar.stat()
    except OSError:
        return ""
    return _stamp_text(FileStamp(status.st_size, status.st_mtime_ns))


def _stamp_text(stamp: FileStamp | None) -> str:
    return "" if stamp is None else f"{stamp.size}:{stamp.mtime_ns}"


def _needs_reading(before: _Known, found: Found, again: bool) -> bool:
    if before.missing or (again and before.unreadable):
        return True
    if (before.size, before.mtime_ns) != (found.stamp.size, found.stamp.mtime_ns):
        return True
    if before.unreadable:
        return False
    if not before.has_words:
        return True
    group = " ".join(sorted(os.fsdecode(path) for path in found.companions))
    return (before.sidecar_stamp, before.companions) != (_stamp_text(found.sidecar_stamp), group)


def _known(catalog: Catalog, root: Path) -> dict[Path, _Known]:
    with catalog.reading() as connection:
        rows = connection.execute(
            "SELECT id, path, size, mtime_ns, sidecar_stamp, companions, error, missing,"
            " words IS NOT NULL AS has_words"
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
            bool(row["has_words"]),
        )
        for row in rows
    }


def _remember_root(catalog: Catalog, root: Path) -> None:
    with catalog.writing() as connection:
        connection.execute("REPLACE INTO roots VALUES (?, ?)", (encode_path(root), time.time()))


def _store(
    catalog: Catalog,
    batch: list[tuple[Found, PhotoRecord | Exception]],
    known: dict[Path, _Known],
    seen: set[Path],
) -> list[ScanEvent]:
    events: list[ScanEvent] = []
    if not batch:
        return events
    with catalog.writing() as connection:
        for found, result in batch:
            if isinstance(result, PhotoRecord):
                stamp = _stamp_text(found.sidecar_stamp)
                photo_id = store_record(connection, result, stamp)
                outcome = ScanOutcome.UPDATED if found.path in known else ScanOutcome.ADDED
                events.append(ScanEvent(found.path, outcome, photo_id))
                continue
            if not os.path.lexists(found.path):
                seen.discard(found.path)  # what the catalog has of it is marked at the end
                events.append(ScanEvent(found.path, ScanOutcome.UNREADABLE, error=_gone(found)))
                continue
            error = _as_unreadable(found.path, result)
            photo_id = store_error(connection, found.path, found.kind, found.stamp, _told(error))
            events.append(ScanEvent(found.path, ScanOutcome.UNREADABLE, photo_id, error))
    return events


def _gone(found: Found) -> UnreadableFileError:
    return UnreadableFileError(
        "The file was removed while the folder was scanned.",
        path=found.path,
        remedy="Scan again if it is back.",
    )


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
