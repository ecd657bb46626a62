"""The script as a user calls it, on a checkout that only looks set up."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from setup_steps import commands

from .conftest import ROOT, Checkout

WITHOUT_DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "GEOTAGGER_TORCH")


def call(
    checkout: Checkout, *arguments: str, cwd: Path, **settings: str
) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name not in WITHOUT_DISPLAY}
    return subprocess.run(
        [sys.executable, "-I", str(checkout.bootstrap), *arguments],
        cwd=cwd,
        env={**environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_display_it_says_so_and_names_the_command_line(
    checkout: Checkout, tmp_path: Path
) -> None:
    checkout.finish()
    photos = tmp_path / "photos"
    photos.mkdir()
    answer = call(checkout, "run", "--skip-system", str(photos), cwd=tmp_path)
    assert answer.returncode == commands.NO_DISPLAY
    assert "there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set" in answer.stderr
    assert f"{checkout.venv}/bin/geotagger suggest {photos} --out s.json" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_run_opens_the_window_on_whole_paths_from_any_directory(
    checkout: Checkout, tmp_path: Path
) -> None:
    checkout.finish()
    (tmp_path / "my photos").mkdir()
    answer = call(
        checkout, "run", "--skip-system", "my photos", cwd=tmp_path, QT_QPA_PLATFORM="offscreen"
    )
    assert answer.returncode == 7
    assert answer.stdout.startswith(f"<-P><-m><desktop.app><{tmp_path / 'my photos'}>\n")


def test_run_names_a_folder_that_is_not_there(checkout: Checkout, tmp_path: Path) -> None:
    checkout.finish()
    answer = call(checkout, "run", "--skip-system", "nowhere", cwd=tmp_path)
    assert answer.returncode == commands.NO_SUCH_FOLDER
    assert answer.stderr.strip() == f"There is no folder {tmp_path / 'nowhere'}."


def test_test_hands_everything_to_pytest_offscreen_in_the_project(
    checkout: Checkout, tmp_path: Path
) -> None:
    checkout.finish()
    answer = call(
        checkout, "test", "--skip-system", "-k", "gps and not map", "-x", "tests/cli", cwd=tmp_path
    )
    assert answer.returncode == 7
    first, second = answer.stdout.splitlines()
    assert first == "<-m><pytest><-k><gps and not map><-x><tests/cli>"
    sandbox = "1" if os.getuid() == 0 else ""
    assert second.startswith(f"platform=offscreen sandbox={sandbox}")
    assert second.endswith(f"folder={checkout.root}")


def test_an_environment_for_the_program_only_is_not_enough_for_the_tests(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.finish(locks=("runtime",))
    # The lock files' packages cannot be fetched from here, so getting as far as that is the proof.
    answer = call(
        checkout,
        "test",
        "--skip-system",
        cwd=tmp_path,
        PIP_INDEX_URL="file:///nonexistent",
        GEOTAGGER_TORCH="sometimes",
    )
    assert answer.returncode == 2
    assert "GEOTAGGER_TORCH is 'sometimes'; it can be auto, cpu, cuda." in answer.stderr


def test_setup_is_over_at_once_when_the_stamp_is_right(checkout: Checkout, tmp_path: Path) -> None:
    checkout.finish()
    answer = call(checkout, "setup", "--dev", "--skip-system", cwd=tmp_path)
    assert answer.returncode == 0
    assert answer.stderr.strip() == f"Set up in {checkout.venv}"


def test_a_venv_that_is_something_else_is_left_alone(checkout: Checkout, tmp_path: Path) -> None:
    checkout.venv.mkdir()
    (checkout.venv / "thesis.txt").write_text("years of work", encoding="utf-8")
    answer = call(checkout, "setup", "--skip-system", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.strip().endswith("is not an environment of Python's: move or rename it.")
    assert [path.name for path in checkout.venv.iterdir()] == ["thesis.txt"]


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_a_checkout_that_may_not_be_written_is_named(checkout: Checkout, tmp_path: Path) -> None:
    checkout.root.chmod(0o555)
    try:
        answer = call(checkout, "setup", "--skip-system", cwd=tmp_path)
    finally:
        checkout.root.chmod(0o755)
    assert answer.returncode == 1
    assert f"You may not write to {checkout.root}" in answer.stderr


@pytest.mark.parametrize(
    ("processors", "expected"),
    [
        (None, []),
        (1, []),
        (2, ["-n", "2", "--dist", "loadfile"]),
        (64, ["-n", "4", "--dist", "loadfile"]),
    ],
)
def test_the_whole_suite_uses_the_processors_that_there_are(
    processors: int | None, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert commands.side_by_side() == expected


@pytest.mark.parametrize(
    ("arguments", "ours", "pytests"),
    [
        ([], [], []),
        (["-x"], [], ["-x"]),
        (["--torch", "cpu", "-k", "a"], ["--torch", "cpu"], ["-k", "a"]),
        (
            ["--torch=cpu", "--skip-system", "tests/cli"],
            ["--torch=cpu", "--skip-system"],
            ["tests/cli"],
        ),
        (["tests/cli", "--torch", "cpu"], [], ["tests/cli", "--torch", "cpu"]),
    ],
)
def test_our_options_end_where_those_of_pytest_begin(
    arguments: list[str], ours: list[str], pytests: list[str]
) -> None:
    assert commands.split_test_arguments(arguments) == (ours, pytests)


def test_an_old_python_can_read_the_script_to_be_told_that_it_is_too_old() -> None:
    text = (ROOT / "installer" / "bootstrap.py").read_text(encoding="utf-8")
    assert "is too old" in text
    ast.parse(text, feature_version=(3, 4))


def test_a_too_old_python_without_a_newer_one_is_told_in_a_sentence(
    tmp_path: Path, checkout: Checkout
) -> None:
    pretend = (
        "import sys, runpy; sys.version_info = (3, 9, 2, 'final', 0); "
        f"sys.argv = ['bootstrap.py', 'setup']; runpy.run_path({str(checkout.bootstrap)!r}, "
        "run_name='__main__')"
    )
    answer = subprocess.run(
        [sys.executable, "-I", "-c", pretend],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert answer.stderr == (
        "Python 3.9 is too old: install Python 3.11 or newer and run this again.\n"
    )
