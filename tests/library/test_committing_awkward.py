"""Links, folders that vanish, pipes and undo in any order, through the catalog."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from geotagger.library import committing, disagreements, queries, review
from geotagger.library.catalog import Catalog
from geotagger.library.rows import Decision, DecisionKind, PhotoRow, PhotoState
from geotagger.library.scan import ScanOutcome, scan_folder
from geotagger.library.writer_lock import writer_lock
from geotagger.library.writing import WriteOptions, WriteResult
from geotagger.photos.xmp_compare import property_texts
from geotagger.photos.xmp_places import OWN_NS, PHOTOSHOP_NS
from tests.photos.making import CAMERA, exif_bytes, place, save, xmp

ALWAYS = WriteOptions("always")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    made.mkdir()
    return made


def picture(path: Path, gps: tuple[float, float] | None = None) -> Path:
    return save(path, exif=exif_bytes(CAMERA, gps=place(*gps) if gps else None))


def scan(catalog: Catalog, root: Path) -> set[ScanOutcome]:
    return {event.outcome for event in scan_folder(catalog, root, workers=1)}


def row(catalog: Catalog, root: Path, name: str) -> PhotoRow:
    return next(row for row in queries.photos(catalog, root) if row.name == name)


def accept(catalog: Catalog, root: Path, *names: str, lat: float = 38.7142) -> None:
    decisions = [
        Decision(
            row(catalog, root, name).id, DecisionKind.ACCEPTED, lat, -9.1331, 80.0, "", "because"
        )
        for name in names
    ]
    review.decide(catalog, decisions)


def write(catalog: Catalog, root: Path, options: WriteOptions | None = None) -> list[WriteResult]:
    return list(committing.commit(catalog, committing.plan(catalog, root, options=options)))


def test_the_other_name_of_a_written_file_is_up_to_date_right_afterwards(
    catalog: Catalog, root: Path
) -> None:
    first, second = picture(root / "a.jpg"), root / "b.jpg"
    second.hardlink_to(first)
    scan(catalog, root)
    accept(catalog, root, "b.jpg")
    before = first.read_bytes()
    (result,) = write(catalog, root)
    assert result.ok and first.samefile(second)
    assert row(catalog, root, "b.jpg").state is PhotoState.WRITTEN
    assert row(catalog, root, "a.jpg").state is PhotoState.HAS_GPS
    assert scan(catalog, root) == {ScanOutcome.UNCHANGED}
    (undone,) = committing.take_back(catalog, result.write_id)
    assert undone.ok and first.read_bytes() == before and first.samefile(second)
    assert row(catalog, root, "b.jpg").state is PhotoState.ACCEPTED
    assert row(catalog, root, "a.jpg").state is not PhotoState.HAS_GPS
    assert scan(catalog, root) == {ScanOutcome.UNCHANGED}


def test_two_names_of_one_file_are_not_written_twice(catalog: Catalog, root: Path) -> None:
    first = picture(root / "a.jpg")
    (root / "b.jpg").hardlink_to(first)
    scan(catalog, root)
    accept(catalog, root, "a.jpg", "b.jpg")
    results = write(catalog, root)
    assert [result.ok for result in results] == [True, False]
    assert results[1].error is not None and "hard link" in str(results[1].error)
    assert first.samefile(root / "b.jpg")


def test_a_symlink_to_a_photo_elsewhere_stays_a_link(
    catalog: Catalog, root: Path, tmp_path: Path
) -> None:
    real = picture(tmp_path / "elsewhere.jpg")
    (root / "a.jpg").symlink_to(real)
    scan(catalog, root)
    accept(catalog, root, "a.jpg")
    before = real.read_bytes()
    (result,) = write(catalog, root)
    assert result.ok and (root / "a.jpg").is_symlink() and real.read_bytes() != before
    assert row(catalog, root, "a.jpg").state is PhotoState.WRITTEN
    assert all(undone.ok for undone in committing.take_back(catalog, result.write_id))
    assert real.read_bytes() == before and (root / "a.jpg").is_symlink()


def test_a_folder_that_vanishes_between_plan_and_write_fails_its_files_only(
    catalog: Catalog, root: Path
) -> None:
    for name in ("stays", "goes"):
        (root / name).mkdir()
        picture(root / name / f"{name}.jpg")
    scan(catalog, root)
    accept(catalog, root, "stays.jpg", "goes.jpg")
    plan = committing.plan(catalog, root)
    shutil.rmtree(root / "goes")
    results = {result.path.name: result for result in committing.commit(catalog, plan)}
    assert results["stays.jpg"].ok and not results["goes.jpg"].ok
    error = results["goes.jpg"].error
    assert error is not None and "no longer there" in error.message and error.remedy
    assert row(catalog, root, "goes.jpg").state is PhotoState.FAILED
    assert "no longer there" in row(catalog, root, "goes.jpg").error
    assert row(catalog, root, "stays.jpg").state is PhotoState.WRITTEN
    assert not (root / "goes").exists()


class TestPipes:
    """A pipe in place of a photo stands for whatever never answers: nothing may wait on it."""

    def test_before_the_plan_and_before_the_write(self, catalog: Catalog, root: Path) -> None:
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            picture(root / name)
        scan(catalog, root)
        accept(catalog, root, "a.jpg", "b.jpg", "c.jpg")
        _to_pipe(root / "a.jpg")
        plan = committing.plan(catalog, root)
        refused = [item for item in plan.items if item.how == "refused"]
        assert [item.path.name for item in refused] == ["a.jpg"]
        assert "regular file" in refused[0].reason
        _to_pipe(root / "b.jpg")
        results = {result.path.name: result.ok for result in committing.commit(catalog, plan)}
        assert results == {"a.jpg": False, "b.jpg": False, "c.jpg": True}

    def test_before_undo(self, catalog: Catalog, root: Path) -> None:
        for name in ("a.jpg", "b.jpg"):
            picture(root / name)
        scan(catalog, root)
        accept(catalog, root, "a.jpg", "b.jpg")
        write_id = write(catalog, root)[0].write_id
        _to_pipe(root / "a.jpg")
        undone = {result.path.name: result for result in committing.take_back(catalog, write_id)}
        assert undone["b.jpg"].ok and not undone["a.jpg"].ok
        assert "changed" in str(undone["a.jpg"].error)


def _to_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def test_undo_says_per_file_what_could_not_be_restored_and_why(
    catalog: Catalog, root: Path
) -> None:
    names = ("a.jpg", "b.jpg", "c.jpg")
    before = {name: picture(root / name).read_bytes() for name in names}
    scan(catalog, root)
    accept(catalog, root, *names)
    write_id = write(catalog, root)[0].write_id
    (root / "a.jpg").unlink()
    (root / "b.jpg").write_bytes(before["b.jpg"] + b"edited")
    undone = {result.path.name: result for result in committing.take_back(catalog, write_id)}
    assert {name: result.ok for name, result in undone.items()} == {
        "a.jpg": False,
        "b.jpg": False,
        "c.jpg": True,
    }
    for name, word in (("a.jpg", "no longer there"), ("b.jpg", "changed by another program")):
        error = undone[name].error
        assert error is not None and word in error.message and error.path == root / name
        assert error.remedy
    assert (root / "c.jpg").read_bytes() == before["c.jpg"]
    (entry,) = committing.history(catalog)
    assert (entry.count, entry.undone) == (3, 1)
    assert not (root / "a.jpg").exists()


def test_writes_to_different_files_are_taken_back_in_any_order(
    catalog: Catalog, root: Path
) -> None:
    names = ("a.jpg", "b.jpg", "c.jpg")
    before = {name: picture(root / name).read_bytes() for name in names}
    scan(catalog, root)
    ids = []
    for name in names:
        accept(catalog, root, name)
        ids.append(write(catalog, root)[0].write_id)
    for write_id in (ids[1], ids[0], ids[2]):
        assert [result.ok for result in committing.take_back(catalog, write_id)] == [True]
    assert {name: (root / name).read_bytes() for name in names} == before
    assert scan(catalog, root) == {ScanOutcome.UNCHANGED}


def test_the_reason_of_the_photo_outlives_that_of_its_sidecar(catalog: Catalog, root: Path) -> None:
    path = picture(root / "a.jpg")
    (root / "a.jpg.xmp").write_bytes(xmp())
    scan(catalog, root)
    accept(catalog, root, "a.jpg")
    plan = committing.plan(catalog, root)
    assert len(plan.items) == 2
    path.write_bytes(path.read_bytes() + b"more")
    assert [result.ok for result in committing.commit(catalog, plan)] == [False, False]
    assert "changed by another program" in row(catalog, root, "a.jpg").error


def test_place_names_come_from_the_place_written_and_only_if_wanted(
    catalog: Catalog, root: Path
) -> None:
    picture(root / "a.jpg")
    scan(catalog, root)
    accept(catalog, root, "a.jpg")
    assert len(committing.plan(catalog, root).items) == 1
    assert all(r.ok for r in write(catalog, root, WriteOptions(place_names=True)))
    texts = property_texts((root / "a.jpg.xmp").read_bytes())
    assert texts[PHOTOSHOP_NS, "City"] == "Lisbon"
    assert texts[PHOTOSHOP_NS, "Country"] == "Portugal"
    assert texts[OWN_NS, "Provenance"] == "because"
    assert row(catalog, root, "a.jpg").state is PhotoState.WRITTEN


def test_files_that_disagree_with_their_sidecar_are_listed(catalog: Catalog, root: Path) -> None:
    picture(root / "a.jpg", (38.7142, -9.1331))
    picture(root / "b.jpg", (38.7142, -9.1331))
    (root / "a.jpg.xmp").write_bytes(xmp("exif:GPSLatitude='1,0.0N' exif:GPSLongitude='2,0.0E'"))
    scan(catalog, root)
    ((path, words),) = disagreements.below(catalog, root)
    assert path == root / "a.jpg" and "disagree" in words
    details = queries.details(catalog, row(catalog, root, "a.jpg").id)
    assert disagreements.disagreement(details.record) == words


def test_photos_that_wait_for_another_writer_keep_their_state(catalog: Catalog, root: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        picture(root / name)
    scan(catalog, root)
    accept(catalog, root, "a.jpg", "b.jpg")
    plan = committing.plan(catalog, root)
    with catalog.reading() as connection, writer_lock(connection) as alone:
        assert alone
        refused = list(committing.commit(catalog, plan))
    assert [(r.ok, r.tried) for r in refused] == [(False, False)] * 2
    assert {row(catalog, root, r.path.name).state for r in refused} == {PhotoState.ACCEPTED}
    assert all(row(catalog, root, r.path.name).error == "" for r in refused)
    (first, _) = committing.commit(catalog, plan)
    with catalog.reading() as connection, writer_lock(connection):
        undone = list(committing.take_back(catalog, first.write_id))
    assert [(r.ok, r.tried) for r in undone] == [(False, False)] * 2
    assert row(catalog, root, "a.jpg").state is PhotoState.WRITTEN


@pytest.mark.parametrize("beside", ["a.nef.xmp", "a.jpg.xmp"])
def test_a_photo_without_one_of_its_sidecars_is_partly_written_and_tried_again(
    catalog: Catalog, root: Path, beside: str
) -> None:
    path = picture(root / "a.jpg")
    (root / "a.nef").write_bytes(b"raw")
    (root / beside).write_bytes(xmp())
    scan(catalog, root)
    accept(catalog, root, "a.jpg")
    before = path.read_bytes()
    plan = committing.plan(catalog, root)
    assert {item.photo for item in plan.items} == {path}
    (root / beside).write_bytes(xmp("exif:GPSSpeed='1/1'"))
    results = list(committing.commit(catalog, plan))
    assert [r.destination.name for r in results if not r.ok] == [beside]
    failed = row(catalog, root, "a.jpg")
    assert failed.state is PhotoState.FAILED
    assert f"Partly written, {beside} is missing" in failed.error
    assert "changed by another program" in failed.error
    again = write(catalog, root)
    assert again and all(result.ok for result in again)
    assert row(catalog, root, "a.jpg").state is PhotoState.WRITTEN
    for write_id in (again[0].write_id, results[0].write_id):
        assert all(result.ok for result in committing.take_back(catalog, write_id))
    assert path.read_bytes() == before
    assert row(catalog, root, "a.jpg").state is PhotoState.ACCEPTED
