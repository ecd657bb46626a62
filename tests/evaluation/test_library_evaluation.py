"""Hiding the GPS of a library's own photos and looking for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from geotagger.errors import GeotaggerError, TooFewPhotosError
from geotagger.evaluation import library
from geotagger.evaluation.hidings import Way
from geotagger.evaluation.library import evaluate_library, without_copies
from geotagger.evaluation.library_words import cautions, headline, report
from geotagger.library import queries, review
from geotagger.library.catalog import Catalog
from geotagger.library.rows import Decision, DecisionKind
from geotagger.library.scan import scan_folder
from geotagger.library.vectors import encode_vector
from geotagger.progress import CancelledError, CancelToken, Progress
from geotagger.suggest.types import PhotoText, References, TextKind
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
    for word in (
        "Nearest photo in time",
        "Best photo at hand",
        "lisbon",
        "80 % radius held",
        "points on average",
        "1 folder has fewer than two photos with GPS and stayed out.",
    ):
        assert word in text
    value = score.to_json()
    assert value["albums"][0]["methods"]["ours"]["within_km"]
    assert value["methods"]["ours"]["calibration_error"] == score.ours.calibration_error
    assert (value["hidden"], value["how"]) == (score.hidden, "random")


def test_few_photos_are_called_few(catalog: Catalog, root: Path) -> None:
    score = evaluate_library(catalog, root, seeds=1)
    few, looks, *_ = cautions(score)
    assert few.startswith("Only 8 photos could be used") and "at least 30" in few
    assert "No model" in looks
    assert headline(score).startswith("Of 6 hidden photos ")


def test_whole_days_are_hidden_together(catalog: Catalog, root: Path) -> None:
    score = evaluate_library(catalog, root, how=Way.DAYS, share=0.5, seeds=4)
    # Five of the eight photos are of the first day, three of the next.
    assert score.hidden in {5 * one + 3 * (4 - one) for one in range(5)}
    assert score.ours.within_km["25"] < 100.0


@pytest.mark.parametrize(
    ("how", "off_h"), [(Way.STREAM, lambda h: h == 0), (Way.SHIFTED_ZONE, lambda h: abs(h) >= 1)]
)
def test_a_second_camera_is_a_half_and_its_clock_has_to_be_found(
    catalog: Catalog, root: Path, monkeypatch: pytest.MonkeyPatch, how: Way, off_h
) -> None:
    taken = {str(row.id): row.when for row in queries.photos(catalog, root)}
    place, offsets = library.suggest_album, []

    def listen(photos, **options):
        assert options["clock_seconds"] is None
        shift = {one.camera: set() for one in photos}
        for one in photos:
            assert (one.anchor is None) is (one.camera == "second")
            shift[one.camera].add((one.when - taken[one.key]).total_seconds() / 3600)
        assert shift["first"] == {0.0}
        offsets.extend(shift["second"])
        return place(photos, **options)

    monkeypatch.setattr(library, "suggest_album", listen)
    score = evaluate_library(catalog, root, how=how, seeds=2)
    assert (score.hidden, score.hide) == (8, 0.5)
    assert len(offsets) == 2 and all(off_h(one) and one == int(one) for one in offsets)


def test_one_day_is_too_few_to_hide_days(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "one day"
    make_album(folder, LISBON[:6], size=(96, 72))
    list(scan_folder(catalog, folder, workers=1))
    with pytest.raises(TooFewPhotosError, match="GPS of two days"):
        evaluate_library(catalog, folder, how=Way.DAYS)


def test_a_copy_of_a_photo_does_not_give_its_place_away(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "twice"
    for path in make_album(folder, LISBON, size=(96, 72)):
        if path.name.startswith("IMG"):
            (folder / f"copy of {path.name}").write_bytes(path.read_bytes())
    list(scan_folder(catalog, folder, workers=1))
    assert evaluate_library(catalog, folder, seeds=1).photos == 8


def test_folders_around_are_heard_but_not_what_a_person_decided_there(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = tmp_path / "trip"
    tagged = [shot for shot in LISBON if shot.tagged]
    make_album(both / "phone", tuple(tagged[::2]), size=(96, 72))
    make_album(both / "other", tuple(tagged[1::2]), size=(96, 72))
    make_album(both / "camera", tuple(shot for shot in LISBON if not shot.tagged), size=(96, 72))
    for path in (both / "phone").iterdir():
        (both / "other" / f"copy of {path.name}").write_bytes(path.read_bytes())
    list(scan_folder(catalog, both, workers=1))
    rows = {str(row.id): row for row in queries.photos(catalog, both)}
    review.decide(
        catalog,
        [
            Decision(row.id, DecisionKind.ACCEPTED, 38.7, -9.1, 10.0)
            for row in rows.values()
            if row.folder.name == "camera"
        ],
    )
    before = dump(catalog)
    place, heard = library.suggest_album, []

    def listen(photos, **options):
        heard.append([rows[one.key] for one in photos])
        return place(photos, **options)

    monkeypatch.setattr(library, "suggest_album", listen)
    evaluate_library(catalog, both / "phone", seeds=1)
    assert dump(catalog) == before
    (photos,) = heard
    beside = [row for row in photos if row.folder.name != "phone"]
    assert {row.folder.name for row in beside} == {"other"}
    assert not any(row.name.startswith("copy") for row in beside)


def test_copies_in_other_folders_are_no_references() -> None:
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(5, 16)).astype(np.float32)
    references = References(tuple("abcde"), vectors, np.arange(5.0), np.zeros(5))
    photo = library.AlbumPhoto(key="1", name="x", when=None, embedding=vectors[2].copy())
    left = without_copies(references, [photo])
    assert left is not None and left.names == tuple("abde")
    assert left.lat.tolist() == [0.0, 1.0, 3.0, 4.0]
    assert without_copies(references, []) is references


def test_place_names_that_were_written_from_the_gps_are_not_heard(
    catalog: Catalog, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[TextKind, bool]] = []
    look, place = library.album_photos, library.suggest_album

    def with_names(*arguments, **options):
        texts = (PhotoText(TextKind.PLACE, "Sintra"), PhotoText(TextKind.CAPTION, "sea"))
        return [library.replace(photo, texts=texts) for photo in look(*arguments, **options)]

    def listen(photos, **options):
        heard.extend((text.kind, one.anchor is None) for one in photos for text in one.texts)
        return place(photos, **options)

    monkeypatch.setattr(library, "album_photos", with_names)
    monkeypatch.setattr(library, "suggest_album", listen)
    evaluate_library(catalog, root, share=0.5, seeds=1)
    assert heard.count((TextKind.PLACE, True)) == 0
    assert heard.count((TextKind.PLACE, False)) == 4
    assert heard.count((TextKind.CAPTION, True)) == 4


def test_progress_goes_from_nothing_to_all(catalog: Catalog, root: Path) -> None:
    told: list[Progress] = []
    evaluate_library(catalog, root, seeds=2, progress=told.append)
    assert told[-1].done == told[-1].total == 4
    assert [one.done for one in told] == sorted(one.done for one in told)


def test_nothing_to_hide_and_bad_numbers_are_told(
    catalog: Catalog, root: Path, tmp_path: Path
) -> None:
    with pytest.raises(TooFewPhotosError, match="at least two photos with GPS") as caught:
        evaluate_library(catalog, root / "alone")
    assert caught.value.message.startswith("1 photo here has GPS of its own")
    with pytest.raises(TooFewPhotosError, match="geotagger scan"):
        evaluate_library(catalog, tmp_path / "never scanned")
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
    score = evaluate_library(catalog, root, seeds=3)
    ours = score.pooled["ours"]
    assert ours.stated is not None and ours.held is not None
    for one in score.reliability:
        assert 0.0 <= one.stated <= 1.0
    held = sum(one.held * one.count for one in score.reliability)
    assert held == pytest.approx(float(ours.held.sum()))
