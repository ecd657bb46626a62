"""Which build of torch fits the machine, and how it is fetched.

The builds share one version and differ in size by a factor of ten. On Linux the package index
holds the one for NVIDIA cards, which brings several GB of CUDA libraries; the one for processors
lives elsewhere, and the ``uv`` tool knows where.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Literal

from .wording import SetupError

TORCH_VERSION = "2.13.0"
CHOICES = ("auto", "cpu", "cuda")
VARIABLE = "GEOTAGGER_TORCH"
Build = Literal["cpu", "cuda", "macos"]


@dataclass(frozen=True)
class Attempt:
    """One way to install torch.

    Attributes
    ----------
    tool
        ``pip`` or ``uv``.
    arguments
        What follows ``install``.
    with_dependencies
        Whether the CUDA libraries come along, so that the locked versions have to be imposed.
    warning
        What to say before trying, empty for nothing.
    """

    tool: Literal["pip", "uv"]
    arguments: tuple[str, ...]
    with_dependencies: bool = False
    warning: str = ""


def nvidia_card() -> bool:
    """Return whether a driver for NVIDIA cards is loaded and sees a card."""
    if Path("/proc/driver/nvidia/gpus").is_dir():
        return any(Path("/proc/driver/nvidia/gpus").iterdir())
    program = which("nvidia-smi")
    if program is None:
        return False
    try:
        answer = subprocess.run([program, "-L"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and b"GPU " in answer.stdout


def explicit_wish(option: str | None, environ: Mapping[str, str]) -> str:
    """Return ``auto``, ``cpu`` or ``cuda`` as asked for by the option, else by the environment.

    Raises
    ------
    SetupError
        If the environment variable holds something else.
    """
    wish = option or environ.get(VARIABLE, "").strip().lower() or "auto"
    if wish not in CHOICES:
        raise SetupError(f"{VARIABLE} is {wish!r}; it can be {', '.join(CHOICES)}.", code=2)
    return wish


def choose(
    wish: str, platform: str, machine: str, has_card: Callable[[], bool] = nvidia_card
) -> Build:
    """Return the build for this machine.

    Parameters
    ----------
    wish
        ``auto``, ``cpu`` or ``cuda``.
    platform, machine
        As in ``sys.platform`` and ``platform.machine()``.
    has_card
        Asked only where it matters.

    Raises
    ------
    SetupError
        If there is no build for the machine.
    """
    if platform == "darwin":
        if machine == "x86_64":
            raise SetupError(
                f"PyTorch {TORCH_VERSION} does not exist for Macs with an Intel processor, "
                "so the program cannot run on this one."
            )
        if wish == "cuda":
            raise SetupError("There is no CUDA on macOS: leave out --torch cuda.", code=2)
        return "macos"
    if wish == "auto":
        return "cuda" if has_card() else "cpu"
    return "cuda" if wish == "cuda" else "cpu"


def attempts(build: Build, platform: str) -> tuple[Attempt, ...]:
    """Return the ways to install a build, best first."""
    pin = f"torch=={TORCH_VERSION}"
    ready_made = ("--only-binary", ":all:")
    # With === a build with a suffix, such as +cpu, does not do.
    exact = f"torch==={TORCH_VERSION}"
    from_index = Attempt("pip", (*ready_made, exact), with_dependencies=True)
    if build == "macos":
        return (Attempt("pip", (*ready_made, "--no-deps", exact)),)
    if build == "cuda":
        return (
            Attempt("uv", ("--torch-backend=auto", *ready_made, pin), with_dependencies=True),
            from_index,
        )
    if platform == "win32":
        return (Attempt("pip", (*ready_made, "--no-deps", exact)),)
    return (
        # What pip is configured with may hold the build already: a mirror, a folder of wheels.
        Attempt("pip", (*ready_made, "--no-deps", f"{pin}+cpu")),
        Attempt("uv", ("--torch-backend=cpu", *ready_made, "--no-deps", pin)),
        Attempt(
            from_index.tool,
            from_index.arguments,
            with_dependencies=True,
            warning="The small build of PyTorch is out of reach from here; fetching the one of "
            "the package index, which brings several GB of CUDA libraries.",
        ),
    )


def installed(site_packages: Path) -> str | None:
    """Return the version of torch that is installed completely, or None."""
    for record in site_packages.glob("torch-*.dist-info/RECORD"):
        return record.parent.name.removeprefix("torch-").removesuffix(".dist-info")
    return None


def fits(version: str | None, build: Build) -> bool:
    """Return whether an installed version is the pinned one in a build that will do.

    The processor is served by every build, so a larger one that is there already is kept.
    """
    if version is None or version.partition("+")[0] != TORCH_VERSION:
        return False
    return build != "cuda" or not version.endswith("+cpu")
