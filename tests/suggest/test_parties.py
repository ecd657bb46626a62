"""Two photographers' streams that interleave are told apart by camera."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from geotagger.earth.distance import haversine_m
from geotagger.suggest.parties import parties, suggest_by_party
from geotagger.suggest.types import AlbumPhoto, Suggestion
from tests.suggest.making import photo

LISBON = (38.7139, -9.1335)


def stream(
    camera: str, place: tuple[float, float], *, start: float, count: int = 20, targets: bool = True
) -> list[AlbumPhoto]:
    """An anchor every ten minutes on a slow walk, and a photo without a place after each."""
    out = []
    for number in range(count):
        minute = start + 10.0 * number
        here = (place[0] + 0.0005 * number, place[1])
        out.append(replace(photo(f"{camera}{number}", minute, here), camera=camera))
        if targets:
            lost = photo(f"{camera}-{number}", minute + 4.5)
            out.append(replace(lost, camera=camera))
    return out


def suggested(photos: Iterable[AlbumPhoto]) -> dict[str, Suggestion]:
    return {one.key: one for part in suggest_by_party(list(photos)) for one in part}


@pytest.mark.parametrize(
    "elsewhere",
    [(48.2082, 16.3738), (38.7979, -9.3906), (38.7139, -9.06)],
    ids=["in another country", "in the next town", "across the town"],
)
def test_each_photo_stays_with_its_own_photographer(elsewhere: tuple[float, float]) -> None:
    """Every photo of one is half a minute from a known place of the other's."""
    photos = [*stream("anna", LISBON, start=0.0), *stream("ben", elsewhere, start=5.0)]
    found = suggested(photos)
    assert len(found) == 40
    for key, one in found.items():
        own = LISBON if key.startswith("anna") else elsewhere
        best = one.candidates[0]
        assert haversine_m(best.lat, best.lon, *own) < 2500.0
        other = "ben" if key.startswith("anna") else "anna"
        assert not any(other in reason for each in one.candidates for reason in each.reasons)


def test_two_cameras_of_one_party_help_each_other() -> None:
    photos = [
        *stream("phone", LISBON, start=0.0, targets=False),
        *stream("camera", (LISBON[0], LISBON[1] + 0.003), start=5.0),
    ]
    assert len(parties(photos)) == 1
    found = suggested(photos)
    assert any("phone" in reason for one in found.values() for reason in one.candidates[0].reasons)


def test_a_third_camera_without_places_hears_all_and_is_never_sure() -> None:
    photos = [
        *stream("anna", LISBON, start=0.0),
        *stream("ben", (48.2082, 16.3738), start=5.0),
        *(replace(photo(f"x{n}", 10.0 * n + 2.5), camera="x") for n in range(10)),
    ]
    found = suggested(photos)
    assert len(found) == 50
    assert all(found[f"x{n}"].state != "confident" for n in range(10))


def test_a_third_camera_that_was_with_one_of_them_is_of_its_party() -> None:
    photos = [
        *stream("anna", LISBON, start=0.0),
        *stream("ben", (48.2082, 16.3738), start=5.0),
        *stream("annas phone", (LISBON[0], LISBON[1] + 0.002), start=2.0, count=10),
    ]
    groups = [{one.camera for one in group} for group in parties(photos)]
    assert sorted(groups, key=len) == [{"ben"}, {"anna", "annas phone"}]


def test_cameras_that_follow_each_other_in_time_are_not_told_apart() -> None:
    photos = [*stream("old", LISBON, start=0.0), *stream("new", (48.2, 16.37), start=5000.0)]
    assert parties(photos) == [photos]


@pytest.mark.parametrize("photos", [[], [photo("one", 0)], [photo("a", 0, LISBON)]])
def test_too_little_to_tell_is_one_party(photos: list[AlbumPhoto]) -> None:
    assert parties(photos) == [photos]


def test_photos_without_a_camera_are_one_party() -> None:
    photos = [
        replace(one, camera="")
        for one in (*stream("a", LISBON, start=0.0), *stream("b", (48.2, 16.37), start=5.0))
    ]
    assert parties(photos) == [photos]
