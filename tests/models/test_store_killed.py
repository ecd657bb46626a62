"""The program killed in the middle of a download, and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from geotagger.models import store
from geotagger.models.catalogue import ModelState, catalogue
from tests.support.hub import serving
from tests.support.releases import write_clip, write_head

HEAD = "VicenteVivanco/geoclip-geolocation"
CLIP = "openai/clip-vit-large-patch14"
PROGRAM = (
    "import sys\n"
    "from geotagger.models import self_check\n"
    "from tests.support.releases import own_pairs\n"
    "self_check.shipped_pairs = own_pairs\n"
    "from geotagger.cli import main\n"
    "sys.exit(main(['models', 'install', 'geoclip', '--json']))\n"
)


def _fetched(root: Path) -> int:
    """Return how much of the file under way is on the disk."""
    parts = (root / ".parts-geoclip").rglob("*.part")
    return max((part.stat().st_size for part in parts), default=0)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_installation_fetches_only_the_rest(tmp_path: Path) -> None:
    files, root = tmp_path / "server", tmp_path / "models"
    write_head(files / HEAD)
    write_clip(files / CLIP)
    large = files / CLIP / "model.safetensors"
    pause = large.stat().st_size // 2
    with serving(files) as server:
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("HF_")},
            "HF_ENDPOINT": server.url,
            "HF_HOME": str(tmp_path / "hub-home"),
            "GEOTAGGER_MODELS": str(root),
            "NO_PROXY": "127.0.0.1",
        }
        command = [sys.executable, "-c", PROGRAM]
        here = Path(__file__).resolve().parents[2]
        server.treat(
            f"{CLIP}/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors",
            pause_at=pause,
        )
        first = subprocess.Popen(command, env=environment, cwd=here, stdout=subprocess.DEVNULL)
        try:
            assert server.paused.wait(180), "the download began"
            # What was sent is not yet written: the client is killed when some of it is.
            until = time.monotonic() + 60
            while not _fetched(root) and time.monotonic() < until:
                time.sleep(0.01)
        finally:
            first.kill()
            first.wait()
        assert store.model_folders(root) == []
        (row,) = [row for row in catalogue(root) if row.name == "geoclip"]
        assert row.state is ModelState.UNFINISHED
        parts = list((root / ".parts-geoclip").rglob("*.part"))
        kept = parts[0].stat().st_size
        assert 0 < kept < large.stat().st_size
        before = len(server.requests)
        server.go_on.set()
        again = subprocess.run(command, env=environment, cwd=here, capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
        fetched = [one for one in server.requests[before:] if "/resolve/" in one.path]
        assert [(one.path.rpartition("/")[2], one.range) for one in fetched] == [
            ("model.safetensors", f"bytes={kept}-")
        ], "what was there already was not asked for again"
        assert fetched[0].sent[0] == large.stat().st_size - kept
    (installed,) = store.model_folders(root)
    assert installed.name == "geoclip" and installed.config is not None
    assert not (root / ".parts-geoclip").exists()
    assert not (tmp_path / "hub-home" / "hub").exists(), "nothing is put into the hub's own cache"
