"""What the window remembers from one time to the next, typed."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

from desktop import theme
from desktop.library.filters import BY_ID
from geotagger.library.writing import WriteOptions
from geotagger.models.engines.choosing import DEVICES

SIDECAR_CHOICES = ("auto", "always", "never")
SIDECAR_NAMES = ("extension", "adobe")
THEMES = (theme.SYSTEM, theme.LIGHT, theme.DARK)


class Settings:
    """A typed face on `QSettings`; values that make no sense give the default."""

    def __init__(self, store: QSettings) -> None:
        self._store = store

    def sync(self) -> None:
        """Have everything on disk."""
        self._store.sync()

    @property
    def last_folder(self) -> Path | None:
        """The folder that was open, as the file system's own bytes name it."""
        stored = self._store.value("library/folder", b"")
        data = bytes(stored.data()) if isinstance(stored, QByteArray) else b""
        return Path(os.fsdecode(data)) if data else None

    @last_folder.setter
    def last_folder(self, folder: Path | None) -> None:
        data = b"" if folder is None else os.fsencode(folder)
        self._store.setValue("library/folder", QByteArray(data))

    @property
    def album(self) -> str | None:
        """The album that was chosen, None for all of them."""
        stored = self._store.value("library/album", b"")
        data = bytes(stored.data()) if isinstance(stored, QByteArray) else b""
        return os.fsdecode(data) if data else None

    @album.setter
    def album(self, album: str | None) -> None:
        self._store.setValue("library/album", QByteArray(os.fsencode(album or "")))

    @property
    def filter(self) -> str:
        """The filter that was chosen."""
        return self._choice("library/filter", tuple(BY_ID), "all")

    @filter.setter
    def filter(self, value: str) -> None:
        self._store.setValue("library/filter", value)

    @property
    def cell_size(self) -> int:
        """Side of the thumbnails in pixels."""
        try:
            size = int(str(self._store.value("library/cell", 128)))
        except ValueError:
            return 128
        return min(max(size, 64), 512)

    @cell_size.setter
    def cell_size(self, value: int) -> None:
        self._store.setValue("library/cell", value)

    @property
    def theme(self) -> str:
        """Light, dark, or as the system has it."""
        return self._choice("window/theme", THEMES, theme.SYSTEM)

    @theme.setter
    def theme(self, value: str) -> None:
        self._store.setValue("window/theme", value)

    @property
    def device(self) -> str | None:
        """Where the model runs, None where it is left to ``GEOTAGGER_DEVICE`` or the program."""
        chosen = self._choice("models/device", DEVICES, DEVICES[0])
        return None if chosen == DEVICES[0] else chosen

    @device.setter
    def device(self, value: str | None) -> None:
        self._store.setValue("models/device", value or DEVICES[0])

    @property
    def sidecar(self) -> str:
        """When places go to sidecars: auto, always, never."""
        return self._choice("write/sidecar", SIDECAR_CHOICES, "auto")

    @sidecar.setter
    def sidecar(self, value: str) -> None:
        self._store.setValue("write/sidecar", value)

    @property
    def sidecar_names(self) -> str:
        """How new sidecars are named: extension (photo.nef.xmp) or adobe (photo.xmp for RAW)."""
        return self._choice("write/sidecar_names", SIDECAR_NAMES, "extension")

    @sidecar_names.setter
    def sidecar_names(self, value: str) -> None:
        self._store.setValue("write/sidecar_names", value)

    @property
    def place_names(self) -> bool:
        """Whether the names of places are written, into sidecars."""
        return self._choice("write/place_names", ("yes", "no"), "no") == "yes"

    @place_names.setter
    def place_names(self, value: bool) -> None:
        self._store.setValue("write/place_names", "yes" if value else "no")

    def write_options(self) -> WriteOptions:
        """Return how places are written."""
        return WriteOptions(self.sidecar, self.sidecar_names, self.place_names)

    def blob(self, name: str) -> QByteArray:
        """Return a kept geometry or state, empty if there is none."""
        stored = self._store.value(f"layout/{name}")
        return stored if isinstance(stored, QByteArray) else QByteArray()

    def set_blob(self, name: str, value: QByteArray) -> None:
        """Keep a geometry or state."""
        self._store.setValue(f"layout/{name}", value)

    def _choice(self, key: str, among: tuple[str, ...], default: str) -> str:
        value = self._store.value(key, default)
        return value if value in among else default
