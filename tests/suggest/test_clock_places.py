"""Where cameras were, as evidence of how far their clocks disagree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geotagger.suggest import timeline
from geotagger.suggest.clock_places import Places
from geotagger.suggest.clocks import ClockOffset, estimate
from geotagger.suggest.types import AlbumPhoto, AnchorKind
from tests.suggest.making import look, photo

HOUR = 3_600.0
TOUR = [(38.7 + 0.1 * hour, -9.1 - 0.05 * hour) for hour in range(10)]


def places_of(photos: list[AlbumPhoto]) -> Places:
    return Places.of(photos, timeline.seconds(photos), np.arange(len(photos)))


def tour(
    ahead_h: float = 0.0,
    only: tuple[int, ...] = tuple(range(10)),
    kind: AnchorKind = AnchorKind.GPS,
) -> list[AlbumPhoto]:
    """A day's drive, a place an hour, as told by a clock that is so many hours ahead."""
    return [
        photo(f"p{hour}", 60.0 * (hour + ahead_h), TOUR[hour], kind=kind)
        for hour in range(10)
        if hour in only
    ]


@pytest.mark.parametrize("ahead", [0.0, 2.0, -3.0])
def test_the_offset_at_which_both_were_at_the_same_places_is_likeliest(ahead: float) -> None:
    offsets = np.arange(-5.0, 6.0) * HOUR
    score = places_of(tour(ahead, only=(2, 5, 8))).log_score(offsets, places_of(tour()))
    assert offsets[int(score.argmax())] == -ahead * HOUR
    assert np.sort(score)[-1] > np.sort(score)[-2] + 1.0


def test_a_place_where_all_of_the_album_was_taken_tells_nothing() -> None:
    """A house on the sea: any hour is as good as another."""
    still = [photo(f"p{n}", 30.0 * n, TOUR[0]) for n in range(20)]
    offsets = np.array([0.0, 1.0, 3.0]) * HOUR
    score = places_of(still[:4]).log_score(offsets, places_of(still))
    assert score == pytest.approx(np.zeros(3), abs=1e-9)


def test_a_burst_is_one_witness_and_one_stray_is_bounded() -> None:
    offsets = np.array([0.0, 4.0]) * HOUR
    base = places_of(tour())
    one = places_of(tour(only=(2,))).log_score(offsets, base)
    burst = [photo(f"b{n}", 120.0 + n / 60.0, TOUR[2]) for n in range(50)]
    assert places_of(burst).log_score(offsets, base) == pytest.approx(one)
    stray = photo("stray", 300.0, (-33.9, 151.2))
    with_stray = places_of([*tour(only=(2,)), stray]).log_score(offsets, base)
    assert np.abs(with_stray - one).max() < 3.0


def test_accepted_places_broken_ones_and_none_tell_nothing() -> None:
    offsets = np.array([0.0, HOUR])
    base = places_of(tour())
    accepted = places_of(tour(kind=AnchorKind.ACCEPTED))
    broken = places_of([photo("n", 0, (np.nan, 0.0)), photo("o", 0, (99.0, 0.0))])
    for some in (accepted, broken, places_of([])):
        assert some.log_score(offsets, base).tolist() == [0.0, 0.0]
        assert base.log_score(offsets, some).tolist() == [0.0, 0.0]


def test_places_on_both_sides_of_the_antimeridian_are_near_each_other() -> None:
    west = [photo("w", 60.0 * n, (-16.5 + 0.2 * n, 179.999)) for n in range(6)]
    east = [photo("e", 60.0 * n, (-16.5 + 0.2 * n, -179.999)) for n in (1, 4)]
    score = places_of(east).log_score(np.array([0.0, 2.0]) * HOUR, places_of(west))
    assert score[0] > score[1] + 1.0


def test_a_few_places_of_a_camera_settle_what_few_look_alikes_leave_open() -> None:
    def found(own: bool) -> ClockOffset:
        phone = [
            replace(one, camera="phone", embedding=look(number))
            for number, one in enumerate(tour())
        ]
        camera = [
            replace(
                one,
                camera="camera",
                anchor=one.anchor if own and number in (1, 6) else None,
                embedding=look(100 + number, near=look(number), cosine=0.62),
            )
            for number, one in enumerate(tour(2.0))
        ]
        return estimate([*phone, *camera])[0]

    assert found(own=True).offset_s == -2 * HOUR
    assert found(own=True).probability > found(own=False).probability


def test_of_two_phones_of_which_one_follows_the_other_a_person_is_asked() -> None:
    """The second is at every sight an hour after the first, and photographs the same."""
    first = [
        replace(one, camera="first", embedding=look(number)) for number, one in enumerate(tour())
    ]
    second = [
        replace(
            one,
            camera="second",
            key=f"s{number}",
            embedding=look(200 + number, near=look(number), cosine=0.85),
        )
        for number, one in enumerate(tour(1.0))
    ]
    (found,) = estimate([*first, *second])
    assert found.offset_s == -HOUR
    assert not found.sure
    (camera,) = estimate([*first, *(replace(one, anchor=None) for one in second)])
    assert camera.offset_s == -HOUR
    assert camera.sure
