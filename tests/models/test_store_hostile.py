"""Weights and folders made to do harm: nothing in them is ever executed or believed."""

from __future__ import annotations

import json
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from geotagger.errors import ModelError
from geotagger.models import checking, placing, store
from geotagger.models.registry import ModelConfig
from geotagger.models.weights import load_tensors, sha256_of, tensor_shapes

ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


class _Harm:
    """Writes a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._mark),)


def _safetensors(path: Path, header: str | dict[str, object], data: bytes = bytes(8)) -> Path:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_a_sound_header_is_read(tmp_path: Path) -> None:
    path = _safetensors(tmp_path / "x", {"__metadata__": {"format": "pt"}, "a": ONE})
    assert tensor_shapes(path) == {"a": (2,)}


@pytest.mark.parametrize(
    "header",
    [
        f'{{"a": {json.dumps(ONE)}, "a": {json.dumps(ONE)}}}',
        '{"a": {"dtype": "F32", "dtype": "F64", "shape": [2], "data_offsets": [0, 8]}}',
        {"a": {**ONE, "data_offsets": [0, 1 << 40]}},
        {"a": {**ONE, "data_offsets": [8, 0]}},
        {"a": {**ONE, "data_offsets": [-8, 0]}},
        {"a": {**ONE, "data_offsets": [0, 8, 8]}},
        {"a": {**ONE, "shape": [1 << 61]}},
        {"a": {**ONE, "shape": [-2]}},
        {"a": {**ONE, "shape": [True, 2]}},
        {"a": {**ONE, "shape": [3]}},
        {"a": {**ONE, "dtype": "OBJECT"}},
        {"a": {**ONE, "dtype": ["F32"]}},
        {"a": {**ONE, "shape": [1], "data_offsets": [4, 8]}},
        {"a": ONE, "b": ONE},
        {"a": ["F32", [2], [0, 8]]},
        {},
        "[]",
        "{" * 50_000,
    ],
    ids=lambda header: str(header)[:60],
)
def test_a_header_that_does_not_hold_together_is_refused(
    header: str | dict[str, object], tmp_path: Path
) -> None:
    path = _safetensors(tmp_path / "x.safetensors", header)
    with pytest.raises(ModelError, match="no safetensors"):
        tensor_shapes(path)
    with pytest.raises(ModelError, match="no safetensors"):
        load_tensors(path, {"a": (2,)})


def test_a_header_that_claims_to_be_huge_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 40) + bytes(100))
    with pytest.raises(ModelError, match="no safetensors"):
        tensor_shapes(path)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 90_000_000))
        file.truncate(100_000_000)
    with pytest.raises(ModelError, match="no safetensors"):
        tensor_shapes(path)


def test_bytes_behind_the_last_tensor_are_refused(tmp_path: Path) -> None:
    path = _safetensors(tmp_path / "x.safetensors", {"a": ONE}, bytes(8) + b"extra")
    with pytest.raises(ModelError, match="no safetensors"):
        tensor_shapes(path)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_is_not_unpickled_whatever_it_is_called(protocol: int, tmp_path: Path) -> None:
    mark = tmp_path / "harmed"
    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(_Harm(mark), protocol))
    with pytest.raises(ModelError):
        store.install(path, tmp_path / "models")
    assert not mark.exists()


def test_what_lies_beside_a_model_is_not_copied_along(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "harmed"
    for name in ("pytorch_model.bin", "model.pt", "modeling.py", "__init__.py"):
        (folder / name).write_bytes(pickle.dumps(_Harm(mark)))
    installed = store.install(folder, tmp_path / "elsewhere")
    assert {path.name for path in installed.folder.iterdir()} == {
        "config.json",
        "model.safetensors",
    }
    assert not mark.exists()


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "code.py", "x.pkl", "model.onnx"]
)
def test_a_model_that_lists_code_is_refused(name: str, folder: Path, tmp_path: Path) -> None:
    (folder / name).write_bytes(b"x")
    raw = json.loads((folder / "config.json").read_text())
    raw["files"] = {name: sha256_of(folder / name)}
    (folder / "config.json").write_text(json.dumps(raw))
    with pytest.raises(ModelError, match="no model may have"):
        store.install(folder, tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="no model may have"):
        store.verify(folder)


def _config(folder: Path, **files: str) -> ModelConfig:
    (folder / "model.safetensors").write_bytes(b"weights")
    return ModelConfig(
        name="x",
        version="1",
        kind="mobilenet_v2",
        input_size=8,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        crop="centre",
        embedding_size=4,
        licence="",
        origin="",
        sha256=sha256_of(folder / "model.safetensors"),
        files=files,
    )


def test_every_listed_file_is_checked(tmp_path: Path) -> None:
    config = _config(tmp_path, **{"vision.json": "0" * 64})
    with pytest.raises(ModelError, match=r"lacks its vision\.json"):
        checking.check_files(tmp_path, config)
    (tmp_path / "vision.json").write_text("{}")
    with pytest.raises(ModelError, match=r"vision\.json is not the one"):
        checking.check_files(tmp_path, config)
    checking.check_files(
        tmp_path, _config(tmp_path, **{"vision.json": sha256_of(tmp_path / "vision.json")})
    )


def test_an_archive_of_objects_is_refused(tmp_path: Path) -> None:
    mark, path = tmp_path / "harmed", tmp_path / "partition.npz"
    np.savez(path, inner=np.array([_Harm(mark)], dtype=object))
    with pytest.raises(ModelError, match="more than numbers"):
        checking.check_files(tmp_path, _config(tmp_path, **{path.name: sha256_of(path)}))
    assert not mark.exists()
    np.savez(path, inner=np.arange(3))
    checking.check_files(tmp_path, _config(tmp_path, **{path.name: sha256_of(path)}))
    path.write_bytes(b"PK nothing")
    with pytest.raises(ModelError, match="damaged"):
        checking.check_files(tmp_path, _config(tmp_path, **{path.name: sha256_of(path)}))


def _model(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(text)
    return folder


def test_a_kill_between_two_renames_brings_the_former_model_back(tmp_path: Path) -> None:
    _model(tmp_path / ".former-mine", "former")
    _model(tmp_path / ".installing-abc", "new")
    (found,) = store.model_folders(tmp_path)
    assert found.folder == tmp_path / "mine"
    assert (found.folder / "config.json").read_text() == "former"
    assert not list(tmp_path.glob(".[!l]*")), "and what was unfinished is gone"


def test_a_kill_after_both_renames_leaves_the_new_model(tmp_path: Path) -> None:
    _model(tmp_path / ".former-mine", "former")
    _model(tmp_path / "mine", "new")
    _model(tmp_path / ".removing-other", "gone")
    (found,) = store.model_folders(tmp_path)
    assert (found.folder / "config.json").read_text() == "new"
    assert not list(tmp_path.glob(".[!l]*"))


def test_a_running_installation_is_left_alone(tmp_path: Path) -> None:
    with placing.locked(tmp_path):
        unfinished = _model(tmp_path / ".installing-abc", "new")
        former = _model(tmp_path / ".former-mine", "former")
        assert store.model_folders(tmp_path) == []
        assert unfinished.is_dir() and former.is_dir()
