from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from geotagger.earth.distance import haversine_m
from geotagger.library import queries, review
from geotagger.library.analysing import (
    album_photos,
    analyse,
    references_of,
    suggest_again,
)
from geotagger.library.catalog import Catalog
from geotagger.library.embedding import embed_missing, model_key
from geotagger.library.listing import Listing
from geotagger.library.rows import Decision, DecisionKind, PhotoState
from geotagger.library.scan import scan_folder
from geotagger.library.vectors import decode_vector, encode_vector
from geotagger.progress import CancelledError, CancelToken, Progress
from tests.support.albums import LISBON, Shot, make_album


class ColourEmbedder:
    """Mean colours of a 4x4 grid: enough to tell the drawn scenes apart."""

    name, version, dimension, input_size = "colours", "1", 48, 64

    def __init__(self) -> None:
        self.seen = 0

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.seen += len(images)
        grid = images.reshape(len(images), 4, 16, 4, 16, 3).mean((2, 4)).reshape(len(images), -1)
        grid = grid - grid.mean(1, keepdims=True)
        return (grid / np.linalg.norm(grid, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def trip(catalog: Catalog, tmp_path: Path) -> Path:
    make_album(tmp_path / "photos" / "trip", LISBON[:8], size=(160, 120))
    list(scan_folder(catalog, tmp_path / "photos", workers=2))
    return tmp_path / "photos"


def ids(catalog: Catalog, root: Path) -> dict[str, int]:
    return {row.name: row.id for row in queries.photos(catalog, root)}


def test_photos_without_gps_get_stored_suggestions(catalog: Catalog, trip: Path) -> None:
    streamed = [photo_id for part in analyse(catalog, trip) for photo_id in part]
    rows = queries.photos(catalog, trip)
    assert sorted(streamed) == sorted(r.id for r in rows if r.state is not PhotoState.HAS_GPS)
    assert PhotoState.PENDING not in {row.state for row in rows}
    details = queries.details(catalog, ids(catalog, trip)["DSC_0101.jpg"])
    best = details.candidates[0]
    assert haversine_m(best.lat, best.lon, 38.7142, -9.1331) < 500
    assert best.reasons


def test_an_accepted_place_is_evidence_for_the_others(catalog: Catalog, tmp_path: Path) -> None:
    shots = tuple(Shot(f"{n}.jpg", "sea", n, 3.0 * n, 0.0, 0.0, tagged=False) for n in range(5))
    make_album(tmp_path / "photos", shots, size=(160, 120))
    root = tmp_path / "photos"
    list(scan_folder(catalog, root, workers=2))
    list(analyse(catalog, root))
    assert Listing.load(catalog, root).counts() == {PhotoState.INSUFFICIENT: 5}
    by_name = ids(catalog, root)
    review.decide(catalog, [Decision(by_name["2.jpg"], DecisionKind.ACCEPTED, 48.2, 16.37, 50.0)])
    assert suggest_again(catalog, str(root))
    best = queries.details(catalog, by_name["1.jpg"]).candidates[0]
    assert haversine_m(best.lat, best.lon, 48.2, 16.37) < 2000
    assert any("2.jpg" in reason and "accepted" in reason for reason in best.reasons)


def test_embeddings_are_kept_and_a_stopped_analysis_goes_on(catalog: Catalog, trip: Path) -> None:
    embedder = ColourEmbedder()
    cancel = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.what == "Looking at photos" and progress.done == 3:
            cancel.cancel()

    with pytest.raises(CancelledError):
        embed_missing(catalog, trip, embedder, workers=1, progress=stop, cancel=cancel)
    before = embedder.seen
    assert 0 < before < 8
    stored = embed_missing(catalog, trip, embedder, workers=1)
    assert before + stored == 8 == embedder.seen
    assert embed_missing(catalog, trip, embedder, workers=1) == 0


def test_references_come_from_other_albums_only(catalog: Catalog, trip: Path) -> None:
    make_album(trip / "other", LISBON[8:12], size=(160, 120))
    list(scan_folder(catalog, trip, workers=2))
    embedder = ColourEmbedder()
    embed_missing(catalog, trip, embedder, workers=1)
    found = references_of(catalog, model_key(embedder), without=str(trip / "trip"))
    assert found is not None
    assert set(found.names) == {shot.name for shot in LISBON[8:12] if shot.tagged}
    assert found.embeddings.shape == (len(found.names), 48)
    lone = references_of(catalog, "no such model", without=str(trip / "trip"))
    assert lone is None


def test_a_picture_that_cannot_be_decoded_is_still_placed_by_its_album(
    catalog: Catalog, trip: Path
) -> None:
    path = trip / "trip" / "DSC_0101.jpg"
    path.write_bytes(path.read_bytes()[:900])
    list(scan_folder(catalog, trip, workers=1))
    list(analyse(catalog, trip, embedder=ColourEmbedder(), workers=1))
    row = queries.photos_by_id(catalog, [ids(catalog, trip)["DSC_0101.jpg"]])[0]
    assert row.state in {PhotoState.CONFIDENT, PhotoState.AMBIGUOUS}


def test_vectors_survive_storage_to_half_precision() -> None:
    vector = np.linspace(-1, 1, 48, dtype=np.float32)
    assert np.allclose(decode_vector(encode_vector(vector)), vector, atol=1e-3)


def test_the_time_of_a_copy_is_no_evidence(catalog: Catalog, trip: Path) -> None:
    path = trip / "trip" / "copied.png"
    Image.new("RGB", (40, 30), "olive").save(path)
    stamp = (trip / "trip" / "IMG_0001.jpg").stat().st_mtime
    os.utime(path, (stamp, stamp))
    list(scan_folder(catalog, trip, workers=1))
    row = queries.photos_by_id(catalog, [ids(catalog, trip)["copied.png"]])[0]
    assert row.when is not None and row.time_is_fallback
    (photo,) = (p for p in album_photos(catalog, str(trip / "trip"), None) if p.name == row.name)
    assert photo.when is None
    list(analyse(catalog, trip))
    reasons = [r for c in queries.details(catalog, row.id).candidates for r in c.reasons]
    assert not any("IMG_0001" in reason for reason in reasons)
