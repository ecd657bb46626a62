"""Errors that a user can cause or has to hear of, each with the path and what to do."""

from __future__ import annotations

from pathlib import Path


class GeotaggerError(Exception):
    """Base of all errors that are told to the user in words.

    Parameters
    ----------
    message
        What went wrong, one sentence without the path.
    path
        The file or folder that it is about.
    remedy
        What the user can do, one sentence; empty where nothing can be done.
    """

    def __init__(self, message: str, *, path: Path | None = None, remedy: str = "") -> None:
        super().__init__(message, path, remedy)
        self.message = message
        self.path = path
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way between processes with keyword arguments intact."""
        return _rebuild, (type(self), self.message, self.path, self.remedy)

    def __str__(self) -> str:
        where = f"{printable(self.path)}: " if self.path is not None else ""
        return f"{where}{self.message}" + (f" {self.remedy}" if self.remedy else "")


def _rebuild(
    kind: type[GeotaggerError], message: str, path: Path | None, remedy: str
) -> GeotaggerError:
    return kind(message, path=path, remedy=remedy)


def printable(path: Path) -> str:
    r"""Return the path as text that any terminal or widget can show.

    A name that is not valid UTF-8 reaches Python with surrogates, which no encoder accepts; they
    are shown as ``\xNN``.
    """
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class UnreadableFileError(GeotaggerError):
    """A photo's metadata or pixels cannot be read."""


class TaskTimeoutError(UnreadableFileError):
    """Reading a file took longer than allowed and was stopped."""


class TaskMemoryError(UnreadableFileError):
    """Reading a file wanted more memory than allowed and was stopped."""


class TaskCrashedError(UnreadableFileError):
    """The process that read a file died on it."""


class FolderError(GeotaggerError):
    """A folder does not exist, is not a folder, or cannot be listed."""


class CatalogError(GeotaggerError):
    """The catalog cannot be opened or used."""


class CatalogTooNewError(CatalogError):
    """The catalog was written by a newer version of the program."""


class CatalogCorruptError(CatalogError):
    """The catalog file is damaged."""


class WriteError(GeotaggerError):
    """GPS could not be written; the file is as it was."""


class WriteRefusedError(WriteError):
    """The container cannot take GPS safely; a sidecar can be used instead."""


class FileChangedError(WriteError):
    """The file is not the one that was scanned or written; nothing was done."""


class UndoError(GeotaggerError):
    """A write could not be taken back; the file is as it was."""


class ModelError(GeotaggerError):
    """A model folder is missing, damaged or of an unknown kind."""


class PartitionError(GeotaggerError):
    """Cells cannot be built, do not fit together, or their file is damaged or too new."""


class SuggestionFileError(GeotaggerError):
    """A file of suggestions is not of the form that `geotagger suggest` writes."""


class ClusterError(GeotaggerError):
    """A cluster cannot be used: the extra is missing, it cannot be reached, or it failed."""


class TooFewPhotosError(GeotaggerError):
    """There are too few photos with GPS to hide some and look for them."""


class ConfigError(GeotaggerError):
    """A configuration file cannot be read, or a setting in it is unknown or does not fit."""
