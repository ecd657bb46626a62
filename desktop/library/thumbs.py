"""Thumbnails for what is visible: asked of workers two at a time, kept while memory allows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage, QPixmap

from desktop.work import INTERACTIVE, Context, Work

SIDE = 256
"""Longer side of a thumbnail in pixels."""
_AT_ONCE = 2
_CACHE_BYTES = 96 << 20

Read = Callable[[int, int], bytes]
"""A blocking function (photo id, longest side) -> JPEG bytes."""


class ThumbnailLoader(QObject):
    """Gives pixmaps by photo id: at once if known, else after `loaded`."""

    loaded = Signal(int)

    def __init__(self, read: Read, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read = read
        self._work = work
        self._known: OrderedDict[int, QPixmap | None] = OrderedDict()
        self._bytes = 0
        self._wanted: list[int] = []
        self._under_way: set[int] = set()

    def get(self, photo_id: int) -> QPixmap | None:
        """Return the thumbnail if it is known."""
        pixmap = self._known.get(photo_id)
        if pixmap is not None:
            self._known.move_to_end(photo_id)
        return pixmap

    def failed(self, photo_id: int) -> bool:
        """Whether the photo was tried and has no picture that can be shown."""
        return photo_id in self._known and self._known[photo_id] is None

    def want(self, photo_ids: Iterable[int]) -> None:
        """Say what is visible now; what was wanted before and is not visible is forgotten."""
        self._wanted = [
            one for one in photo_ids if one not in self._known and one not in self._under_way
        ]
        self._next()

    def forget(self, photo_ids: Iterable[int]) -> None:
        """Drop thumbnails of files that changed."""
        for photo_id in photo_ids:
            if photo_id in self._known:
                self._bytes -= _size(self._known.pop(photo_id))

    def _next(self) -> None:
        while self._wanted and len(self._under_way) < _AT_ONCE:
            photo_id = self._wanted.pop(0)
            if photo_id in self._known or photo_id in self._under_way:
                continue
            self._under_way.add(photo_id)
            self._load(photo_id)

    def _load(self, photo_id: int) -> None:
        def read(_context: Context) -> QImage:
            return QImage.fromData(self._read(photo_id, SIDE))

        def ended(image: Any) -> None:
            self._under_way.discard(photo_id)
            good = isinstance(image, QImage) and not image.isNull()
            self._keep(photo_id, QPixmap.fromImage(image) if good else None)
            self.loaded.emit(photo_id)
            self._next()

        self._work.start(
            INTERACTIVE,
            read,
            name="thumbnail",
            done=ended,
            failed=ended,
            cancelled=lambda: self._under_way.discard(photo_id),
            owner=self,
        )

    def _keep(self, photo_id: int, pixmap: QPixmap | None) -> None:
        self._known[photo_id] = pixmap
        self._bytes += _size(pixmap)
        while self._bytes > _CACHE_BYTES and len(self._known) > 1:
            self._bytes -= _size(self._known.popitem(last=False)[1])


def _size(pixmap: QPixmap | None) -> int:
    return 64 if pixmap is None else 4 * pixmap.width() * pixmap.height()
