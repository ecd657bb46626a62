from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from geotagger.models import cell_table, vector_cache
from geotagger.models.cell_table import CellTable, build_cell_table, fit_temperature
from geotagger.models.geo_space import GeoSpace, LocationEncoder
from geotagger.progress import CancelledError, CancelToken
from tests.support.releases import gallery, head_tensors

SCALE = 39.687


@pytest.fixture(scope="module")
def space() -> GeoSpace:
    encoder = LocationEncoder.load(head_tensors())
    return GeoSpace(encoder, SCALE, gallery().astype(np.float32), "some weights")


@pytest.fixture(scope="module")
def classes(space: GeoSpace) -> np.ndarray:
    """Boxes of 30 degrees; many hold no place, some a hundred."""
    rows = ((space.gallery[:, 0] + 90) // 30).astype(int)
    return rows * 12 + ((space.gallery[:, 1] + 180) // 30).astype(int).clip(0, 11)


@pytest.fixture(scope="module")
def table(space: GeoSpace, classes: np.ndarray) -> CellTable:
    return build_cell_table(space, classes, 72)


def _unit(count: int, width: int = 16, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _softmax_over_places(space: GeoSpace, rows: np.ndarray) -> np.ndarray:
    """The probability of each place of the gallery, in float64."""
    vectors = space.encoder.encode(space.gallery[:, 0], space.gallery[:, 1]).astype(np.float64)
    logits = SCALE * rows.astype(np.float64) @ vectors.T
    likely = np.exp(logits - logits.max(axis=1, keepdims=True))
    return likely / likely.sum(axis=1, keepdims=True)


def test_a_cells_probability_is_that_of_all_its_places(
    space: GeoSpace, classes: np.ndarray, table: CellTable
) -> None:
    rows = _unit(70)
    places = _softmax_over_places(space, rows)
    wanted = np.stack([places[:, classes == cell].sum(axis=1) for cell in range(72)], axis=1)
    found = table.log_probabilities(rows)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.exp(found), wanted, atol=1e-6)
    held = table.counts > 0
    np.testing.assert_allclose(found[:, held], np.log(wanted[:, held]), atol=1e-4)
    assert np.isneginf(found[:, ~held]).all()


def test_prior_times_mean_likelihood_is_the_same(space: GeoSpace, table: CellTable) -> None:
    rows = _unit(20)
    logits = SCALE * rows.astype(np.float64) @ table.vectors.astype(np.float64).T
    held = np.flatnonzero(table.counts)
    mean = np.stack(
        [
            np.exp(logits[:, table.starts[cell] : table.starts[cell + 1]]).mean(axis=1)
            for cell in held
        ],
        axis=1,
    )
    parts = table.log_prior[held].astype(np.float64) + np.log(mean)
    wanted = parts - np.log(np.exp(parts).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(table.log_probabilities(rows)[:, held], wanted, atol=1e-4)
    given = table.log_probabilities(rows, log_prior=table.log_prior)
    np.testing.assert_allclose(given[:, held], wanted, atol=1e-4)


def test_without_knowledge_a_photo_has_the_prior_and_centres_alone_have_not(
    table: CellTable,
) -> None:
    # A vector that fits every place alike knows nothing.
    rows = np.zeros((1, 16), np.float32)
    held = table.counts > 0
    found = np.exp(table.log_probabilities(rows))[0]
    np.testing.assert_allclose(found[held], table.counts[held] / table.counts.sum(), rtol=1e-5)
    centres = np.exp(SCALE * rows @ table.cells[held].T)[0]
    flat = centres / centres.sum()
    assert np.allclose(flat, 1.0 / held.sum())
    rare = table.counts[held].argmin()
    assert flat[rare] > 5 * found[held][rare]


def test_another_prior_moves_the_answer_by_its_ratio(table: CellTable) -> None:
    rows = _unit(5)
    held = np.flatnonzero(table.counts)
    wished = np.zeros(72)
    wished[held[0]] = 3.0
    flat, moved = (
        table.log_probabilities(rows, log_prior=prior)[:, held] for prior in (np.zeros(72), wished)
    )
    ratio = (moved - moved[:, [1]]) - (flat - flat[:, [1]])
    np.testing.assert_allclose(ratio[:, 0], 3.0, atol=1e-3)


def test_blocks_of_any_size_give_the_same(
    table: CellTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = _unit(10)
    whole = table.log_probabilities(rows)
    for places, photos in ((7, 3), (1, 64), (400, 1), (399, 4)):
        monkeypatch.setattr(cell_table, "_PLACES", places)
        monkeypatch.setattr(cell_table, "_ROWS", photos)
        np.testing.assert_allclose(table.log_probabilities(rows), whole, atol=2e-5)


def test_extreme_temperatures_neither_overflow_nor_vanish(table: CellTable) -> None:
    held = table.counts > 0
    for temperature in (0.001, 1000.0):
        found = table.log_probabilities(_unit(5), temperature=temperature)
        assert np.isfinite(found[:, held]).all()
        np.testing.assert_allclose(np.exp(found).sum(axis=1), 1.0, atol=1e-4)


def test_memory_does_not_grow_with_the_photos(table: CellTable) -> None:
    rows = _unit(4000)

    def beyond_result(count: int) -> int:
        tracemalloc.start()
        found = table.log_probabilities(rows[:count])
        peak = tracemalloc.get_traced_memory()[1] - found.nbytes
        tracemalloc.stop()
        return peak

    beyond_result(64)
    assert beyond_result(4000) < 1.5 * beyond_result(128)


def test_a_cells_own_vector_is_the_mean_of_its_places(
    space: GeoSpace, classes: np.ndarray, table: CellTable
) -> None:
    vectors = space.encoder.encode(space.gallery[:, 0], space.gallery[:, 1])
    cell = int(table.counts.argmax())
    mean = vectors[classes == cell].mean(axis=0)
    np.testing.assert_allclose(table.cells[cell], mean / np.linalg.norm(mean), atol=1e-5)
    assert not table.cells[table.counts == 0].any()


def test_places_without_a_class_are_left_out(space: GeoSpace, classes: np.ndarray) -> None:
    some = classes.copy()
    some[::3] = -1
    table = build_cell_table(space, some, 72)
    assert len(table.vectors) == (some >= 0).sum()
    np.testing.assert_allclose(np.exp(table.log_probabilities(_unit(3))).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1])
def test_none_and_one_photo_have_rows(count: int, table: CellTable) -> None:
    assert table.log_probabilities(_unit(count)).shape == (count, 72)


def test_arguments_that_do_not_fit_are_refused(space: GeoSpace, table: CellTable) -> None:
    with pytest.raises(ValueError, match="expected vectors"):
        table.log_probabilities(_unit(2, 5))
    with pytest.raises(ValueError, match="temperature"):
        table.log_probabilities(_unit(2), temperature=0.0)
    with pytest.raises(ValueError, match="log-priors"):
        table.log_probabilities(_unit(2), log_prior=np.zeros(3))
    with pytest.raises(ValueError, match="no cell possible"):
        table.log_probabilities(_unit(2), log_prior=np.full(72, -np.inf))
    with pytest.raises(ValueError, match="expected 400 classes"):
        build_cell_table(space, np.zeros(3), 1)
    with pytest.raises(ValueError, match="from -1 to 4"):
        build_cell_table(space, np.full(400, 5), 5)
    with pytest.raises(ValueError, match="no place"):
        build_cell_table(space, np.full(400, -1), 5)


class _Counted:
    """The space's encoder, and how often it was asked."""

    def __init__(self, encoder: LocationEncoder) -> None:
        self.asked = 0
        self.dimension = encoder.dimension
        self._encoder = encoder

    def encode(self, *places: object, **how: object) -> np.ndarray:
        self.asked += 1
        return self._encoder.encode(*places, **how)


@pytest.fixture
def counted(space: GeoSpace) -> GeoSpace:
    return GeoSpace(_Counted(space.encoder), SCALE, space.gallery, "some weights")


def _file(cache: Path) -> Path:
    (path,) = cache.glob("*.vectors")
    return path


def test_the_second_time_nothing_is_encoded(
    counted: GeoSpace, classes: np.ndarray, tmp_path: Path
) -> None:
    cache = tmp_path / "new" / "cache"
    one, two = (build_cell_table(counted, classes, 72, cache=cache) for _ in range(2))
    assert counted.encoder.asked == 1
    np.testing.assert_array_equal(one.vectors, two.vectors)
    assert [path.suffix for path in cache.iterdir()] == [".vectors"]


@pytest.mark.parametrize("what", ["cut", "flipped", "empty", "longer", "other"])
def test_a_damaged_cache_is_made_anew(
    what: str, counted: GeoSpace, classes: np.ndarray, tmp_path: Path
) -> None:
    whole = np.array(build_cell_table(counted, classes, 72, cache=tmp_path).vectors)
    path = _file(tmp_path)
    data = bytearray(path.read_bytes())
    if what == "flipped":
        data[len(data) // 2] ^= 1
    elif what == "longer":
        data += b"x"
    elif what == "other":
        np.save(tmp_path / "o.npy", np.zeros((3, 3), np.float32))
        data = bytearray((tmp_path / "o.npy").read_bytes())
    path.write_bytes({"cut": data[:-9], "empty": b""}.get(what, bytes(data)))
    again = build_cell_table(counted, classes, 72, cache=tmp_path)
    assert counted.encoder.asked == 2
    np.testing.assert_array_equal(again.vectors, whole)
    build_cell_table(counted, classes, 72, cache=tmp_path)
    assert counted.encoder.asked == 2


def test_other_weights_gallery_or_partition_are_kept_apart(
    space: GeoSpace, counted: GeoSpace, classes: np.ndarray, tmp_path: Path
) -> None:
    build_cell_table(counted, classes, 72, cache=tmp_path)
    build_cell_table(counted, np.minimum(classes, 40), 72, cache=tmp_path)
    build_cell_table(counted, classes, 80, cache=tmp_path)
    assert counted.encoder.asked == 3
    other = GeoSpace(counted.encoder, SCALE, space.gallery, "other weights")
    build_cell_table(other, classes, 72, cache=tmp_path)
    assert counted.encoder.asked == 4
    assert len(list(tmp_path.iterdir())) == vector_cache._KEPT


def test_only_the_last_used_files_are_kept(
    counted: GeoSpace, classes: np.ndarray, tmp_path: Path
) -> None:
    for size in range(72, 80):
        build_cell_table(counted, classes, size, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == vector_cache._KEPT


def test_a_cache_that_cannot_be_written_does_no_harm(
    counted: GeoSpace, classes: np.ndarray, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    table = build_cell_table(counted, classes, 72, cache=blocked)
    assert len(table.vectors) == 400


def test_a_cancelled_build_leaves_nothing(
    space: GeoSpace, classes: np.ndarray, tmp_path: Path
) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        build_cell_table(space, classes, 72, cache=tmp_path, cancel=token)
    assert list(tmp_path.iterdir()) == []


def test_the_temperature_that_made_the_photos_is_found_again(
    space: GeoSpace, classes: np.ndarray, table: CellTable
) -> None:
    rng = np.random.default_rng(4)
    rows = _unit(3000)
    log_p = table.log_probabilities(rows, temperature=4.0).astype(np.float64)
    true = np.array([rng.choice(72, p=one / one.sum()) for one in np.exp(log_p)])
    true[::50] = -1
    assert fit_temperature(table, rows, true) == pytest.approx(4.0, rel=0.2)
    with pytest.raises(ValueError, match="no photo"):
        fit_temperature(table, rows, np.full(3000, -1))
