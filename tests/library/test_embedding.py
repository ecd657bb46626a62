"""From catalogued photos to kept embeddings: order, failures, stopping, memory, guesses."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from geotagger.library import embedding, queries
from geotagger.library.analysing import album_photos, analyse, suggest_again
from geotagger.library.catalog import Catalog
from geotagger.library.decode_ahead import AHEAD, DecodeAhead
from geotagger.library.embedding import EmbeddingFailure, decoder_for, embed_missing, model_key
from geotagger.library.scan import scan_folder
from geotagger.library.vectors import decode_cells, decode_vector
from geotagger.library.world_guesses import world_cells
from geotagger.models.embedder import Seen
from geotagger.progress import CancelledError, CancelToken, Progress
from tests.support.albums import Shot, make_album


class Colours:
    """Takes its batches in a stream, gives the mean colour as a vector and as a scene."""

    name, version, dimension, input_size, batch = "colours", "1", 3, 16, 8

    def __init__(self, fail_after: int | None = None) -> None:
        self.sizes: list[int] = []
        self.fail_after = fail_after

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        mean = images.mean((1, 2)).astype(np.float32) + 1.0
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def stream(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[Seen]:
        for images in batches:
            if self.fail_after is not None and len(self.sizes) >= self.fail_after:
                raise RuntimeError("the network broke")
            self.sizes.append(len(images))
            rows = self.embed(images)
            yield Seen(rows, rows**2)


class OneByOne:
    """Has only what every embedder must have."""

    name, version, input_size = "plain", "1", 16

    def __init__(self) -> None:
        self.inner = Colours()

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.inner.embed(images)


COLOURS = [(250, 10, 10), (10, 250, 10), (10, 10, 250), (200, 200, 10), (10, 200, 200)]


def paint(folder: Path, count: int) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        colour = tuple(max(0, one - number) for one in COLOURS[number % len(COLOURS)])
        Image.new("RGB", (40, 30), colour).save(folder / f"{number:04}.png")


@pytest.fixture
def root(catalog: Catalog, folder: Path) -> Path:
    paint(folder, 30)
    list(scan_folder(catalog, folder, workers=2))
    return folder


def kept(catalog: Catalog, embedder: Colours | OneByOne) -> dict[str, NDArray[np.float32]]:
    with catalog.reading() as connection:
        rows = connection.execute(
            "SELECT p.path, e.vector FROM photos p JOIN embeddings e"
            " ON e.fingerprint = p.fingerprint AND e.model = ?",
            (model_key(embedder),),
        ).fetchall()
    return {Path(os.fsdecode(row["path"])).name: decode_vector(row["vector"]) for row in rows}


@pytest.mark.parametrize("embedder", [Colours(), OneByOne()], ids=["stream", "one-by-one"])
def test_every_photo_gets_its_own_vector(
    catalog: Catalog, root: Path, embedder: Colours | OneByOne
) -> None:
    assert embed_missing(catalog, root, embedder, workers=2) == 30
    vectors = kept(catalog, embedder)
    assert len(vectors) == 30
    for name, vector in vectors.items():
        with Image.open(root / name) as image:
            expected = embedder.embed(np.asarray(image.resize((16, 16)))[None])[0]
        np.testing.assert_allclose(vector, expected, atol=2e-3)
    assert embed_missing(catalog, root, embedder, workers=2) == 0


def test_scenes_are_kept_beside_the_vectors(catalog: Catalog, root: Path) -> None:
    embedder = Colours()
    embed_missing(catalog, root, embedder, workers=1)
    with catalog.reading() as connection:
        rows = connection.execute(
            "SELECT s.scene, e.vector FROM scenes s JOIN embeddings e"
            " ON e.fingerprint = s.fingerprint AND e.model = s.model"
        ).fetchall()
    assert len(rows) == 30
    for row in rows:
        np.testing.assert_allclose(
            decode_vector(row["scene"]), decode_vector(row["vector"]) ** 2, atol=2e-3
        )


def test_copies_are_looked_at_once(catalog: Catalog, root: Path) -> None:
    (root / "copy.png").write_bytes((root / "0003.png").read_bytes())
    list(scan_folder(catalog, root, workers=1))
    embedder = Colours()
    assert embed_missing(catalog, root, embedder, workers=2) == 30
    assert sum(embedder.sizes) == 30
    assert len(kept(catalog, embedder)) == 31


def test_batches_grow_to_what_suits_the_network_while_it_is_quick(
    catalog: Catalog, root: Path
) -> None:
    embedder = Colours()
    embed_missing(catalog, root, embedder, workers=2)
    assert embedder.sizes[0] == 4
    assert max(embedder.sizes) == embedder.batch


def test_batches_shrink_for_a_network_that_is_slow() -> None:
    size = embedding._BatchSize(Colours())
    size.took(4, 13.0)
    assert size.wanted == 2
    size.took(2, 6.0)
    size.took(1, 3.0)
    assert size.wanted == 1
    for _ in range(6):
        size.took(size.wanted, 0.01)
    assert size.wanted == Colours.batch


def damage(root: Path, name: str) -> Path:
    path = root / name
    path.write_bytes(path.read_bytes()[:40])
    return path


def test_a_photo_that_cannot_be_decoded_is_tried_again_only_when_it_changes(
    catalog: Catalog, root: Path
) -> None:
    path = damage(root, "0007.png")
    list(scan_folder(catalog, root, workers=1))
    with catalog.writing() as connection:
        # Its metadata is as broken as its pixels; a photo with sound metadata stays in the list.
        connection.execute("UPDATE photos SET error = ''")
    embedder = Colours()

    def failed(**options: bool) -> list[Path]:
        found: list[EmbeddingFailure] = []
        embed_missing(catalog, root, embedder, workers=1, failures=found, **options)
        return [one.path for one in found]

    assert failed() == [path]
    assert failed() == []
    assert failed(again=True) == [path]
    assert failed() == []
    Image.new("RGB", (40, 30), "plum").save(path)
    list(scan_folder(catalog, root, workers=1))
    assert failed() == []
    assert "0007.png" in kept(catalog, embedder)


def test_another_version_of_the_program_tries_again(
    catalog: Catalog, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(root, "0007.png")
    list(scan_folder(catalog, root, workers=1))
    with catalog.writing() as connection:
        connection.execute("UPDATE photos SET error = ''")
    found: list[EmbeddingFailure] = []
    embed_missing(catalog, root, Colours(), workers=1, failures=found)
    monkeypatch.setattr(embedding, "__version__", "99")
    embed_missing(catalog, root, Colours(), workers=1, failures=found)
    assert len(found) == 2


def test_a_drive_that_is_away_is_not_held_against_the_photo(catalog: Catalog, root: Path) -> None:
    away = root.with_name("away")
    root.rename(away)
    found: list[EmbeddingFailure] = []
    assert embed_missing(catalog, root, Colours(), workers=2, failures=found) == 0
    assert len(found) == 30
    away.rename(root)
    assert embed_missing(catalog, root, Colours(), workers=2) == 30


def test_a_stopped_run_keeps_what_it_has_and_goes_on(catalog: Catalog, root: Path) -> None:
    cancel = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.done == 6:
            cancel.cancel()

    embedder = Colours()
    with pytest.raises(CancelledError):
        embed_missing(catalog, root, embedder, workers=1, progress=stop, cancel=cancel)
    before = len(kept(catalog, embedder))
    assert 6 <= before < 30
    assert embed_missing(catalog, root, embedder, workers=1) == 30 - before


def test_a_network_that_breaks_is_told_and_what_was_done_is_kept(
    catalog: Catalog, root: Path
) -> None:
    with pytest.raises(RuntimeError, match="network broke"):
        embed_missing(catalog, root, Colours(fail_after=2), workers=2)
    done = len(kept(catalog, Colours()))
    assert 0 < done < 30
    assert embed_missing(catalog, root, Colours(), workers=2) == 30 - done


def test_progress_counts_every_photo_and_tells_the_rate(catalog: Catalog, root: Path) -> None:
    told: list[Progress] = []
    embed_missing(catalog, root, Colours(), workers=2, progress=told.append)
    assert [one.done for one in told] == list(range(1, 31))
    assert {one.total for one in told} == {30}
    assert {one.detail for one in told} == {path.name for path in root.iterdir()}


def many(catalog: Catalog, folder: Path, count: int) -> Path:
    """Catalogue ``count`` names of one tiny picture as so many photos."""
    root = folder / f"many-{count}"
    root.mkdir()
    source = root / "source.png"
    Image.new("RGB", (8, 8), "teal").save(source)
    rows = []
    for number in range(count):
        path = root / f"{number}.png"
        path.hardlink_to(source)
        rows.append((os.fsencode(path), os.fsencode(root), f"{count}-{number}"))
    with catalog.writing() as connection:
        connection.executemany(
            "INSERT INTO photos (path, folder, kind, size, mtime_ns, fingerprint)"
            " VALUES (?, ?, 'png', 1, 1, ?)",
            rows,
        )
    return root


def test_memory_does_not_grow_with_the_number_of_photos(catalog: Catalog, folder: Path) -> None:
    class Wide(Colours):
        input_size = 96

    peaks = []
    for count in (150, 900):
        root = many(catalog, folder, count)
        tracemalloc.start()
        try:
            assert embed_missing(catalog, root, Wide(), workers=2) == count
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    # 750 more pictures; how many of them are under way at once differs from run to run.
    picture = 96 * 96 * 3
    assert peaks[1] < peaks[0] + 100 * picture


def test_no_more_is_decoded_ahead_than_was_promised(catalog: Catalog, folder: Path) -> None:
    root = many(catalog, folder, 200)
    drawn = taken = 0

    def source() -> Iterator[Path]:
        nonlocal drawn
        for path in sorted(root.glob("[0-9]*.png")):
            drawn += 1
            yield path

    size, workers = 5, 2
    decode = decoder_for(Colours())
    ahead = DecodeAhead(source, decode, workers=workers, size=lambda: size, cancel=CancelToken())
    with ahead:
        for batch in ahead:
            assert batch.stacked().shape == (len(batch), 16, 16, 3)
            taken += len(batch)
            assert drawn - taken <= (AHEAD + 1) * size + 2 * workers
    assert taken == drawn == 200


PARTITION = SimpleNamespace(
    size=2,
    mean_lat=np.array([10.0, -20.0]),
    mean_lon=np.array([5.0, 50.0]),
    radius_m=np.array([1e5, 2e5]),
    classes_of=lambda lat, lon: np.where(lat > 0, 0, 1).astype(np.int32),
)


class World:
    """Says "north" of red photos."""

    partition = PARTITION
    album_key = ""
    log_prior = np.array([0.0, -np.inf])

    def __init__(self, key: str = "halves") -> None:
        self.key = key
        self.asked = 0

    def top_cells(
        self, embeddings: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        assert k == 2
        self.asked += len(embeddings)
        red = embeddings[:, 0] > 0.6
        classes = np.where(red[:, None], [0, 1], [1, 0]).astype(np.int32)
        log_p = np.tile(np.log(np.array([0.7, 0.2], np.float32)), (len(embeddings), 1))
        return classes, log_p, np.full(len(embeddings), np.log(0.1), np.float32)


def guesses(catalog: Catalog, partition: str) -> dict[str, tuple[list[int], float]]:
    with catalog.reading() as connection:
        rows = connection.execute(
            "SELECT p.path, g.* FROM photos p JOIN cell_guesses g"
            " ON g.fingerprint = p.fingerprint WHERE g.partition = ?",
            (partition,),
        ).fetchall()
    found = {}
    for row in rows:
        classes, log_p = decode_cells(row["classes"], row["log_p"])
        np.testing.assert_allclose(np.exp(log_p).sum() + np.exp(row["log_rest"]), 1.0, atol=1e-5)
        found[Path(os.fsdecode(row["path"])).name] = (classes.tolist(), float(log_p[0]))
    return found


def test_a_world_models_cells_are_kept_with_the_vectors(catalog: Catalog, root: Path) -> None:
    world = World()
    assert embed_missing(catalog, root, Colours(), world=world, workers=2) == 30
    found = guesses(catalog, "halves")
    assert len(found) == 30 == world.asked
    assert found["0000.png"][0] == [0, 1] and found["0001.png"][0] == [1, 0]
    assert embed_missing(catalog, root, Colours(), world=world, workers=2) == 0
    assert world.asked == 30


def test_a_world_model_that_comes_later_reads_no_pixels(catalog: Catalog, root: Path) -> None:
    embed_missing(catalog, root, Colours(), workers=2)
    both = World("together")
    embed_missing(catalog, root, OneByOne(), world=both, workers=2)
    later = World("later")
    broken = Colours(fail_after=0)
    assert embed_missing(catalog, root, broken, world=later, workers=1) == 30
    assert guesses(catalog, "later") == guesses(catalog, "together")


def test_guesses_reach_the_album_with_the_cells_they_speak_of(
    catalog: Catalog, tmp_path: Path
) -> None:
    shots = tuple(Shot(f"{n}.jpg", "sea", n, 3.0 * n, 0.0, 0.0, tagged=False) for n in range(3))
    make_album(tmp_path / "photos", shots, size=(160, 120))
    root = tmp_path / "photos"
    list(scan_folder(catalog, root, workers=1))
    embedder, world = Colours(), World()
    list(analyse(catalog, root, embedder=embedder, world=world, workers=1))
    photos = album_photos(catalog, str(root), model_key(embedder), partition="halves")
    assert all(photo.guess is not None and len(photo.guess.classes) == 2 for photo in photos)
    assert all(
        photo.guess is None for photo in album_photos(catalog, str(root), model_key(embedder))
    )
    assert suggest_again(catalog, str(root), model=model_key(embedder), world=world)
    row = queries.photos(catalog, root)[0]
    best = queries.details(catalog, row.id).candidates[0]
    assert (round(best.lat), round(best.lon)) in {(10, 5), (-20, 50)}


def test_an_empty_cell_has_a_small_prior_not_none() -> None:
    cells = world_cells(World())
    assert np.isfinite(cells.log_prior).all()
    np.testing.assert_allclose(np.exp(cells.log_prior).sum(), 1.0)
    assert cells.log_prior[0] > cells.log_prior[1]


def test_the_brightness_of_what_is_decoded_is_kept(catalog: Catalog, tmp_path: Path) -> None:
    for name, value in (("black", 0), ("grey", 128), ("white", 255)):
        Image.new("RGB", (80, 60), (value, value, value)).save(tmp_path / f"{name}.png")
    list(scan_folder(catalog, tmp_path, workers=1))
    assert embed_missing(catalog, tmp_path, OneByOne(), workers=1) == 3
    found = {one.name: one.brightness for one in album_photos(catalog, str(tmp_path), None)}
    assert found["black.png"] == pytest.approx(0.0, abs=0.01)
    assert found["grey.png"] == pytest.approx(0.5, abs=0.01)
    assert found["white.png"] == pytest.approx(1.0, abs=0.01)
