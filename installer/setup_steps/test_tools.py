"""ExifTool, the second opinion of the tests and benchmarks of writing.

Only ``test`` asks for it, and nothing fails without it: what needs it is skipped and says so.
"""

from __future__ import annotations

from pathlib import Path
from shutil import which

from . import system_libraries
from .wording import say

PROGRAM = "exiftool"
PACKAGE = "libimage-exiftool-perl"
TRIED = "exiftool-tried"
"""A file in the environment's folder: the installation failed once, so it is not tried again."""


def provide(folder: Path, *, uid: int, interactive: bool) -> bool:
    """Install ExifTool where this user may, else name it; return whether it is there.

    Parameters
    ----------
    folder
        The environment's folder, which remembers that an installation failed.
    uid, interactive
        Who asks, and whether a password could be typed.
    """
    if which(PROGRAM) is not None:
        return True
    if which("apt-get") is None:
        say("Some tests are skipped without ExifTool (https://exiftool.org).")
        return False
    hint = f"Some tests are skipped without ExifTool: {system_libraries.line_to_run([PACKAGE])}"
    right = system_libraries.right_to_install(uid, interactive)
    if right is None or (folder / TRIED).exists():
        say(hint)
        return False
    say(f"Installing {PACKAGE} for the tests")
    system_libraries.apt_get(right, "update")
    result = system_libraries.apt_get(right, "install", "-y", "--no-install-recommends", PACKAGE)
    if result.returncode == 0 and which(PROGRAM) is not None:
        return True
    (folder / TRIED).touch()
    say(hint)
    return False
