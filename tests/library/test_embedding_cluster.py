"""Two local Ray workers, one killed on the way: nothing lost, nothing doubled."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geotagger.errors import ClusterError
from geotagger.library import cluster
from geotagger.library.catalog import Catalog
from geotagger.library.cluster import LOCAL, ClusterOptions, Embedded, embed_on_cluster
from geotagger.library.cluster_results import embed_missing_on_cluster, write_parquet
from geotagger.library.embedding import embed_missing
from geotagger.library.scan import scan_folder
from geotagger.library.vectors import decode_vector
from geotagger.models.embedder import load_embedder
from geotagger.models.preprocess import decoder_of

pytestmark = [
    # Not imported here: before its import Ray is told to stay on this machine.
    pytest.mark.skipif(
        find_spec("ray") is None or find_spec("pyarrow") is None,
        reason="the extra cluster is not installed",
    ),
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning:ray",
        "ignore::FutureWarning:ray",
        "ignore::ResourceWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ),
]
"""Ray warns of its own settings, and leaves sockets and pipes of processes that it has ended to
the garbage collector."""

PHOTOS = 24
TRIES = 5
"""A worker may have done all before its first result is here, where the other one starts late."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with random weights, installed and exported: actors need no torch."""
    from tests.support.small_model import small_model

    folder = small_model(tmp_path_factory.mktemp("models") / "small")
    load_embedder(folder, device="cpu")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(5)
    for number in range(PHOTOS):
        pixels = np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((20, 20, 1))).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    """One Ray for the module; it takes seconds to start."""
    with cluster._connected(ClusterOptions(LOCAL, workers=2)):
        yield
    # What Ray left to the collector goes here, where its warnings are let pass, not in other tests.
    gc.collect()


def test_a_cluster_of_this_machine_alone_cannot_be_reached_from_outside(ray_here: None) -> None:
    import ray

    assert [node["NodeManagerAddress"] for node in ray.nodes()] == ["127.0.0.1"]


def gone(process: str) -> None:
    os.kill(int(process.rpartition(":")[2]), signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_worker_that_is_killed_loses_and_doubles_nothing(
    ray_here: None, model: Path, photos: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes((photos / "00.png").read_bytes()[:20])
    paths = [*sorted(photos.iterdir()), bad]
    for _ in range(TRIES):
        results: list[Embedded] = []
        for one in embed_on_cluster(model, paths, ClusterOptions(LOCAL, workers=2, batch=2)):
            if not results:
                gone(one.process)
            results.append(one)
        assert sorted(one.name for one in results) == sorted(map(str, paths))
        # The one that was killed was replaced or outlived: others made the rest.
        if len({one.process for one in results}) >= 2:
            break
    else:
        pytest.fail("each time, all was done before the first result came and the kill with it")
    embedder = load_embedder(model, device="cpu")
    decode = decoder_of(embedder.config)
    for one in results:
        if one.name == str(bad):
            assert one.vector is None and one.error
            continue
        assert one.vector is not None and one.error == ""
        expected = embedder.embed(decode(Path(one.name))[None])[0]
        np.testing.assert_allclose(one.vector, expected, atol=1e-4)


def test_the_catalog_holds_the_same_as_after_a_run_on_this_machine(
    ray_here: None, model: Path, photos: Path, catalog: Catalog, tmp_path: Path
) -> None:
    def vectors(kept: Catalog) -> dict[str, np.ndarray]:
        with kept.reading() as connection:
            rows = connection.execute("SELECT fingerprint, vector FROM embeddings").fetchall()
        return {row["fingerprint"]: decode_vector(row["vector"]) for row in rows}

    list(scan_folder(catalog, photos, workers=2))
    options = ClusterOptions(LOCAL, workers=2, batch=8)
    assert embed_missing_on_cluster(catalog, photos, model, options) == (PHOTOS, [])
    assert embed_missing_on_cluster(catalog, photos, model, options) == (0, [])
    with Catalog.open(tmp_path / "other.sqlite") as other:
        list(scan_folder(other, photos, workers=2))
        assert embed_missing(other, photos, load_embedder(model, device="cpu"), workers=2) == PHOTOS
        expected = vectors(other)
    found = vectors(catalog)
    assert set(found) == set(expected)
    for key, vector in found.items():
        np.testing.assert_allclose(vector, expected[key], atol=2e-3)


def test_shards_with_the_bytes_of_photos_need_no_shared_folder(
    ray_here: None, model: Path, photos: Path, tmp_path: Path
) -> None:
    import pyarrow
    import pyarrow.parquet

    files = sorted(photos.iterdir())[:10]
    shards = []
    for number, part in enumerate((files[:5], files[5:])):
        table = {
            "path": [f"far/{one.name}" for one in part],
            "bytes": [o.read_bytes() for o in part],
        }
        shards.append(tmp_path / f"{number}.parquet")
        pyarrow.parquet.write_table(pyarrow.table(table), shards[-1])
    out = tmp_path / "out.parquet"
    options = ClusterOptions(LOCAL, workers=2)
    assert write_parquet(embed_on_cluster(model, None, options, shards=shards), out) == 10
    rows = pyarrow.parquet.read_table(out).to_pylist()
    assert sorted(row["path"] for row in rows) == [f"far/{one.name}".encode() for one in files]
    embedder = load_embedder(model, device="cpu")
    decode = decoder_of(embedder.config)
    for row in rows:
        source = photos / Path(os.fsdecode(row["path"])).name
        np.testing.assert_allclose(
            row["vector"], embedder.embed(decode(source)[None])[0], atol=1e-4
        )


def test_a_shard_that_is_none_is_told(ray_here: None, model: Path, tmp_path: Path) -> None:
    shard = tmp_path / "shard.parquet"
    shard.write_bytes(b"PAR1 and no more")
    options = ClusterOptions(LOCAL, workers=1)
    for missing in (shard, tmp_path / "none.parquet"):
        with pytest.raises(ClusterError, match="The cluster failed"):
            list(embed_on_cluster(model, None, options, shards=[missing]))
    assert list(embed_on_cluster(model, None, options, shards=[])) == []


def test_the_extra_that_is_missing_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ClusterError, match="ray, which is not installed") as caught:
        list(embed_on_cluster(model, [], ClusterOptions(LOCAL)))
    assert "[cluster]" in caught.value.remedy


def result(name: str) -> Embedded:
    return Embedded(name, np.ones(3, np.float32), None, "", "here:1")


@pytest.mark.parametrize(
    ("given", "words"), [(["a"], "lost 1 of 2"), (["a", "b", "a"], "a photo twice")]
)
def test_a_lost_or_doubled_photo_is_told(
    ray_here: None, model: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], words: str
) -> None:
    monkeypatch.setattr(cluster, "_rows", lambda *_: map(result, given))
    with pytest.raises(ClusterError, match=words):
        list(embed_on_cluster(model, [Path("a"), Path("b")], ClusterOptions(LOCAL)))
    with pytest.raises(ValueError, match="each photo once"):
        list(embed_on_cluster(model, [Path("a"), Path("a")], ClusterOptions(LOCAL)))


def test_a_file_that_cannot_be_written_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="cannot be written"):
        write_parquet([result("a")], tmp_path / "none" / "out.parquet")
    out = tmp_path / "out.parquet"

    def broken() -> Iterator[Embedded]:
        yield result("a")
        raise ClusterError("the cluster failed")

    with pytest.raises(ClusterError, match="failed"):
        write_parquet(broken(), out)
    assert list(tmp_path.iterdir()) == []
