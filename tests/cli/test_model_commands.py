from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from geotagger.cli import model_commands
from geotagger.cli.console import Console
from geotagger.errors import ModelError
from geotagger.models import self_check, store
from geotagger.progress import Progress
from tests.support.hub import Server, serving, use_hub
from tests.support.releases import own_pairs, write_clip, write_head

Run = Callable[..., Any]
HEAD = "VicenteVivanco/geoclip-geolocation"
CLIP = "openai/clip-vit-large-patch14"


@pytest.fixture(autouse=True)
def chosen_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEOTAGGER_MODEL", raising=False)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    files = tmp_path / "server"
    write_head(files / HEAD)
    write_clip(files / CLIP)
    monkeypatch.setattr(self_check, "shipped_pairs", own_pairs)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    with serving(files) as server:
        use_hub(monkeypatch, server)
        yield server


def test_a_known_model_is_listed_with_licence_size_and_how_to_get_it(run: Run) -> None:
    ran = run("models", "list")
    assert ran.code == 0
    for words in ("geoclip  [not installed]", "MIT", "about 1.7 GB", "models install geoclip"):
        assert words in ran.out
    (row,) = [one for one in run("models", "list", "--json").json["models"] if not one["folder"]]
    assert row["name"] == "geoclip" and row["licence"] == "MIT" and row["size_is_about"]
    assert row["state"] == "not installed" and row["fetched_bytes"] == 0


def test_a_model_is_installed_by_name_used_verified_and_removed(run: Run, hub: Server) -> None:
    ran = run("models", "install", "geoclip", "--json", "--quiet")
    assert ran.code == 0, ran.err
    assert ran.json["state"] == "installed" and ran.json["in_use"]
    assert Path(ran.json["folder"]).is_dir()
    assert run("models", "verify", "geoclip", "--json").json["verified"] is True
    assert "geoclip  1-" in run("models", "list").out
    assert run("models", "remove", "geoclip").code == 0
    assert "geoclip  [not installed]" in run("models", "list").out
    assert run("models", "remove", "geoclip").code == 1


def test_offline_is_an_error_with_a_way_out_and_asks_nothing(run: Run, hub: Server) -> None:
    ran = run("models", "install", "geoclip", "--offline")
    assert ran.code == 1 and "--offline" in ran.err
    assert hub.requests == []


def test_a_mirror_and_a_folder_do_as_well(run: Run, hub: Server) -> None:
    ran = run("models", "install", "geoclip", "--from", hub.mirror)
    assert ran.code == 0 and "stated no checksums" in ran.err
    assert run("models", "install", "geoclip", "--from", hub.root).code == 0
    assert run("models", "install", hub.root).code == 0
    assert [one.path for one in hub.requests if one.path.startswith("/api/")] == []


def test_ctrl_c_stops_and_the_next_call_goes_on(
    run: Run, hub: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(_console: Console, progress: Progress) -> None:
        if progress.what == "Fetching the model" and progress.done > 100_000:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Console, "progress", press)
        ran = run("models", "install", "geoclip")
    assert ran.code == 130 and "what was finished is kept" in ran.err
    assert "geoclip  [partly fetched" in run("models", "list").out
    kept = [one.sent[0] for one in hub.gets("model.safetensors")]
    assert run("models", "install", "geoclip").code == 0
    last = hub.gets("model.safetensors")[len(kept) :]
    assert any(one.range.startswith("bytes=") for one in last) or kept == []


def test_an_unknown_name_is_told(run: Run) -> None:
    ran = run("models", "install", "teapot")
    assert ran.code == 1 and "teapot" in ran.err
    assert run("models", "verify", "teapot").code == 1


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of two model folders and a built-in one, none of which could run."""
    root = tmp_path / "models"
    monkeypatch.setenv("GEOTAGGER_MODELS", str(root))
    for name, world, where in (
        ("a-planet", True, root),
        ("a-look", False, root),
        ("starter", False, tmp_path / "comes"),
    ):
        folder = where / name
        folder.mkdir(parents=True)
        save_file({"x": torch.zeros(1)}, folder / "model.safetensors")
        config = {
            "format_version": 1,
            "name": name,
            "version": "1",
            "kind": "mobilenet_v2",
            "input_size": 8,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "crop": "centre",
            "embedding_size": 4,
            "licence": "MIT",
            "origin": "here",
            "sha256": "0" * 64,
            "world": world,
        }
        (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(store, "builtin_folder", lambda: tmp_path / "comes" / "starter")
    return root


def test_the_model_in_use_is_chosen_in_a_known_order(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def names() -> list[str]:
        return [model.name for model in store.usable_models()]

    assert names() == ["a-planet", "a-look", "starter"]
    monkeypatch.setenv(store.CHOSEN, "starter")
    assert names() == ["starter", "a-planet", "a-look"]
    monkeypatch.setenv(store.CHOSEN, str(models / "a-look"))
    assert names()[0] == "a-look"
    monkeypatch.setenv(store.CHOSEN, "none")
    assert names() == []
    monkeypatch.setenv(store.CHOSEN, "teapot")
    with pytest.raises(ModelError, match="teapot"):
        names()


def test_a_command_takes_the_first_model_that_loads(
    models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: list[str] = []

    def load(folder: Path, *, device: str | None) -> str:
        tried.append(folder.name)
        if folder.name != "starter":
            raise ModelError("It broke.", path=folder)
        return "loaded"

    monkeypatch.setattr(model_commands, "load_embedder", load)
    console = Console(quiet=True, as_json=False)
    assert model_commands.chosen_embedder(None, console) == "loaded"
    assert tried == ["a-planet", "a-look", "starter"]
    assert "a-planet is left out" in capsys.readouterr().err
    tried.clear()
    assert model_commands.chosen_embedder(Path("starter"), console) == "loaded"
    with pytest.raises(ModelError):
        model_commands.chosen_embedder(models / "a-look", console)
    monkeypatch.setenv(store.CHOSEN, "none")
    assert model_commands.chosen_embedder(None, console) is None
    assert model_commands.chosen_model(Path("a-look"), console) == models / "a-look"
    monkeypatch.setenv(store.CHOSEN, "a-look")
    with pytest.raises(ModelError, match="broke"):
        model_commands.chosen_embedder(None, console)
    assert tried == ["starter", "a-look", "a-look"]


def test_the_built_in_model_is_listed_and_cannot_be_removed(run: Run, models: Path) -> None:
    rows = {row["name"]: row for row in run("models", "list", "--json").json["models"]}
    assert rows["starter"]["state"] == "built-in" and not rows["starter"]["in_use"]
    assert rows["a-planet"]["in_use"]
    ran = run("models", "remove", "starter")
    assert ran.code == 1 and "comes with the program" in ran.err
