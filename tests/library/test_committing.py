from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from geotagger.library import committing, journal, queries, review, writing
from geotagger.library.analysing import analyse
from geotagger.library.catalog import Catalog
from geotagger.library.rows import Decision, DecisionKind, PhotoRow, PhotoState
from geotagger.library.scan import ScanOutcome, scan_folder
from geotagger.photos.replace import Step
from tests.photos.making import save_heic
from tests.support.albums import LISBON, make_album


@pytest.fixture
def root(catalog: Catalog, tmp_path: Path) -> Path:
    make_album(tmp_path / "photos", LISBON[:4], size=(160, 120))
    list(scan_folder(catalog, tmp_path / "photos", workers=2))
    return tmp_path / "photos"


def row(catalog: Catalog, root: Path, name: str = "DSC_0101.jpg") -> PhotoRow:
    return next(row for row in queries.photos(catalog, root) if row.name == name)


def accept(catalog: Catalog, root: Path, name: str = "DSC_0101.jpg") -> int:
    photo_id = row(catalog, root, name).id
    review.decide(
        catalog,
        [Decision(photo_id, DecisionKind.ACCEPTED, 38.7142, -9.1331, 80.0, "Lisbon", "why")],
    )
    return photo_id


def write(catalog: Catalog, root: Path) -> list[writing.WriteResult]:
    return list(committing.commit(catalog, committing.plan(catalog, root)))


def test_the_state_follows_a_write_and_its_undo(catalog: Catalog, root: Path) -> None:
    accept(catalog, root)
    before = sha256((root / "DSC_0101.jpg").read_bytes()).digest()
    (result,) = write(catalog, root)
    assert result.ok
    written = row(catalog, root)
    assert written.state is PhotoState.WRITTEN and written.lat == 38.7142
    assert committing.plan(catalog, root).items == ()
    outcomes = {event.outcome for event in scan_folder(catalog, root, workers=1)}
    assert outcomes == {ScanOutcome.UNCHANGED}
    (undone,) = committing.take_back(catalog, result.write_id)
    assert undone.ok
    assert row(catalog, root).state is PhotoState.ACCEPTED
    assert sha256((root / "DSC_0101.jpg").read_bytes()).digest() == before
    assert len(committing.plan(catalog, root).items) == 1


def test_a_fresh_catalog_takes_our_own_estimate_with_its_radius(
    catalog: Catalog, root: Path, tmp_path: Path
) -> None:
    accept(catalog, root)
    write(catalog, root)
    with Catalog.open(tmp_path / "other.sqlite") as other:
        list(scan_folder(other, root, workers=1))
        found = row(other, root)
        assert found.state is PhotoState.HAS_GPS
        assert found.radius_m == pytest.approx(80.0)
        assert found.lat == pytest.approx(38.7142, abs=1e-7)


def test_a_failed_write_keeps_the_decision_and_says_why(catalog: Catalog, root: Path) -> None:
    accept(catalog, root)
    plan = committing.plan(catalog, root)
    path = root / "DSC_0101.jpg"
    path.write_bytes(path.read_bytes() + b"changed meanwhile")
    (result,) = committing.commit(catalog, plan)
    assert not result.ok
    failed = row(catalog, root)
    assert failed.state is PhotoState.FAILED and "changed" in failed.error
    list(scan_folder(catalog, root, workers=1))
    (again,) = write(catalog, root)
    assert again.ok and row(catalog, root).state is PhotoState.WRITTEN


def test_other_formats_get_a_sidecar_and_are_not_touched(catalog: Catalog, root: Path) -> None:
    path = save_heic(root / "phone.heic", Image.new("RGB", (64, 48), "teal"))
    list(scan_folder(catalog, root, workers=1))
    before = path.read_bytes()
    accept(catalog, root, "phone.heic")
    (result,) = write(catalog, root)
    assert result.ok and result.destination == root / "phone.heic.xmp"
    assert path.read_bytes() == before
    assert row(catalog, root, "phone.heic").state is PhotoState.WRITTEN
    outcomes = {event.outcome for event in scan_folder(catalog, root, workers=1)}
    assert outcomes == {ScanOutcome.UNCHANGED}


def test_a_crash_after_the_replace_is_noticed_at_the_next_start(
    catalog: Catalog, root: Path
) -> None:
    accept(catalog, root)

    class Crash(BaseException):
        pass

    def die(step: Step) -> None:
        if step is Step.REPLACED:
            raise Crash

    plan = committing.plan(catalog, root)
    with pytest.raises(Crash):
        list(writing.execute(catalog.connection(), plan, steps=die))
    assert row(catalog, root).state is PhotoState.ACCEPTED
    (recovered,) = committing.recover(catalog)
    assert recovered.outcome == "finished"
    assert row(catalog, root).state is PhotoState.WRITTEN
    assert committing.recover(catalog) == []
    (entry,) = committing.history(catalog)
    assert (entry.count, entry.failed, entry.undone) == (1, 0, 0)


def test_suggestions_and_embeddings_outlive_a_write(catalog: Catalog, root: Path) -> None:
    list(analyse(catalog, root))
    photo_id = accept(catalog, root)
    with catalog.writing() as connection:
        connection.execute(
            "INSERT INTO embeddings SELECT fingerprint, 'm/1', x'003c' FROM photos WHERE id = ?",
            (photo_id,),
        )
    write(catalog, root)
    details = queries.details(catalog, photo_id)
    assert details.candidates
    with catalog.reading() as connection:
        found = connection.execute(
            "SELECT count(*) FROM embeddings WHERE fingerprint = ?", (details.record.fingerprint,)
        ).fetchone()[0]
    assert found == 1


def test_the_history_names_the_folder_and_counts(catalog: Catalog, root: Path) -> None:
    accept(catalog, root)
    accept(catalog, root, "DSC_0102.jpg")
    write(catalog, root)
    (entry,) = committing.history(catalog)
    assert isinstance(entry, journal.WriteEntry)
    assert (entry.folder, entry.count, entry.undone) == (root, 2, 0)
