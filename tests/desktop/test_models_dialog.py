from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from safetensors.torch import save_file

from desktop.engine import Engine
from desktop.settings.models import ModelsDialog, details_text, progress_text
from desktop.work import Work
from geotagger.errors import ModelError
from geotagger.library.catalog import Catalog
from geotagger.models.catalogue import ModelRow, ModelState
from geotagger.progress import Progress
from tests.support.hub import Server, serving, use_hub

LONG = 60_000


@pytest.fixture
def dialog(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelsDialog]:
    monkeypatch.setenv("GEOTAGGER_MODELS", str(tmp_path / "models"))
    engine = Engine(Catalog.open(tmp_path / "catalog.sqlite"), models_root=tmp_path / "models")
    parent = QWidget()
    work = Work(parent=parent)
    qtbot.addWidget(parent)
    made = ModelsDialog(engine, work, parent)
    qtbot.waitUntil(lambda: made.list.count() > 0, timeout=LONG)
    yield made
    made.done(0)
    work.shutdown()
    engine.close()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(tmp_path / "server") as server:
        use_hub(monkeypatch, server)
        yield server


def test_a_model_that_is_not_there_tells_licence_and_size_before_anything_is_fetched(
    dialog: ModelsDialog, hub: Server
) -> None:
    dialog.select("geoclip")
    text = dialog.details.text()
    assert "Licence: MIT" in text and "about 1.7 GB to fetch" in text and "GeoCLIP" in text
    assert "Nothing is fetched unless you press Install" in dialog.promise.text()
    assert dialog.install.isEnabled() and dialog.install.text() == "Install"
    assert not dialog.verify.isEnabled() and not dialog.remove.isEnabled()
    assert not dialog.stop.isEnabled()
    assert hub.requests == []


def test_install_asks_the_hub_and_tells_what_went_wrong(
    dialog: ModelsDialog, hub: Server, qtbot: QtBot
) -> None:
    dialog.select("geoclip")
    dialog.install.click()
    qtbot.waitUntil(lambda: "has no" in dialog.status.text(), timeout=LONG)
    assert len(hub.requests) == 1
    qtbot.waitUntil(dialog.install.isEnabled, timeout=LONG)
    assert dialog.bar.isHidden()


def test_stop_ends_an_installation_that_waits_for_the_server(
    dialog: ModelsDialog, hub: Server, qtbot: QtBot
) -> None:
    hub.treat("/revision/main", fail_first=99, status=503)
    dialog.select("geoclip")
    dialog.install.click()
    qtbot.waitUntil(lambda: len(hub.requests) > 0, timeout=LONG)
    assert dialog.stop.isEnabled() and not dialog.install.isEnabled()
    dialog.stop.click()
    qtbot.waitUntil(lambda: "Stopped" in dialog.status.text(), timeout=LONG)
    assert dialog.install.isEnabled()


def test_a_file_that_is_no_model_is_told(
    dialog: ModelsDialog, tmp_path: Path, qtbot: QtBot
) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"layer": torch.zeros(3)}, path)
    dialog.install_from(path)
    qtbot.waitUntil(lambda: "no kind of model" in dialog.status.text(), timeout=LONG)


def test_what_was_fetched_of_a_model_can_be_removed(
    dialog: ModelsDialog, tmp_path: Path, qtbot: QtBot
) -> None:
    parts = tmp_path / "models" / ".parts-geoclip"
    parts.mkdir(parents=True)
    (parts / "model.safetensors.part").write_bytes(bytes(1000))
    dialog.select("geoclip")
    dialog.install_from(tmp_path / "nothing")
    qtbot.waitUntil(lambda: dialog.install.text() == "Go on installing", timeout=LONG)
    with qtbot.waitSignal(dialog.changed, timeout=LONG):
        dialog.remove_selected()
    assert not parts.exists()
    qtbot.waitUntil(lambda: dialog.install.text() == "Install", timeout=LONG)


def test_words_of_rows_and_of_progress() -> None:
    row = ModelRow("mine", ModelState.DAMAGED, folder=Path("/m"), error=ModelError("It broke."))
    assert details_text(row) == "Folder: /m\nDamaged: It broke."
    known = Progress(12_000_000, 1_715_000_000, "Fetching the model", "x", 4.2e6, "bytes")
    assert progress_text(known) == "Fetching the model: 12 of 1,715 MB, 4.2 MB a second, 7 min left"
    assert progress_text(Progress(1, 2, "Working")) == "Working: 1 of 2"
