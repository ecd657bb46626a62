"""The int8 form is measured on photos it was not made with, and kept only if it agrees."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from geotagger.models.engines import quantise
from geotagger.models.engines.onnx_cache import GRAPH_NAME, EngineCache
from geotagger.models.engines.onnx_engine import OnnxEngine, cpu_engine
from geotagger.models.engines.onnx_export import cosine_distances, probe_images
from geotagger.models.engines.quantise import measure, quantised
from tests.models.test_engines import SIDE, config, network, never
from tests.support.pictures import KINDS, scene


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> EngineCache:
    made = EngineCache(tmp_path_factory.mktemp("exported"))
    cpu_engine(config(), network, cache=made)
    return made


@pytest.fixture
def cache(exported: EngineCache, tmp_path: Path) -> EngineCache:
    """A cache of the test's own that holds the tiny network's graph."""
    shutil.copytree(exported.root, tmp_path / "engines")
    return EngineCache(tmp_path / "engines")


@pytest.fixture(scope="module")
def photos() -> np.ndarray:
    made = [scene(kind, seed, (SIDE, SIDE)) for seed in range(8) for kind in KINDS]
    return np.stack([np.asarray(one.convert("RGB"), np.uint8) for one in made])


def test_an_int8_form_that_agrees_is_kept_and_used(
    cache: EngineCache, photos: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Drawn scenes this small are so alike that the nearest one is a matter of chance.
    monkeypatch.setattr(quantise, "LEAST_SAME_NEIGHBOUR", 0.5)
    agreement = quantised(config(), photos, cache)
    assert agreement.passed
    assert agreement.photos == len(photos) // 2
    assert quantise.LEAST_COSINE <= agreement.cosine <= 1.0
    engine = cpu_engine(config(), never, precision="int8", cache=cache)
    assert isinstance(engine, OnnxEngine)
    assert "int8" in engine.label and engine.note == ""
    distances = cosine_distances(engine.run(photos), network().run(photos))
    assert distances.mean() <= 1.0 - quantise.LEAST_COSINE
    about = cache.about(config(), "int8")
    assert about["cosine"] == agreement.cosine and about["same_neighbour"] > 0.0


def test_one_that_does_not_agree_is_measured_but_not_kept(
    cache: EngineCache, photos: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantise, "LEAST_COSINE", 1.1)
    agreement = quantised(config(), photos, cache)
    assert not agreement.passed
    folder = cache.find(config(), "int8")
    assert folder is not None and not (folder / GRAPH_NAME).exists()
    engine = cpu_engine(config(), never, precision="int8", cache=cache)
    assert isinstance(engine, OnnxEngine)
    assert "fp32" in engine.label and "int8" in engine.note


def test_too_few_photos_or_no_graph_are_refused(cache: EngineCache, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 32 photos, found 3"):
        quantised(config(), probe_images(SIDE), cache)
    with pytest.raises(ValueError, match="no exported graph"):
        quantised(config(), probe_images(SIDE, 40), EngineCache(tmp_path / "empty"))


def test_agreement_counts_cosines_and_neighbours() -> None:
    rows = np.eye(4, dtype=np.float32) + 0.1 * np.arange(16, dtype=np.float32).reshape(4, 4) / 16
    same = measure(rows, rows * 3)
    assert same.passed and same.cosine == pytest.approx(1.0) and same.same_neighbour == 1.0
    other = measure(rows, rows[::-1].copy())
    assert not other.passed and other.cosine < 0.9
    broken = rows.copy()
    broken[0, 0] = np.nan
    assert not measure(rows, broken).passed
