"""Make the lock files again from ``pyproject.toml``.

Run it with the project's environment: ``.venv/bin/python installer/lock/update.py``. It needs the
``uv`` tool (``.venv/bin/python -m pip install uv``) and the network.

``runtime.txt`` holds what the program needs, ``dev.txt`` what the tests and checks need on top of
it, ``tools.txt`` the tool that fetches a particular build of torch. All are resolved for every
system and every Python that the project supports, with hashes.

torch itself is left out: which of its builds is right depends on the machine, and each build has
hashes of its own. Its version is pinned in ``installer/setup_steps/torch_build.py``, the
resolution respects it, and its Python dependencies are in ``runtime.txt``. The CUDA libraries
that its registry build names are left out as well; they come with the CUDA build.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

from setup_steps.torch_build import TORCH_VERSION  # noqa: E402

OLDEST_PYTHON = "3.11"
NOT_LOCKED = re.compile(r"^(torch|triton|nvidia|cuda)\b")
HEADER = """\
# {what}
# Made by installer/lock/update.py from pyproject.toml; not to be edited by hand.
"""


def requirements(text: str) -> dict[str, str]:
    """Return each pinned requirement of a lock file, with its hashes, by ``name==version ; …``."""
    found: dict[str, str] = {}
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[0] != "#"]
    for line in lines:
        if not line[0].isspace():
            pin = line.removesuffix("\\").strip()
            found[pin] = line
        else:
            found[pin] += "\n" + line
    return found


def without_torch(pins: dict[str, str]) -> dict[str, str]:
    """Return the requirements less torch and the CUDA libraries of its registry build."""
    return {pin: block for pin, block in pins.items() if not NOT_LOCKED.match(pin)}


def compile_lock(*arguments: str) -> dict[str, str]:
    """Return what uv resolves for all systems and Pythons."""
    with tempfile.TemporaryDirectory() as folder:
        constraint = Path(folder) / "constraint.txt"
        constraint.write_text(f"torch=={TORCH_VERSION}\n", encoding="utf-8")
        output = subprocess.run(
            [
                *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-config"),
                *("--universal", "--python-version", OLDEST_PYTHON),
                # One version everywhere, so that what was tested is what everyone gets.
                *("--fork-strategy", "fewest"),
                *("--generate-hashes", "--no-annotate", "--no-header"),
                *("--constraint", str(constraint), *arguments),
            ],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
    if "://" in output:
        raise SystemExit("The resolution names an address; it is not written to the lock files.")
    return requirements(output)


def write(name: str, what: str, pins: dict[str, str]) -> None:
    """Write one lock file and say how much is in it."""
    text = HEADER.format(what=what) + "".join(f"{block}\n" for block in pins.values())
    (HERE / name).write_text(text, encoding="utf-8", newline="\n")
    print(f"{name}: {len(pins)} requirements")


def main() -> None:
    """Write the three lock files."""
    everything = without_torch(
        compile_lock("pyproject.toml", "--extra", "dev", "--extra", "cluster")
    )
    with tempfile.TemporaryDirectory() as folder:
        # The program gets the very versions that the tests run with.
        pinned = Path(folder) / "pinned.txt"
        pinned.write_text("".join(f"{pin}\n" for pin in everything), encoding="utf-8")
        runtime = without_torch(compile_lock("pyproject.toml", "--constraint", str(pinned)))
        tool = Path(folder) / "tools.in"
        tool.write_text("uv\n", encoding="utf-8")
        tools = compile_lock(str(tool))
    names = {pin.partition("==")[0] for pin in runtime}
    extra = {pin: b for pin, b in everything.items() if pin.partition("==")[0] not in names}
    write("runtime.txt", "What the program needs, less torch.", runtime)
    write("dev.txt", "What the tests and checks need on top of runtime.txt.", extra)
    write("tools.txt", "Fetches the build of torch that fits the machine.", tools)


if __name__ == "__main__":
    main()
