from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geotagger.earth.distance import haversine_m
from geotagger.progress import CancelledError, CancelToken
from geotagger.suggest.album import CHUNK, suggest_album
from geotagger.suggest.types import (
    AlbumPhoto,
    AnchorKind,
    References,
    Suggestion,
    SuggestionState,
)
from tests.suggest.making import look, photo

LISBON = (38.7139, -9.1335)
SINTRA = (38.7876, -9.3906)
PORTO = (41.1496, -8.6110)


def check(suggestion: Suggestion) -> None:
    """All that holds for every suggestion, whatever the album."""
    if not suggestion.candidates:
        assert suggestion.state is SuggestionState.INSUFFICIENT
        return
    assert len(suggestion.candidates) <= 5
    for one in suggestion.candidates:
        assert -90.0 <= one.lat <= 90.0
        assert -180.0 <= one.lon <= 180.0
        assert 0.0 < one.radius_m < 2.1e7
        assert 0.0 <= one.probability <= 1.0
    assert sum(one.probability for one in suggestion.candidates) < 1.01
    others = [one.probability for one in suggestion.candidates[1:]]
    assert others == sorted(others, reverse=True)
    assert [level for level, _ in suggestion.radii_m] == [0.5, 0.8, 0.95]
    radii = [radius for _, radius in suggestion.radii_m]
    assert radii == sorted(radii)


def one(photos: list[AlbumPhoto], references: References | None = None) -> Suggestion:
    (suggestion,) = suggest_album(photos, references=references)
    check(suggestion)
    return suggestion


def away(suggestion: Suggestion, place: tuple[float, float]) -> float:
    best = suggestion.candidates[0]
    return float(haversine_m(best.lat, best.lon, *place))


def test_a_photo_minutes_after_an_anchor_is_placed_there_and_says_why() -> None:
    suggestion = one(
        [
            photo("IMG_1.jpg", 0, LISBON),
            photo("IMG_2.jpg", 4),
            photo("IMG_3.jpg", 20, LISBON),
            photo("IMG_4.jpg", 60, (38.7150, -9.1300)),
        ]
    )
    assert suggestion.state is SuggestionState.CONFIDENT
    assert away(suggestion, LISBON) < 200
    assert "4 min after IMG_1.jpg, which has GPS" in suggestion.candidates[0].reasons[:2]


def test_an_accepted_place_is_an_anchor_and_is_called_accepted() -> None:
    suggestion = one([photo("a.jpg", 0), photo("b.jpg", 3, LISBON, kind=AnchorKind.ACCEPTED)])
    assert away(suggestion, LISBON) < 100
    assert "3 min before b.jpg, which you accepted" in suggestion.candidates[0].reasons


def test_every_photo_without_anchor_gets_one_suggestion_in_the_order_given() -> None:
    photos = [photo(f"{n}.jpg", (n * 37) % 50, LISBON if n % 3 == 0 else None) for n in range(20)]
    suggestions = suggest_album(photos)
    assert [s.key for s in suggestions] == [p.key for p in photos if p.anchor is None]


def test_the_order_of_the_photos_does_not_matter() -> None:
    photos = [
        photo(f"{n}.jpg", n * 11, (38.7 + n / 500, -9.1) if n % 3 == 0 else None) for n in range(15)
    ]
    forward = {s.key: s for s in suggest_album(photos)}
    backward = {s.key: s for s in suggest_album(photos[::-1])}
    for key, suggestion in forward.items():
        ours, theirs = suggestion.candidates[0], backward[key].candidates[0]
        assert (ours.lat, ours.lon) == pytest.approx((theirs.lat, theirs.lon))
        assert ours.probability == pytest.approx(theirs.probability)


def test_the_radius_grows_with_the_gap() -> None:
    radii = []
    for minutes in (1, 30, 600, 6000):
        suggestion = one([photo("a.jpg", 0, LISBON), photo("b.jpg", minutes)])
        radii.append(suggestion.radii_m[1][1])
    assert radii == sorted(radii)
    assert radii[0] < 2_000 < 20_000 < radii[-1]


