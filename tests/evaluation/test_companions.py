"""What other albums tell of one: folders of the same days, a library, and never a copy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from geotagger.evaluation import completion
from geotagger.evaluation.albums_csv import KnownPhoto
from geotagger.evaluation.companions import OtherAlbums
from geotagger.evaluation.completion import BY_LIBRARY, Fits, evaluate_completion
from geotagger.evaluation.completion_result import main_report
from geotagger.evaluation.hidings import FIRST_CAMERA, Way, hide
from geotagger.suggest.calibration import shipped
from tests.suggest.making import look

NOON = datetime(2022, 5, 14, 12, tzinfo=UTC)


def taken(album: str, owner: str, number: int, minutes: float, lat: float = 40.0) -> KnownPhoto:
    when = NOON + timedelta(minutes=minutes)
    return KnownPhoto(album, f"{owner}/{album}-{number}.jpg", when, False, lat, 5.0)


def album(name: str, owner: str, start: float, lat: float = 40.0) -> list[KnownPhoto]:
    return [taken(name, owner, n, start + 10.0 * n, lat + 0.01 * n) for n in range(6)]


def vectors_of(*albums: list[KnownPhoto]) -> dict[str, np.ndarray]:
    files = [photo.file for rows in albums for photo in rows]
    return {file: look(number) for number, file in enumerate(files)}


def hidden(rows: list[KnownPhoto], way: Way = Way.RANDOM):
    hiding = hide(way, 0, rows, {}, 0.5, 0)
    assert hiding is not None
    return hiding.photos


def test_albums_of_the_same_owner_and_days_are_company() -> None:
    mine, beside = album("a", "ann", 0.0), album("b", "ann", 5.0)
    far, foreign = album("c", "ann", 9 * 1440.0), album("d", "bob", 5.0)
    others = OtherAlbums([mine, beside, far, foreign], {})
    heard = {photo.key for photo in others.company(0, hidden(mine)).photos}
    assert heard == {photo.file for photo in beside}
    cameras = {one.camera for one in others.company(0, hidden(mine, Way.STREAM)).photos}
    assert cameras == {FIRST_CAMERA}


def test_an_album_that_was_elsewhere_at_the_time_is_not_heard() -> None:
    mine, beside = album("a", "ann", 0.0), album("b", "ann", 5.0, lat=48.0)
    assert OtherAlbums([mine, beside], {}).company(0, hidden(mine)).photos == ()


def test_the_library_is_all_the_rest_and_knows_its_scenes_and_albums() -> None:
    mine, beside = album("a", "ann", 0.0), album("b", "ann", 5.0)
    foreign = album("d", "bob", 5.0)
    vectors = vectors_of(mine, beside, foreign)
    others = OtherAlbums([mine, beside, foreign], vectors)
    company = others.company(0, hidden(mine))
    found = others.references(0, company)
    assert found is not None and found.scenes is not None and found.albums is not None
    assert set(found.names) == {f"d-{number}.jpg" for number in range(6)}
    assert len(set(found.albums.tolist())) == 1
    assert len(set(found.scenes.tolist())) == 1  # ten minutes apart
    assert others.references(0, others.company(0, ())) is not None


def test_copies_of_the_album_in_other_folders_tell_nothing() -> None:
    mine, foreign = album("a", "ann", 0.0), album("d", "bob", 50_000.0)
    vectors = vectors_of(mine, foreign)
    vectors[foreign[2].file] = vectors[mine[3].file]
    again = album("b", "ann", 0.0)  # the same seconds at the same places
    others = OtherAlbums([mine, foreign, again], vectors)
    company = others.company(0, hidden(mine))
    assert company.photos == ()
    found = others.references(0, company)
    assert found is not None
    assert set(found.names) == {f"d-{number}.jpg" for number in (0, 1, 3, 4, 5)}


def test_a_folder_is_read_whole_by_names_and_others_by_their_clocks() -> None:
    mine = [replace(photo, folder="trip") for photo in album("a", "ann", 0.0)]
    exported = [
        replace(photo, when=photo.when + timedelta(days=90), name=f"2022-05-14-{number}.jpg")
        for number, photo in enumerate(album("b", "ann", 5.0))
    ]
    for folder, heard in (("trip", 6), ("other", 0)):
        beside = [replace(photo, folder=folder) for photo in exported]
        company = OtherAlbums([mine, beside], {}).company(0, hidden(mine))
        assert len(company.photos) == heard


def table(folder: Path) -> Path:
    """Two albums of one walk, the odd minutes in one and the even in the other, and two days."""
    lines = ["album_id,file,taken_at,lat,lon\n"]
    for number in range(24):
        when = NOON + timedelta(minutes=7.0 * number)
        row = f"ann/{number}.jpg,{when:%Y-%m-%dT%H:%M:%S},{40.0 + 0.02 * number:.4f},5.0\n"
        lines.append(f"{number % 2},{row}")
    path = folder / "albums.csv"
    path.write_text("".join(lines))
    return path


def test_company_helps_and_the_rule_beside_it_hears_the_same(tmp_path: Path) -> None:
    path = table(tmp_path)
    fits = Fits((shipped(),) * 2, "with the shipped numbers")
    with_all = evaluate_completion(path, tmp_path, share=0.8, seeds=2, fits=fits)
    alone = evaluate_completion(path, tmp_path, share=0.8, seeds=2, fits=fits, library=False)
    assert BY_LIBRARY not in alone.methods
    assert with_all.hidden == alone.hidden
    median = [float(np.median(one.methods["ours"].error_m)) for one in (with_all, alone)]
    assert median[0] < 0.7 * median[1]
    rule = with_all.methods[BY_LIBRARY].error_m
    assert np.median(rule) < 0.7 * np.median(with_all.methods["nearest_in_time"].error_m)
    assert "beside it: the other albums" in main_report(with_all)
    assert "beside it: nothing" in main_report(alone)


def test_fits_are_made_once_for_several_ways_of_hiding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = table(tmp_path)
    fits = Fits((shipped(),) * 2, "before")

    def never(*_: object, **__: object) -> Fits:
        raise AssertionError

    monkeypatch.setattr(completion, "fits_of", never)
    result = evaluate_completion(path, tmp_path, how=Way.STREAM, seeds=1, fits=fits)
    assert result.fitted == "before"
