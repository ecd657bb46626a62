"""What is dragged inside the window: photos, from the grid to the map."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QMimeData

PHOTOS_MIME = "application/x-photo-geotagger-photos"
"""Ids of photos as text, with spaces between."""


def photos_data(photo_ids: Iterable[int]) -> QMimeData:
    """Return what is dragged when these photos are."""
    data = QMimeData()
    data.setData(PHOTOS_MIME, " ".join(map(str, photo_ids)).encode("ascii"))
    return data


def dragged_photos(data: QMimeData) -> list[int]:
    """Return the photos that are dragged, none if it is something else."""
    text = bytes(data.data(PHOTOS_MIME).data()).decode("ascii", "replace")
    return [int(word) for word in text.split() if word.isdigit()]