def test_no_anchor_at_all_gives_no_candidate() -> None:
    for suggestion in suggest_album([photo("a.jpg", 0), photo("b.jpg", 5)]):
        assert suggestion.state is SuggestionState.INSUFFICIENT
        assert suggestion.candidates == ()
        assert suggestion.radii_m == ()


def test_an_album_of_one_photo_and_an_empty_album() -> None:
    assert one([photo("a.jpg", 0)]).candidates == ()
    assert suggest_album([]) == []
    assert suggest_album([photo("a.jpg", 0, LISBON)]) == []


def test_an_album_whose_photos_all_have_the_same_second() -> None:
    photos = [photo(f"{n}.jpg", 0, LISBON if n < 4 else None) for n in range(10)]
    for suggestion in suggest_album(photos):
        check(suggestion)
        assert away(suggestion, LISBON) < 100
        assert any("at the same time as" in text for text in suggestion.candidates[0].reasons)


def test_a_clock_that_lies_makes_for_little_certainty() -> None:
    places = [LISBON, PORTO, (37.0, -8.0), (40.2, -8.4), (41.5, -7.0), (38.5, -7.9)]
    lying = [photo(f"{n}.jpg", n / 60, place) for n, place in enumerate(places)]
    honest = [photo(f"{n}.jpg", n / 60, LISBON) for n in range(len(places))]
    confused = one([*lying, photo("x.jpg", 0.05)])
    assert confused.state is not SuggestionState.CONFIDENT
    assert confused.radii_m[1][1] > 20 * one([*honest, photo("x.jpg", 0.05)]).radii_m[1][1]


def test_a_photo_between_two_distant_towns_is_not_confident() -> None:
    suggestion = one([photo("a.jpg", 0, LISBON), photo("b.jpg", 300), photo("c.jpg", 600, PORTO)])
    assert suggestion.state is not SuggestionState.CONFIDENT
    text = [reason for one in suggestion.candidates for reason in one.reasons]
    assert "between a.jpg and c.jpg, 10 h apart" in text


@pytest.mark.parametrize("lat", [0.0, 65.0, -16.5])
def test_the_date_line_is_no_border(lat: float) -> None:
    suggestion = one(
        [
            photo("a.jpg", 0, (lat, 179.99)),
            photo("b.jpg", 30),
            photo("c.jpg", 60, (lat, -179.99)),
        ]
    )
    assert away(suggestion, (lat, 180.0)) < 5_000
    assert suggestion.radii_m[1][1] < 100_000


def test_the_pole_is_a_place_like_any_other() -> None:
    suggestion = one(
        [photo("a.jpg", 0, (89.999, 10.0)), photo("b.jpg", 2), photo("c.jpg", 4, (89.999, -170.0))]
    )
    assert away(suggestion, (90.0, 0.0)) < 1_000
    check(one([photo("a.jpg", 0, (-90.0, 0.0)), photo("b.jpg", 2)]))


def test_a_clock_that_was_never_set_counts_as_no_time() -> None:
    photos = [
        photo("a.jpg", 0, LISBON),
        photo("b.jpg", 60, LISBON),
        photo("c.jpg", 120, SINTRA),
        photo("x.jpg", 0, start=datetime(1970, 1, 1, tzinfo=UTC)),
    ]
    suggestion = one(photos)
    assert suggestion.candidates
    assert not any(" after " in text or " before " in text for text in _reasons(suggestion))
    unset = [replace(p, when=datetime(1970, 1, 1, tzinfo=UTC)) for p in photos]
    check(one(unset))


def test_a_photo_without_time_goes_where_most_of_the_album_is() -> None:
    suggestion = one(
        [
            *(photo(f"{n}.jpg", n, LISBON) for n in range(9)),
            photo("far.jpg", 500, PORTO),
            photo("x.jpg", None),
        ]
    )
    assert away(suggestion, LISBON) < 100
    expected = "9 of the album's 10 photos with a place were taken around here"
    assert expected in suggestion.candidates[0].reasons


