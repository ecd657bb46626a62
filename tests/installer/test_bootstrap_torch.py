"""Which build of torch is chosen, and how it would be fetched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from setup_steps import torch_build
from setup_steps.wording import SetupError


@pytest.mark.parametrize(
    ("wish", "platform", "card", "build"),
    [
        ("auto", "linux", True, "cuda"),
        ("auto", "linux", False, "cpu"),
        ("cpu", "linux", True, "cpu"),
        ("cuda", "linux", False, "cuda"),
        ("auto", "win32", True, "cuda"),
        ("auto", "win32", False, "cpu"),
        ("auto", "darwin", False, "macos"),
        ("cpu", "darwin", False, "macos"),
    ],
)
def test_the_build_follows_the_wish_and_else_the_card(
    wish: str, platform: str, card: bool, build: str
) -> None:
    machine = "arm64" if platform == "darwin" else "x86_64"
    assert torch_build.choose(wish, platform, machine, lambda: card) == build


@pytest.mark.parametrize(("wish", "machine"), [("auto", "x86_64"), ("cuda", "arm64")])
def test_what_cannot_be_had_on_a_mac_is_told(wish: str, machine: str) -> None:
    with pytest.raises(SetupError, match=r"Intel processor|no CUDA on macOS"):
        torch_build.choose(wish, "darwin", machine)


def test_the_option_goes_before_the_environment_variable() -> None:
    assert torch_build.explicit_wish("cuda", {"GEOTAGGER_TORCH": "cpu"}) == "cuda"
    assert torch_build.explicit_wish(None, {"GEOTAGGER_TORCH": " CPU "}) == "cpu"
    assert torch_build.explicit_wish(None, {}) == "auto"


def test_a_misspelt_environment_variable_is_told() -> None:
    with pytest.raises(SetupError, match="GEOTAGGER_TORCH is 'gpu'; it can be auto, cpu, cuda"):
        torch_build.explicit_wish(None, {"GEOTAGGER_TORCH": "gpu"})


def test_on_linux_the_small_build_is_tried_before_the_large_one() -> None:
    first, second, last = torch_build.attempts("cpu", "linux")
    assert first.arguments[-1] == f"torch=={torch_build.TORCH_VERSION}+cpu"
    assert "--no-deps" in first.arguments
    assert (second.tool, second.arguments[0]) == ("uv", "--torch-backend=cpu")
    assert last.with_dependencies
    assert "several GB" in last.warning


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
@pytest.mark.parametrize("build", ["cpu", "cuda", "macos"])
def test_every_way_installs_the_pinned_version_and_builds_nothing(
    build: torch_build.Build, platform: str
) -> None:
    ways = torch_build.attempts(build, platform)
    assert ways
    for way in ways:
        name, version = re.fullmatch(r"(\w+)={2,3}([\d.]+)(?:\+cpu)?", way.arguments[-1]).groups()
        assert (name, version) == ("torch", torch_build.TORCH_VERSION)
        assert way.arguments[way.arguments.index("--only-binary") + 1] == ":all:"


@pytest.mark.parametrize(
    ("version", "build", "fits"),
    [
        (None, "cpu", False),
        ("2.12.1+cpu", "cpu", False),
        ("2.13.0+cpu", "cpu", True),
        ("2.13.0", "cpu", True),
        ("2.13.0+cpu", "cuda", False),
        ("2.13.0+cu130", "cuda", True),
        ("2.13.0", "macos", True),
    ],
)
def test_an_installed_torch_is_kept_when_it_will_do(
    version: str | None, build: torch_build.Build, fits: bool
) -> None:
    assert torch_build.TORCH_VERSION == "2.13.0"
    assert torch_build.fits(version, build) is fits


def test_a_torch_that_is_installed_only_half_does_not_count(tmp_path: Path) -> None:
    info = tmp_path / "torch-2.13.0+cpu.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: torch\n", encoding="utf-8")
    assert torch_build.installed(tmp_path) is None
    (info / "RECORD").write_text("", encoding="utf-8")
    assert torch_build.installed(tmp_path) == "2.13.0+cpu"
