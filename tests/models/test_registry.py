from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from geotagger.errors import ModelError
from geotagger.models.registry import FORMAT_VERSION, backbone_of, backbones, read_config

KINDS = sorted(backbones())


@pytest.mark.parametrize("kind", KINDS)
def test_every_backbone_has_a_config_that_can_be_read_back(kind: str, tmp_path: Path) -> None:
    config = replace(
        backbones()[kind].default_config(),
        sha256="a" * 64,
        files={"vision.json": "b" * 64},
        sources={"owner/name@main/model.safetensors": "c" * 64},
        size_bytes=12,
    )
    (tmp_path / "config.json").write_text(config.to_json())
    assert read_config(tmp_path) == config


@pytest.mark.parametrize("kind", KINDS)
def test_every_backbone_says_what_it_takes_and_whose_it_is(kind: str) -> None:
    config = backbones()[kind].default_config()
    assert config.kind == kind
    assert config.licence and config.origin and config.version
    assert 1 <= config.input_size <= 2048
    assert config.embedding_size > 0
    assert len(config.mean) == len(config.std) == 3
    assert all(0.0 <= value <= 1.0 for value in config.mean)
    assert all(0.0 < value <= 1.0 for value in config.std)
    assert config.crop == "centre"
    assert config.resample in ("bilinear", "bicubic")
    assert config.sha256 == "" and config.files == {}, "no checksum is known before the weights"


@pytest.mark.parametrize("kind", KINDS)
def test_no_backbone_takes_foreign_tensors_for_its_own(kind: str) -> None:
    backbone = backbones()[kind]
    assert not backbone.recognises({})
    assert not backbone.recognises({"layer.weight": (3, 3), "layer.bias": (3,)})


@pytest.mark.parametrize("kind", KINDS)
def test_no_backbone_runs_weights_that_are_not_its_own(kind: str, tmp_path: Path) -> None:
    backbone = backbones()[kind]
    path = tmp_path / "model.safetensors"
    save_file({"layer": torch.zeros(3)}, path)
    with pytest.raises(ModelError):
        backbone.load(path, backbone.default_config(), device="cpu")


def test_a_folder_of_the_first_programs_still_loads(tmp_path: Path) -> None:
    raw = json.loads(backbones()["mobilenet_v2"].default_config().to_json())
    for key in ("files", "world", "scene", "resample", "min_side", "size_bytes", "sources"):
        del raw[key]
    raw["sha256"] = "0" * 64
    (tmp_path / "config.json").write_text(json.dumps(raw))
    config = read_config(tmp_path)
    assert config.files == {} and config.sources == {} and config.size_bytes == 0
    assert not (config.world or config.scene or config.min_side)


def test_a_kind_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'teapot'"):
        backbone_of("teapot", tmp_path)


def _write(folder: Path, **changes: object) -> None:
    raw = json.loads(backbones()["mobilenet_v2"].default_config().to_json())
    raw.update({"sha256": "0" * 64, **changes})
    (folder / "config.json").write_text(json.dumps(raw))


@pytest.mark.parametrize(
    "changes",
    [
        {"std": [0.5, 0.0, 0.5]},
        {"mean": [0.5, "x", 0.5]},
        {"mean": [0.5, 0.5]},
        {"input_size": 0},
        {"input_size": True},
        {"input_size": 10**9},
        {"embedding_size": -1},
        {"crop": "diagonal"},
        {"sha256": "zz"},
        {"name": ""},
        {"name": None},
        {"format_version": "1"},
        {"files": ["model.bin"]},
        {"files": {"../x": "0" * 64}},
        {"files": {"x/y.json": "0" * 64}},
        {"files": {"config.json": "0" * 64}},
        {"files": {"vision.json": "no"}},
        {"files": {f"{number}.json": "0" * 64 for number in range(101)}},
        {"sources": {"x": "no"}},
        {"world": "yes"},
        {"scene": 1},
        {"resample": "nearest"},
        {"size_bytes": -1},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_config_with_an_impossible_value_is_refused(
    changes: dict[str, object], tmp_path: Path
) -> None:
    _write(tmp_path, **changes)
    with pytest.raises(ModelError, match="damaged") as caught:
        read_config(tmp_path)
    assert caught.value.path == tmp_path / "config.json"


def test_a_newer_format_asks_for_a_newer_program(tmp_path: Path) -> None:
    _write(tmp_path, format_version=FORMAT_VERSION + 1)
    with pytest.raises(ModelError, match="newer") as caught:
        read_config(tmp_path)
    assert "Update" in caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\x00", b"[" * 100_000])
def test_a_config_that_is_no_json_object_is_damaged(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        read_config(tmp_path)


def test_a_missing_folder_and_a_folder_without_config_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        read_config(tmp_path / "none")
    with pytest.raises(ModelError, match=r"no config\.json"):
        read_config(tmp_path)
