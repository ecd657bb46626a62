"""What the lock files promise."""

from __future__ import annotations

import re
import tomllib

import pytest
from setup_steps.environment import pins

from .conftest import ROOT

LOCKS = ROOT / "installer" / "lock"
NAMES = ["runtime.txt", "dev.txt", "tools.txt"]


def names(lock: str) -> set[str]:
    return {pin.partition("==")[0] for pin in pins(LOCKS / lock)}


@pytest.mark.parametrize("lock", NAMES)
def test_every_requirement_has_one_version_and_hashes(lock: str) -> None:
    text = (LOCKS / lock).read_text(encoding="utf-8")
    blocks = [block for block in re.split(r"\n(?=\w)", text) if "==" in block]
    assert len(blocks) == len(pins(LOCKS / lock)) == len(names(lock))
    for block in blocks:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block


@pytest.mark.parametrize("lock", NAMES)
def test_no_address_and_no_path_of_a_machine_is_in_them(lock: str) -> None:
    text = (LOCKS / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"(^|\s)/\w|--(extra-)?index-url|--find-links", text)


def test_they_cover_what_the_project_asks_for_except_torch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def asked(requirements: list[str]) -> set[str]:
        return {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements}

    assert asked(project["dependencies"]) - names("runtime.txt") == {"torch"}
    assert asked(project["optional-dependencies"]["dev"]) <= names("dev.txt")


def test_torch_and_the_cuda_libraries_are_left_to_the_machine() -> None:
    everything = names("runtime.txt") | names("dev.txt")
    assert not [name for name in everything if re.match(r"(torch|triton|nvidia|cuda)\b", name)]
    needed_by_torch = {"filelock", "typing-extensions", "setuptools", "sympy", "networkx"}
    assert needed_by_torch | {"jinja2", "fsspec", "mpmath", "markupsafe"} <= names("runtime.txt")


def test_the_tests_lock_repeats_nothing_of_the_programs() -> None:
    assert not names("runtime.txt") & names("dev.txt")
