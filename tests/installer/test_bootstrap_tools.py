"""The test command's own tool: installed where that is allowed, named elsewhere, never required."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from setup_steps import system_libraries, test_tools


class Machine:
    """A system with some programs on it, whose apt-get works or fails."""

    def __init__(self, programs: set[str], *, right: list[str] | None, works: bool) -> None:
        self.programs = programs
        self.right = right
        self.works = works
        self.asked: list[tuple[str, ...]] = []

    def which(self, name: str) -> str | None:
        return f"/usr/bin/{name}" if name in self.programs else None

    def apt_get(self, right: Sequence[str], *arguments: str) -> subprocess.CompletedProcess[str]:
        self.asked.append(arguments)
        if self.works and arguments[0] == "install":
            self.programs.add("exiftool")
        return subprocess.CompletedProcess([], 0 if self.works else 100, "E: nothing")

    def provide(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> bool:
        monkeypatch.setattr(test_tools, "which", self.which)
        monkeypatch.setattr(system_libraries, "apt_get", self.apt_get)
        monkeypatch.setattr(
            system_libraries, "right_to_install", lambda uid, interactive: self.right
        )
        return test_tools.provide(folder, uid=0, interactive=False)


def test_nothing_happens_where_exiftool_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Machine({"exiftool", "apt-get"}, right=[], works=True)
    assert machine.provide(monkeypatch, tmp_path)
    assert machine.asked == []
    assert capsys.readouterr().err == ""


def test_it_is_installed_where_this_user_may(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = Machine({"apt-get"}, right=[], works=True)
    assert machine.provide(monkeypatch, tmp_path)
    assert machine.asked[-1][-1] == "libimage-exiftool-perl"


def test_it_is_only_named_to_a_user_without_rights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Machine({"apt-get"}, right=None, works=True)
    assert not machine.provide(monkeypatch, tmp_path)
    assert machine.asked == []
    told = capsys.readouterr()
    assert "apt-get install -y libimage-exiftool-perl" in told.out + told.err


def test_another_distribution_gets_the_name_of_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not Machine(set(), right=[], works=True).provide(monkeypatch, tmp_path)
    told = capsys.readouterr()
    assert "exiftool.org" in told.out + told.err


def test_a_failed_installation_stops_nothing_and_is_not_tried_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = Machine({"apt-get"}, right=[], works=False)
    assert not machine.provide(monkeypatch, tmp_path)
    tries = len(machine.asked)
    assert not machine.provide(monkeypatch, tmp_path)
    assert len(machine.asked) == tries > 0
