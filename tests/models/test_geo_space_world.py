from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from geotagger.earth.distance import destination
from geotagger.earth.partition import Limits, Partition
from geotagger.earth.partition_build import build_partition
from geotagger.earth.partition_file import save
from geotagger.errors import ModelError
from geotagger.models.album import reading
from geotagger.models.album.config import AlbumModelConfig
from geotagger.models.album.network import AlbumNetwork, CellHead
from geotagger.models.album.release import save_release
from geotagger.models.geo_space import load_geo_space
from geotagger.models.geoclip_release import convert_release
from geotagger.models.registry import read_config
from geotagger.models.weights import sha256_of
from geotagger.models.world import LinearHead, TopCells, WorldModel
from geotagger.models.world_load import load_outline, load_world_model
from tests.support.releases import gallery, own_pairs, write_clip, write_head


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("hub")
    write_head(base / "head")
    write_clip(base / "clip")
    convert_release(base / "head", base / "clip", base / "model")
    return base / "model"


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Path:
    """The model folder for a test to damage."""
    to = tmp_path / "model"
    to.mkdir()
    for path in model.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


@pytest.fixture(scope="module")
def world(model: Path, tmp_path_factory: pytest.TempPathFactory) -> WorldModel:
    return load_world_model(model, cache=tmp_path_factory.mktemp("cache"), pairs=own_pairs())


@pytest.fixture
def seal(copy: Path) -> Callable[[str], None]:
    """Let config.json name a changed file, as a model made wrongly would."""

    def now(name: str) -> None:
        config = read_config(copy)
        files = {**config.files, name: sha256_of(copy / name)}
        (copy / "config.json").write_text(replace(config, files=files).to_json())

    return now


