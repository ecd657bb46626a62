"""Forward-backward along a camera's stream: hidden photos help each other."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np

from geotagger.suggest import chain, fusion
from geotagger.suggest.album import suggest_album
from geotagger.suggest.calibration import shipped
from geotagger.suggest.scene import FloatArray, Scene, scene_of, view_of
from geotagger.suggest.types import AlbumPhoto
from tests.suggest.making import look, photo

LISBON, SINTRA = (38.7139, -9.1394), (38.7979, -9.3906)


def run_of_four() -> list[AlbumPhoto]:
    """Two anchors, four photos between; the third looks like the first anchor."""
    seen = look(1)
    return [
        photo("a", 0, LISBON, look=seen),
        photo("b", 58, look=look(2)),
        photo("c", 60, look=look(3)),
        photo("d", 61, look=look(4, near=seen, cosine=0.9)),
        photo("e", 62, look=look(5)),
        photo("f", 120, SINTRA, look=look(6)),
    ]


def scene_and_all(photos: list[AlbumPhoto]) -> tuple[Scene, fusion.View, fusion.PlaceTable]:
    scene = scene_of(photos, None)
    view = view_of(scene, scene.targets)
    return scene, view, fusion.propose(view)


def random_logits(view: fusion.View, table: fusion.PlaceTable) -> tuple[FloatArray, FloatArray]:
    generator = np.random.default_rng(3)
    logits = np.where(table.present, generator.normal(0, 2, table.lat.shape), -np.inf)
    return logits, generator.normal(-3, 1, len(view.rows))


def test_the_messages_are_those_of_summing_over_all_ways_to_place_the_run() -> None:
    _, view, table = scene_and_all(run_of_four())
    logits, floor = random_logits(view, table)
    # Three places each and "anywhere": few enough to sum over all.
    keep = np.argsort(~table.present, axis=1, kind="stable")[:, :3]
    table = type(table)(
        *(np.take_along_axis(getattr(table, name), keep, axis=1) for name in table.__slots__)
    )
    logits = np.take_along_axis(logits, keep, axis=1)
    bond = chain.BOND * 3.0
    found = chain.passed(view, table, logits, floor, bond)
    pairs = np.arange(3), np.arange(1, 4)
    strength = np.einsum("sbk,bk->sk", chain.features(view, *pairs), bond)
    square = chain.squares(table, *pairs)
    factor = np.zeros((3, 4, 4))
    factor[:, :3, :3] = sum(
        strength[:, kind, None, None] / (1.0 + square / reach**2)
        for kind, reach in enumerate(chain.REACH_M)
    )
    own = np.concatenate([logits, floor[:, None]], axis=1)
    whole = np.zeros((4, 4))
    for states in product(range(4), repeat=4):
        log = sum(own[at, state] for at, state in enumerate(states))
        log += sum(factor[at, states[at], states[at + 1]] for at in range(3))
        for at, state in enumerate(states):
            whole[at, state] += np.exp(log)
    whole /= whole.sum(axis=1, keepdims=True)
    mine = np.exp(own + np.concatenate([found.lift, found.floor[:, None]], axis=1))
    np.testing.assert_allclose(mine / mine.sum(axis=1, keepdims=True), whole, rtol=1e-9)


def test_a_photo_beside_one_that_looks_like_an_anchor_is_drawn_to_it() -> None:
    _, view, table = scene_and_all(run_of_four())
    fused = fusion.fuse(view, table, shipped())
    lifted = np.where(table.present & (table.origin == 0), fused.told.lift, -np.inf)
    beside = fused.told.lift[3]
    lisbon = np.flatnonzero(table.present[3] & (table.lat[3] == LISBON[0]))
    sintra = np.flatnonzero(table.present[3] & (table.lat[3] == SINTRA[0]))
    assert beside[lisbon[0]] > beside[sintra[0]]
    assert np.isfinite(lifted.max())


def test_runs_end_at_anchors_other_cameras_long_gaps_and_uncertain_times() -> None:
    photos = [
        photo("a", 0),
        photo("b", 1),
        photo("anchor", 2, LISBON),
        photo("c", 3),
        replace(photo("other", 4), camera="second"),
        photo("d", 5),
        photo("e", 5 + 2 * 1440),
        photo("f", 6 + 2 * 1440, fallback=True),
        photo("g", None),
    ]
    scene = scene_of(photos, None)
    runs = chain.runs_of(scene, scene.targets)
    by_run: dict[int, set[str]] = {}
    for index, run in zip(runs.order.tolist(), runs.run.tolist(), strict=True):
        by_run.setdefault(run, set()).add(photos[index].key)
    assert sorted(map(sorted, by_run.values())) == sorted(
        [["a", "b"], ["c", "d"], ["e"], ["f"], ["g"], ["other"]]
    )


def test_company_is_within_reach_and_of_the_same_run() -> None:
    photos = [photo(f"{n:03d}", n) for n in range(60)] + [photo("anchor", 29.5, LISBON)]
    scene = scene_of(photos, None)
    rows = np.array([27, 28])
    found = chain.with_company(chain.runs_of(scene, scene.targets), rows)
    assert found[:2].tolist() == [27, 28]
    assert sorted(found.tolist()) == list(range(27 - chain.REACH, 30))


def test_what_is_worked_on_together_hardly_matters() -> None:
    photos = [photo(f"{n:03d}", n, LISBON if n % 40 == 0 else None) for n in range(300)]
    scene = scene_of(photos, None)
    runs = chain.runs_of(scene, scene.targets)
    whole_view = view_of(scene, scene.targets)
    whole = fusion.fuse(whole_view, fusion.propose(whole_view), shipped())
    rows = scene.targets[100:120]
    view = view_of(scene, chain.with_company(runs, rows))
    part = fusion.fuse(view, fusion.propose(view), shipped()).of(len(rows))
    np.testing.assert_allclose(part.share, whole.share[100:120], atol=2e-3)


def test_reasons_name_a_neighbour_only_where_it_points_to_the_place() -> None:
    for suggestion in suggest_album(run_of_four()):
        for candidate in suggestion.candidates:
            if any("points here as well" in reason for reason in candidate.reasons):
                assert candidate.lat in {LISBON[0], SINTRA[0]}


def test_a_photo_alone_or_without_places_is_told_nothing() -> None:
    for photos in ([photo("a", 0, LISBON), photo("b", 1)], [photo("b", 1), photo("c", 2)]):
        scene, view, table = scene_and_all(photos)
        count = len(scene.targets)
        found = chain.passed(view, table, np.zeros(table.lat.shape), np.zeros(count))
        assert not found.lift.any()
        assert not found.agrees.any()
        assert (found.teller == -1).all()
