"""Run commands as a user does, on a catalog and a model store of the test's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from geotagger.cli import main
from geotagger.library.catalog import CATALOG_VARIABLE


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def chosen_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model where none is named: the built-in one would look at every photo.

    Modules about the choice of models have a fixture of this name that leaves the choice open.
    """
    monkeypatch.setenv("GEOTAGGER_MODEL", "none")


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    monkeypatch.setenv(CATALOG_VARIABLE, str(tmp_path / "catalog.sqlite"))
    monkeypatch.setenv("GEOTAGGER_MODELS", str(tmp_path / "models"))

    def call(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return call
