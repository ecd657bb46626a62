"""What tells that the environment is finished, so that the next start need not look again."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

FORMAT = 1
NAME = "setup-stamp.json"


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def project_hash(pyproject: Path) -> str:
    """Return a hash of what installing the project depends on, not of the tools' settings."""
    with pyproject.open("rb") as file:
        table = tomllib.load(file)
    parts = [table.get("build-system"), table.get("project")]
    parts.append(table.get("tool", {}).get("setuptools"))
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def wanted(
    root: Path, interpreter: Path, locks: Sequence[Path], torch_version: str
) -> dict[str, str]:
    """Return what a finished environment's stamp has to say, less the build of torch.

    Parameters
    ----------
    root
        The folder of the project; an environment does not survive being moved.
    interpreter
        The environment's Python; what it is a link to tells whether that was replaced.
    locks
        The lock files that have to be installed.
    torch_version
        The pinned version.
    """
    return {
        "format": str(FORMAT),
        "root": str(root),
        "python": str(interpreter.resolve()),
        "project": project_hash(root / "pyproject.toml"),
        "torch version": torch_version,
        **{f"lock {path.stem}": file_hash(path) for path in locks},
    }


def read(environment: Path) -> dict[str, str]:
    """Return the stamp, empty if there is none or it is damaged."""
    try:
        value = json.loads((environment / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {str(key): str(entry) for key, entry in value.items()}


def outdated(stamp: Mapping[str, str], target: Mapping[str, str]) -> str:
    """Return what is not as it has to be, empty if the environment is finished.

    A stamp may say more than asked for: one that covers the tests also serves the program.
    """
    if not stamp:
        return "not set up, or not to the end"
    changed = [name for name, value in target.items() if stamp.get(name) != value]
    return f"changed since: {', '.join(changed)}" if changed else ""


def remove(environment: Path) -> None:
    """Take the stamp away before anything is changed."""
    (environment / NAME).unlink(missing_ok=True)


def write(environment: Path, content: Mapping[str, str]) -> None:
    """Put the stamp there in one step, as the last act of the set-up."""
    partial = environment / f"{NAME}.new"
    partial.write_text(json.dumps(dict(content), indent=1, sort_keys=True), encoding="utf-8")
    os.replace(partial, environment / NAME)  # noqa: PTH105  (the one that is atomic by its docs)