def _unit(count: int, width: int = 16) -> np.ndarray:
    rows = np.random.default_rng(2).normal(size=(count, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _partition(limit: int = 30) -> Partition:
    return build_partition(gallery(), Limits(limit, 1, max_level=8), name="test")


def test_an_album_model_of_the_same_space_belongs_to_the_world_model(
    model: Path, world: WorldModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_outline(model).album_key == world.album_key == ""  # the shipped one has 512 numbers
    torch.manual_seed(3)
    size = read_config(model).embedding_size
    config = AlbumModelConfig("m", 24, True, head="geo", dimension=size, beliefs=True)
    cells = load_geo_space(model).encoder.encode(world.partition.mean_lat, world.partition.mean_lon)
    head = CellHead(torch.from_numpy(cells), torch.zeros(len(cells)), learned=False)
    network = AlbumNetwork(config)
    network.start_memory(torch.from_numpy(cells))
    save_release(tmp_path / "album", network, head, world.partition, trained_on="nothing")
    monkeypatch.setattr(reading, "SHIPPED", tmp_path / "album")
    again = load_world_model(model, cache=tmp_path / "cache", pairs=own_pairs())
    assert load_outline(model).album_key == again.album_key == reading.album_key(size) != ""
    rows = _unit(4)
    together = again.album_cells(rows, np.arange(4.0) * 60.0, 5)
    assert not np.allclose(together.log_p, again.top_cells(rows, 5).log_p)


def test_top_cells_are_the_likeliest_and_the_rest_is_what_they_leave(world: WorldModel) -> None:
    rows = _unit(300)
    whole = world.log_probabilities(rows)
    classes, log_p, log_rest = world.top_cells(rows, 5)
    assert (classes.dtype, log_p.dtype, log_rest.dtype) == (np.int32, np.float32, np.float32)
    assert classes.shape == log_p.shape == (300, 5)
    np.testing.assert_array_equal(np.sort(whole, axis=1)[:, :-6:-1], log_p)
    np.testing.assert_array_equal(np.take_along_axis(whole, classes, axis=1), log_p)
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1) + np.exp(log_rest), 1.0, atol=1e-5)


def test_more_cells_than_there_are_give_all_and_leave_nothing(world: WorldModel) -> None:
    guesses = world.top_cells(_unit(2), 10_000)
    assert guesses.classes.shape == (2, world.partition.size)
    assert np.isneginf(guesses.log_rest).all()
    density = world.log_density([0.0, 40.0], [0.0, 50.0], guesses)
    assert np.isfinite(density).all()
    with pytest.raises(ValueError, match="at least 1"):
        world.top_cells(_unit(2), 0)
    assert world.top_cells(_unit(0), 3).classes.shape == (0, 3)


def test_every_place_of_the_gallery_is_in_a_cell(model: Path, world: WorldModel) -> None:
    places = load_geo_space(model).gallery
    classes = world.partition.classes_of(places[:, 0], places[:, 1])
    assert (classes >= 0).all()
    assert world.partition.counts.sum() == len(places)
    prior = np.log(world.partition.counts / len(places))
    np.testing.assert_allclose(world.log_prior, prior, atol=1e-6)


def _over_the_earth(step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places at the middles of boxes, and the boxes' areas in square kilometres."""
    lat, lon = np.meshgrid(
        np.arange(-90 + step / 2, 90, step), np.arange(-180 + step / 2, 180, step), indexing="ij"
    )
    rows = np.sin(np.radians(lat + step / 2)) - np.sin(np.radians(lat - step / 2))
    return lat.ravel(), lon.ravel(), (6371.0088**2 * np.radians(step) * rows).ravel()


def test_densities_over_the_whole_earth_sum_to_one_photo() -> None:
    partition = build_partition(gallery(), Limits(400, 1, max_level=1), name="wide")
    prior = np.log(partition.counts / partition.counts.sum()).astype(np.float32)
    rng = np.random.default_rng(3)
    weight = rng.normal(size=(partition.size, 8)).astype(np.float32)
    head = LinearHead(weight, np.zeros(partition.size, np.float32), prior)
    world = WorldModel(partition, head, "test")
    lat, lon, area = _over_the_earth(1.0)
    guesses = world.top_cells(_unit(3, 8), 4)
    total = (np.exp(world.log_density(lat, lon, guesses)) * area).sum(axis=1)
    np.testing.assert_allclose(total, 1.0, atol=0.01)
    everywhere = (np.exp(world.prior_log_density(lat, lon)) * area).sum()
    assert everywhere == pytest.approx(1.0, abs=0.01)


def test_few_top_cells_and_all_of_them_tell_nearly_the_same(world: WorldModel) -> None:
    rows = _unit(5)
    lat, lon = gallery(50, seed=7).T
    short = world.log_density(lat, lon, world.top_cells(rows, 20))
    whole = world.log_density(lat, lon, world.top_cells(rows, 10_000))
    likely = whole > whole.max(axis=1, keepdims=True) - 3.0
    np.testing.assert_allclose(short[likely], whole[likely], atol=0.3)


def test_density_is_high_in_the_likely_cell_and_falls_with_distance(world: WorldModel) -> None:
    certain = TopCells(
        np.array([[7]], np.int32), np.log([[0.9]]).astype(np.float32), np.log([0.1]).astype("f4")
    )
    at = (world.partition.mean_lat[7], world.partition.mean_lon[7])
    ways = [0.0, 100e3, 1000e3]
    lat, lon = destination(at[0], at[1], 0.0, ways)
    density = world.log_density(lat, lon, certain)[0]
    assert density[0] > density[1] > density[2]
    assert density[0] > world.prior_log_density(*at)[0]
    # Half of the bell within the radius, so the density there is half of the peak.
    radius = max(float(world.partition.radius_m[7]), 11_774.0)
    edge = world.log_density(*destination(at[0], at[1], 90.0, [radius]), certain)[0]
    assert density[0] - edge[0] == pytest.approx(np.log(2.0), abs=0.2)


def test_a_guess_that_is_the_prior_has_the_priors_density(world: WorldModel) -> None:
    order = np.argsort(-world.log_prior)[:6].astype(np.int32)
    log_p = world.log_prior[order].astype(np.float32)
    rest = np.log1p(-np.exp(log_p.astype(np.float64)).sum())
    guesses = TopCells(order[None], log_p[None], np.array([rest], np.float32))
    lat, lon = gallery(30, seed=8).T
    np.testing.assert_allclose(
        world.log_density(lat, lon, guesses)[0], world.prior_log_density(lat, lon), atol=1e-4
    )


def test_the_key_changes_with_weights_and_cells(
    model: Path, world: WorldModel, copy: Path, tmp_path: Path, seal: Callable[[str], None]
) -> None:
    config = read_config(model)
    assert config.version in world.key
    other = build_partition(
        load_geo_space(model).gallery.astype(np.float64), Limits(20, 1), name="other"
    )
    save(other, copy / "partition.npz")
    seal("partition.npz")
    again = load_world_model(copy, cache=tmp_path / "cache", pairs=own_pairs())
    assert again.key != world.key
    assert again.partition.size == other.size


def test_without_a_partition_the_same_one_is_made_of_the_gallery(
    world: WorldModel, copy: Path, tmp_path: Path
) -> None:
    (copy / "partition.npz").unlink()
    again = load_world_model(copy, cache=tmp_path / "cache", pairs=own_pairs())
    assert again.key == world.key


def test_a_partition_of_other_places_is_refused(
    copy: Path, tmp_path: Path, seal: Callable[[str], None]
) -> None:
    save(build_partition(gallery(seed=99), Limits(50, 1), name="x"), copy / "partition.npz")
    seal("partition.npz")
    with pytest.raises(ModelError, match="other places"):
        load_world_model(copy, cache=tmp_path / "cache", pairs=own_pairs())


@pytest.mark.parametrize("name", ["gallery.csv", "geo.safetensors", "partition.npz"])
def test_a_changed_file_is_refused(name: str, copy: Path, tmp_path: Path) -> None:
    data = bytearray((copy / name).read_bytes())
    data[-2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(ModelError, match=r"not the one|damaged|self-check"):
        load_world_model(copy, cache=tmp_path / "cache", pairs=own_pairs())


def test_a_damaged_partition_is_refused(
    copy: Path, tmp_path: Path, seal: Callable[[str], None]
) -> None:
    (copy / "partition.npz").write_bytes(b"nothing")
    seal("partition.npz")
    with pytest.raises(ModelError, match="partition cannot be used") as caught:
        load_world_model(copy, cache=tmp_path / "cache", pairs=own_pairs())
    assert caught.value.path == copy / "partition.npz"


def test_a_model_without_its_self_check_passed_says_nothing(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="self-check"):
        load_world_model(model, cache=tmp_path / "cache")


def test_a_model_that_claims_nothing_is_no_world_model(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="claims nothing"):
        load_world_model(folder, cache=tmp_path / "cache")


def test_a_linear_head_is_a_softmax() -> None:
    rng = np.random.default_rng(1)
    weight, bias = rng.normal(size=(6, 4)).astype("f4"), rng.normal(size=6).astype("f4")
    head = LinearHead(weight, bias, np.zeros(6, np.float32))
    rows = _unit(3, 4)
    likely = np.exp(rows @ weight.T + bias)
    np.testing.assert_allclose(
        np.exp(head.log_probabilities(rows)), likely / likely.sum(axis=1, keepdims=True), atol=1e-6
    )
    with pytest.raises(ValueError, match="expected vectors"):
        head.log_probabilities(_unit(3, 5))
    with pytest.raises(ValueError, match="do not fit"):
        LinearHead(weight, bias[:3], bias)


def test_a_head_of_another_number_of_classes_than_its_partition_is_refused(
    tmp_path: Path,
) -> None:
    partition = _partition()
    path = tmp_path / "head.safetensors"
    save_file({"head.weight": torch.zeros(3, 4), "head.bias": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match="tells 3 classes apart"):
        LinearHead.load(path, partition.counts)
    save_file({"head.weight": torch.zeros(partition.size, 4), "head.bias": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match="shape"):
        LinearHead.load(path, partition.counts)
    save_file({"head.bias": torch.zeros(partition.size)}, path)
    with pytest.raises(ModelError, match="lack"):
        LinearHead.load(path, partition.counts)
    head = LinearHead(np.zeros((2, 4), np.float32), np.zeros(2, "f4"), np.zeros(2, "f4"))
    with pytest.raises(ValueError, match="head for 2"):
        WorldModel(partition, head, "x")


def test_a_folder_with_a_softmax_head_is_a_world_model(folder: Path, tmp_path: Path) -> None:
    partition = _partition()
    made = torch.Generator().manual_seed(1)
    save(partition, folder / "partition.npz")
    save_file(
        {
            "head.weight": torch.randn((partition.size, 1280), generator=made),
            "head.bias": torch.zeros(partition.size),
        },
        folder / "head.safetensors",
    )
    save_file(
        {
            "images": torch.zeros((1, 224, 224, 3), dtype=torch.uint8),
            "embeddings": torch.ones(1, 1280),
        },
        folder / "selfcheck.safetensors",
    )
    names = ("partition.npz", "head.safetensors", "selfcheck.safetensors")
    config = replace(
        read_config(folder), world=True, files={name: sha256_of(folder / name) for name in names}
    )
    (folder / "config.json").write_text(config.to_json())
    world = load_world_model(folder, cache=tmp_path / "cache")
    guesses = world.top_cells(_unit(4, 1280), 3)
    assert guesses.classes.shape == (4, 3)
    assert not (tmp_path / "cache").exists()
    (folder / "config.json").write_text(replace(config, embedding_size=77).to_json())
    with pytest.raises(ModelError, match="takes 1280 numbers"):
        load_world_model(folder, cache=tmp_path / "cache")
