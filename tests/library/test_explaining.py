"""Why here? The part of the picture that the place is known by, from a look-alike or a cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import piexif
import pytest
from PIL import Image

from geotagger.errors import GeotaggerError
from geotagger.library import queries
from geotagger.library.catalog import Catalog
from geotagger.library.embedding import embed_missing
from geotagger.library.explaining import NothingSeenError, why_here
from geotagger.library.scan import scan_folder
from geotagger.progress import CancelledError, CancelToken, Progress
from tests.support.albums import gps_ifd

HERE = (38.7142, -9.1331)


class Corners:
    """Sees how red, green and blue the four corners of a picture are."""

    name, version, input_size = "corners", "1", 32

    def embed(self, images: np.ndarray) -> np.ndarray:
        half = self.input_size // 2
        parts = [
            images[:, top : top + half, left : left + half].mean(axis=(1, 2)) - 110.0
            for top in (0, half)
            for left in (0, half)
        ]
        rows = np.concatenate(parts, axis=1).astype(np.float32)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def save(path: Path, corners: str, place: tuple[float, float] | None = None) -> Path:
    """Write a picture, 96 by 64, whose middle square has four corners of these colours."""
    colours = {"r": (230, 60, 60), "g": (60, 200, 60), "b": (60, 60, 230), ".": (110, 110, 110)}
    pixels = np.full((64, 96, 3), 110, np.uint8)
    for at, letter in enumerate(corners):
        top, left = 32 * (at // 2), 16 + 32 * (at % 2)
        pixels[top : top + 32, left : left + 32] = colours[letter]
    exif: dict[str, object] = {"GPS": gps_ifd(*place)} if place else {}
    Image.fromarray(pixels).save(path, quality=95, exif=piexif.dump(exif))
    return path


@pytest.fixture
def library(catalog: Catalog, folder: Path) -> dict[str, int]:
    """Photos by name; the one in question has none of its own, others here and far away."""
    save(folder / "asked.jpg", "r.g.")
    save(folder / "alike.jpg", "r...", HERE)
    save(folder / "other.jpg", "b.bb", HERE)
    for number in range(12):
        save(folder / f"far{number}.jpg", "bgb" + "rgb."[number % 4], (10.0 + number, 20.0))
    list(scan_folder(catalog, folder, workers=1))
    assert embed_missing(catalog, folder, Corners(), workers=1) == 15
    return {row.name: row.id for row in queries.photos(catalog, folder)}


def test_the_part_that_looks_like_a_photo_near_the_place_stands_out(
    catalog: Catalog, library: dict[str, int]
) -> None:
    found = list(why_here(catalog, library["asked.jpg"], *HERE, 300.0, Corners()))
    assert [one.finished for one in found] == [False, True]
    for one in found:
        assert one.words == "the likeness to alike.jpg"
        quarters = [one.drop[:16, :16], one.drop[:16, 16:], one.drop[16:, :16], one.drop[16:, 16:]]
        means = [float(part.mean()) for part in quarters]
        assert means[0] > 0.05 and means[0] > 5 * abs(means[1])
        # The green corner is not in the photo that it looks like: it speaks against.
        assert means[2] < 0.0
    assert found[-1].whole == pytest.approx(0.7, abs=0.2)


def test_a_place_where_nothing_looks_like_it_is_said_to_come_of_something_else(
    catalog: Catalog, library: dict[str, int]
) -> None:
    for lat, lon in ((10.0, 20.0), (-40.0, 100.0)):
        with pytest.raises(NothingSeenError, match="says nothing for this place"):
            list(why_here(catalog, library["asked.jpg"], lat, lon, 300.0, Corners()))


class Cells:
    """A partition of two halves of the earth."""

    def classes_of(self, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
        return np.where(np.abs(lat) > 80.0, -1, (lon > 0.0).astype(np.int32))


class RedIsWest:
    """Gives the western half as much as the first corner is red."""

    partition = Cells()
    log_prior = np.log([0.5, 0.5])

    def top_cells(self, embeddings: np.ndarray, k: int) -> tuple[np.ndarray, ...]:
        west = np.clip(0.1 + embeddings[:, 0], 0.01, 0.99)
        likely = np.stack([west, 1.0 - west], axis=1)
        order = np.argsort(-likely, axis=1)[:, :k]
        log_p = np.log(np.take_along_axis(likely, order, axis=1)).astype(np.float32)
        return order.astype(np.int32), log_p, np.full(len(order), -9.0, np.float32)


def test_a_world_model_that_speaks_for_the_place_is_heard_first(
    catalog: Catalog, library: dict[str, int]
) -> None:
    class SurelyWest(RedIsWest):
        log_prior = np.log([0.1, 0.9])

    asked = library["asked.jpg"]
    *_, last = why_here(catalog, asked, *HERE, 300.0, Corners(), SurelyWest())
    assert last.words.startswith("the world model's ") and last.words.endswith("% for this region")
    assert last.drop[:16, :16].mean() > 0.05
    assert abs(float(last.drop[16:, 16:].mean())) < 0.05
    # No more than its share of all photos, or no cell at all: the look-alike is asked.
    *_, last = why_here(catalog, asked, *HERE, 300.0, Corners(), RedIsWest())
    assert last.words == "the likeness to alike.jpg"
    with pytest.raises(NothingSeenError):
        list(why_here(catalog, asked, 85.0, 0.0, 300.0, Corners(), SurelyWest()))


def test_it_can_be_cancelled_and_a_file_that_went_is_told(
    catalog: Catalog, library: dict[str, int], folder: Path
) -> None:
    token = CancelToken()

    def stop(_: Progress) -> None:
        token.cancel()

    asked = library["asked.jpg"]
    with pytest.raises(CancelledError):
        list(why_here(catalog, asked, *HERE, 300.0, Corners(), progress=stop, cancel=token))
    (folder / "asked.jpg").unlink()
    with pytest.raises(GeotaggerError) as caught:
        list(why_here(catalog, asked, *HERE, 300.0, Corners()))
    assert caught.value.path == folder / "asked.jpg"
