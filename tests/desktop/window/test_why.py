"""Why here? in the window: a key lays the map over the photo, and takes it off again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from desktop.engine import Engine
from desktop.review.why import heat, legend
from geotagger.library.explaining import Explained, NothingSeenError
from tests.desktop.window.conftest import Desk

K = Qt.Key


def explained(finished: bool) -> Explained:
    drop = np.zeros((64, 64), np.float32)
    drop[:32, :32] = 0.4
    return Explained(drop, 0.8, "the likeness to a.jpg", finished)


def test_a_key_shows_what_speaks_for_the_place_and_another_photo_ends_it(
    desk: Desk, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def why_here(self: Engine, *place: object, **_: object):
        asked.append(place)
        yield explained(False)
        yield explained(True)

    monkeypatch.setattr(Engine, "why_here", why_here)
    window = desk.open(album)
    photo, action = window.panes.photo, window.commands.actions["why_here"]
    row = desk.go_to(window, "DSC_0101.jpg")
    desk.key(window, K.Key_W)
    desk.qtbot.waitUntil(lambda: photo.has_overlay and "finer" not in photo.legend.text())
    proposal = window.review.proposal
    assert asked == [(row.id, proposal.lat, proposal.lon, proposal.radius_m)]
    assert photo.legend.text() == "The bright parts are what the likeness to a.jpg rests on most."
    assert photo.legend.isVisible() and action.isChecked()
    # The same key ends it.
    desk.key(window, K.Key_W)
    assert not photo.has_overlay and not photo.legend.isVisible() and not action.isChecked()
    desk.key(window, K.Key_W)
    desk.qtbot.waitUntil(lambda: photo.has_overlay)
    desk.go_to(window, "DSC_0102.jpg")
    assert not photo.has_overlay and not action.isChecked()


def test_what_the_picture_does_not_tell_is_said_where_it_was_asked(
    desk: Desk, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(self: Engine, *_: object, **__: object):
        raise NothingSeenError("The picture itself says nothing for this place.")
        yield

    window = desk.open(album)
    photo = window.panes.photo
    desk.go_to(window, "DSC_0101.jpg")
    # No model at all in this window.
    desk.key(window, K.Key_W)
    desk.qtbot.waitUntil(lambda: "No model is installed" in photo.legend.text())
    assert not photo.has_overlay
    desk.key(window, K.Key_W)
    assert not photo.legend.isVisible()
    monkeypatch.setattr(Engine, "why_here", nothing)
    desk.key(window, K.Key_W)
    desk.qtbot.waitUntil(lambda: photo.legend.text().startswith("The picture itself"))


def test_what_says_most_is_clear_and_the_rest_is_veiled() -> None:
    pixels = heat(explained(True).drop)
    assert pixels.shape[2] == 4 and pixels.dtype == np.uint8
    clear, veiled = pixels[2, 2], pixels[-2, -2]
    assert tuple(clear[:3]) == (255, 140, 0) and clear[3] < 90
    assert tuple(veiled[:3]) == (0, 0, 0) and veiled[3] > 140
    assert heat(np.full((10, 10), -1.0, np.float32))[..., 3].min() > 140


def test_where_no_part_decides_it_is_said() -> None:
    flat = Explained(np.full((8, 8), 0.001, np.float32), 0.8, "the likeness to a.jpg", True)
    assert legend(flat).startswith("No part alone decides the likeness to a.jpg")
