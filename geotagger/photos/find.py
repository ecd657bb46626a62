"""Walk a folder tree and stream the photos in it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from geotagger.errors import FolderError
from geotagger.photos.companions import family_of, group, is_related, sidecar_of
from geotagger.photos.record import FileStamp, Kind
from geotagger.photos.sniff import kind_of_name
from geotagger.progress import CancelToken

_SKIPPED_FOLDERS = frozenset(
    ("@eadir", "#recycle", "$recycle.bin", "lost+found", "__macosx", "system volume information")
)
_SKIPPED_SUFFIXES = (".lrdata", ".lrcat-data", ".photoslibrary", ".aplibrary")
_APPLE_LIBRARIES = (".photoslibrary", ".aplibrary")
_HIDDEN = getattr(stat, "FILE_ATTRIBUTE_HIDDEN", 2) | getattr(stat, "FILE_ATTRIBUTE_SYSTEM", 4)


@dataclass(frozen=True, slots=True)
class Found:
    """One photo on disk, not opened yet.

    ``kind`` is what the name promises (`read_photo` looks inside); ``siblings`` are the other
    files that may belong to it, to be handed to `read_photo`; ``companions`` and ``sidecar`` are
    those that do; ``sidecar_stamp`` tells whether the sidecar changed.
    """

    path: Path
    kind: Kind
    stamp: FileStamp
    siblings: tuple[Path, ...] = ()
    companions: tuple[Path, ...] = ()
    sidecar: Path | None = None
    sidecar_stamp: FileStamp | None = None


@dataclass(frozen=True, slots=True)
class Unlistable:
    """A folder or file that could not be looked at, with the reason; the walk went on."""

    path: Path
    error: FolderError


def find_photos(folder: Path, cancel: CancelToken | None = None) -> Iterator[Found | Unlistable]:
    """Yield every photo below ``folder``, folder by folder, names in order.

    A photo of several files (RAW+JPEG, live photo) comes once, under the file that stands for it.
    Hidden and system folders, previews of other programs and the program's own temporary files
    (their names start with a dot) are skipped. Symbolic links are followed after everything else,
    and only to what the walk has not seen, so loops end and nothing comes twice.

    Raises
    ------
    FolderError
        If ``folder`` is not there, is not a folder, or cannot be listed.
    CancelledError
        If ``cancel`` is set.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow links
    walk = _Walk(folder, cancel)
    first = walk.list_folder(folder)
    if isinstance(first, Unlistable):
        raise first.error
    yield from first
    while walk.folders or walk.linked:
        yield from walk.next_folder()


class _Walk:
    """The state of one walk: what is still to be listed and what was seen."""

    def __init__(self, root: Path, cancel: CancelToken | None) -> None:
        self._cancel = cancel
        self._seen: set[tuple[int, int]] = set()
        self._above = _ancestors(root)
        self.folders: list[Path] = []
        self.linked: list[Path] = []

    def next_folder(self) -> list[Found | Unlistable]:
        """List one more folder, links only when no plain folder is left."""
        if self.folders:
            found = self.list_folder(self.folders.pop())
        else:
            found = self._follow(self.linked.pop(0))
        return [found] if isinstance(found, Unlistable) else found

    def list_folder(self, folder: Path) -> list[Found | Unlistable] | Unlistable:
        """Return the photos of one folder and remember its subfolders."""
        self._check()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in self._seen:
                return []
            self._seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                listing = sorted(entries, key=lambda entry: entry.name)
        except (OSError, ValueError) as error:
            return Unlistable(folder, _explain(error, folder))
        found: list[Found | Unlistable] = []
        stamps: dict[Path, FileStamp] = {}
        folders: list[Path] = []
        for entry in listing:
            self._sort_in(entry, folder, stamps, folders, found)
        self.folders.extend(reversed(folders))
        found.extend(_photos(stamps))
        return found

    def _sort_in(
        self,
        entry: os.DirEntry[str],
        folder: Path,
        stamps: dict[Path, FileStamp],
        folders: list[Path],
        found: list[Found | Unlistable],
    ) -> None:
        """Put one directory entry where it belongs."""
        self._check()
        path = folder / entry.name
        if entry.name.startswith((".", "~$")):
            return
        try:
            if entry.is_symlink():
                self.linked.append(path)
            elif entry.is_dir():
                if entry.name.lower().endswith(_APPLE_LIBRARIES):
                    found.append(Unlistable(path, _library_of_apple(path)))
                elif not _is_skipped(entry.name):
                    folders.append(path)
            elif is_related(entry.name) and entry.is_file():
                status = entry.stat()
                if not getattr(status, "st_file_attributes", 0) & _HIDDEN:
                    stamps[path] = FileStamp(status.st_size, status.st_mtime_ns)
        except FileNotFoundError:
            return  # gone since the folder was listed: as if it had never been there
        except OSError as error:
            found.append(Unlistable(path, _explain(error, path)))

    def _follow(self, link: Path) -> list[Found | Unlistable] | Unlistable:
        """Return what a symbolic link adds to the walk, nothing if it was seen."""
        self._check()
        try:
            status = link.stat()
            if stat.S_ISDIR(status.st_mode):
                # A link upwards, to the home folder or the whole disk, adds nothing to the album.
                above = (status.st_dev, status.st_ino) in self._above
                return [] if above or _is_skipped(link.name) else self.list_folder(link)
            if not stat.S_ISREG(status.st_mode) or kind_of_name(link.name) is None:
                return []
            home = link.resolve().parent.stat()
            if (home.st_dev, home.st_ino) in self._seen:
                return []
        except FileNotFoundError:
            return []
        except (OSError, RuntimeError) as error:
            if kind_of_name(link.name) is None and _is_loop(error):
                return []
            return Unlistable(link, _explain(error, link))
        return list(_photos({link: FileStamp(status.st_size, status.st_mtime_ns)}))

    def _check(self) -> None:
        if self._cancel is not None:
            self._cancel.raise_if_cancelled()


