"""Fixtures for the tests of the set-up."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "installer"))

from setup_steps import stamp, torch_build  # noqa: E402

# Stands where the environment's Python does and tells how it was called.
ECHO = """\
#!/bin/sh
for word in "$@"; do printf '<%s>' "$word"; done
printf '\\nplatform=%s sandbox=%s folder=%s\\n' "$QT_QPA_PLATFORM" \
"$QTWEBENGINE_DISABLE_SANDBOX" "$PWD"
exit 7
"""


@dataclass(frozen=True)
class Checkout:
    """A copy of what the set-up needs of the project, somewhere else."""

    root: Path

    @property
    def bootstrap(self) -> Path:
        """The script."""
        return self.root / "installer" / "bootstrap.py"

    @property
    def venv(self) -> Path:
        """Its environment's folder, which need not exist."""
        return self.root / ".venv"

    def finish(self, *, build: str = "cpu", locks: tuple[str, ...] = ("runtime", "dev")) -> None:
        """Make it look set up, with a Python that tells how it was called."""
        python = self.venv / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(ECHO, encoding="utf-8")
        python.chmod(python.stat().st_mode | stat.S_IXUSR)
        files = [self.root / "installer" / "lock" / f"{name}.txt" for name in locks]
        content = stamp.wanted(self.root, python, files, torch_build.TORCH_VERSION)
        stamp.write(self.venv, {**content, "torch build": build})


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout that is not set up."""
    if os.name != "posix":
        pytest.skip("the stand-in for the environment's Python is a shell script")
    root = tmp_path / "a checkout"
    hidden = shutil.ignore_patterns("__pycache__", "resources")
    shutil.copytree(ROOT / "installer", root / "installer", ignore=hidden)
    shutil.copy(ROOT / "pyproject.toml", root)
    return Checkout(root)
