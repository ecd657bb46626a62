from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from geotagger.library import queries, review, storing
from geotagger.library.catalog import Catalog
from geotagger.library.rows import Decision, DecisionKind, PhotoState
from geotagger.photos.record import FileStamp, Kind, PhotoRecord, TakenAt, TimeSource

MakeRecord = Callable[..., PhotoRecord]


def store(catalog: Catalog, record: PhotoRecord) -> int:
    with catalog.writing() as connection:
        return storing.store_record(connection, record, "")


def test_a_record_comes_back_as_it_was_stored(
    catalog: Catalog, tmp_path: Path, make_record: MakeRecord
) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 \xff.jpg"))
    record = replace(
        make_record(odd, gps=(-33.5, 151.25)),
        taken_at=TakenAt(
            datetime(1969, 12, 31, 23, 59, 59, 250_000, timezone(timedelta(hours=-3, minutes=-30))),
            True,
            TimeSource.EXIF_OFFSET,
        ),
        companions=(odd.with_suffix(".dng"),),
        sidecar=odd.with_name("x.xmp"),
        looks_like_document=True,
        note="odd",
    )
    photo_id = store(catalog, record)
    assert queries.details(catalog, photo_id).record == record


def test_a_time_without_zone_stays_a_wall_clock(
    catalog: Catalog, tmp_path: Path, make_record: MakeRecord
) -> None:
    photo_id = store(catalog, make_record(tmp_path / "a.jpg", minute=7))
    row = queries.details(catalog, photo_id).row
    assert row.when == datetime(2022, 5, 14, 10, 7, tzinfo=UTC)
    assert not row.zone_known


def test_a_moved_file_keeps_its_decision(
    catalog: Catalog, tmp_path: Path, make_record: MakeRecord
) -> None:
    record = make_record(tmp_path / "old.jpg")
    photo_id = store(catalog, record)
    review.decide(catalog, [Decision(photo_id, DecisionKind.ACCEPTED, 1.0, 2.0, 10.0)])
    moved = store(catalog, replace(record, path=tmp_path / "new.jpg"))
    assert moved == photo_id
    details = queries.details(catalog, photo_id)
    assert details.row.name == "new.jpg"
    assert details.decision is not None and details.decision.lat == 1.0


def test_a_copy_is_another_photo(catalog: Catalog, tmp_path: Path, make_record: MakeRecord) -> None:
    record = make_record(tmp_path / "old.jpg")
    record.path.write_bytes(b"still there")
    photo_id = store(catalog, record)
    assert store(catalog, replace(record, path=tmp_path / "copy.jpg")) != photo_id


def test_an_unplugged_disk_is_not_taken_for_a_move(
    catalog: Catalog, tmp_path: Path, make_record: MakeRecord
) -> None:
    record = make_record(Path("/disk-that-is-not-mounted/album/a.jpg"))
    photo_id = store(catalog, record)
    assert store(catalog, replace(record, path=tmp_path / "a.jpg")) != photo_id


def test_an_edit_keeps_the_decision_and_another_photo_under_the_name_does_not(
    catalog: Catalog, tmp_path: Path, make_record: MakeRecord
) -> None:
    record = make_record(tmp_path / "a.jpg")
    photo_id = store(catalog, record)
    review.decide(catalog, [Decision(photo_id, DecisionKind.REJECTED)])
    store(catalog, replace(record, fingerprint="edited", stamp=FileStamp(1, 1)))
    assert queries.details(catalog, photo_id).decision is not None
    other = replace(make_record(record.path, minute=30), fingerprint="other", camera="Acme Two")
    store(catalog, other)
    assert queries.details(catalog, photo_id).decision is None


def test_an_unreadable_file_is_listed_with_its_reason_until_it_can_be_read(
    catalog: Catalog, tmp_path: Path, make_record: MakeRecord
) -> None:
    path = tmp_path / "a.jpg"
    with catalog.writing() as connection:
        bad = storing.store_error(connection, path, Kind.JPEG, FileStamp(1, 1), "It is empty.")
    row = queries.details(catalog, bad).row
    assert (row.state, row.error) == (PhotoState.UNREADABLE, "It is empty.")
    assert store(catalog, make_record(path)) == bad
    assert queries.details(catalog, bad).row.state is PhotoState.PENDING
