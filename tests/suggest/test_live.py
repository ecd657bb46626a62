"""What was made quicker gives what the plain way gives."""

from __future__ import annotations

import numpy as np
import pytest

from geotagger.suggest import album as of_albums
from geotagger.suggest import candidates, fusion, honesty, ring_sums
from geotagger.suggest.album import suggest_album
from geotagger.suggest.anchors import nearest_in_time
from geotagger.suggest.calibration import shipped
from geotagger.suggest.fusion import HIT_RADII_M, Fused, expected_hits, fuse, mass_around, propose
from geotagger.suggest.motion import SCALES_M, mass_within, uniform_within
from geotagger.suggest.scene import scene_of, view_of
from geotagger.suggest.types import AlbumPhoto
from tests.suggest.making import look, photo


def album(count: int = 60) -> list[AlbumPhoto]:
    """A walk with looks; two photos of three have no place."""
    generator = np.random.default_rng(5)
    way = np.array([38.7, -9.1]) + generator.normal(0.0, 0.003, (count, 2)).cumsum(axis=0)
    return [
        photo(
            f"p{number}",
            3.0 * number,
            (float(way[number, 0]), float(way[number, 1])) if number % 3 == 0 else None,
            look=look(number // 4),
        )
        for number in range(count)
    ]


@pytest.fixture
def fused() -> Fused:
    scene = scene_of(album(), None)
    view = view_of(scene, scene.targets)
    return fuse(view, propose(view), shipped())


def all_hits(fused: Fused) -> np.ndarray:
    """What each place adds to the hits expected at each other one (H, at P, from P), plainly."""
    plain = np.zeros(fused.apart_m.shape)
    for radius in HIT_RADII_M:
        for ring in range(len(SCALES_M)):
            mass = mass_within(fused.apart_m, radius, fused.scale_m[:, None, :, ring])
            plain += mass * fused.rings[:, None, :, ring]
    return plain * fused.share[:, None, :]


def test_expected_hits_are_the_sums_over_radii_and_rings(fused: Fused) -> None:
    plain = all_hits(fused)
    rows = np.array([3, 1, 7])
    at, of = np.array([[2], [0], [5]]), np.array([[1, 4, -1], [0, -1, -1], [5, 3, 2]])
    wanted = [
        [sum(plain[row, place, other] for other in some if other >= 0)]
        for row, (place,), some in zip(rows, at, of, strict=True)
    ]
    np.testing.assert_allclose(expected_hits(fused, rows, at, of), wanted, rtol=0.0, atol=2e-6)


@pytest.mark.parametrize("slack", [0.0, 0.4, 5.0])
def test_first_places_are_those_of_comparing_all_places_with_all(
    fused: Fused, monkeypatch: pytest.MonkeyPatch, slack: float
) -> None:
    monkeypatch.setattr(fusion, "_DOUBT_HITS", slack)
    monkeypatch.setattr(fusion, "_DOUBT_FAR", 2.0 * slack)
    gain = np.where(fused.table.present, all_hits(fused).sum(axis=2), -np.inf)
    near, rows = nearest_in_time(fused.view, fused.table), np.arange(len(gain))
    best = gain.argmax(axis=1)
    keep = gain[rows, best] < gain[rows, near] + slack + 2.0 * slack * fused.far
    found = fusion.first_places(fused)
    np.testing.assert_array_equal(found, np.where(keep, near, best))
    assert (found != near).any() or slack > 0.0


def test_the_best_of_some_places_is_that_of_the_hits_from_these(fused: Fused) -> None:
    active = np.random.default_rng(2).random(fused.share.shape) < 0.4
    active[5] = False
    usable = active & fused.table.present
    gain = np.einsum("hxp,hp->hx", all_hits(fused), usable.astype(np.float64))
    best = np.where(usable, gain, -np.inf).argmax(axis=1)
    wanted = np.where(usable.any(axis=1), best, -1)
    np.testing.assert_array_equal(fusion.best_places(fused, active), wanted)


def test_mass_in_parts_is_the_mass_of_all(fused: Fused) -> None:
    radii = np.geomspace(10.0, 1e6, 9)
    places = np.arange(len(fused.floor)) % fused.share.shape[1]
    rows = np.arange(len(places))
    away = fused.apart_m[rows, places][:, None, :, None]
    mass = mass_within(away, radii[None, :, None, None], fused.scale_m[:, None, :, :])
    weight = fused.share[:, None, :, None] * fused.rings[:, None, :, :]
    plain = (mass * weight).sum(axis=(2, 3)) + fused.floor[:, None] * uniform_within(radii)
    np.testing.assert_allclose(
        mass_around(fused, places, radii), np.minimum(plain, 1.0), rtol=0.0, atol=1e-6
    )


@pytest.mark.parametrize("levels", [(0.5, 0.8, 0.95), (0.001, 0.5, 0.9999)])
def test_radii_from_few_steps_of_the_ladder_are_those_from_all(
    fused: Fused, levels: tuple[float, ...]
) -> None:
    honest = honesty.of_album(fused.view.scene, shipped())
    firsts = candidates.firsts_of(fused, honest)
    fine = candidates.FINE_LADDER_M
    every = honest.odds(fused.mode, fused.far, mass_around(fused, firsts.place, fine))
    rising = np.maximum.accumulate(every, axis=1) + np.arange(len(fine)) * 1e-12
    plain = [np.exp(np.interp(levels, one, np.log(fine))) for one in rising]
    found = candidates.radii_of(fused, firsts, levels, honest)
    np.testing.assert_allclose(found, plain, rtol=1e-6)


def test_further_candidates_are_weighed_on_ladders_that_end_where_they_are_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    towns = ((38.71, -9.14), (41.15, -8.61), (37.02, -7.93))
    known = [photo(f"a{n}", None, towns[n % 3], look=look(n)) for n in range(9)]
    asked = [photo(f"x{n}", None, look=look(n, look(n + 1), 0.5)) for n in range(9)]
    scene = scene_of([*known, *asked], None)
    view = view_of(scene, scene.targets)
    fused = fuse(view, propose(view), shipped())
    honest = honesty.general(shipped())
    firsts = candidates.firsts_of(fused, honest)
    found = candidates.picks(fused, firsts)
    assert any(len(some) > 1 for some in found)

    def plain(fused: Fused, places: np.ndarray, ladder: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return mass_around(fused, places, ladder, rows)

    monkeypatch.setattr(candidates, "_mass_on", plain)
    for some, others in zip(found, candidates.picks(fused, firsts), strict=True):
        assert [(one.place, one.radius_m) for one in some] == [
            (one.place, one.radius_m) for one in others
        ]


def test_the_size_of_the_parts_changes_no_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    photos = album()
    before = suggest_album(photos)
    monkeypatch.setattr(ring_sums, "BLOCK", 1)
    after = suggest_album(photos)
    for one, other in zip(before, after, strict=True):
        assert (one.key, one.state) == (other.key, other.state)
        for mine, theirs in zip(one.candidates, other.candidates, strict=True):
            assert (mine.lat, mine.lon, mine.reasons) == (theirs.lat, theirs.lon, theirs.reasons)
            assert mine.probability == pytest.approx(theirs.probability, abs=1e-6)


def test_neither_does_the_number_of_photos_that_are_worked_on_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photos = album(200)
    before = suggest_album(photos)
    monkeypatch.setattr(of_albums, "_MOST_GAPS", 1)
    monkeypatch.setattr(of_albums, "_FEWER", 7)
    after = suggest_album(photos)
    assert len(before) == len(after) == 133
    for one, other in zip(before, after, strict=True):
        assert (one.key, one.state) == (other.key, other.state)
        for mine, theirs in zip(one.candidates, other.candidates, strict=True):
            assert (mine.lat, mine.lon, mine.reasons) == (theirs.lat, theirs.lon, theirs.reasons)
            assert mine.probability == pytest.approx(theirs.probability, abs=1e-6)


def test_a_suggestion_made_anew_is_the_one_made_first() -> None:
    photos = album()
    assert suggest_album(photos) == suggest_album(photos)
