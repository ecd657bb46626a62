from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from geotagger.errors import FolderError
from geotagger.library import queries, review
from geotagger.library.catalog import Catalog
from geotagger.library.listing import Listing
from geotagger.library.rows import Decision, DecisionKind, PhotoState
from geotagger.library.scan import ScanEvent, ScanOutcome, scan_folder
from geotagger.progress import CancelledError, CancelToken, Progress
from tests.support.albums import LISBON, make_album, make_photo


def scan(catalog: Catalog, folder: Path) -> list[ScanEvent]:
    return list(scan_folder(catalog, folder, workers=2))


def outcomes(events: list[ScanEvent]) -> dict[ScanOutcome, int]:
    return dict(Counter(event.outcome for event in events))


@pytest.fixture
def trip(tmp_path: Path) -> Path:
    make_album(tmp_path / "photos" / "trip", LISBON[:4], size=(160, 120))
    return tmp_path / "photos"


def test_a_tree_is_read_once_and_then_only_what_changed(catalog: Catalog, trip: Path) -> None:
    assert outcomes(scan(catalog, trip)) == {ScanOutcome.ADDED: 4}
    assert outcomes(scan(catalog, trip)) == {ScanOutcome.UNCHANGED: 4}
    make_photo(trip / "trip" / LISBON[1].name, LISBON[5], size=(160, 120))
    (trip / "later").mkdir()
    make_photo(trip / "later" / "new.jpg", LISBON[6], size=(160, 120))
    assert outcomes(scan(catalog, trip)) == {
        ScanOutcome.UNCHANGED: 3,
        ScanOutcome.UPDATED: 1,
        ScanOutcome.ADDED: 1,
    }
    assert [album.title for album in Listing.load(catalog, trip).albums()] == ["later", "trip"]


def test_what_was_read_is_in_the_rows(catalog: Catalog, trip: Path) -> None:
    scan(catalog, trip)
    rows = {row.name: row for row in queries.photos(catalog, trip)}
    assert rows["IMG_0001.jpg"].state is PhotoState.HAS_GPS
    assert rows["IMG_0001.jpg"].lat == pytest.approx(38.7139, abs=1e-6)
    assert rows["IMG_0001.jpg"].lon == pytest.approx(-9.1335, abs=1e-6)
    assert rows["DSC_0101.jpg"].state is PhotoState.PENDING
    assert rows["DSC_0101.jpg"].camera == "Acme Camera 1"
    when = rows["DSC_0101.jpg"].when
    assert when is not None and f"{when:%Y-%m-%d %H:%M}" == "2022-05-14 09:34"


def test_renamed_and_moved_files_keep_their_decisions(catalog: Catalog, trip: Path) -> None:
    scan(catalog, trip)
    (row,) = (row for row in queries.photos(catalog, trip) if row.name == "DSC_0101.jpg")
    review.decide(catalog, [Decision(row.id, DecisionKind.MOVED, 1.0, 2.0)])
    row.path.rename(row.path.with_name("renamed.jpg"))
    events = scan(catalog, trip)
    assert ScanOutcome.MISSING not in outcomes(events)
    assert queries.details(catalog, row.id).row.name == "renamed.jpg"
    (trip / "trip").rename(trip / "another folder")
    scan(catalog, trip)
    details = queries.details(catalog, row.id)
    assert details.row.folder.name == "another folder"
    assert details.row.state is PhotoState.ACCEPTED
    assert Listing.load(catalog, trip).counts().get(PhotoState.MISSING, 0) == 0


def test_a_file_that_is_gone_is_marked_and_comes_back(catalog: Catalog, trip: Path) -> None:
    scan(catalog, trip)
    path = trip / "trip" / "DSC_0101.jpg"
    kept, stamp = path.read_bytes(), path.stat()
    path.unlink()
    assert outcomes(scan(catalog, trip))[ScanOutcome.MISSING] == 1
    assert Listing.load(catalog, trip).counts()[PhotoState.MISSING] == 1
    assert ScanOutcome.MISSING not in outcomes(scan(catalog, trip))
    path.write_bytes(kept)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert outcomes(scan(catalog, trip)) == {ScanOutcome.UPDATED: 1, ScanOutcome.UNCHANGED: 3}
    assert PhotoState.MISSING not in Listing.load(catalog, trip).counts()


