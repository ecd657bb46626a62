"""The environment ``.venv``: made, filled from the lock files, repaired after an interruption."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import stamp, torch_build
from .running import explain, run_logged, run_or_explain, tool_environment
from .wording import SetupError, gigabytes, say

# Measured with the lock files of this version: what lies in .venv at the end, and the packed
# files beside it meanwhile, with a fifth to spare.
SPACE_NEEDED = {"cpu": 3.2e9, "macos": 3.2e9, "cuda": 10.5e9}
SPACE_TO_REPAIR = 0.5e9
# What tells our folder, finished or not, from somebody's data; kept when it is made anew.
OURS = frozenset({"pyvenv.cfg", "setup.lock", "setup.log"})
# Importing these touches every library that the system has to supply.
PROBE = "import torch, PIL, pillow_heif, rawpy, folium, PySide6.QtWebEngineWidgets"


class Environment:
    """The environment beside the installer.

    Parameters
    ----------
    root
        The folder of the project.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.locks = root / "installer" / "lock"
        self.log = self.folder / "setup.log"
        self.temporary = self.folder / "setup-tmp"

    @property
    def scripts(self) -> Path:
        """The folder of its programs."""
        return self.folder / ("Scripts" if sys.platform == "win32" else "bin")

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.scripts / ("python.exe" if sys.platform == "win32" else "python")

    @property
    def site_packages(self) -> Path:
        """Where its packages lie; a folder that need not exist."""
        if sys.platform == "win32":
            return self.folder / "Lib" / "site-packages"
        found = sorted((self.folder / "lib").glob("python3*/site-packages"))
        return found[0] if found else self.folder / "lib" / "site-packages"

    def usable(self) -> bool:
        """Return whether it has a Python that is new enough and a working pip."""
        if not self.python.exists():
            return False
        check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
        try:
            answer = subprocess.run([self.python, "-c", check], capture_output=True, check=False)
        except OSError:
            return False
        return answer.returncode == 0

    def lock_files(self, *, development: bool) -> list[Path]:
        """Return the lock files that have to be installed."""
        names = ("runtime.txt", "dev.txt") if development else ("runtime.txt",)
        return [self.locks / name for name in names]

    def finished(self, *, development: bool, build: str | None) -> bool:
        """Return whether nothing is to do; ``build`` is None for whichever is there."""
        content = stamp.read(self.folder)
        target = stamp.wanted(
            self.root,
            self.python,
            self.lock_files(development=development),
            torch_build.TORCH_VERSION,
        )
        if not self.python.exists() or stamp.outdated(content, target):
            return False
        return build is None or content.get("torch build") == build

    # -- the steps ----------------------------------------------------------------------------

    def claim(self) -> None:
        """Make sure that the folder may be written and is, or can become, an environment.

        Raises
        ------
        SetupError
            If it may not, or if it holds something else.
        """
        in_the_way = f"{self.folder} is not an environment of Python's: move or rename it."
        try:
            self.folder.mkdir(exist_ok=True)
            present = {path.name for path in self.folder.iterdir()}
            if present and not present & OURS:
                raise SetupError(in_the_way)
            self.log.touch()
        except (FileExistsError, NotADirectoryError) as error:
            raise SetupError(in_the_way) from error
        except OSError as error:
            raise SetupError(cannot_write(self.root, error)) from error

    def check_space(self, build: str) -> None:
        """Raise SetupError if what is still to come does not fit on the disk."""
        free = shutil.disk_usage(self.folder).free
        needed = SPACE_NEEDED[build]
        if free < needed:
            needed = max(needed - size_of(self.folder), SPACE_TO_REPAIR)
        if free < needed:
            raise SetupError(
                f"The set-up needs {gigabytes(needed)} of disk in {self.folder}, and "
                f"{gigabytes(free)} are free: make room and run the same command again."
            )

    def make(self) -> None:
        """Make the environment, anew if what is there does not work."""
        say(f"Making the environment {self.folder}")
        for path in self.folder.iterdir():
            if path.name in OURS:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        self._prepare_temporary()
        environ = tool_environment(os.environ, self.temporary)
        run_or_explain([sys.executable, "-m", "venv", str(self.folder)], self.log, environ)

    def fill(self, build: torch_build.Build, *, development: bool) -> None:
        """Install everything; what is there already is left as it is.

        Raises
        ------
        SetupError
            With the reason in words.
        """
        target = stamp.wanted(
            self.root,
            self.python,
            self.lock_files(development=development),
            torch_build.TORCH_VERSION,
        )
        self._prepare_temporary()
        drop_half_installed(self.site_packages)
        for lock in self.lock_files(development=development):
            say(f"Installing {len(pins(lock))} packages of {lock.name}")
            self._pip("--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(lock))
        if not torch_build.fits(torch_build.installed(self.site_packages), build):
            self._install_torch(build)
        self._pip("--no-deps", "--no-build-isolation", "--no-index", "--editable", str(self.root))
        say("Trying the installation out")
        self.probe()
        shutil.rmtree(self.temporary, ignore_errors=True)
        stamp.write(self.folder, {**target, "torch build": build})

    def probe(self) -> None:
        """Raise SetupError if the installed libraries cannot be loaded."""
        status, output, _seconds = run_logged(
            [str(self.python), "-c", PROBE],
            self.log,
            {**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        )
        if status != 0:
            last = (output.strip().splitlines() or ["no reason given"])[-1]
            raise SetupError(
                f"The installed libraries cannot be loaded ({last}). Delete {self.folder} and run "
                f"the same command again.\n  (details: {self.log})"
            )

    def _prepare_temporary(self) -> None:
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.temporary.mkdir()

    def _pip(self, *arguments: str) -> None:
        environ = tool_environment(os.environ, self.temporary)
        command = [str(self.python), "-m", "pip", "install", *arguments]
        run_or_explain(command, self.log, environ)

    def _install_torch(self, build: torch_build.Build) -> None:
        say(f"Installing PyTorch {torch_build.TORCH_VERSION} ({IN_WORDS[build]})")
        environ = tool_environment(os.environ, self.temporary)
        why = ""
        for attempt in torch_build.attempts(build, sys.platform):
            if attempt.warning:
                say(attempt.warning)
                self.check_space("cuda")
            arguments = [*attempt.arguments, *self._limits(attempt)]
            commands = [install_command(attempt.tool, self.python, arguments)]
            if attempt.tool == "uv":
                tools = ["--no-deps", "--require-hashes", "-r", str(self.locks / "tools.txt")]
                commands.insert(0, install_command("pip", self.python, tools))
            for command in commands:
                status, output, seconds = run_logged(command, self.log, environ)
                if status != 0:
                    why = explain(output, os.environ)
                    break
            else:
                if torch_build.fits(torch_build.installed(self.site_packages), build):
                    say(f"  done in {seconds:.0f} s")
                    return
                why = "the build that was installed is not the one asked for."
        raise SetupError(f"PyTorch was not installed: {why}\n  (details: {self.log})")

    def _limits(self, attempt: torch_build.Attempt) -> list[str]:
        """Return arguments that keep the packages which come with torch at the locked versions."""
        if not attempt.with_dependencies:
            return []
        limits = self.temporary / "limits.txt"
        limits.write_text("\n".join(pins(self.locks / "runtime.txt")) + "\n", encoding="utf-8")
        return ["--constraint", str(limits)]


IN_WORDS = {
    "cpu": "for the processor",
    "cuda": "for the NVIDIA card, several GB",
    "macos": "for macOS",
}


def install_command(tool: str, python: Path, arguments: Sequence[str]) -> list[str]:
    """Return the command with which pip or uv installs into the environment."""
    if tool == "uv":
        return [str(python), "-m", "uv", "pip", "install", "--python", str(python), *arguments]
    return [str(python), "-m", "pip", "install", *arguments]


def pins(lock: Path) -> list[str]:
    """Return the requirements of a lock file without their hashes."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [line.removesuffix("\\").strip() for line in lines if re.match(r"\w\S*==", line)]


def machine_build(wish: str) -> torch_build.Build:
    """Return the build of torch for this machine."""
    return torch_build.choose(wish, sys.platform, platform.machine())


def cannot_write(folder: Path, error: OSError) -> str:
    """Return in a sentence why nothing can be put into the project's folder."""
    if error.errno == errno.EROFS:
        return f"{folder} is on a read-only file system: copy the project to a folder of yours."
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"You may not write to {folder}: copy the project to a folder of yours, "
            "or run this as the user that it belongs to."
        )
    if error.errno == errno.ENOSPC:
        return f"The disk of {folder} is full: make room and run the same command again."
    return f"{folder} cannot be written ({error.strerror or error})."


def size_of(folder: Path) -> int:
    """Return the bytes in a folder's files."""
    total = 0
    for root, _folders, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += (Path(root) / name).lstat().st_size
    return total


def drop_half_installed(site_packages: Path) -> list[str]:
    """Forget packages whose installation was cut off, so that pip installs them again.

    pip writes the list of files (RECORD) last, but takes a package for installed without it.

    Returns
    -------
    list of str
        The names of their folders.
    """
    dropped = []
    for info in sorted(site_packages.glob("*.dist-info")):
        if not (info / "RECORD").is_file():
            shutil.rmtree(info)
            dropped.append(info.name)
    for leftover in site_packages.glob("~*"):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)
    return dropped


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the environment for oneself; a second set-up waits until the first is over."""
    with (folder / "setup.lock").open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            while True:
                file.seek(0)
                try:
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:  # after ten seconds
                    say("Another set-up is at work in this folder; waiting for it.")
            yield
            return
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another set-up is at work in this folder; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
