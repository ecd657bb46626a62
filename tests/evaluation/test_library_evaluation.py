"""Hiding the GPS of a library's own photos and looking for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from geotagger.errors import GeotaggerError
from geotagger.evaluation.library import LibraryScore, evaluate_library, report
from geotagger.library import queries, review
from geotagger.library.catalog import Catalog
from geotagger.library.rows import Decision, DecisionKind
from geotagger.library.scan import scan_folder
from geotagger.library.vectors import encode_vector
from geotagger.progress import CancelledError, CancelToken
from tests.support.albums import LISBON, make_album


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("photos")
    make_album(made / "lisbon", LISBON, size=(96, 72))
    make_album(made / "alone", LISBON[:2], size=(96, 72))
    return made


@pytest.fixture
def catalog(tmp_path: Path, root: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.sqlite") as opened:
        list(scan_folder(opened, root, workers=1))
        yield opened


def dump(catalog: Catalog) -> list[str]:
    with catalog.reading() as connection:
        return list(connection.iterdump())


def test_each_albums_own_gps_is_hidden_and_found_and_nothing_is_written(
    catalog: Catalog, root: Path
) -> None:
    before = dump(catalog)
    score = evaluate_library(catalog, root, share=0.5, seeds=2)
    assert dump(catalog) == before
    (album,) = score.albums
    assert (album.title, album.photos, score.left_out) == ("lisbon", 8, 1)
    assert score.hidden == 2 * 4
    assert {"ours", "nearest_in_time", "best_anchor_oracle"} <= set(score.pooled)
    # The album spans 35 km, and half of its photos say where.
    assert score.pooled["ours"].within_km["200"] == 100.0
    assert sum(one.count for one in score.reliability) == score.hidden


def test_the_choice_depends_on_seed_and_share_alone(catalog: Catalog, root: Path) -> None:
    first, second = (evaluate_library(catalog, root, share=0.3, seeds=1) for _ in range(2))
    assert np.array_equal(first.pooled["ours"].error_m, second.pooled["ours"].error_m)
    more = evaluate_library(catalog, root, share=0.9, seeds=1)
    assert (first.hidden, more.hidden) == (2, 7)


def test_what_a_person_accepted_is_neither_truth_nor_anchor(catalog: Catalog, root: Path) -> None:
    tagged = {shot.name for shot in LISBON if shot.tagged}
    rows = [row for row in queries.photos(catalog, root) if row.folder.name == "lisbon"]
    free = [row for row in rows if row.name not in tagged]
    known = [row for row in rows if row.name in tagged]
    before = evaluate_library(catalog, root, share=0.5, seeds=1)
    review.decide(
        catalog,
        [Decision(one.id, DecisionKind.ACCEPTED, -40.0, 170.0, 10.0) for one in free],
    )
    after = evaluate_library(catalog, root, share=0.5, seeds=1)
    assert np.array_equal(after.pooled["ours"].error_m, before.pooled["ours"].error_m)
    review.decide(catalog, [Decision(known[0].id, DecisionKind.MOVED, 0.5, 0.5, 10.0)])
    assert evaluate_library(catalog, root, share=0.5, seeds=1).photos == 7


def test_kept_embeddings_are_heard(catalog: Catalog, root: Path) -> None:
    generator = np.random.default_rng(0)
    with catalog.writing() as connection:
        for (digest,) in connection.execute("SELECT DISTINCT fingerprint FROM photos").fetchall():
            vector = generator.normal(size=16).astype(np.float32)
            row = (digest, "colours/1", encode_vector(vector / np.linalg.norm(vector)))
            connection.execute("INSERT INTO embeddings VALUES (?, ?, ?)", row)
    score = evaluate_library(catalog, root, seeds=1, model="colours/1")
    assert score.embedded == 8
    assert np.isfinite(score.pooled["nearest_lookalike"].error_m).all()
    assert "colours/1" in report(score)


def test_the_report_names_methods_albums_and_what_held(catalog: Catalog, root: Path) -> None:
    score = evaluate_library(catalog, root, seeds=1)
    text = report(score)
    for word in ("nearest_in_time", "lisbon", "80 % radius held", "held", "fewer than two: 1"):
        assert word in text
    value = score.to_json()
    assert value["albums"][0]["methods"]["ours"]["within_km"]
    assert value["hidden"] == score.hidden


def test_nothing_to_hide_and_bad_numbers_are_told(catalog: Catalog, root: Path) -> None:
    with pytest.raises(GeotaggerError, match="two photos with GPS") as caught:
        evaluate_library(catalog, root / "alone")
    assert "scan" in str(caught.value)
    with pytest.raises(GeotaggerError, match="between 0 and 1"):
        evaluate_library(catalog, root, share=1.0)
    with pytest.raises(GeotaggerError, match="seed"):
        evaluate_library(catalog, root, seeds=0)


def test_it_stops_when_told(catalog: Catalog, root: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        evaluate_library(catalog, root, cancel=token)


def test_reliability_is_the_share_that_held_by_what_was_said(catalog: Catalog, root: Path) -> None:
    score: LibraryScore = evaluate_library(catalog, root, seeds=3)
    ours = score.pooled["ours"]
    assert ours.stated is not None and ours.held is not None
    for one in score.reliability:
        assert 0.0 <= one.stated <= 1.0
    held = sum(one.held * one.count for one in score.reliability)
    assert held == pytest.approx(float(ours.held.sum()))
