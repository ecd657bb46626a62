"""The starter that comes with the program."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from geotagger.models.store import verify

FOLDER = Path(str(resources.files("resources"))) / "models" / "starter"


def test_the_shipped_starter_is_sound_small_and_claims_nothing_about_the_world() -> None:
    config = verify(FOLDER)
    assert (config.name, config.kind, config.scene, config.world) == (
        "starter",
        "starter",
        True,
        False,
    )
    assert sum(one.stat().st_size for one in FOLDER.iterdir()) <= 8_000_000


def test_its_card_tells_licence_data_and_measurements() -> None:
    card = (FOLDER / "MODEL_CARD.md").read_text(encoding="utf-8")
    for said in ("Apache-2.0", "none of them", "untouched ImageNet", "recall@1", "Scene"):
        assert said in card