def test_a_fall_back_time_counts_little() -> None:
    anchors = [photo("a.jpg", 0, LISBON), photo("b.jpg", 300, SINTRA)]
    exact = one([*anchors, photo("x.jpg", 1)])
    doubtful = one([*anchors, photo("x.jpg", 1, fallback=True)])
    assert exact.state is SuggestionState.CONFIDENT
    assert doubtful.state is not SuggestionState.CONFIDENT
    assert doubtful.radii_m[1][1] > 5 * exact.radii_m[1][1]
    assert all(
        "uncertain" in text
        for text in _reasons(doubtful)
        if " after " in text or " before " in text
    )


def test_wall_clocks_are_compared_with_wall_clocks() -> None:
    """A phone that knows its zone and a camera that does not show the same local time."""
    west = timezone(timedelta(hours=-9))
    wall = datetime(2022, 5, 14, 12, 0)
    photos = [
        photo("p1.jpg", 0, LISBON, zone_known=True, start=wall.replace(tzinfo=west)),
        photo("p2.jpg", 540, SINTRA, zone_known=True, start=wall.replace(tzinfo=west)),
        photo("c.jpg", 5, start=wall.replace(tzinfo=UTC)),
    ]
    suggestion = one(photos)
    assert away(suggestion, LISBON) < 100
    assert "5 min after p1.jpg, which has GPS" in suggestion.candidates[0].reasons


def test_times_with_zones_are_compared_as_instants() -> None:
    east, west = timezone(timedelta(hours=10)), timezone(timedelta(hours=-8))
    wall = datetime(2022, 5, 14, 12, 0)
    photos = [
        photo("sydney.jpg", 0, (-33.87, 151.21), zone_known=True, start=wall.replace(tzinfo=east)),
        photo("la.jpg", 2, (34.05, -118.24), zone_known=True, start=wall.replace(tzinfo=west)),
        photo("x.jpg", 8, zone_known=True, start=wall.replace(tzinfo=west)),
    ]
    assert away(one(photos), (34.05, -118.24)) < 1_000


def test_a_lookalike_of_the_album_decides_where_the_clock_does_not() -> None:
    here = look(1)
    anchors = [
        *(photo(f"s{n}.jpg", None, SINTRA, look=look(10 + n)) for n in range(3)),
        photo("twin.jpg", None, LISBON, look=here),
    ]
    suggestion = one([*anchors, photo("x.jpg", None, look=look(2, here, 0.97))])
    assert away(suggestion, LISBON) < 100
    assert "looks like twin.jpg" in suggestion.candidates[0].reasons


def _references(vector: np.ndarray, place: tuple[float, float]) -> References:
    return References(
        ("DSC_0042.jpg", "other.jpg"),
        np.stack([vector, look(99)]),
        np.array([place[0], 0.0]),
        np.array([place[1], 0.0]),
    )


def test_a_strong_lookalike_in_the_library_helps_an_album_without_anchors() -> None:
    here = look(1)
    suggestion = one(
        [photo("x.jpg", 0, look=look(2, here, 0.96))], references=_references(here, PORTO)
    )
    assert away(suggestion, PORTO) < 1
    assert suggestion.candidates[0].reasons == ("looks like DSC_0042.jpg",)
    weak = one([photo("x.jpg", 0, look=look(2, here, 0.6))], references=_references(here, PORTO))
    assert weak.candidates == ()


def test_a_faint_lookalike_in_the_library_does_not_outweigh_the_clock() -> None:
    here = look(1)
    suggestion = one(
        [photo("a.jpg", 0, LISBON, look=look(5)), photo("x.jpg", 3, look=look(2, here, 0.78))],
        references=_references(here, PORTO),
    )
    assert away(suggestion, LISBON) < 100


