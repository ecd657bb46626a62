"""The album model that comes with the program: small, described, and of the kind it says."""

from __future__ import annotations

from geotagger.models.album.release import SHIPPED, load_album_model


def test_the_shipped_model_loads_and_is_small() -> None:
    model = load_album_model()
    assert model.config.beliefs
    assert model.config.bidirectional
    assert model.config.dimension == 512
    assert sum(one.stat().st_size for one in SHIPPED.iterdir()) < 16_000_000
    assert (SHIPPED / "MODEL_CARD.md").is_file()
