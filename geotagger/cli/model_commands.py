"""``geotagger models``: list, install, verify, remove; and the model that a command uses."""

from __future__ import annotations

import argparse
from pathlib import Path

from geotagger.cli.console import Console
from geotagger.cli.options import command, json_flag, path
from geotagger.models.embedder import Embedder, load_embedder
from geotagger.models.store import model_folders
