"""A decision in one folder changes what is suggested in the folder beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt

from geotagger.library import queries
from geotagger.library.rows import PhotoState
from tests.desktop.window.conftest import LONG
from tests.support.albums import CAMERA, PHONE, Shot, make_album

FIRST = Shot("p0.jpg", "town", 1, 0.0, 38.7139, -9.1335, tagged=True, camera=PHONE)


def test_an_accepted_place_is_evidence_for_the_folder_beside_it(qtbot, desk, tmp_path: Path):
    root = tmp_path / "trip"
    phone = (FIRST, replace(FIRST, name="p1.jpg", minutes=60.0, tagged=False))
    camera = (replace(FIRST, name="c0.jpg", minutes=61.0, tagged=False, camera=CAMERA),)
    make_album(root / "phone", phone, size=(160, 120))
    make_album(root / "camera", camera, size=(160, 120))
    window = desk.open(root)
    desk.go_to(window, "p1.jpg")
    desk.key(window, Qt.Key.Key_Return)
    desk.state(window, "p1.jpg", PhotoState.ACCEPTED)
    other = desk.row(window, "c0.jpg")

    def told() -> bool:
        candidates = queries.details(window.engine.catalog, other.id).candidates
        return any(
            "after phone/p1.jpg, which you accepted" in reason
            for one in candidates
            for reason in one.reasons
        )

    qtbot.waitUntil(told, timeout=LONG)