def test_embeddings_of_another_model_or_broken_ones_count_as_missing() -> None:
    broken = np.full(64, np.nan, np.float32)
    photos = [
        photo("a.jpg", 0, LISBON, look=look(1)),
        photo("b.jpg", 2, look=np.ones(3, np.float32)),
        photo("c.jpg", 4, look=broken),
    ]
    other = References(("r.jpg",), np.ones((1, 5), np.float32), np.zeros(1), np.zeros(1))
    for suggestion in suggest_album(photos, references=other):
        check(suggestion)
        assert away(suggestion, LISBON) < 200


def test_an_anchor_that_is_no_place_on_earth_is_left_out() -> None:
    suggestion = one(
        [photo("nan.jpg", 1, (float("nan"), 0.0)), photo("a.jpg", 30, LISBON), photo("x.jpg", 2)]
    )
    assert away(suggestion, LISBON) < 100


def test_a_vague_anchor_widens_the_radius() -> None:
    exact = one([photo("a.jpg", 0, LISBON), photo("x.jpg", 1)])
    vague = one([photo("a.jpg", 0, LISBON, radius_m=20_000.0), photo("x.jpg", 1)])
    assert vague.radii_m[0][1] > 10_000 > exact.radii_m[0][1]


def test_accepting_a_place_changes_the_others_of_the_album() -> None:
    photos = [photo("a.jpg", 0, LISBON), photo("b.jpg", 200), photo("c.jpg", 204)]
    before = {s.key: s for s in suggest_album(photos)}
    accepted = replace(photo("b.jpg", 200, SINTRA, kind=AnchorKind.ACCEPTED))
    (after,) = suggest_album([photos[0], accepted, photos[2]])
    assert away(before["c.jpg"], SINTRA) > 1_000
    assert away(after, SINTRA) < 100
    assert after.candidates[0].reasons[0] == "4 min after b.jpg, which you accepted"


def test_a_large_album_is_worked_on_in_parts_with_one_result() -> None:
    photos = [
        photo(f"{n}.jpg", n * 3.0, (38.7 + n / 3000, -9.1) if n % 9 == 0 else None)
        for n in range(2 * CHUNK + 40)
    ]
    suggestions = suggest_album(photos)
    assert len(suggestions) == sum(p.anchor is None for p in photos)
    for suggestion in suggestions:
        check(suggestion)
        index = int(suggestion.key.split(".")[0])
        assert away(suggestion, (38.7 + index / 3000, -9.1)) < 2_000


def test_cancelling_stops_the_work() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        suggest_album([photo("a.jpg", 0, LISBON), photo("b.jpg", 1)], cancel=token)


def _reasons(suggestion: Suggestion) -> list[str]:
    return [text for one in suggestion.candidates for text in one.reasons]


@st.composite
def _albums(draw: st.DrawFn) -> list[AlbumPhoto]:
    count = draw(st.integers(1, 12))
    photos = []
    for number in range(count):
        minutes = draw(st.none() | st.sampled_from([0.0, 0.01, 5.0, 1e5, -3e7, 4e6]))
        place = draw(st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180)))
        photos.append(
            photo(
                f"{number}.jpg",
                minutes,
                place,
                fallback=draw(st.booleans()),
                zone_known=draw(st.booleans()),
                radius_m=draw(st.sampled_from([0.0, 10.0, 1e5, float("nan"), -1.0])),
                look=draw(st.none() | st.integers(0, 5).map(look)),
            )
        )
    return photos


@settings(max_examples=60, deadline=None)
@given(_albums())
def test_any_album_gets_well_formed_suggestions(photos: list[AlbumPhoto]) -> None:
    suggestions = suggest_album(photos)
    assert [s.key for s in suggestions] == [p.key for p in photos if p.anchor is None]
    for suggestion in suggestions:
        check(suggestion)


def test_a_place_days_from_a_lone_anchor_is_no_small_disc_that_is_most_likely_wrong() -> None:
    for days in (0.5, 2, 5, 10):
        photos = [photo("a.jpg", 0, LISBON), photo("x.jpg", days * 1440)]
        best = suggest_album(photos)[0].candidates[0]
        assert best.probability >= 0.4 or best.radius_m >= 300e3
