"""Look-alikes as one density: it is where they gather, whatever bursts, copies and chance do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geotagger.earth.distance import haversine_m, unit_vectors
from geotagger.suggest import retrieval
from geotagger.suggest.album import suggest_album
from geotagger.suggest.retrieval import Found, Pool, found_of, library_of, nearest_of
from geotagger.suggest.types import AlbumPhoto, References, Suggestion
from tests.suggest.making import look, photo

NOBODY = Pool(np.zeros(0), np.zeros(0), np.zeros(0, np.intp), np.zeros(0, np.intp))
PORTO, LISBON = (41.15, -8.61), (38.71, -9.14)


def library(
    vectors: list[np.ndarray],
    places: list[tuple[float, float]],
    scenes: list[int] | None = None,
    albums: list[int] | None = None,
) -> References:
    return References(
        names=tuple(f"{number}.jpg" for number in range(len(vectors))),
        embeddings=np.stack(vectors),
        lat=np.array([place[0] for place in places]),
        lon=np.array([place[1] for place in places]),
        scenes=None if scenes is None else np.array(scenes, np.intp),
        albums=None if albums is None else np.array(albums, np.intp),
    )


def found(references: References, *queries: np.ndarray) -> Found:
    alike = nearest_of(references, np.stack(queries))
    nothing = np.zeros((len(queries), 0))
    return found_of(nothing, NOBODY, alike.index, alike.cosine, library_of(references))


def near(place: tuple[float, float], metres: float, seed: int) -> tuple[float, float]:
    north, east = np.random.default_rng(seed).normal(0.0, metres / 111_000.0, 2)
    return place[0] + float(north), place[1] + float(east)


def test_where_looks_are_informative_the_mode_beats_the_most_alike() -> None:
    """Forty towns of six scenes each look alike within; strangers now and then more than those."""
    generator = np.random.default_rng(5)
    towns = [(float(lat), float(lon)) for lat, lon in generator.uniform(-50.0, 50.0, (40, 2))]
    looks = [look(100 + number) for number in range(len(towns))]
    vectors, places = [], []
    for number, town in enumerate(towns):
        for scene in range(6):
            vectors.append(look(1_000 + 10 * number + scene, looks[number], 0.8))
            places.append(near(town, 300.0, 10 * number + scene))
    queries = [look(5_000 + number, one, 0.8) for number, one in enumerate(looks)]
    for number, query in enumerate(queries):  # strangers, one for each, from anywhere
        vectors.append(look(7_000 + number, query, 0.72))
        places.append((float(generator.uniform(-50, 50)), float(generator.uniform(-50, 50))))
    references = library(vectors, places)
    have = found(references, *queries)
    modes = retrieval.modes_of(have, 0)
    lat, lon = np.array(towns).T
    dense = haversine_m(lat, lon, modes.lat[:, 0], modes.lon[:, 0]) <= 1_000.0
    first = have.index[:, 0]
    alone = haversine_m(lat, lon, references.lat[first], references.lon[first]) <= 1_000.0
    assert dense.mean() >= 0.95
    assert alone.mean() <= 0.6


def test_a_burst_and_a_copy_count_once() -> None:
    mine = look(1)
    burst = [look(10 + number, mine, 0.82) for number in range(8)]
    others = [look(30 + number, mine, 0.8) for number in range(3)]
    references = library(
        [*burst, *others],
        [*[LISBON] * 8, *[near(PORTO, 100.0, number) for number in range(3)]],
        scenes=[0] * 8 + [1, 2, 3],
        albums=[0] * 8 + [1, 2, 3],
    )
    modes = retrieval.modes_of(found(references, mine), 0)
    assert haversine_m(*PORTO, modes.lat[0, 0], modes.lon[0, 0]) < 500.0
    assert modes.count[0].tolist() == [3, 1]
    apart = replace(references, scenes=None, albums=None)
    fooled = retrieval.modes_of(found(apart, mine), 0)
    assert haversine_m(*LISBON, fooled.lat[0, 0], fooled.lon[0, 0]) < 500.0


def test_many_scenes_of_one_album_weigh_less_than_as_many_albums() -> None:
    mine = look(1)
    vectors = [look(10 + number, mine, 0.8) for number in range(10)]
    places = [near(LISBON, 50.0, n) for n in range(5)] + [near(PORTO, 50.0, n) for n in range(5)]
    albums = [0] * 5 + [1, 2, 3, 4, 5]
    modes = retrieval.modes_of(found(library(vectors, places, albums=albums), mine), 0)
    assert haversine_m(*PORTO, modes.lat[0, 0], modes.lon[0, 0]) < 500.0
    assert modes.share[0, 0] > 2.0 * modes.share[0, 1]


def test_the_density_is_what_speaks_for_a_place_against_chance() -> None:
    mine = look(1)
    places = [LISBON, near(LISBON, 50.0, 1), PORTO]
    have = found(library([look(10 + n, mine, 0.8) for n in range(3)], places), mine)
    lat, lon = np.array([[LISBON[0], PORTO[0], -40.0]]), np.array([[LISBON[1], PORTO[1], 100.0]])
    density = retrieval.density(have, lat, lon, np.zeros((1, 3)))[0]
    assert density[0] == pytest.approx(2.0 * density[1], rel=0.02)
    assert density[2] < 1e-6
    assert density[1] == pytest.approx(float(np.exp(have.log_odds[0, 2])), rel=1e-3)
    assert float(have.share.sum()) < 1.0  # chance has a share
    wide = retrieval.density(have, lat, lon, np.full((1, 3), 400e3))[0]
    assert wide[0] > 1.2 * density[0]  # a region holds both towns


def test_faint_looks_leave_most_to_chance_and_strong_ones_little() -> None:
    mine = look(1)
    faint = found(library([look(2, mine, 0.52)], [LISBON]), mine)
    strong = found(library([look(2, mine, 0.95)], [LISBON]), mine)
    assert faint.share[0, 0] < 0.1 < 0.9 < strong.share[0, 0]
    below = found(library([look(2, mine, 0.4)], [LISBON]), mine)
    assert not (below.index >= 0).any()


def test_one_lookalike_of_a_weight_is_that_lookalike() -> None:
    cosines = np.array([0.55, 0.75, 0.9])
    assert retrieval.as_one(retrieval.log_likeness(cosines)) == pytest.approx(cosines)
    two = np.logaddexp(*[retrieval.log_likeness(np.array([0.75]))] * 2)
    assert 0.77 < float(retrieval.as_one(two)[0]) < 0.8


def test_a_large_library_is_asked_in_parts_with_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = [look(number) for number in range(300)]
    references = library(vectors, [near(LISBON, 9e4, number) for number in range(300)])
    queries = np.stack([look(1_000 + number) for number in range(17)])
    whole = nearest_of(references, queries)
    monkeypatch.setattr(retrieval, "_CELLS", 900)
    parts = nearest_of(references, queries)
    assert (parts.index == whole.index).all()
    assert parts.cosine == pytest.approx(whole.cosine)


def test_references_of_no_place_or_broken_vectors_are_never_found() -> None:
    mine = look(1)
    broken = np.full(64, np.nan, np.float32)
    vectors = [look(2, mine, 0.9), broken, look(3, mine, 0.8)]
    places = [(float("nan"), 0.0), LISBON, PORTO]
    have = found(library(vectors, places), mine)
    assert have.index[have.index >= 0].tolist() == [2]


def test_the_date_line_and_the_poles_are_no_border() -> None:
    mine = look(1)
    vectors = [look(10 + n, mine, 0.8) for n in range(2)]
    for places in ([(10.0, 179.999), (10.0, -179.999)], [(89.999, 0.0), (89.999, 180.0)]):
        modes = retrieval.modes_of(found(library(vectors, places), mine), 0)
        assert modes.count[0, 0] == 2
        assert haversine_m(*places[0], modes.lat[0, 0], modes.lon[0, 0]) < 200.0


def test_photos_with_nothing_alike_have_no_mode() -> None:
    have = found_of(
        np.zeros((3, 0)), NOBODY, np.zeros((3, 0), np.intp), np.zeros((3, 0)), library_of(None)
    )
    assert retrieval.modes_of(have, 0).share.tolist() == [[0.0, 0.0]] * 3
    density = retrieval.density(have, np.zeros((3, 2)), np.zeros((3, 2)), np.zeros((3, 2)))
    assert (density == 0.0).all()


def one(photos: list[AlbumPhoto], references: References | None = None) -> Suggestion:
    return suggest_album(photos, references=references)[0]


def test_several_lookalikes_of_other_albums_make_a_place_that_one_alone_does_not() -> None:
    mine = look(1)
    spread = [near(PORTO, 150.0, number) for number in range(6)]
    vectors = [look(10 + number, mine, 0.74) for number in range(6)]
    target = photo("x.jpg", 0, look=mine)
    alone = one([target], library(vectors[:1], spread[:1]))
    many = one([target], library(vectors, spread, albums=list(range(6))))
    assert alone.candidates == ()
    best = many.candidates[0]
    assert haversine_m(*PORTO, best.lat, best.lon) < 400.0
    said = "6 pictures that look like it, of different moments, were taken around here"
    assert said in best.reasons


def test_gathered_anchors_of_the_album_become_a_place_and_are_told() -> None:
    mine = look(1)
    here = [
        photo(f"h{n}.jpg", None, near(LISBON, 100.0, n), look=look(10 + n, mine, 0.7))
        for n in range(4)
    ]
    away = [photo(f"p{n}.jpg", None, PORTO, look=look(50 + n)) for n in range(4)]
    suggestion = one([*here, *away, photo("x.jpg", None, look=mine)])
    best = suggestion.candidates[0]
    assert haversine_m(*LISBON, best.lat, best.lon) < 1_000.0
    assert any(said.startswith("4 pictures that look like it") for said in best.reasons)


def test_what_is_kept_of_likeness_is_what_would_be_found() -> None:
    photos = [photo(f"{n}.jpg", n, look=look(n)) for n in range(5)]
    references = library(
        [look(100 + n, look(n % 5), 0.6) for n in range(200)],
        [near(LISBON, 2e4, n) for n in range(200)],
    )
    heard = retrieval.heard_of(references, photos[:3])
    assert 0 < len(heard.names) < 200 and heard.alike is not None
    keys = [one.key for one in photos]
    vectors = np.stack([look(n) for n in range(5)])
    kept, cosine = retrieval.alike_of(heard, keys, vectors)
    fresh = nearest_of(references, vectors)
    for row in range(3):
        named = [heard.names[at] for at in kept[row] if at >= 0]
        assert named == [references.names[at] for at in fresh.index[row] if at >= 0]
    assert (cosine[3:, 0] <= 1.0).all()


def test_scenes_end_where_nothing_is_taken_for_long() -> None:
    seconds = np.array([0.0, 60.0, 900.0, 1_000.0, np.nan, np.nan])
    assert retrieval.scenes_of(seconds).tolist() == [0, 0, 1, 1, 2, 3]
    assert len(retrieval.scenes_of(np.zeros(0))) == 0


def test_kernels_are_gaussian_on_the_sphere() -> None:
    have = found(library([look(2, look(1), 0.9)], [LISBON]), look(1))
    there = unit_vectors(np.array([LISBON[0] + 2_000.0 / 111_195.0]), np.array([LISBON[1]]))
    kernel = retrieval.kernels(have, there[None])[0, 0, 0]
    assert np.log(kernel) == pytest.approx(-(2_000.0**2) / (2.0 * retrieval.SIGMA_M**2), rel=1e-3)
