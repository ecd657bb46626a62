"""The system libraries that the window needs and pip cannot bring.

Each Debian package stands for one library that the dynamic linker has to find, so nothing is
asked of the package manager as long as everything is there, however it came there.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from .wording import SetupError, listed, say

# Checked in a bare Debian 12: what QtWebEngine links to and its wheel does not hold.
WINDOW = {
    "libegl1": "libEGL.so.1",
    "libgl1": "libGL.so.1",
    "libglib2.0-0": "libglib-2.0.so.0",
    "libfontconfig1": "libfontconfig.so.1",
    "libdbus-1-3": "libdbus-1.so.3",
    "libxkbcommon0": "libxkbcommon.so.0",
    "libnss3": "libnss3.so",
    "libasound2": "libasound.so.2",
    "libxcomposite1": "libXcomposite.so.1",
    "libxdamage1": "libXdamage.so.1",
    "libxrandr2": "libXrandr.so.2",
    "libxtst6": "libXtst.so.6",
    "libxkbfile1": "libxkbfile.so.1",
    "libgbm1": "libgbm.so.1",
    "libgssapi-krb5-2": "libgssapi_krb5.so.2",
    "libdrm2": "libdrm.so.2",
}
# What Qt's plugin for X servers links to; nothing of it is loaded offscreen or under Wayland.
X11 = {
    "libxcb-cursor0": "libxcb-cursor.so.0",
    "libxcb-icccm4": "libxcb-icccm.so.4",
    "libxcb-image0": "libxcb-image.so.0",
    "libxcb-keysyms1": "libxcb-keysyms.so.1",
    "libxcb-randr0": "libxcb-randr.so.0",
    "libxcb-render-util0": "libxcb-render-util.so.0",
    "libxcb-shape0": "libxcb-shape.so.0",
    "libxcb-xkb1": "libxcb-xkb.so.1",
    "libxkbcommon-x11-0": "libxkbcommon-x11.so.0",
}
FONTS = "fonts-dejavu-core"
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
# Since their change to 64-bit times, Debian 13 and Ubuntu 24.04 call some packages otherwise.
NEWER_NAME_ENDS = "t64"


@dataclass(frozen=True)
class Missing:
    """What is not there.

    Attributes
    ----------
    needed
        Debian packages without which the program cannot do what was asked for.
    wanted
        Debian packages that are installed along with them where that is allowed.
    libraries
        The libraries of ``needed`` by their file names, for other distributions.
    """

    needed: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()

    @property
    def packages(self) -> tuple[str, ...]:
        """All of them."""
        return self.needed + self.wanted


def loads(library: str) -> bool:
    """Return whether the dynamic linker finds a library and all that it links to."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def any_font(folders: Sequence[str] = FONT_FOLDERS) -> bool:
    """Return whether there is a font that Qt can draw text with."""
    for folder in folders:
        for _root, _folders, files in os.walk(Path(folder).expanduser()):
            if any(name.lower().endswith((".ttf", ".otf", ".ttc", ".pfb")) for name in files):
                return True
    return False


