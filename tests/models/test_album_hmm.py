"""The hidden Markov model and the smoother, against brute force on tiny chains."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from geotagger.models.album.hmm import CountedHmm, forward_backward
from geotagger.models.album.smoother import (
    Smoother,
    Weights,
    count_moves,
    fit_weights,
    rings_of,
    weigh,
)

CELLS = 4
LAT = np.array([48.0, 48.002, 48.3, -10.0])
LON = np.array([2.0, 2.0, 2.0, 179.99])


def counted(smoothing: float = 0.1) -> CountedHmm:
    albums = [[0, 0, 1, -1, 2], [1, 2, 2, 0], [0, 1], [-1], []]
    return CountedHmm.count(albums, CELLS, smoothing=smoothing)


def posteriors(count: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(0.0, 2.0, (count, CELLS))
    return np.asarray(rows - np.log(np.exp(rows).sum(axis=1, keepdims=True)))


def joint(
    log_prior: np.ndarray, ways: list[np.ndarray], emission: np.ndarray
) -> dict[tuple[int, ...], float]:
    """Return the log-probability of every sequence of cells."""
    found = {}
    for path in itertools.product(range(emission.shape[1]), repeat=len(emission)):
        total = log_prior[path[0]] + emission[0, path[0]]
        for step in range(1, len(path)):
            total += np.log(ways[step - 1][path[step - 1], path[step]]) + emission[step, path[step]]
        found[path] = float(total)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_viterbi_finds_the_best_of_all_sequences(seed: int) -> None:
    model = counted()
    emission = model.emissions(posteriors(5, seed))
    paths = joint(model.log_prior, [model.transitions()] * 4, emission)
    assert tuple(model.viterbi(emission)) == max(paths, key=lambda one: paths[one])


@pytest.mark.parametrize("seed", range(3))
def test_forward_backward_gives_the_marginals_of_all_sequences(seed: int) -> None:
    model = counted()
    emission = model.emissions(posteriors(4, seed))
    ways = [model.transitions()] * 3
    expected = np.zeros((4, CELLS))
    for path, log_p in joint(model.log_prior, ways, emission).items():
        for step, cell in enumerate(path):
            expected[step, cell] += np.exp(log_p)
    expected /= expected.sum(axis=1, keepdims=True)
    found = forward_backward(emission, model.log_prior, ways)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_transitions_are_counted_and_every_row_sums_to_one() -> None:
    ways = counted(smoothing=0.1).transitions()
    np.testing.assert_allclose(ways.sum(axis=1), 1.0)
    # From cell 0 there was one step to itself and two to cell 1.
    assert ways[0, 1] > ways[0, 0] > ways[0, 2]
    np.testing.assert_allclose(ways[3], np.exp(counted().log_prior))


def test_an_album_of_one_is_its_own_best() -> None:
    model = counted()
    rows = posteriors(1)
    assert model.viterbi(model.emissions(rows)).shape == (1,)
    np.testing.assert_allclose(
        forward_backward(model.emissions(rows), model.log_prior, []), np.exp(rows)
    )


def test_classes_out_of_range_and_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="classes"):
        CountedHmm.count([[CELLS]], CELLS)
    with pytest.raises(ValueError, match="smoothing"):
        CountedHmm.count([[0]], CELLS, smoothing=0.0)
    with pytest.raises(ValueError, match="posteriors"):
        counted().emissions(np.zeros((2, CELLS + 1)))
    with pytest.raises(ValueError, match="transitions"):
        forward_backward(np.zeros((3, 2)), np.zeros(2), [])


def smoother() -> Smoother:
    albums = [[0, 0, 1, 1, 2], [0, 2, 3, 3]]
    gaps = [np.array([0.0, 5, 30, 5, 9000]), np.array([0.0, 7000, 1e6, 20])]
    moves = count_moves(albums, gaps, LAT, LON)
    return Smoother(LAT, LON, np.log(np.full(CELLS, 0.25)), moves)


def test_the_smoother_equals_brute_force_with_transitions_by_gap() -> None:
    made = smoother()
    rows, gaps = posteriors(4, 3), np.array([0.0, 10.0, 5000.0, 1e6])
    kinds = np.digitize(gaps[1:], [60.0, 600.0, 3600.0, 21_600.0, 86_400.0], right=True)
    ways = [made.transitions(int(kind)).astype(np.float64) for kind in kinds]
    expected = np.zeros((4, CELLS))
    for path, log_p in joint(made.log_prior, ways, rows - made.log_prior).items():
        for step, cell in enumerate(path):
            expected[step, cell] += np.exp(log_p)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(made.smooth(rows, gaps), expected, atol=1e-5)


def test_albums_side_by_side_are_smoothed_as_one_by_one() -> None:
    made = smoother()
    rows = [posteriors(count, count) for count in (1, 6, 3)]
    gaps = [np.linspace(0, 1e4, len(one)) for one in rows]
    for together, one, between in zip(made.smooth_all(rows, gaps), rows, gaps, strict=True):
        np.testing.assert_allclose(together, made.smooth(one, between), atol=1e-6)
        np.testing.assert_allclose(together.sum(axis=1), 1.0, atol=1e-6)


def test_transitions_of_the_smoother_sum_to_one_and_go_further_with_time() -> None:
    made = smoother()
    for kind in range(6):
        np.testing.assert_allclose(made.transitions(kind).sum(axis=1), 1.0, atol=1e-5)
    soon = made.smooth(np.log([[0.97, 0.01, 0.01, 0.01], [0.25] * 4]), [0.0, 5.0])
    late = made.smooth(np.log([[0.97, 0.01, 0.01, 0.01], [0.25] * 4]), [0.0, 9e5])
    assert soon[1, 0] > late[1, 0]


def test_places_on_both_sides_of_the_date_line_and_at_the_poles_have_their_true_distance() -> None:
    rings = rings_of([0.0, 0.0, 90.0, 90.0], [179.999, -179.999, 0.0, 90.0])
    assert rings[0, 1] == 1
    assert rings[2, 3] == 1
    assert rings[0, 2] == 5
    np.testing.assert_array_equal(np.diag(rings), 0)


def test_bursts_count_less_and_the_first_photo_never_is_one() -> None:
    rows = weigh(np.ones((3, 2)), np.array([0.0, 0.0, 500.0]), Weights(0.8, 0.2))
    np.testing.assert_allclose(rows[:, 0], [0.8, 0.2, 0.8])


def test_repeated_errors_get_less_weight_than_independent_ones() -> None:
    made = smoother()
    rng = np.random.default_rng(7)
    truth = [np.full(12, rng.integers(CELLS)) for _ in range(40)]
    gaps = [np.concatenate(([0.0], np.full(11, 5.0)))] * 40

    def said(repeated: bool) -> list[np.ndarray]:
        found = []
        for album in truth:
            rows = rng.normal(0.0, 1.0, (1 if repeated else 12, CELLS)).repeat(
                12 if repeated else 1, axis=0
            )
            rows = rows.copy()
            rows[np.arange(12), album] += 1.0
            found.append(rows - np.log(np.exp(rows).sum(axis=1, keepdims=True)))
        return found

    together = fit_weights(made, said(True), gaps, truth)
    apart = fit_weights(made, said(False), gaps, truth)
    assert together.burst < apart.burst


def test_moves_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="shares of moves"):
        Smoother(LAT, LON, np.zeros(CELLS), np.ones((2, 2)))
    with pytest.raises(ValueError, match="expected posteriors"):
        smoother().smooth(np.zeros((2, CELLS)), np.zeros(3))
