"""Ways of hiding the places of an album."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from geotagger.errors import GeotaggerError
from geotagger.evaluation.albums_csv import KnownPhoto
from geotagger.evaluation.completion import evaluate_completion
from geotagger.evaluation.completion_result import main_report
from geotagger.evaluation.fitting import Hiding
from geotagger.evaluation.hidings import SECOND_CAMERA, Way, hide

NOON = datetime(2022, 5, 14, 12, tzinfo=UTC)


def album(days: int, per_day: int) -> list[KnownPhoto]:
    return [
        KnownPhoto(
            "a", f"{d}-{n}.jpg", NOON + timedelta(days=d, minutes=10 * n), False, 1.0 + d, 2.0
        )
        for d in range(days)
        for n in range(per_day)
    ]


def hidden(way: Way, rows: list[KnownPhoto], share: float = 0.5, seed: int = 1) -> Hiding:
    found = hide(way, 0, rows, {}, share, seed)
    assert found is not None
    return found


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_days_are_hidden_whole_and_one_is_left(share: float) -> None:
    rows = album(6, 5)
    hiding = hidden(Way.DAYS, rows, share)
    days = {rows[int(key)].when.date() for key in hiding.truth}
    assert 1 <= len(days) <= 5
    assert len(hiding.truth) == 5 * len(days)


def test_an_album_of_one_day_has_no_days_to_hide(tmp_path: Path) -> None:
    rows = album(1, 9)
    assert hide(Way.DAYS, 0, rows, {}, 0.5, 1) is None
    table = tmp_path / "albums.csv"
    lines = [f"a,{r.file},{r.when.isoformat()},{r.lat},{r.lon}" for r in rows]
    table.write_text("album_id,file,taken_at,lat,lon\n" + "\n".join(lines) + "\n")
    with pytest.raises(GeotaggerError, match="days"):
        evaluate_completion(table, tmp_path, how=Way.DAYS, seeds=1)


@pytest.mark.parametrize("way", [way for way in Way if way.of_stream])
def test_a_second_camera_takes_a_half_of_the_photos_and_has_no_places(way: Way) -> None:
    rows = album(2, 10)
    hiding = hidden(way, rows)
    second = [photo for photo in hiding.photos if photo.camera == SECOND_CAMERA]
    assert {photo.key for photo in second} == set(hiding.truth)
    assert len(second) == 10
    for photo in hiding.photos:
        assert photo.when is not None
        moved = (photo.when - rows[int(photo.key)].when).total_seconds()
        if way is not Way.DRIFTING:
            off = hiding.shift_s if photo in second else 0.0
            assert moved == pytest.approx(off, abs=1e-6)


def test_a_clock_that_drifts_is_right_at_first_and_gains_alike_every_day() -> None:
    rows = album(12, 6)
    for seed in range(20):
        hiding = hidden(Way.DRIFTING, rows, seed=seed)
        first = min(row.when for row in rows)
        rates = []
        for photo in hiding.photos:
            row = rows[int(photo.key)]
            assert photo.when is not None
            moved = (photo.when - row.when).total_seconds()
            days = (row.when - first).total_seconds() / 86_400.0
            if photo.camera == SECOND_CAMERA and days > 1.0:
                rates.append(moved / days)
            elif photo.camera != SECOND_CAMERA:
                assert moved == 0.0
        assert 10.0 <= abs(rates[0]) <= 60.0
        assert rates == pytest.approx([rates[0]] * len(rates), abs=1e-3)
        assert 0.0 < abs(hiding.shift_s) < 12 * 60.0


def test_clocks_are_shifted_as_their_way_says() -> None:
    rows = album(2, 4)
    for seed in range(40):
        zone = hidden(Way.SHIFTED_ZONE, rows, seed=seed).shift_s / 3600.0
        assert zone == round(zone) and -12 <= zone <= 14 and zone != 0
        assert abs(hidden(Way.SHIFTED_DST, rows, seed=seed).shift_s) == 3600.0
        assert 300.0 <= abs(hidden(Way.SHIFTED_MINUTES, rows, seed=seed).shift_s) <= 3540.0
        assert hidden(Way.STREAM, rows, seed=seed).shift_s == 0.0


def test_the_choice_depends_on_seed_and_album_alone() -> None:
    rows = album(5, 6)
    for way in Way:
        first, again = (hide(way, number, rows, {}, 0.5, 3) for number in (0, 9))
        assert first is not None and again is not None
        assert first.truth == again.truth and first.shift_s == again.shift_s


def test_the_report_tells_what_was_hidden_and_how(tmp_path: Path) -> None:
    table = tmp_path / "albums.csv"
    lines = [f"a,{r.file},{r.when.isoformat()},{r.lat},{r.lon}" for r in album(3, 6)]
    table.write_text("album_id,file,taken_at,lat,lon\n" + "\n".join(lines) + "\n")
    result = evaluate_completion(table, tmp_path, how=Way.SHIFTED_ZONE, seeds=2)
    assert result.hidden == 18
    assert result.hide == 0.5
    assert "second camera" in main_report(result)
    assert result.to_json()["how"] == "shifted-zone"
