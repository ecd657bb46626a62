"""The loop learns places, on sources that it has not seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geotagger.progress import CancelledError, CancelToken, Progress
from geotagger.training.starter.config import StarterConfig
from geotagger.training.starter.features import Features, initial_network
from geotagger.training.starter.loop import look, start_projection, train, untouched_vectors
from geotagger.training.starter.places import Pairs, recall, scene_accuracy

CONFIG = StarterConfig(views=2, steps=80, anchors=12, others=16, rate=3e-3, keep=0.1)


@pytest.fixture
def split(features: Features) -> tuple[Features, Features]:
    """The first two sources, and the third."""
    held_out = features.table.sources == 2
    return features.only(np.flatnonzero(~held_out)), features.only(np.flatnonzero(held_out))


def found(vectors: np.ndarray, features: Features) -> float:
    return recall(vectors, features.table, Pairs.of(features.table), within_m=100).at_1


def test_places_of_an_unseen_source_are_found_more_often_than_before_and_than_by_chance(
    split: tuple[Features, Features], weights: Path
) -> None:
    taught, asked = split
    start = initial_network(weights, 32)
    start_projection(start, taught.means[:, 0])
    network = train(taught, weights, CONFIG, embedding_size=32)
    after = look(network, asked)
    chance = 3 / 47
    assert found(after.vectors, asked) > found(look(start, asked).vectors, asked) + 0.1
    assert found(after.vectors, asked) > found(untouched_vectors(asked), asked) + 0.1
    assert found(after.vectors, asked) > 3 * chance
    assert scene_accuracy(after.scenes, asked.table)[0] > 0.8


def test_the_same_seed_gives_the_same_weights_and_another_one_others(
    features: Features, weights: Path
) -> None:
    def rows(seed: int) -> np.ndarray:
        config = StarterConfig(seed=seed, views=2, steps=4)
        return look(train(features, weights, config, embedding_size=8), features).vectors

    np.testing.assert_array_equal(rows(1), rows(1))
    assert not np.array_equal(rows(1), rows(2))


def test_photos_without_a_place_seen_twice_still_teach_views_and_scenes(
    features: Features, weights: Path
) -> None:
    once = features.only(np.arange(0, len(features.table), 4))
    network = train(once, weights, CONFIG, embedding_size=8)
    seen = look(network, once)
    assert np.isfinite(seen.vectors).all()
    assert scene_accuracy(seen.scenes, once.table)[0] > 0.8


def test_progress_is_told_and_cancelling_stops(features: Features, weights: Path) -> None:
    told: list[Progress] = []
    token = CancelToken()

    def progress(one: Progress) -> None:
        told.append(one)
        if one.done == 2:
            token.cancel()

    with pytest.raises(CancelledError):
        train(features, weights, CONFIG, embedding_size=8, progress=progress, cancel=token)
    assert [one.done for one in told] == [0, 1, 2]
    assert told[0].total == CONFIG.steps


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"temperature": 0.0}, {"near_m": 500.0, "far_m": 100.0}, {"keep": -1.0}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="found"):
        StarterConfig(**wrong)  # type: ignore[arg-type]
