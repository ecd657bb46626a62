"""Where the program keeps what it can make again: ``GEOTAGGER_CACHE``, else the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "GEOTAGGER_CACHE"


def cache_folder(name: str) -> Path:
    """Return the folder for one kind of things; it need not be there yet."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser() / name
    return Path(platformdirs.user_cache_dir("photo-geotagger", appauthor=False)) / name
