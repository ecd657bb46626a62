"""What the pixels alone add to a suggestion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.suggest.album import suggest_album
from geotagger.suggest.types import (
    AlbumPhoto,
    CellGuess,
    Suggestion,
    SuggestionState,
    WorldCells,
)
from tests.suggest.making import look, photo

LISBON = (38.7139, -9.1335)
PARIS = (48.8566, 2.3522)
TOKYO = (35.6762, 139.6503)
PLACES = np.array([LISBON, PARIS, TOKYO, (-33.87, 151.21), (40.71, -74.01)])
RADIUS_M = 20e3


def nearest(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.int32]:
    """Cells around five towns; beyond 500 km of all of them there is none."""
    away = haversine_m(lat[:, None], lon[:, None], PLACES[:, 0], PLACES[:, 1])
    return np.where(away.min(axis=1) < 500e3, away.argmin(axis=1), -1).astype(np.int32)


WORLD = WorldCells(
    classes_of=nearest,
    lat=PLACES[:, 0],
    lon=PLACES[:, 1],
    radius_m=np.full(5, RADIUS_M),
    log_prior=np.log([0.1, 0.3, 0.2, 0.1, 0.3]),
)


def guess(*shares: tuple[int, float]) -> CellGuess:
    classes = np.array([cell for cell, _ in shares], np.int32)
    p = np.array([share for _, share in shares], np.float64)
    return CellGuess(classes, np.log(p).astype(np.float32), float(np.log(1.0 - p.sum())))


def seen(one: AlbumPhoto, *shares: tuple[int, float]) -> AlbumPhoto:
    return replace(one, guess=guess(*shares))


def suggest(*photos: AlbumPhoto, world: WorldCells | None = WORLD) -> Suggestion:
    (suggestion,) = suggest_album(photos, world=world)
    return suggestion


def test_without_any_album_the_best_cell_is_named_with_its_own_probability() -> None:
    suggestion = suggest(seen(photo("a", 0), (1, 0.6), (2, 0.2)))
    best, second = suggestion.candidates[:2]
    assert (best.lat, best.lon) == PARIS
    assert (second.lat, second.lon) == TOKYO
    assert best.probability == pytest.approx(0.6, abs=0.06)
    assert best.radius_m > RADIUS_M
    assert best.reasons == ("the picture itself points to this area (60 %)",)
    assert second.probability == pytest.approx(0.2, abs=0.05)


def test_a_guess_spread_over_the_world_is_too_little_evidence() -> None:
    suggestion = suggest(seen(photo("a", 0), (1, 0.05), (2, 0.04), (3, 0.04)))
    assert suggestion.state is SuggestionState.INSUFFICIENT
    assert all(one.probability < 0.1 for one in suggestion.candidates)


def test_a_cell_never_reaches_a_narrow_radius_however_sure_the_model_is() -> None:
    suggestion = suggest(seen(photo("a", 0), (1, 0.999)))
    assert suggestion.state is not SuggestionState.CONFIDENT
    assert dict(suggestion.radii_m)[0.5] >= RADIUS_M * 0.9


def test_pixels_alone_do_not_overrule_an_anchor_a_minute_away() -> None:
    suggestion = suggest(
        photo("near.jpg", 1, LISBON),
        photo("near2.jpg", -1, LISBON),
        seen(photo("a", 0), (2, 0.95)),
    )
    best = suggestion.candidates[0]
    assert haversine_m(best.lat, best.lon, *LISBON) < 1_000


def test_in_a_folder_without_times_one_anchor_does_not_silence_a_clear_picture() -> None:
    anchor = photo("in-lisbon.jpg", None, LISBON, look=look(1))
    for alike in (0.0, 0.6):
        other = photo("a", None, look=look(2, near=look(1), cosine=alike))
        suggestion = suggest(anchor, seen(other, (2, 0.95)))
        assert suggestion.state is not SuggestionState.CONFIDENT
        towns = [(one.lat, one.lon) for one in suggestion.candidates]
        assert TOKYO in towns
        assert LISBON in towns


def test_of_two_anchors_equally_near_in_time_the_one_that_fits_the_picture_wins() -> None:
    first, second = photo("in-lisbon.jpg", -300, LISBON), photo("in-paris.jpg", 300, PARIS)
    for cell, place in ((0, LISBON), (1, PARIS)):
        suggestion = suggest(first, second, seen(photo("a", 0), (cell, 0.9)))
        best = suggestion.candidates[0]
        assert haversine_m(best.lat, best.lon, *place) < 50e3
        assert any("picture itself" in reason for reason in best.reasons)


def test_an_anchor_outside_all_cells_is_weighed_like_the_rest_of_the_world() -> None:
    ocean = (0.0, -140.0)
    suggestion = suggest(photo("at-sea.jpg", 5, ocean), seen(photo("a", 0), (1, 0.5)))
    best = suggestion.candidates[0]
    assert haversine_m(best.lat, best.lon, *ocean) < 1_000


def test_a_guess_changes_nothing_where_its_cells_are_not_given() -> None:
    photos = [photo("near.jpg", 5, LISBON), photo("a", 0)]
    with_guess = [photos[0], seen(photos[1], (2, 0.9))]
    assert suggest(*with_guess, world=None) == suggest(*photos, world=None)


def test_a_guess_that_knows_no_more_than_the_prior_changes_no_order() -> None:
    photos = [photo("l.jpg", -50, LISBON), photo("p.jpg", 70, PARIS), photo("a", 0)]
    plain = suggest(*photos, world=None)
    prior = [(cell, float(np.exp(WORLD.log_prior[cell])) * 0.999) for cell in range(5)]
    informed = suggest(*photos[:2], seen(photos[2], *prior))
    assert informed.candidates[0].lat == pytest.approx(plain.candidates[0].lat)
    assert informed.candidates[0].probability == pytest.approx(
        plain.candidates[0].probability, abs=0.05
    )


def test_an_empty_guess_is_no_evidence() -> None:
    nothing = CellGuess(np.zeros(0, np.int32), np.zeros(0, np.float32), 0.0)
    suggestion = suggest(replace(photo("a", 0), guess=nothing))
    assert suggestion.state is SuggestionState.INSUFFICIENT
    assert suggestion.candidates == ()
