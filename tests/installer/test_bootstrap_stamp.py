"""When the set-up looks again, and when a stamp is enough."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from setup_steps import stamp
from setup_steps.environment import Environment

from .conftest import Checkout


def finished(checkout: Checkout, *, development: bool = True, build: str | None = None) -> bool:
    return Environment(checkout.root).finished(development=development, build=build)


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_a_finished_environment_is_recognised(checkout: Checkout) -> None:
    checkout.finish()
    assert finished(checkout)
    assert finished(checkout, development=False)
    assert finished(checkout, build="cpu")


def test_a_checkout_that_was_never_set_up_is_not_finished(checkout: Checkout) -> None:
    assert not finished(checkout)


def test_another_build_of_torch_is_asked_for(checkout: Checkout) -> None:
    checkout.finish(build="cpu")
    assert not finished(checkout, build="cuda")


def test_the_programs_environment_does_not_do_for_the_tests(checkout: Checkout) -> None:
    checkout.finish(locks=("runtime",))
    assert finished(checkout, development=False)
    assert not finished(checkout, development=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: append(root / "installer" / "lock" / "runtime.txt", "# newer\n"),
        lambda root: append(root / "installer" / "lock" / "dev.txt", "# newer\n"),
        lambda root: append(root / "pyproject.toml", "\n[project.urls]\na = 'b'\n"),
        lambda root: (root / ".venv" / "bin" / "python").unlink(),
        lambda root: (root / ".venv" / stamp.NAME).write_text("{", encoding="utf-8"),
        lambda root: (root / ".venv" / stamp.NAME).write_text("[]", encoding="utf-8"),
        lambda root: stamp.remove(root / ".venv"),
    ],
    ids=["lock", "dev lock", "project", "python gone", "cut off", "not a stamp", "interrupted"],
)
def test_any_change_of_what_it_was_made_from_is_seen(
    checkout: Checkout, change: Callable[[Path], object]
) -> None:
    checkout.finish()
    change(checkout.root)
    assert not finished(checkout)


def test_the_settings_of_tools_are_no_reason_to_set_up_again(checkout: Checkout) -> None:
    checkout.finish()
    append(checkout.root / "pyproject.toml", "\n[tool.another]\nlevel = 3\n")
    assert finished(checkout)


def test_a_python_replaced_by_the_system_is_seen(checkout: Checkout, tmp_path: Path) -> None:
    old, new = tmp_path / "python3.11", tmp_path / "python3.13"
    for path in (old, new):
        path.write_text("", encoding="utf-8")
    checkout.finish()
    python = checkout.venv / "bin" / "python"
    python.unlink()
    python.symlink_to(old)
    locks = Environment(checkout.root).lock_files(development=True)
    stamp.write(
        checkout.venv,
        {**stamp.wanted(checkout.root, python, locks, "2.13.0"), "torch build": "cpu"},
    )
    assert finished(checkout)
    python.unlink()
    python.symlink_to(new)
    assert not finished(checkout)


def test_a_checkout_that_was_moved_is_set_up_again(checkout: Checkout) -> None:
    checkout.finish()
    elsewhere = checkout.root.rename(checkout.root.with_name("moved"))
    assert not finished(Checkout(elsewhere))
