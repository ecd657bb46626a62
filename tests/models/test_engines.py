"""The engines agree with plain torch, and what they cache is built once and mended."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from geotagger.errors import ModelError
from geotagger.models.embedder import Embedder, load_embedder
from geotagger.models.engines import choosing, onnx_export
from geotagger.models.engines.base import SCENES, Engine, pixel_module, width_of
from geotagger.models.engines.choosing import choose_engine
from geotagger.models.engines.cuda_engine import half_precision
from geotagger.models.engines.onnx_cache import GRAPH_NAME, EngineCache, key_of
from geotagger.models.engines.onnx_engine import OnnxEngine, cpu_engine
from geotagger.models.engines.onnx_export import cosine_distances, probe_images
from geotagger.models.engines.torch_engine import TorchNetwork
from geotagger.models.registry import ModelConfig

SIDE, WIDTH = 32, 12


def config(**changes: object) -> ModelConfig:
    values: dict[str, object] = {
        "name": "tiny net",
        "version": "1/a",
        "kind": "mobilenet_v2",
        "input_size": SIDE,
        "mean": (0.4, 0.5, 0.6),
        "std": (0.2, 0.3, 0.4),
        "crop": "centre",
        "embedding_size": WIDTH,
        "licence": "Apache-2.0",
        "origin": "made by the tests",
        "sha256": "0" * 64,
        **changes,
    }
    return ModelConfig(**values)  # type: ignore[arg-type]


def body(width: int = WIDTH) -> torch.nn.Module:
    torch.manual_seed(4)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 5, stride=2),
        torch.nn.GELU(),
        torch.nn.Conv2d(16, 16, 3, stride=2),
        torch.nn.AdaptiveAvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.LayerNorm(64),
        torch.nn.Linear(64, width),
    )


def network(**changes: object) -> TorchNetwork:
    made = config(**changes)
    return TorchNetwork(body(width_of(made)), made, "cpu")


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "engines")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> EngineCache:
    """A cache that holds the tiny network."""
    made = EngineCache(tmp_path_factory.mktemp("exported"))
    assert isinstance(cpu_engine(config(), network, cache=made), OnnxEngine)
    return made


def never() -> TorchNetwork:
    raise AssertionError("the network is not wanted when the cache serves")


def test_pixels_are_scaled_as_the_configuration_says() -> None:
    images = probe_images(SIDE)
    module = pixel_module(torch.nn.Identity(), config())
    expected = (images / 255.0 - np.array([0.4, 0.5, 0.6])) / np.array([0.2, 0.3, 0.4])
    found = module(torch.from_numpy(images)).numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 17, 40])
def test_the_graph_equals_torch_for_any_number_of_images(exported: EngineCache, count: int) -> None:
    engine = cpu_engine(config(), never, cache=exported)
    images = probe_images(SIDE, count)
    rows = engine.run(images)
    assert rows.dtype == np.float32
    assert cosine_distances(rows, network().run(images)).max() <= onnx_export.TOLERANCE


def test_every_engine_streams_what_it_runs(exported: EngineCache) -> None:
    images = probe_images(SIDE, 9)
    for engine in (cpu_engine(config(), never, cache=exported), network()):
        assert hasattr(engine, "stream")
        streamed = list(engine.stream(iter([images[:4], images[4:]])))
        np.testing.assert_allclose(np.concatenate(streamed), engine.run(images), atol=1e-5)


def test_a_real_network_gives_the_same_vectors_in_both_engines(folder: Path) -> None:
    images = probe_images(224, 3)
    fast, plain = load_embedder(folder, device="cpu"), load_embedder(folder, device="torch")
    assert fast.engine.label.startswith("ONNX Runtime, fp32")
    assert plain.engine.label == "torch, fp32, cpu"
    assert cosine_distances(fast.embed(images), plain.embed(images)).max() <= 1e-4


def test_bf16_is_within_its_tolerance_of_fp32(folder: Path) -> None:
    # bf16 has the same numbers on a card and on the CPU but for the order of sums.
    images = probe_images(224, 2)
    exact = choose_engine(
        folder / "model.safetensors", load_embedder(folder).config, device="torch"
    )
    assert isinstance(exact, TorchNetwork)
    expected = exact.run(images)
    half_precision(exact.module)
    assert exact.module.body_type is torch.bfloat16
    assert cosine_distances(exact.run(images), expected).max() <= 1e-2


def test_scene_probabilities_come_beside_unit_vectors() -> None:
    engine = TorchNetwork(body(WIDTH + SCENES), config(), "cpu")
    seen = Embedder(engine, config()).look(probe_images(SIDE, 4))
    assert seen.vectors.shape == (4, WIDTH)
    np.testing.assert_allclose(np.linalg.norm(seen.vectors, axis=1), 1.0, atol=1e-5)
    assert seen.scenes is not None and seen.scenes.shape == (4, 3)
    np.testing.assert_allclose(seen.scenes.sum(axis=1), 1.0, atol=1e-5)


def test_a_cached_graph_runs_without_torch(folder: Path) -> None:
    load_embedder(folder, device="cpu")
    code = (
        "import sys; from pathlib import Path; import numpy as np;"
        "from geotagger.models.embedder import Embedder, load_embedder;"
        f"e = load_embedder(Path({str(folder)!r}), device='cpu');"
        "e.embed(np.zeros((2, 224, 224, 3), np.uint8)); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("harm", ["cut", "flip", "missing", "unsealed", "foreign", "seal"])
def test_a_damaged_entry_is_dropped(exported: EngineCache, cache: EngineCache, harm: str) -> None:
    shutil.copytree(exported.root, cache.root)
    folder = cache.find(config(), "fp32")
    assert folder is not None
    graph = folder / GRAPH_NAME
    if harm == "cut":
        graph.write_bytes(graph.read_bytes()[:100])
    elif harm == "flip":
        weights = next(path for path in folder.iterdir() if path.suffix == ".data")
        data = bytearray(weights.read_bytes())
        data[7] ^= 1
        weights.write_bytes(data)
    elif harm == "missing":
        graph.unlink()
    elif harm == "unsealed":
        (folder / "seal.json").unlink()
    elif harm == "foreign":
        (folder / "left-over").write_text("")
    else:
        (folder / "seal.json").write_text('{"files": ')
    assert cache.find(config(), "fp32") is None
    assert not folder.exists()


def test_a_dropped_entry_is_built_again(cache: EngineCache) -> None:
    cache.publish(config(), "fp32", lambda folder: _write(folder, "hand"))
    folder = cache.find(config(), "fp32")
    assert folder is not None
    (folder / GRAPH_NAME).write_text("damaged")
    engine = cpu_engine(config(), network, cache=cache)
    assert isinstance(engine, OnnxEngine)
    assert cache.find(config(), "fp32") == folder


def test_other_weights_scaling_or_runtime_are_another_entry() -> None:
    keys = {
        key_of(config()),
        key_of(config(sha256="1" * 64)),
        key_of(config(mean=(0.0, 0.0, 0.0))),
        key_of(config(version="2")),
    }
    assert len(keys) == 4
    assert all("/" not in key and " " not in key for key in keys)


def test_a_failed_build_leaves_nothing_and_a_late_one_keeps_the_first(cache: EngineCache) -> None:
    def fail(folder: Path) -> dict[str, object]:
        (folder / GRAPH_NAME).write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        cache.publish(config(), "fp32", fail)
    assert list(cache.root.iterdir()) == []

    def race(folder: Path) -> dict[str, object]:
        cache.publish(config(), "fp32", lambda inner: _write(inner, "first"))
        return _write(folder, "second")

    folder = cache.publish(config(), "fp32", race)
    assert (folder / GRAPH_NAME).read_text() == "first"
    assert cache.about(config(), "fp32") == {"by": "first"}
    assert [path.name for path in cache.root.iterdir()] == [key_of(config())]


def _write(folder: Path, by: str) -> dict[str, object]:
    (folder / GRAPH_NAME).write_text(by)
    return {"by": by}


def test_entries_of_an_older_runtime_go_when_a_new_one_is_made(cache: EngineCache) -> None:
    old = cache.root / (key_of(config()).rsplit("-ort", 1)[0] + "-ort0.1-x1")
    other = cache.root / "another-model-ort0.1-x1"
    for folder in (old, other):
        folder.mkdir(parents=True)
    cache.publish(config(), "fp32", lambda folder: _write(folder, "new"))
    assert not old.exists() and other.exists()


class Branching(torch.nn.Module):
    """Depends on the values, which no graph can."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if float(pixels.mean()) > 0.0:
            return pixels.flatten(1)[:, :WIDTH]
        return pixels.flatten(1)[:, -WIDTH:]


