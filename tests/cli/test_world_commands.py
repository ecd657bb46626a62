"""A world model from its folder to the suggestions that a user reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from geotagger.earth.distance import haversine_m
from tests.cli.conftest import Ran
from tests.support.pictures import scene
from tests.support.worlds import BERGEN, DUBAI, install_world_of_two


@pytest.fixture(autouse=True)
def chosen_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEOTAGGER_MODEL", raising=False)


@pytest.fixture(autouse=True)
def without_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain torch: to export the network takes longer than to run it on six pictures."""
    monkeypatch.setenv("GEOTAGGER_DEVICE", "torch")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Pictures without time or GPS: dark ones of Bergen and bright ones of Dubai."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        scene("night", number, (320, 240)).save(folder / f"dark{number}.jpg")
        scene("sea", number, (320, 240)).save(folder / f"bright{number}.jpg")
    return folder


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return install_world_of_two(tmp_path / "models", tmp_path / "taught")


def _best(ran: Ran, file: Path) -> dict[str, dict[str, object]]:
    assert ran.code == 0, ran.err
    found = json.loads(file.read_text())["photos"]
    return {one["path"]: one["candidates"][0] for one in found if one["candidates"]}


def test_photos_without_any_album_are_placed_by_their_pixels(
    run: Callable[..., Ran], photos: Path, world: Path, tmp_path: Path
) -> None:
    out = tmp_path / "s.json"
    best = _best(run("suggest", photos, "--out", out), out)
    assert len(best) == 6
    for name, one in best.items():
        place = BERGEN if name.startswith("dark") else DUBAI
        assert haversine_m(np.float64(one["lat"]), np.float64(one["lon"]), *place) < 30e3, name
        assert any("the picture itself points to this area" in why for why in one["reasons"])


def test_stored_guesses_serve_later_runs_without_reading_pixels(
    run: Callable[..., Ran], photos: Path, world: Path, tmp_path: Path
) -> None:
    out = tmp_path / "s.json"
    first = _best(run("suggest", photos, "--out", out), out)
    ran = run("embed", photos)
    assert "0 photos looked at" in ran.out
    assert _best(run("suggest", photos, "--out", out), out) == first


def test_a_world_model_without_its_self_check_tells_nothing(
    run: Callable[..., Ran], photos: Path, world: Path, tmp_path: Path
) -> None:
    (world / "selfcheck.safetensors").unlink()
    out = tmp_path / "s.json"
    ran = run("suggest", photos, "--out", out)
    assert ran.code == 0
    assert "left out" in ran.err
    assert _best(ran, out) == {}


def test_without_a_model_nothing_is_said_of_photos_without_an_album(
    run: Callable[..., Ran], photos: Path, world: Path, tmp_path: Path
) -> None:
    out = tmp_path / "s.json"
    assert _best(run("suggest", photos, "--no-model", "--out", out), out) == {}
