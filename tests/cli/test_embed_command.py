from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.albums import LISBON, make_album
from tests.support.small_model import small_model

Run = Callable[..., object]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("models") / "random")


@pytest.fixture
def album(tmp_path: Path) -> Path:
    make_album(tmp_path / "photos", LISBON[:5], size=(160, 120))
    return tmp_path / "photos"


def test_embed_looks_at_every_photo_once(run: Run, album: Path, model: Path) -> None:
    first = run("embed", album, "--model", model, "--device", "cpu", "--json", "--quiet")
    assert first.code == 0
    assert first.json["embedded"] == 5 and first.json["failed"] == []
    assert first.json["engine"].startswith("ONNX Runtime, fp32")
    again = run("embed", album, "--model", model, "--device", "torch", "--json", "--quiet")
    assert again.json["embedded"] == 0
    assert again.json["engine"] == "torch, fp32, cpu"


def test_a_photo_that_cannot_be_decoded_is_named_once(run: Run, album: Path, model: Path) -> None:
    whole = album / "IMG_0001.jpg"
    data = whole.read_bytes()
    # The metadata lie before the pixels and stay sound.
    whole.write_bytes(data[: data.index(b"\xff\xdb")])
    first = run("embed", album, "--model", model, "--json", "--quiet")
    failed = [Path(one["path"]).name for one in first.json["failed"]]
    assert failed == [whole.name] and first.code == 1
    assert "not decoded" in first.err and whole.name in first.err
    assert run("embed", album, "--model", model, "--json", "--quiet").json["failed"] == []
    tried = run("embed", album, "--model", model, "--again", "--json", "--quiet")
    assert len(tried.json["failed"]) == 1


def test_too_few_photos_for_eight_bits_are_told_and_fp32_runs(
    run: Run, album: Path, model: Path
) -> None:
    ran = run("embed", album, "--model", model, "--device", "cpu", "--int8", "--json")
    assert "32 photos" in ran.err
    assert "fp32" in ran.json["engine"]


def test_without_a_model_the_remedy_is_told(run: Run, album: Path) -> None:
    ran = run("embed", album, "--quiet")
    assert ran.code == 1 and "geotagger models install" in ran.err


def test_out_needs_a_cluster(run: Run, album: Path, tmp_path: Path) -> None:
    ran = run("embed", album, "--out", tmp_path / "x.parquet", "--quiet")
    assert ran.code == 1 and "--cluster" in ran.err


def test_a_missing_extra_is_told_with_what_to_install(
    run: Run, album: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from geotagger.library import cluster

    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda name: None)
    ran = run("embed", album, "--model", model, "--cluster", "local", "--quiet")
    assert ran.code == 1 and "photo-geotagger[cluster]" in ran.err