def test_a_network_that_cannot_be_exported_runs_by_torch_and_says_so(cache: EngineCache) -> None:
    plain = TorchNetwork(Branching(), config(), "cpu")
    engine = cpu_engine(config(), lambda: plain, cache=cache)
    assert engine is plain
    assert "export" in plain.note
    assert plain.run(probe_images(SIDE)).shape == (3, WIDTH)


def test_a_cache_that_cannot_be_written_costs_only_speed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    engine = cpu_engine(config(), network, cache=EngineCache(tmp_path / "file" / "engines"))
    assert isinstance(engine, TorchNetwork)
    assert "plain torch" in engine.note


def test_a_graph_that_gives_other_numbers_is_refused(
    cache: EngineCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "TOLERANCE", -1.0)
    engine = cpu_engine(config(), network, cache=cache)
    assert isinstance(engine, TorchNetwork)
    assert "differs from torch" in engine.note
    assert cache.find(config(), "fp32") is None


class OnlyRuns:
    def run(self, images: np.ndarray) -> np.ndarray:
        return np.ones((len(images), WIDTH), np.float32)


def test_a_backbone_without_a_torch_module_runs_as_it_is(cache: EngineCache) -> None:
    engine: Engine = choosing.as_engine(cpu_engine(config(), OnlyRuns, cache=cache))
    streamed: Iterator[np.ndarray] = engine.stream([probe_images(SIDE)])
    assert next(streamed).shape == (3, WIDTH)
    assert engine.device == "cpu" and engine.note


def test_an_unknown_device_or_precision_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="auto, cpu, cuda, torch"):
        load_embedder(folder, device="tpu")
    with pytest.raises(ValueError, match="fp32 or int8"):
        load_embedder(folder, device="cpu", precision="int3")


def test_the_environment_names_the_device_where_nothing_else_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOTAGGER_DEVICE", "torch")
    assert load_embedder(folder).engine.label == "torch, fp32, cpu"
    assert load_embedder(folder, device="cpu").engine.label.startswith("ONNX")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_where_there_is_none_is_an_error_with_a_remedy(folder: Path) -> None:
    with pytest.raises(ModelError, match="No CUDA device") as caught:
        load_embedder(folder, device="cuda")
    assert caught.value.remedy
    assert load_embedder(folder, device="auto").device == "cpu"


def test_the_seal_notes_the_measured_distance(exported: EngineCache) -> None:
    about = exported.about(config(), "fp32")
    assert 0 <= abs(about["cosine_distance"]) <= onnx_export.TOLERANCE
    folder = exported.find(config(), "fp32")
    assert folder is not None
    assert GRAPH_NAME in json.loads((folder / "seal.json").read_text())["files"]
