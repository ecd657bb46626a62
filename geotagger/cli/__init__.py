"""The command line: the same engine as the window, one file per group of commands."""

from geotagger.cli.main import main

__all__ = ["main"]
