"""Occlusion maps: they point at the part that a score comes from, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from geotagger.models.occlusion import GREY, occlusion_map, window_places
from geotagger.progress import CancelledError, CancelToken, Progress

SIDE = 48


def picture() -> np.ndarray:
    pixels = np.full((SIDE, SIDE, 3), GREY, np.uint8)
    pixels[6:14, 30:40] = (255, 0, 0)
    return pixels


def redness(images: np.ndarray) -> np.ndarray:
    red = images[..., 0].astype(float) - images[..., 1]
    return red.clip(20).mean(axis=(1, 2)) - 20


def test_the_part_that_the_score_comes_from_stands_out() -> None:
    drop = occlusion_map(picture(), redness, steps=9)
    assert drop.shape == (SIDE, SIDE) and drop.dtype == np.float32
    row, column = np.unravel_index(int(drop.argmax()), drop.shape)
    assert 4 <= row < 16 and 28 <= column < 42
    assert drop[30:].max() == 0.0 and drop[:, :16].max() == 0.0
    # Covered whole, it takes the whole score with it.
    assert drop.max() <= redness(picture()[None])[0] + 1e-6


def test_what_speaks_against_is_negative() -> None:
    drop = occlusion_map(picture(), lambda images: -redness(images), steps=9)
    assert drop.min() < 0.0 and drop.max() == 0.0


def test_it_is_scored_in_batches_and_told_and_cancelled() -> None:
    sizes: list[int] = []
    told: list[Progress] = []

    def score(images: np.ndarray) -> np.ndarray:
        sizes.append(len(images))
        return redness(images)

    by_batches = occlusion_map(picture(), score, steps=5, batch=8, progress=told.append)
    assert sizes == [1, 8, 8, 8, 1]
    assert [(one.done, one.total) for one in told] == [(0, 25), (8, 25), (16, 25), (24, 25)]
    np.testing.assert_array_equal(by_batches, occlusion_map(picture(), redness, steps=5, batch=99))
    token = CancelToken()
    with pytest.raises(CancelledError):
        occlusion_map(
            picture(), redness, steps=5, batch=8, cancel=token, progress=lambda _: token.cancel()
        )


def test_windows_leave_no_pixel_out_and_end_at_the_edges() -> None:
    for side, steps in ((224, 13), (224, 5), (31, 4), (1, 1)):
        places = window_places(side, steps)
        assert places[0, 0] == 0 and places[-1, 1] == side if steps > 1 else True
        assert (places[1:, 0] <= places[:-1, 1]).all()


@pytest.mark.parametrize(
    ("pixels", "steps"),
    [(np.zeros((4, 5, 3), np.uint8), 5), (np.zeros((8, 8), np.uint8), 5), (picture(), 2)],
)
def test_other_shapes_and_gaps_are_refused(pixels: np.ndarray, steps: int) -> None:
    with pytest.raises(ValueError, match=r"square|leave parts"):
        occlusion_map(pixels, redness, steps=steps)
    with pytest.raises(ValueError, match="no window"):
        window_places(0, steps)
