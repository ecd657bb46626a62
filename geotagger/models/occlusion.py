"""Which parts of a picture a score rests on: a grey window slides over it (Zeiler and Fergus 2014).

PlaNet (section 3, figure 8) shows such maps for the probability of a cell; any score of a picture
will do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from geotagger.progress import CancelToken, Progress, ProgressCallback

GREY = (124, 116, 104)
"""The mean colour of ImageNet, which networks see as nothing at all."""
SHARE = 0.25
"""Side of the window, as a part of the picture's."""


def window_places(side: int, steps: int, share: float = SHARE) -> NDArray[np.intp]:
    """Return where a sliding window begins and ends, (steps, 2) pixels along one side.

    The first begins at 0, the last ends at ``side``; together they leave no pixel out if there are
    at least 1 / ``share`` of them.
    """
    if side < 1 or steps < 1 or not 0.0 < share <= 1.0:
        raise ValueError(f"no window slides {steps} steps of {share:g} over {side} pixels")
    width = max(1, round(share * side))
    starts = np.round(np.linspace(0, side - width, steps)).astype(np.intp)
    return np.stack([starts, starts + width], axis=1)


def occlusion_map(
    pixels: NDArray[np.uint8],
    score: Callable[[NDArray[np.uint8]], NDArray[np.floating]],
    *,
    steps: int = 13,
    share: float = SHARE,
    fill: tuple[int, int, int] = GREY,
    batch: int = 16,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> NDArray[np.float32]:
    """Return by how much a score falls on average while a pixel is covered, (S, S), float32.

    Negative where covering raises it: that part speaks against.

    Parameters
    ----------
    pixels
        The picture as the model sees it, (S, S, 3).
    score
        Takes pictures (N, S, S, 3) to scores (N,).
    steps
        Windows along each side; ``steps`` squared pictures are scored, ``batch`` at a time.
    share, fill
        Side of the window as a part of S, and its colour.

    Raises
    ------
    ValueError
        The picture is not square, or the window leaves pixels out.
    CancelledError
        The token was cancelled.
    """
    if pixels.ndim != 3 or pixels.shape[0] != pixels.shape[1] or pixels.shape[2] != 3:
        raise ValueError(f"expected a square picture (S, S, 3), found {pixels.shape}")
    side = pixels.shape[0]
    places = window_places(side, steps, share)
    if (places[1:, 0] > places[:-1, 1]).any():
        raise ValueError(f"{steps} windows of {share:g} leave parts of the picture out")
    whole = float(score(pixels[None])[0])
    total = np.zeros((side, side), np.float64)
    covering = np.zeros((side, side), np.float64)
    corners = [(row, column) for row in places.tolist() for column in places.tolist()]
    for first in range(0, len(corners), batch):
        if cancel is not None:
            cancel.raise_if_cancelled()
        if progress is not None:
            progress(Progress(first, len(corners), "Covering parts of the photo"))
        part = corners[first : first + batch]
        covered = np.repeat(pixels[None], len(part), axis=0)
        for one, ((top, bottom), (left, right)) in zip(covered, part, strict=True):
            one[top:bottom, left:right] = fill
        for fell, ((top, bottom), (left, right)) in zip(
            (whole - score(covered)).tolist(), part, strict=True
        ):
            total[top:bottom, left:right] += fell
            covering[top:bottom, left:right] += 1.0
    return np.asarray(total / covering, np.float32)
