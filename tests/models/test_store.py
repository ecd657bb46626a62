from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from geotagger.errors import ModelError
from geotagger.models import store
from geotagger.models.placing import LOCK_NAME
from geotagger.progress import CancelledError, CancelToken


def _left_over(root: Path) -> list[str]:
    return [
        entry.name
        for entry in root.iterdir()
        if entry.name.startswith(".") and entry.name != LOCK_NAME
    ]


def test_a_bare_file_is_recognised_and_becomes_a_verified_folder(
    weights: Path, tmp_path: Path
) -> None:
    installed = store.install(weights, tmp_path)
    assert installed.config is not None
    assert installed.config.kind == "mobilenet_v2"
    assert store.verify(installed.folder) == installed.config
    assert [model.name for model in store.model_folders(tmp_path)] == [installed.name]
    assert _left_over(tmp_path) == []


def test_a_model_folder_is_installed_with_its_own_name(folder: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["name"] = "my-own"
    (folder / "config.json").write_text(json.dumps(config))
    root = tmp_path / "elsewhere"
    assert store.install(folder, root).folder == root / "my-own"
    assert store.verify(root / "my-own").name == "my-own"


def test_installing_again_replaces_the_former_model(weights: Path, tmp_path: Path) -> None:
    first = store.install(weights, tmp_path)
    (first.folder / "model.safetensors").write_bytes(b"damaged")
    again = store.install(weights, tmp_path)
    assert store.verify(again.folder) == again.config
    assert _left_over(tmp_path) == []


def test_a_damaged_source_leaves_the_installed_model(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    installed = store.install(folder, tmp_path / "store")
    source.mkdir()
    (source / "config.json").write_bytes((folder / "config.json").read_bytes())
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (source / "model.safetensors").write_bytes(data)
    with pytest.raises(ModelError, match="checksum"):
        store.install(source, tmp_path / "store")
    assert store.verify(installed.folder) == installed.config
    assert _left_over(tmp_path / "store") == []


def test_a_cancelled_installation_leaves_nothing(weights: Path, tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        store.install(weights, tmp_path, cancel=token)
    assert store.model_folders(tmp_path) == []
    assert not tmp_path.exists() or _left_over(tmp_path) == []


@pytest.mark.parametrize(
    "content", [b"", b"1234567", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0[]", b"\x02\0\0\0\0\0\0\0{}"]
)
def test_a_file_that_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        store.install(path, tmp_path / "store")
    assert caught.value.path == path


def test_a_safetensors_file_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"layer": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match="no kind of model"):
        store.install(path, tmp_path / "store")


def test_a_missing_source_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="missing"):
        store.install(tmp_path / "none.safetensors", tmp_path / "store")


def test_a_name_that_leads_out_of_the_store_is_refused(folder: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["name"] = "../../outside"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="cannot name a folder"):
        store.install(folder, tmp_path / "a" / "b")
    with pytest.raises(ModelError, match="No model"):
        store.remove("../" + folder.name, folder.parent)
    assert folder.is_dir()


def test_damaged_models_are_listed_with_the_reason(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    (model,) = store.model_folders(folder.parent)
    assert model.config is None
    assert model.error is not None
    assert "damaged" in str(model.error)


def test_a_removed_model_is_gone(folder: Path) -> None:
    store.remove(folder.name, folder.parent)
    assert store.model_folders(folder.parent) == []
    with pytest.raises(ModelError, match="No model"):
        store.remove(folder.name, folder.parent)


def test_the_environment_names_another_root(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GEOTAGGER_MODELS", str(tmp_path / "mine"))
    assert store.default_root() == tmp_path / "mine"
    assert store.model_folders() == []
    monkeypatch.delenv("GEOTAGGER_MODELS")
    assert store.default_root().name == "models"


def test_an_unwritable_root_is_a_model_error(weights: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ModelError, match="could not be installed"):
        store.install(weights, blocked / "models")