def _photos(stamps: dict[Path, FileStamp]) -> Iterator[Found]:
    """Yield the photos among the files of one folder."""
    families: dict[str, list[Path]] = {}
    for path in stamps:
        # A family shares the name up to the first dot: much fewer to compare than the folder.
        families.setdefault(path.name.partition(".")[0].casefold(), []).append(path)
    for path, companions in group(stamps).items():
        kind = kind_of_name(path.name)
        if kind is None:
            continue
        near = families[path.name.partition(".")[0].casefold()]
        siblings = family_of(path, near)
        sidecar = sidecar_of(path, siblings)
        yield Found(
            path,
            kind,
            stamps[path],
            siblings,
            companions,
            sidecar,
            stamps[sidecar] if sidecar is not None else None,
        )


def _is_skipped(name: str) -> bool:
    lower = name.lower()
    return lower in _SKIPPED_FOLDERS or lower.endswith(_SKIPPED_SUFFIXES)


def _ancestors(root: Path) -> set[tuple[int, int]]:
    """Return device and inode of the folders that ``root`` lies in."""
    found = set()
    with contextlib.suppress(OSError, RuntimeError):
        for folder in root.resolve().parents:
            status = folder.stat()
            found.add((status.st_dev, status.st_ino))
    return found


def _is_loop(error: BaseException) -> bool:
    # Before Python 3.13 `Path.resolve` tells a loop as a RuntimeError.
    return isinstance(error, RuntimeError) or getattr(error, "errno", 0) == errno.ELOOP


def _library_of_apple(path: Path) -> FolderError:
    return FolderError(
        "This is a library of Apple Photos and was left alone.",
        path=path,
        remedy="Export its photos into a folder and scan that.",
    )


def _explain(error: BaseException, path: Path) -> FolderError:
    if isinstance(error, FileNotFoundError):
        return FolderError(
            "The folder is not there.",
            path=path,
            remedy="Check the name, or connect the drive it is on.",
        )
    if isinstance(error, NotADirectoryError):
        return FolderError(
            "This is not a folder.", path=path, remedy="Choose the folder the photo lies in."
        )
    if isinstance(error, PermissionError):
        return FolderError(
            "Looking into it is not allowed.",
            path=path,
            remedy="Change its permissions, then scan again.",
        )
    if _is_loop(error):
        return FolderError(
            "The link leads back to itself.", path=path, remedy="Remove or repair the link."
        )
    words = getattr(error, "strerror", None) or str(error)
    return FolderError(
        f"It could not be listed ({words}).", path=path, remedy="Check the disk, then scan again."
    )
