"""Where the model runs: chosen in the preferences, remembered, and obeyed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from desktop.engine import Engine
from desktop.model_process import ModelProcess
from desktop.settings.preferences import PreferencesDialog
from desktop.settings.store import Settings
from desktop.work import Work
from geotagger.errors import ModelError
from geotagger.library.catalog import Catalog
from geotagger.models.engines.choosing import DEVICES, cuda_works
from geotagger.models.registry import read_config
from geotagger.models.store import builtin_folder


def stored(folder: Path) -> Settings:
    return Settings(QSettings(str(folder / "s.ini"), QSettings.Format.IniFormat))


def test_the_device_is_chosen_in_the_preferences_and_remembered(
    qtbot: QtBot, tmp_path: Path
) -> None:
    engine = Engine(Catalog.open(tmp_path / "catalog.sqlite"), models_root=tmp_path / "models")
    parent = QWidget()
    work = Work(parent=parent)
    qtbot.addWidget(parent)
    settings = stored(tmp_path)
    dialog = PreferencesDialog(settings, engine, work, parent)
    box = dialog.device
    assert {box.itemData(row) for row in range(box.count())} == set(DEVICES)
    assert box.currentData() == "auto" and settings.device is None
    box.setCurrentIndex(box.findData("torch"))
    assert engine.device == "torch"
    settings.sync()
    assert stored(tmp_path).device == "torch"
    box.setCurrentIndex(box.findData("auto"))
    assert engine.device is None and settings.device is None
    dialog.done(0)
    work.shutdown()
    engine.close()


def test_a_senseless_device_in_the_settings_counts_as_none(tmp_path: Path) -> None:
    settings = stored(tmp_path)
    settings.device = "abacus"
    assert settings.device is None


@pytest.mark.skipif(cuda_works(), reason="a CUDA device works here")
def test_the_process_of_the_model_obeys() -> None:
    folder = builtin_folder()
    assert folder is not None
    config = read_config(folder)
    pixels = np.zeros((1, config.input_size, config.input_size, 3), np.uint8)
    with (
        ModelProcess(folder, config, "cuda") as process,
        pytest.raises(ModelError, match="No CUDA device"),
    ):
        process.embed(pixels)
