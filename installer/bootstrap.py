#!/usr/bin/env python3
"""Set the program up in this folder and start it, or test it.

    python3 installer/bootstrap.py run [FOLDER ...]     open the window
    python3 installer/bootstrap.py test [PYTEST ARGS]   run the whole test suite without a window
    python3 installer/bootstrap.py setup                only set up

Needs nothing but Python 3.11 or newer. Everything it installs goes to ``.venv`` beside this
folder; on Debian and Ubuntu missing system libraries are installed with apt-get where that is
allowed, otherwise the line to run is shown. The second time only a stamp is compared.

Used on Debian 12. macOS and Windows are provided for (no apt-get, other paths, other builds of
torch) but it has not been run there.
"""

# This file has to be readable for old Pythons, which are told so; the rest need not be.

import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
NEWER = ("python3.13", "python3.12", "python3.11", "python3.14", "python3")


def newer_python():
    """Return the path of a Python that is new enough, or None."""
    for name in NEWER:
        path = shutil.which(name)
        if path is None:
            continue
        check = "import sys; sys.exit(sys.version_info < (%d, %d))" % OLDEST  # noqa: UP031
        try:
            answer = subprocess.call([path, "-c", check], stderr=subprocess.DEVNULL)
        except OSError:
            continue
        if answer == 0:
            return path
    return None


def main():
    """Hand over to the steps, with a Python that can run them."""
    if sys.version_info < OLDEST:
        path = newer_python()
        if path is None:
            message = "Python %d.%d is too old: install Python %d.%d or newer and run this again.\n"
            sys.stderr.write(message % (sys.version_info[:2] + OLDEST))
            return 1
        return subprocess.call([path, os.path.realpath(__file__)] + sys.argv[1:])  # noqa: RUF005
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120
    try:
        from setup_steps import commands
    except ImportError as error:
        message = "This Python is incomplete (%s): install your distribution's whole python3.\n"
        sys.stderr.write(message % error)
        return 1
    return commands.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
