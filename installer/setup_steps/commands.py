"""The three commands: run, test, setup."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import display, stamp, system_libraries, test_tools
from .environment import Environment, alone, machine_build
from .torch_build import CHOICES, VARIABLE, explicit_wish
from .wording import SetupError, say

ROOT = Path(__file__).resolve().parents[2]
NO_DISPLAY = 3
NO_SUCH_FOLDER = 2
STOPPED = 130
MOST_TEST_WORKERS = 4
"""Processes that tests run in at most: each holds PyTorch and a browser for the map."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument(
        "--torch",
        choices=CHOICES,
        help=f"the build of PyTorch: for the processor, for an NVIDIA card, or whichever fits "
        f"(the default; the environment variable {VARIABLE} sets it too)",
    )
    common.add_argument(
        "--skip-system",
        action="store_true",
        help="do not look for missing system libraries",
    )
    main_parser = argparse.ArgumentParser(
        prog="bootstrap.py", description="Set the program up in .venv and start it, or test it."
    )
    commands = main_parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", parents=[common], help="open the window")
    run.add_argument("folders", nargs="*", metavar="FOLDER", help="a folder of photos to open")
    commands.add_parser(
        "test",
        parents=[common],
        help="run the test suite; what follows goes to pytest",
        epilog="All further arguments go to pytest as they are.",
    )
    setup = commands.add_parser("setup", parents=[common], help="only set up")
    setup.add_argument("--dev", action="store_true", help="with what the tests and checks need")
    return main_parser


def split_test_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return our own options of ``test`` and what goes to pytest, which begins where ours end."""
    own = 0
    while own < len(arguments):
        argument = arguments[own]
        if argument == "--torch":
            own += 2
        elif argument in ("--skip-system", "-h", "--help") or argument.startswith("--torch="):
            own += 1
        else:
            break
    return list(arguments[:own]), list(arguments[own:])


def set_up(*, development: bool, torch: str | None, skip_system: bool, window: bool) -> Environment:
    """Return the environment, finished; at once if it is already.

    Parameters
    ----------
    development
        Whether the tests and checks are to be run.
    torch
        The option ``--torch``.
    skip_system
        Whether not to look for system libraries.
    window
        Whether a window will be opened, rather than drawn offscreen.

    Raises
    ------
    SetupError
        With the reason in words.
    """
    environment = Environment(ROOT)
    wish = explicit_wish(torch, os.environ)
    # Looking for a card takes a second, so what was found the first time holds until asked anew.
    build = None if wish == "auto" else machine_build(wish)
    done = environment.finished(development=development, build=build)
    if not skip_system and sys.platform.startswith("linux"):
        look_for_libraries(venv=not done and not environment.usable(), window=window)
    if done:
        return environment
    environment.claim()
    with alone(environment.folder):
        if environment.finished(development=development, build=build):
            return environment
        build = build or machine_build(wish)
        development = development or "lock dev" in stamp.read(environment.folder)
        stamp.remove(environment.folder)
        environment.check_space(build)
        if not environment.usable():
            environment.make()
        environment.fill(build, development=development)
    return environment


def look_for_libraries(*, venv: bool, window: bool) -> None:
    """Find the system libraries that are missing and install them, or raise SetupError."""

    def look() -> system_libraries.Missing:
        x11 = window and bool(os.environ.get("DISPLAY")) and not os.environ.get("WAYLAND_DISPLAY")
        package = system_libraries.venv_package() if venv else ""
        return system_libraries.find_missing(x11_needed=x11, venv=package)

    missing = look()
    if not missing.packages:
        return
    system_libraries.provide(
        missing, uid=os.getuid(), environ=os.environ, interactive=sys.stdin.isatty()
    )
    still = look()
    if still.needed:
        raise SetupError(
            f"Still missing after the installation: {' '.join(still.needed)}. "
            "Add --skip-system to try without."
        )


def user_id() -> int | None:
    """Return the user's number, None on Windows."""
    return os.getuid() if hasattr(os, "getuid") else None


def run(options: argparse.Namespace) -> int:
    """Open the window on the folders."""
    folders = [Path(folder).expanduser().absolute() for folder in options.folders]
    for folder in folders:
        if not folder.is_dir():
            raise SetupError(f"There is no folder {folder}.", code=NO_SUCH_FOLDER)
    environment = set_up(
        development=False, torch=options.torch, skip_system=options.skip_system, window=True
    )
    why = display.no_window_because(os.environ, sys.platform)
    if why:
        program = environment.scripts / "geotagger"
        folder_name = str(folders[0]) if folders else "FOLDER"
        raise SetupError(
            f"No window can be opened here, because {why}. The same work on the command line:\n"
            f"  {program} suggest {folder_name} --out s.json",
            code=NO_DISPLAY,
        )
    os.environ.update(display.for_window(os.environ, user_id()))
    # Without -P, a folder "desktop" where the user happens to be would be taken for ours.
    command = [str(environment.python), "-P", "-m", "desktop.app", *map(str, folders)]
    return become(command)


def become(command: Sequence[str]) -> int:
    """Let the command take the place of this process, or wait for it on Windows."""
    if sys.platform != "win32":
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(command[0], list(command))
    return subprocess.call(command)


def side_by_side() -> list[str]:
    """Return what has pytest use all processors; the tests of one file stay in one process."""
    workers = min(os.cpu_count() or 1, MOST_TEST_WORKERS)
    return ["-n", str(workers), "--dist", "loadfile"] if workers > 1 else []


def test(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Run the test suite offscreen and return pytest's exit status."""
    environment = set_up(
        development=True, torch=options.torch, skip_system=options.skip_system, window=False
    )
    if not options.skip_system and sys.platform.startswith("linux"):
        test_tools.provide(environment.folder, uid=os.getuid(), interactive=sys.stdin.isatty())
    environ = {**os.environ, **display.for_tests(os.environ, user_id())}
    command = [str(environment.python), "-m", "pytest", *(arguments or side_by_side())]
    return subprocess.call(command, cwd=ROOT, env=environ)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit status."""
    own = list(arguments)
    for_pytest: list[str] = []
    if own[:1] == ["test"]:
        ours, for_pytest = split_test_arguments(own[1:])
        own = ["test", *ours]
    options = parser().parse_args(own)
    try:
        if options.command == "run":
            return run(options)
        if options.command == "test":
            return test(options, for_pytest)
        environment = set_up(
            development=options.dev,
            torch=options.torch,
            skip_system=options.skip_system,
            window=True,
        )
        say(f"Set up in {environment.folder}")
    except SetupError as error:
        say(str(error))
        return error.code
    except KeyboardInterrupt:
        say("\nStopped. The same command again goes on where this one stopped.")
        return STOPPED
    return 0
