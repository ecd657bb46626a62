"""What counts as finding the same place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geotagger.training.starter.places import Pairs, recall, scene_accuracy
from tests.training.starter.conftest import table_of

TABLE = table_of(sources=1, places=3, visits=2)
"""Rows 0, 1 show place 0; 2, 3 place 1; 4, 5 place 2; the places are 11 km apart."""


def vectors(*angles: float) -> np.ndarray:
    radians = np.radians(angles)
    return np.stack((np.cos(radians), np.sin(radians)), axis=1).astype(np.float32)


def test_a_photo_whose_nearest_shows_its_place_is_a_hit() -> None:
    rows = vectors(0, 1, 60, 61, 120, 140)
    assert recall(rows, TABLE, Pairs.of(TABLE), within_m=100).at_1 == 1.0


def test_a_photo_whose_nearest_shows_another_place_is_none_but_may_be_among_five() -> None:
    result = recall(vectors(0, 50, 10, 51, 120, 121), TABLE, Pairs.of(TABLE), within_m=100)
    assert result.queries == 6
    assert result.at_1 == 2 / 6
    assert result.at_5 == 1.0


def test_bursts_are_neither_asked_for_nor_in_the_way() -> None:
    burst = replace(TABLE, seconds=np.array([0, 60, 9000, 99000, 9000, 99000.0]))
    result = recall(vectors(0, 0, 60, 61, 120, 121), burst, Pairs.of(burst), within_m=100)
    assert result.queries == 4


def test_photos_without_a_time_are_taken_for_a_burst() -> None:
    timeless = replace(TABLE, seconds=np.full(6, np.nan))
    assert recall(vectors(*range(6)), timeless, Pairs.of(timeless), within_m=100).queries == 0


def test_a_vague_place_near_by_is_left_out_and_one_far_away_is_not() -> None:
    vague = replace(TABLE, exact=np.array([True, True, False, False, True, True]))
    near = recall(vectors(0, 50, 1, 1, 120, 121), vague, Pairs.of(vague), within_m=100)
    assert (near.queries, near.at_1) == (4, 1.0)
    far = replace(vague, lat=vague.lat + np.array([0, 0, 5, 5, 0, 0]))
    assert recall(vectors(0, 50, 1, 1, 120, 121), far, Pairs.of(far), within_m=100).at_1 == 0.5


def test_inside_the_own_album_other_albums_do_not_count() -> None:
    apart = replace(TABLE, albums=np.array([0, 0, 1, 1, 1, 1]))
    rows = vectors(0, 50, 1, 51, 120, 121)
    pairs = Pairs.of(apart)
    assert recall(rows, apart, pairs, within_m=100).at_1 == 2 / 6
    assert recall(rows, apart, pairs, within_m=100, own_album=True).at_1 == 1.0


def test_the_scene_is_right_where_the_likeliest_is_that_of_the_label() -> None:
    logits = np.log(np.where(TABLE.scenes > 0, 0.5, 0.25)).astype(np.float32)
    accuracy, loss = scene_accuracy(logits, TABLE)
    assert accuracy == 1.0
    assert np.isclose(loss, np.log(2.0))
    assert scene_accuracy(-logits, TABLE)[0] == 0.0
