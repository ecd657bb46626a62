"""The window with a world model: pixels alone place photos, and the reasons say so."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from geotagger.earth.distance import haversine_m
from geotagger.library.rows import PhotoState
from tests.support.pictures import scene
from tests.support.worlds import BERGEN, DUBAI, install_world_of_two


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model below the window's own folder for models, which tells night from sea."""
    monkeypatch.delenv("GEOTAGGER_MODEL", raising=False)
    monkeypatch.setenv("GEOTAGGER_DEVICE", "torch")
    return install_world_of_two(tmp_path / "models", tmp_path / "taught")


def test_photos_without_any_album_are_placed_and_stay_so_after_a_decision(
    qtbot, desk, tmp_path, world
):
    root = tmp_path / "photos"
    root.mkdir()
    for number in range(2):
        scene("night", number, (320, 240)).save(root / f"dark{number}.jpg")
        scene("sea", number, (320, 240)).save(root / f"bright{number}.jpg")
    window = desk.open(root)
    places = {"dark0.jpg": BERGEN, "dark1.jpg": BERGEN, "bright0.jpg": DUBAI, "bright1.jpg": DUBAI}
    for name, place in places.items():
        best = window.engine.details(desk.row(window, name).id).candidates[0]
        assert haversine_m(best.lat, best.lon, *place) < 30e3, name
        assert any("the picture itself points to this area" in why for why in best.reasons)
    desk.go_to(window, "dark0.jpg")
    desk.key(window, Qt.Key.Key_Return)
    desk.state(window, "dark0.jpg", PhotoState.ACCEPTED)
    qtbot.waitUntil(lambda: not window.work.busy, timeout=60_000)
    # What the pixels say was kept: it still speaks for the others, though no model runs now.
    other = window.engine.details(desk.row(window, "bright0.jpg").id).candidates
    assert any(haversine_m(one.lat, one.lon, *DUBAI) < 30e3 for one in other)
    assert "nothing to start from" not in window.panes.banner.text.text()


def test_a_world_model_that_fails_its_check_is_told_and_the_albums_still_speak(
    qtbot, desk, album, world
):
    (world / "head.safetensors").write_bytes(b"damaged")
    window = desk.open(album, wait=False)
    told = []
    window.library.failed.connect(told.append)
    qtbot.waitUntil(lambda: len(told) > 0, timeout=60_000)
    assert "head.safetensors" in str(told[0])
    desk.shown(window)
    assert desk.row(window, "DSC_0101.jpg").state in {PhotoState.CONFIDENT, PhotoState.AMBIGUOUS}