def venv_package() -> str:
    """Return the Debian package with what ``python -m venv`` lacks, empty if nothing lacks.

    Debian's Python comes without ``ensurepip``; only with it an environment gets pip.
    """
    answer = subprocess.run(
        [sys.executable, "-c", "import venv, ensurepip, ctypes, ssl"],
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if answer.returncode == 0:
        return ""
    return f"python{sys.version_info.major}.{sys.version_info.minor}-venv"


def find_missing(
    *,
    x11_needed: bool,
    found: Callable[[str], bool] = loads,
    has_font: Callable[[], bool] = any_font,
    venv: str = "",
) -> Missing:
    """Return what is not there.

    Parameters
    ----------
    x11_needed
        Whether the window will be drawn by an X server.
    found
        Tells whether a library can be loaded.
    has_font
        Tells whether there is a font.
    venv
        The package that ``venv_package`` names.
    """
    needed = {package: name for package, name in WINDOW.items() if not found(name)}
    for_x11 = {package: name for package, name in X11.items() if not found(name)}
    if x11_needed:
        needed |= for_x11
        for_x11 = {}
    wanted = list(for_x11) + ([] if has_font() else [FONTS])
    first = (venv,) if venv else ()
    return Missing(first + tuple(needed), tuple(wanted), tuple(needed.values()))


def package_names(packages: Sequence[str], policy: str) -> list[str]:
    """Return the names under which this release of the distribution has the packages.

    Parameters
    ----------
    packages
        Names as in Debian 12.
    policy
        What ``apt-cache policy`` prints for these names and for the same with ``t64``.
    """
    has_candidate = set()
    name = ""
    for line in policy.splitlines():
        if line and not line[0].isspace():
            name = line.rstrip().removesuffix(":")
        elif line.strip().startswith("Candidate:") and not line.rstrip().endswith("(none)"):
            has_candidate.add(name)
    return [
        package + NEWER_NAME_ENDS
        if package not in has_candidate and package + NEWER_NAME_ENDS in has_candidate
        else package
        for package in packages
    ]


def ask_policy(packages: Sequence[str]) -> list[str]:
    """Return the packages' names in this release, as far as apt knows them."""
    both = [*packages, *(package + NEWER_NAME_ENDS for package in packages)]
    answer = subprocess.run(
        ["apt-cache", "policy", *both],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C"},
        text=True,
        check=False,
    )
    return package_names(packages, answer.stdout)


def right_to_install(uid: int, interactive: bool) -> list[str] | None:
    """Return what to put before ``apt-get``, or None if this user may not install."""
    if uid == 0:
        return []
    sudo = which("sudo")
    if sudo is None:
        return None
    quiet = subprocess.run([sudo, "-n", "true"], capture_output=True, check=False)
    if quiet.returncode == 0:
        return [sudo, "-n"]
    return [sudo] if interactive else None


def line_to_run(packages: Sequence[str]) -> str:
    """Return the exact line that installs the packages, for the user to copy."""
    return f"sudo apt-get update && sudo apt-get install -y {shlex.join(packages)}"


def refusal(missing: Missing, names: Sequence[str], has_apt: bool) -> str:
    """Return the sentences for a user without the right, or without apt."""
    if has_apt:
        return (
            f"{len(missing.needed)} system packages are missing and installing them needs an "
            f"administrator. Run this, then the same command again:\n  {line_to_run(names)}"
        )
    what = listed([*missing.libraries]) or "Python's venv module"
    return (
        f"Missing on this system: {what}. Install the packages of your distribution that hold "
        "them and run the same command again (or add --skip-system to try without)."
    )


def apt_get(right: Sequence[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run apt-get without questions and return its result, output and errors in one."""
    settings = ("DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
    return subprocess.run(
        [*right, "env", *settings, "apt-get", "-o", "DPkg::Lock::Timeout=300", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def explain_apt(output: str, names: Sequence[str]) -> str:
    """Return in a sentence why apt-get failed, with the line to try by hand."""
    if any(sign in output for sign in ("No space left", "don't have enough free space")):
        why = "The disk is too full for the system packages"
    elif any(
        sign in output
        for sign in ("Temporary failure resolving", "Could not connect", "Unable to connect")
    ):
        why = "Offline: apt-get cannot reach the package archive (behind a proxy, set http_proxy)"
    elif "Unable to locate package" in output or "has no installation candidate" in output:
        why = "apt-get does not know a package; the package lists of this system are incomplete"
    elif "Could not get lock" in output:
        why = "Another program is installing packages"
    else:
        errors = [line for line in output.splitlines() if line.startswith("E: ")]
        why = f"apt-get failed ({errors[-1][3:] if errors else 'it says no reason'})"
    return f"{why}. To try by hand:\n  {line_to_run(names)}"


def provide(missing: Missing, *, uid: int, environ: Mapping[str, str], interactive: bool) -> None:
    """Install what is missing, as far as this user may.

    Raises
    ------
    SetupError
        If something needed stays missing; the message holds the line to run.
    """
    if not missing.packages:
        return
    has_apt = which("apt-get") is not None
    right = right_to_install(uid, interactive) if has_apt else None
    if right is None:
        if missing.needed:
            names = ask_policy(missing.needed) if has_apt else missing.needed
            raise SetupError(refusal(missing, names, has_apt))
        if has_apt and environ.get("DISPLAY"):
            say(f"A good idea, but not needed now: {line_to_run(ask_policy(missing.wanted))}")
        return
    say(f"Installing {len(missing.packages)} system packages: {' '.join(missing.packages)}")
    apt_get(right, "update")
    names = ask_policy(missing.packages)
    result = apt_get(right, "install", "-y", "--no-install-recommends", *names)
    if result.returncode != 0:
        raise SetupError(explain_apt(result.stdout, names))
