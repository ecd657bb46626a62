"""Albums seen together: what an album model says is heard, kept, and no decision's business."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.library import queries, review
from geotagger.library.album_guesses import heard_before, partition_key
from geotagger.library.analysing import album_photos, analyse, suggest_again
from geotagger.library.catalog import Catalog
from geotagger.library.embedding import model_key
from geotagger.library.rows import Decision, DecisionKind, PhotoDetails
from geotagger.library.scan import scan_folder
from tests.library.test_analysing import ColourEmbedder
from tests.support.albums import Shot, make_album

TOWNS = np.array([(38.71, -9.13), (60.39, 5.32)])
LISBON, BERGEN = TOWNS
SHOTS = tuple(
    Shot(f"{number}.jpg", "town", number, 10.0 * number, 38.7, -9.1, False) for number in range(4)
)


class World:
    """Takes every photo for Lisbon, and every album for Bergen but its last photo."""

    key, album_key = "towns", "album"
    log_prior = np.log([0.5, 0.5])
    partition = SimpleNamespace(
        size=2,
        mean_lat=TOWNS[:, 0],
        mean_lon=TOWNS[:, 1],
        radius_m=np.full(2, 5e3),
        classes_of=lambda lat, lon: np.where(np.asarray(lat) > 50.0, 1, 0).astype(np.int32),
    )

    def __init__(self) -> None:
        self.albums: list[list[float]] = []

    def top_cells(
        self, embeddings: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        return self._say(np.zeros(len(embeddings), np.int32))

    def album_cells(
        self, embeddings: NDArray[np.float32], seconds: NDArray[np.float64], k: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        self.albums.append((seconds - seconds.min()).tolist())
        return self._say(np.where(seconds == seconds.max(), 0, 1).astype(np.int32))

    def _say(
        self, best: NDArray[np.int32]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        log_p = np.tile(np.log(np.array([0.8, 0.15], np.float32)), (len(best), 1))
        rest = np.full(len(best), np.log(0.05), np.float32)
        return np.stack([best, 1 - best], axis=1), log_p, rest


@pytest.fixture
def trip(catalog: Catalog, tmp_path: Path) -> Path:
    make_album(tmp_path / "photos" / "trip", SHOTS, size=(160, 120))
    list(scan_folder(catalog, tmp_path / "photos", workers=1))
    return tmp_path / "photos"


def details(catalog: Catalog, root: Path) -> list[PhotoDetails]:
    return [queries.details(catalog, row.id) for row in queries.photos(catalog, root)]


def towns(catalog: Catalog, root: Path) -> list[str]:
    """Return the town of each photo's best candidate, in chronological order."""
    found = []
    for one in details(catalog, root):
        best = one.candidates[0]
        away = haversine_m(best.lat, best.lon, TOWNS[:, 0], TOWNS[:, 1])
        found.append(("Lisbon", "Bergen")[int(away.argmin())])
    return found


def test_what_the_album_says_takes_the_place_of_what_single_photos_say(
    catalog: Catalog, trip: Path
) -> None:
    world = World()
    list(analyse(catalog, trip, embedder=ColourEmbedder(), world=world, workers=1))
    assert towns(catalog, trip) == ["Bergen", "Bergen", "Bergen", "Lisbon"]
    assert world.albums == [[0.0, 600.0, 1200.0, 1800.0]]
    reasons = details(catalog, trip)[0].candidates[0].reasons
    assert any("the album's pictures, seen together, point to this area" in one for one in reasons)


def test_a_world_without_an_album_model_is_heard_photo_by_photo(
    catalog: Catalog, trip: Path
) -> None:
    world = World()
    world.album_key = ""
    list(analyse(catalog, trip, embedder=ColourEmbedder(), world=world, workers=1))
    assert towns(catalog, trip) == ["Lisbon"] * 4
    assert world.albums == []
    reasons = details(catalog, trip)[0].candidates[0].reasons
    assert any("the picture itself points to this area" in one for one in reasons)


def test_a_renewal_after_a_decision_finds_what_the_album_said(catalog: Catalog, trip: Path) -> None:
    world, embedder = World(), ColourEmbedder()
    list(analyse(catalog, trip, embedder=embedder, world=world, workers=1))
    row = queries.photos(catalog, trip)[0]
    review.decide(catalog, [Decision(row.id, DecisionKind.REJECTED)])
    seen = embedder.seen
    suggest_again(catalog, str(trip / "trip"), model=model_key(embedder), world=world)
    assert towns(catalog, trip)[1:] == ["Bergen", "Bergen", "Lisbon"]
    assert len(world.albums) == 1 and embedder.seen == seen


def test_outings_of_one_folder_are_albums_of_their_own(catalog: Catalog, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    month = 30 * 1440
    later = tuple(
        replace(shot, name=f"later{shot.name}", minutes=shot.minutes + month) for shot in SHOTS[:3]
    )
    alone = replace(SHOTS[0], name="alone.jpg", minutes=3.0 * month)
    make_album(root / "year", (*SHOTS, *later, alone), size=(160, 120))
    list(scan_folder(catalog, root, workers=1))
    world = World()
    list(analyse(catalog, root, embedder=ColourEmbedder(), world=world, workers=1))
    assert world.albums == [[0.0, 600.0, 1200.0, 1800.0], [0.0, 600.0, 1200.0]]
    # The last photo of each outing is the last of its album, and one alone is none.
    assert towns(catalog, root) == [*["Bergen"] * 3, "Lisbon", *["Bergen"] * 2, "Lisbon", "Lisbon"]


def test_a_single_photo_is_no_album(catalog: Catalog, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    make_album(root / "one", SHOTS[:1], size=(160, 120))
    list(scan_folder(catalog, root, workers=1))
    world = World()
    list(analyse(catalog, root, embedder=ColourEmbedder(), world=world, workers=1))
    assert towns(catalog, root) == ["Lisbon"]
    assert world.albums == []


def test_guesses_of_another_album_model_are_not_heard(catalog: Catalog, trip: Path) -> None:
    world, embedder = World(), ColourEmbedder()
    list(analyse(catalog, trip, embedder=embedder, world=world, workers=1))
    key, album = model_key(embedder), str(trip / "trip")
    photos = album_photos(catalog, album, key, partition=world.key)
    heard = heard_before(catalog, album, photos, key, world)
    assert [one.guess.together for one in heard if one.guess is not None] == [True] * 4
    before = partition_key(world)
    world.album_key = "newer"
    assert partition_key(world) != before
    assert heard_before(catalog, album, photos, key, world) == photos
