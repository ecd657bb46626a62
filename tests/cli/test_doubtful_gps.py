"""`geotagger suggest` tells whose GPS disagrees with its neighbours, and of other folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.support.albums import CAMERA, PHONE, Shot, make_album

Run = Callable[..., Any]
FIRST = Shot("p0.jpg", "town", 1, 0.0, 38.7139, -9.1335, tagged=True, camera=PHONE)


def test_a_stray_is_told_in_words_and_in_json(run: Run, tmp_path: Path) -> None:
    shots = [replace(FIRST, name=f"p{n}.jpg", minutes=5.0 * n) for n in range(8)]
    shots[3] = replace(shots[3], lat=48.2, lon=16.37)
    make_album(tmp_path / "trip" / "phone", tuple(shots), size=(160, 120))
    lost = replace(FIRST, name="c.jpg", minutes=38.0, tagged=False, camera=CAMERA)
    make_album(tmp_path / "trip" / "camera", (lost,), size=(160, 120))
    ran = run("suggest", tmp_path / "trip", "--no-model", "--quiet")
    assert "phone/p3.jpg: This photo's GPS disagrees with its neighbours: 2,29" in ran.out
    assert "3 min after phone/p7.jpg, which has GPS" in ran.out
    told = run("suggest", tmp_path / "trip", "--no-model", "--quiet", "--json").json
    (doubt,) = told["doubtful_gps"]
    assert doubt["path"] == "phone/p3.jpg"
