from __future__ import annotations

import json
from pathlib import Path

import pytest

from geotagger.errors import ModelError
from geotagger.models.registry import FORMAT_VERSION, backbone_of, backbones, read_config


@pytest.mark.parametrize("kind", sorted(backbones()))
def test_every_backbone_has_a_config_that_can_be_read_back(kind: str, tmp_path: Path) -> None:
    config = backbones()[kind].default_config()
    raw = json.loads(config.to_json())
    raw["sha256"] = "a" * 64
    (tmp_path / "config.json").write_text(json.dumps(raw))
    read = read_config(tmp_path)
    assert read.kind == kind
    assert read.licence
    assert read.input_size == config.input_size
    assert read.std == config.std


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
    ],
    ids=str,
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
