"""Why a photo may be here: which of its parts speak for the place that is proposed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from desktop import wording
from desktop.engine import Engine
from desktop.review.photo_view import PhotoView
from desktop.review.proposal import Proposal
from desktop.work import GENERAL, Context, Job, Work
from geotagger.errors import GeotaggerError
from geotagger.library.explaining import Explained
from geotagger.library.rows import PhotoDetails
from geotagger.progress import Progress

_WARM = np.array([255.0, 140.0, 0.0])
_VEIL, _TINT = 0.6, 0.3
"""How much the veil over parts that say nothing hides, and the tint of those that say most."""
_CELLS = 26
"""Cells along a side of what is laid over: no finer than the map itself."""
_QUIET = 20
"""Per cent of the picture that are veiled altogether."""
_LITTLE = 0.02
"""Where covering any part changes the score by less than this share of it, none decides."""


class WhyController(QObject):
    """Asks for the map of a photo, lays it over the picture, and takes it off again."""

    shown_changed = Signal(bool)
    """Whether an explanation is shown or on its way."""

    def __init__(
        self, engine: Engine, work: Work, photo: PhotoView, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._work = work
        self._photo = photo
        self._job: Job | None = None
        self._of: tuple[int, float, float] | None = None

    @property
    def shown(self) -> bool:
        """Whether an explanation is shown or on its way."""
        return self._of is not None

    def toggle(self, details: PhotoDetails | None, proposal: Proposal | None) -> None:
        """Explain the place that is proposed for a photo, or take the explanation off."""
        if self.shown:
            self.clear()
        elif details is not None and proposal is not None:
            self._ask(details.row.id, proposal)

    def clear(self) -> None:
        """Show the photo alone."""
        if self._job is not None and not self._job.finished:
            self._job.drop()
        self._job = None
        if self._of is not None:
            self._of = None
            self._photo.show_overlay(None, "")
            self.shown_changed.emit(False)

    def follow(self, details: PhotoDetails | None, proposal: Proposal | None) -> None:
        """Take the explanation off where another photo or another place is looked at now."""
        if self._of is None:
            return
        now = None
        if details is not None and proposal is not None:
            now = (details.row.id, proposal.lat, proposal.lon)
        if now != self._of:
            self.clear()

    def _ask(self, photo_id: int, proposal: Proposal) -> None:
        self._of = (photo_id, proposal.lat, proposal.lon)
        self._photo.show_overlay(None, "Looking for what speaks for this place…")
        self.shown_changed.emit(True)
        radius = proposal.radius_m or 0.0

        def function(context: Context) -> None:
            found = self._engine.why_here(
                photo_id, proposal.lat, proposal.lon, radius,
                progress=context.progress, cancel=context.cancel,
            )  # fmt: skip
            for one in found:
                context.emit((heat(one.drop), legend(one)))

        def items(made: list[tuple[NDArray[np.uint8], str]]) -> None:
            pixels, words = made[-1]
            self._photo.show_overlay(_image(pixels), words)

        def progress(now: Progress) -> None:
            if not self._photo.has_overlay:
                self._photo.show_overlay(None, wording.progress(now))

        def failed(error: Exception) -> None:
            self._job = None
            if isinstance(error, GeotaggerError):
                # It stays until another photo is looked at: the sentence is the answer.
                self._photo.show_overlay(None, error.message)
            else:
                self.clear()
                self._work.failed_unheard.emit(error)

        self._job = self._work.latest(
            "why",
            GENERAL,
            function,
            owner=self,
            items=items,
            progress=progress,
            failed=failed,
        )


def heat(drop: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a map (S, S) as pixels (N, N, 4) to be laid over the photo and scaled smoothly.

    Parts that say little, or speak against, are veiled; those that say most are clear and tinted.
    """
    edges = np.linspace(0, len(drop), min(_CELLS, len(drop)) + 1).astype(np.intp)[:-1]
    sums = np.add.reduceat(np.add.reduceat(drop.astype(np.float64), edges, 0), edges, 1)
    widths = np.diff(edges, append=len(drop))
    means = sums / np.outer(widths, widths)
    least = max(0.0, float(np.percentile(means, _QUIET)))
    share = np.clip((means - least) / max(float(means.max()) - least, 1e-9), 0.0, 1.0)[..., None]
    colour = share * _WARM
    alpha = 255.0 * (_VEIL * (1.0 - share) + _TINT * share**2)
    return np.concatenate([colour, alpha], axis=-1).round().astype(np.uint8)


def legend(explained: Explained) -> str:
    """Return the line that says what the map shows."""
    if float(explained.drop.max()) < _LITTLE * abs(explained.whole):
        return f"No part alone decides {explained.words}: it rests on the whole picture."
    text = f"The bright parts are what {explained.words} rests on most."
    return text if explained.finished else f"{text} A finer map follows…"


def _image(pixels: NDArray[np.uint8]) -> QImage:
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels).tobytes()
    return QImage(data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