def test_a_new_sidecar_is_noticed_though_the_photo_did_not_change(
    catalog: Catalog, trip: Path
) -> None:
    scan(catalog, trip)
    (trip / "trip" / "DSC_0101.jpg.xmp").write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
        ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        ' xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="38,42.5N"'
        ' exif:GPSLongitude="9,8.25W"/></rdf:RDF></x:xmpmeta>'
    )
    assert outcomes(scan(catalog, trip)) == {ScanOutcome.UPDATED: 1, ScanOutcome.UNCHANGED: 3}
    (row,) = (row for row in queries.photos(catalog, trip) if row.name == "DSC_0101.jpg")
    assert row.state is PhotoState.HAS_GPS
    assert (row.lat, row.lon) == (pytest.approx(38 + 42.5 / 60), pytest.approx(-9 - 8.25 / 60))
    assert outcomes(scan(catalog, trip)) == {ScanOutcome.UNCHANGED: 4}


def test_a_raw_and_its_jpeg_are_one_photo(catalog: Catalog, trip: Path) -> None:
    raw = trip / "trip" / "DSC_0101.NEF"
    raw.write_bytes(b"II*\0" + b"\0" * 200)
    (trip / "trip" / "IMG_0001.mov").write_bytes(b"a live photo's movie")
    scan(catalog, trip)
    rows = {row.name: row for row in queries.photos(catalog, trip)}
    assert "DSC_0101.NEF" not in rows and len(rows) == 4
    assert queries.details(catalog, rows["DSC_0101.jpg"].id).record.companions == (raw,)
    assert rows["IMG_0001.jpg"].companions == 1
    assert outcomes(scan(catalog, trip)) == {ScanOutcome.UNCHANGED: 4}


def test_a_cancelled_scan_keeps_what_it_read_and_goes_on_later(
    catalog: Catalog, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(60):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number:02}.jpg")
    cancel = CancelToken()

    def stop_at_ten(progress: Progress) -> None:
        if progress.done == 10:
            cancel.cancel()

    with pytest.raises(CancelledError):
        list(scan_folder(catalog, folder, workers=2, progress=stop_at_ten, cancel=cancel))
    stored = len(queries.photos(catalog, folder))
    assert 10 <= stored < 60
    events = scan(catalog, folder)
    assert outcomes(events) == {ScanOutcome.UNCHANGED: stored, ScanOutcome.ADDED: 60 - stored}


def test_unreadable_files_are_read_again_only_on_request(catalog: Catalog, trip: Path) -> None:
    (trip / "bad.jpg").write_bytes(b"\xff")
    (event,) = (e for e in scan(catalog, trip) if e.outcome is ScanOutcome.UNREADABLE)
    assert event.path == trip / "bad.jpg" and event.error is not None and event.error.message
    assert outcomes(scan(catalog, trip)) == {ScanOutcome.UNCHANGED: 5}
    again = list(scan_folder(catalog, trip, again=True, workers=1))
    assert outcomes(again) == {ScanOutcome.UNCHANGED: 4, ScanOutcome.UNREADABLE: 1}


def test_a_root_that_is_no_folder_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(FolderError):
        scan(catalog, tmp_path / "nowhere")


def test_a_scan_of_an_offline_root_marks_nothing_missing(catalog: Catalog, trip: Path) -> None:
    scan(catalog, trip)
    trip.rename(trip.with_name("unplugged"))
    with pytest.raises(FolderError):
        scan(catalog, trip)
    assert PhotoState.MISSING not in Listing.load(catalog, trip).counts()


def test_a_root_that_is_a_link_keeps_the_name_that_the_user_gave(
    catalog: Catalog, trip: Path, tmp_path: Path
) -> None:
    link = tmp_path / "my photos"
    link.symlink_to(trip)
    assert outcomes(scan(catalog, link)) == {ScanOutcome.ADDED: 4}
    assert {row.folder for row in queries.photos(catalog, link)} == {link / "trip"}


def test_a_file_that_vanishes_during_the_scan_is_told_and_the_rest_goes_on(
    catalog: Catalog, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(30):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number:02}.jpg")
    last = folder / "29.jpg"

    def remove(progress: Progress) -> None:
        last.unlink(missing_ok=True)

    events = list(scan_folder(catalog, folder, workers=1, progress=remove))
    assert outcomes(events) == {ScanOutcome.ADDED: 29, ScanOutcome.UNREADABLE: 1}
    (event,) = (event for event in events if event.outcome is ScanOutcome.UNREADABLE)
    assert (event.path, event.photo_id) == (last, None)
    assert event.error is not None and "removed" in event.error.message and event.error.remedy
    assert len(queries.photos(catalog, folder)) == 29
