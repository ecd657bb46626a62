"""Photos of one outing in several folders: what one folder knows helps the one beside it."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.library import clocks, neighbours, queries, review
from geotagger.library.analysing import (
    album_photos,
    albums_around,
    analyse,
    company_of,
    suggest_again,
)
from geotagger.library.catalog import Catalog
from geotagger.library.clocks import ClockDecision, ClockKind
from geotagger.library.rows import Decision, DecisionKind, PhotoState
from geotagger.library.scan import scan_folder
from geotagger.suggest.company import UNSHOWN
from tests.support.albums import CAMERA, LISBON, PHONE, START, Shot, make_album

SMALL = (160, 120)
PHONE_SHOTS = tuple(shot for shot in LISBON if shot.tagged)
CAMERA_SHOTS = tuple(shot for shot in LISBON if not shot.tagged)


class KindEmbedder:
    """Sees each kind of drawn scene at each of its moments: cosines as of one scene, seen twice."""

    name, version, dimension, input_size = "kinds", "1", 48, 64

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        grid = images.reshape(len(images), 4, 16, 4, 16, 3).mean((2, 4)).reshape(len(images), -1)
        grid = grid - grid.mean(1, keepdims=True)
        return (grid / np.linalg.norm(grid, axis=1, keepdims=True)).astype(np.float32)


def scanned(catalog: Catalog, root: Path, **folders: tuple[Shot, ...]) -> None:
    for name, shots in folders.items():
        make_album(root.joinpath(*name.split("__")), shots, size=SMALL)
    list(scan_folder(catalog, root, workers=2))


def rows_of(catalog: Catalog, root: Path, folder: str) -> dict[str, queries.PhotoRow]:
    return {row.name: row for row in queries.photos(catalog, root, str(root / folder))}


def elsewhere(shots: tuple[Shot, ...], lat: float, lon: float) -> tuple[Shot, ...]:
    return tuple(replace(shot, lat=lat, lon=lon) for shot in shots)


def test_a_phones_folder_places_the_cameras_folder_beside_it(
    catalog: Catalog, tmp_path: Path
) -> None:
    scanned(catalog, tmp_path, phone=PHONE_SHOTS, camera=CAMERA_SHOTS)
    list(analyse(catalog, tmp_path))
    rows = rows_of(catalog, tmp_path, "camera")
    truth = {shot.name: shot for shot in CAMERA_SHOTS}
    for name, row in rows.items():
        best = queries.details(catalog, row.id).candidates[0]
        assert haversine_m(best.lat, best.lon, truth[name].lat, truth[name].lon) < 10_000
    best = queries.details(catalog, rows["DSC_0101.jpg"].id).candidates[0]
    assert haversine_m(best.lat, best.lon, 38.7142, -9.1331) < 500
    assert "4 min after phone/IMG_0001.jpg, which has GPS" in best.reasons


def test_without_anything_that_shows_both_were_together_nothing_is_called_confident(
    catalog: Catalog, tmp_path: Path
) -> None:
    scanned(catalog, tmp_path, phone=PHONE_SHOTS, camera=CAMERA_SHOTS)
    list(analyse(catalog, tmp_path))
    for row in rows_of(catalog, tmp_path, "camera").values():
        assert row.state is not PhotoState.CONFIDENT
        assert all(
            UNSHOWN in one.reasons and one.probability <= 0.8
            for one in queries.details(catalog, row.id).candidates
        )


def test_one_accepted_photo_that_agrees_confirms_the_company(
    catalog: Catalog, tmp_path: Path
) -> None:
    scanned(catalog, tmp_path, phone=PHONE_SHOTS, camera=CAMERA_SHOTS)
    by_name = rows_of(catalog, tmp_path, "camera")
    place = (38.7142, -9.1331, 50.0)
    chosen = by_name["DSC_0101.jpg"].id
    review.decide(catalog, [Decision(chosen, DecisionKind.ACCEPTED, *place)])
    suggest_again(catalog, str(tmp_path / "camera"))
    after = rows_of(catalog, tmp_path, "camera")
    assert PhotoState.CONFIDENT in {row.state for row in after.values()}
    details = queries.details(catalog, after["DSC_0105.jpg"].id)
    assert any("phone/IMG_0004.jpg" in reason for reason in details.candidates[0].reasons)


def test_folders_of_one_camera_roll_are_one_stream(catalog: Catalog, tmp_path: Path) -> None:
    shots = tuple(
        Shot(f"{n}.jpg", "town", n, 3.0 * n, 38.7, -9.1, tagged=n < 4, camera=CAMERA)
        for n in range(8)
    )
    scanned(catalog, tmp_path, DCIM__100CANON=shots[:4], DCIM__101CANON=shots[4:])
    list(analyse(catalog, tmp_path))
    row = rows_of(catalog, tmp_path, "DCIM/101CANON")["4.jpg"]
    best = queries.details(catalog, row.id).candidates[0]
    assert "3 min after 100CANON/3.jpg, which has GPS" in best.reasons
    assert UNSHOWN not in best.reasons


def test_a_folder_far_off_in_the_tree_is_not_heard_unless_something_shows_it(
    catalog: Catalog, tmp_path: Path
) -> None:
    scanned(catalog, tmp_path, anna__2022__camera=CAMERA_SHOTS, ben__phone=PHONE_SHOTS)
    list(analyse(catalog, tmp_path))
    for row in rows_of(catalog, tmp_path, "anna/2022/camera").values():
        assert row.state is PhotoState.INSUFFICIENT


def test_a_neighbour_whom_the_albums_own_places_contradict_is_not_heard(
    catalog: Catalog, tmp_path: Path
) -> None:
    own = replace(CAMERA_SHOTS[0], tagged=True, name="own.jpg", minutes=2)
    theirs = elsewhere(PHONE_SHOTS, 48.2, 16.37)
    scanned(catalog, tmp_path, anna=(own, *CAMERA_SHOTS), ben=theirs)
    list(analyse(catalog, tmp_path))
    for row in rows_of(catalog, tmp_path, "anna").values():
        for one in queries.details(catalog, row.id).candidates:
            assert not any("ben/" in reason for reason in one.reasons)


def test_a_clock_a_year_off_finds_its_neighbours_once_a_person_has_set_it(
    catalog: Catalog, tmp_path: Path
) -> None:
    year = 365 * 1440
    ahead = tuple(replace(shot, minutes=shot.minutes + year) for shot in CAMERA_SHOTS)
    scanned(catalog, tmp_path, phone=PHONE_SHOTS, camera=ahead)
    list(analyse(catalog, tmp_path))
    album = str(tmp_path / "camera")
    states = {row.state for row in rows_of(catalog, tmp_path, "camera").values()}
    assert states == {PhotoState.INSUFFICIENT}
    word = ClockDecision(ClockKind.SET, -60.0 * year)
    clocks.decide(catalog, album, " ".join(CAMERA), word)
    suggest_again(catalog, album)
    row = rows_of(catalog, tmp_path, "camera")["DSC_0101.jpg"]
    best = queries.details(catalog, row.id).candidates[0]
    assert any("4 min after phone/IMG_0001.jpg" in reason for reason in best.reasons)


def test_a_day_in_the_names_finds_the_neighbours_of_an_export(
    catalog: Catalog, tmp_path: Path
) -> None:
    """The clock tells of an export a month later, the name of the day of the outing."""
    exported = tuple(
        replace(shot, name=f"{START:%Y-%m-%d}-{count}.jpg", minutes=30 * 1440 + count)
        for count, shot in enumerate(CAMERA_SHOTS[:4], start=1)
    )
    scanned(catalog, tmp_path, phone=PHONE_SHOTS, camera=exported)
    list(analyse(catalog, tmp_path))
    for row in rows_of(catalog, tmp_path, "camera").values():
        assert queries.details(catalog, row.id).candidates


def test_other_folders_follow_a_word_on_the_clock_they_hear(
    catalog: Catalog, tmp_path: Path
) -> None:
    scanned(catalog, tmp_path, phone=PHONE_SHOTS, camera=CAMERA_SHOTS)
    list(analyse(catalog, tmp_path))
    phone, camera = str(tmp_path / "phone"), str(tmp_path / "camera")
    word = ClockDecision(ClockKind.SET, 3 * 86_400.0)
    change = clocks.decide(catalog, phone, " ".join(PHONE), word)
    assert albums_around(catalog, phone, change.told) == [camera]
    before = rows_of(catalog, tmp_path, "camera")["DSC_0101.jpg"]
    suggest_again(catalog, camera)
    after = queries.details(catalog, before.id).candidates[0]
    assert not any("4 min" in reason for reason in after.reasons)


def test_photos_of_another_week_and_screenshots_take_no_part(
    catalog: Catalog, tmp_path: Path
) -> None:
    late = tuple(replace(shot, minutes=shot.minutes + 20 * 1440) for shot in PHONE_SHOTS[:3])
    early = (replace(PHONE_SHOTS[0], name="Screenshot_1.jpg", camera=("", ""), minutes=1),)
    scanned(catalog, tmp_path, phone=late, shots=early, camera=CAMERA_SHOTS)
    with catalog.writing() as connection:
        connection.execute(
            "UPDATE photos SET document = 1 WHERE instr(CAST(path AS TEXT), 'Screenshot')"
        )
    album = str(tmp_path / "camera")
    photos = album_photos(catalog, album, None)
    assert neighbours.streams_of(catalog, album, photos, None) == ()


def test_a_folder_outside_the_opened_one_takes_no_part(catalog: Catalog, tmp_path: Path) -> None:
    make_album(tmp_path / "a" / "camera", CAMERA_SHOTS[:3], size=SMALL)
    make_album(tmp_path / "b" / "phone", PHONE_SHOTS[:3], size=SMALL)
    list(scan_folder(catalog, tmp_path / "a", workers=1))
    list(scan_folder(catalog, tmp_path / "b", workers=1))
    album = str(tmp_path / "a" / "camera")
    photos = album_photos(catalog, album, None)
    assert neighbours.streams_of(catalog, album, photos, None) == ()


def test_a_cameras_clock_is_compared_with_that_of_the_phone_in_another_folder(
    catalog: Catalog, tmp_path: Path
) -> None:
    kinds = ("town", "sea", "night", "hills", "forest")
    phone = tuple(
        Shot(f"p{n}.jpg", kinds[n % 5], n, 47.0 * n, 38.7 + n / 50, -9.1, True, PHONE)
        for n in range(10)
    )
    # The same pictures a moment later, by a camera that is still in the zone of home.
    camera = tuple(
        replace(shot, name=f"c{n}.jpg", minutes=shot.minutes + 0.5 + 120.0, tagged=False,
                camera=CAMERA)
        for n, shot in enumerate(phone)
    )  # fmt: skip
    scanned(catalog, tmp_path, phone=phone, camera=camera)
    list(analyse(catalog, tmp_path, embedder=KindEmbedder(), workers=1))
    (row,) = clocks.rows_of(catalog, str(tmp_path / "camera"))
    assert row.found is not None
    assert row.found.reference == "Fairphone FP5"
    assert row.applied_s == pytest.approx(-7200.0, abs=1.0)
    best = queries.details(catalog, rows_of(catalog, tmp_path, "camera")["c3.jpg"].id).candidates
    assert haversine_m(best[0].lat, best[0].lon, 38.76, -9.1) < 1000
    assert UNSHOWN not in best[0].reasons
    photos = album_photos(catalog, str(tmp_path / "camera"), "kinds/1")
    company, _ = company_of(catalog, str(tmp_path / "camera"), photos, "kinds/1")
    assert company.confirmed


def test_bodies_of_one_model_with_other_serial_numbers_are_two_cameras(
    catalog: Catalog, tmp_path: Path
) -> None:
    tagged = tuple(replace(shot, camera=CAMERA) for shot in PHONE_SHOTS)
    scanned(catalog, tmp_path, one=tagged, two=CAMERA_SHOTS)
    with catalog.writing() as connection:
        connection.execute("UPDATE photos SET camera_serial = 'A' WHERE gps_state = 'complete'")
        connection.execute("UPDATE photos SET camera_serial = 'B' WHERE gps_state != 'complete'")
    album = str(tmp_path / "two")
    (stream,) = neighbours.streams_of(catalog, album, album_photos(catalog, album, None), None)
    assert not stream.own
    assert stream.camera == "Acme Camera 1 of one"


def test_a_decision_tells_which_other_albums_it_reaches(catalog: Catalog, tmp_path: Path) -> None:
    scanned(catalog, tmp_path, phone=PHONE_SHOTS, camera=CAMERA_SHOTS)
    late = tuple(
        replace(shot, minutes=shot.minutes + 30 * 1440, tagged=False) for shot in CAMERA_SHOTS
    )
    scanned(catalog, tmp_path, later=late)
    album = str(tmp_path / "phone")
    ids = [int(one.key) for one in album_photos(catalog, album, None)]
    assert albums_around(catalog, album, ids[:1]) == [str(tmp_path / "camera")]
    assert albums_around(catalog, album, []) == []


def test_of_a_large_library_only_the_nearest_are_read(catalog: Catalog, tmp_path: Path) -> None:
    scanned(catalog, tmp_path, camera=CAMERA_SHOTS[:4], phone=PHONE_SHOTS[:1])
    with catalog.writing() as connection:
        (start,) = connection.execute("SELECT min(wall_us) FROM photos").fetchone()
        phone = connection.execute("SELECT folder FROM photos WHERE gps_state = 'complete'")
        _insert_many(connection, phone.fetchone()["folder"], start, 6_000)
    album = str(tmp_path / "camera")
    photos = album_photos(catalog, album, None)
    (*streams,) = neighbours.streams_of(catalog, album, photos, None)
    found = [one for stream in streams for one in stream.photos]
    assert len(found) == neighbours.MOST
    plan = connection.execute(
        f"EXPLAIN QUERY PLAN {neighbours._NEAR}", (0, 1, b"/", b"0", b"")
    ).fetchall()
    assert "photos_by_time" in plan[0]["detail"]
    # Each photo's own moment is among them, and the ends are not drowned by the dense middle.
    times = sorted(one.when for one in found if one.when is not None)
    for photo in photos:
        assert photo.when is not None
        assert min(abs((one - photo.when).total_seconds()) for one in times) <= 60.0


def _insert_many(connection: sqlite3.Connection, folder: bytes, start: int, count: int) -> None:
    connection.executemany(
        "INSERT INTO photos (path, folder, kind, size, mtime_ns, fingerprint, wall_us, time_source,"
        " gps_state, lat, lon, camera) VALUES (?, ?, 'jpeg', 1, 1, ?, ?, 'exif_local', 'complete',"
        " 38.7, -9.1, 'Phone')",
        [
            (folder + b"/x%d.jpg" % n, folder, f"x{n}", start + (n - count // 2) * 20_000_000)
            for n in range(count)
        ],
    )


def test_a_neighbour_whose_name_is_no_text_is_named_all_the_same(
    catalog: Catalog, tmp_path: Path
) -> None:
    odd = os.fsdecode(b"caf\xe9")
    make_album(tmp_path / odd, PHONE_SHOTS[:2], size=SMALL)
    scanned(catalog, tmp_path, camera=CAMERA_SHOTS[:2])
    list(analyse(catalog, tmp_path))
    row = rows_of(catalog, tmp_path, "camera")["DSC_0101.jpg"]
    reasons = queries.details(catalog, row.id).candidates[0].reasons
    assert any(f"{odd}/IMG_0001.jpg" in reason for reason in reasons)


def test_two_photographers_in_one_folder_are_told_apart_by_camera(
    catalog: Catalog, tmp_path: Path
) -> None:
    anna = tuple(
        Shot(f"a{n}.jpg", "town", n, 10.0 * n, 38.7139, -9.1335, n % 3 != 1, PHONE)
        for n in range(12)
    )
    ben = tuple(
        Shot(f"b{n}.jpg", "hills", n, 10.0 * n + 1, 48.2082, 16.3738, n % 3 != 2, CAMERA)
        for n in range(12)
    )
    scanned(catalog, tmp_path, trip=(*anna, *ben))
    list(analyse(catalog, tmp_path))
    rows = rows_of(catalog, tmp_path, "trip")
    for shot in (*anna, *ben):
        if not shot.tagged:
            best = queries.details(catalog, rows[shot.name].id).candidates[0]
            assert haversine_m(best.lat, best.lon, shot.lat, shot.lon) < 2000
