from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from geotagger.errors import GeotaggerError
from geotagger.evaluation import completion, fitting
from geotagger.evaluation.albums_csv import KnownPhoto, read_albums
from geotagger.evaluation.completion import evaluate_completion
from geotagger.evaluation.completion_result import (
    LEVELS,
    WITHIN_KM,
    MethodResult,
    main_report,
)
from geotagger.evaluation.hidings import Way, hide
from geotagger.progress import CancelledError, CancelToken

NOON = datetime(2022, 5, 14, 12, tzinfo=UTC)
HEADER = "album_id,file,taken_at,lat,lon\n"


def _walk(album: int, photos: int) -> str:
    """Lines of an album: stays in towns of a country, with walks and one journey between them."""
    generator = np.random.default_rng(album)
    lat, lon = 40.0 + album, 5.0 - album
    minutes, lines = 0.0, []
    for number in range(photos):
        minutes += float(generator.exponential(9.0))
        if number == photos // 2:
            minutes += 180.0
            lat += 0.8
        lat += float(generator.normal(0, 0.001))
        lon += float(generator.normal(0, 0.001))
        day, rest = divmod(minutes, 1440.0)
        clock = f"2021-06-{1 + int(day):02d}T{int(rest // 60):02d}:{int(rest % 60):02d}:07"
        lines.append(f"{album},{album}/{number}.jpg,{clock},{lat:.6f},{lon:.6f}\n")
    return "".join(lines)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("albums") / "albums.csv"
    path.write_text(HEADER + "".join(_walk(album, 14) for album in range(6)))
    return path


@pytest.fixture(scope="module")
def result(table: Path) -> completion.CompletionResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(completion, "FOLDS", 2)
        return evaluate_completion(table, table.parent, share=0.6, seeds=2)


def test_the_json_has_the_agreed_form(result: completion.CompletionResult) -> None:
    methods = json.loads(json.dumps(result.to_json(), allow_nan=False))["methods"]
    assert {"ours", "nearest_in_time", "interpolation_in_time", "album_mean"} <= set(methods)
    for method in methods.values():
        assert set(method["within_km"]) == {"0.1", "1", "25", "200", "750"}
        shares = list(method["within_km"].values())
        assert shares == sorted(shares)
        assert 0 <= shares[0] <= shares[-1] <= 100
    assert set(methods["ours"]["radius_holds"]) == {"0.5", "0.8", "0.95"}
    assert methods["ours"]["median_km"] > 0


def test_all_methods_place_the_same_hidden_photos(result: completion.CompletionResult) -> None:
    assert result.hidden == 6 * 2 * round(14 * 0.6)
    assert {len(method.error_m) for method in result.methods.values()} == {result.hidden}


def test_the_oracle_is_at_least_as_good_as_every_rule_that_picks_an_anchor(
    result: completion.CompletionResult,
) -> None:
    oracle = result.methods["best_anchor_oracle"].error_m
    assert (oracle <= result.methods["nearest_in_time"].error_m).all()


def test_the_report_names_every_method_and_how_it_was_fitted(
    result: completion.CompletionResult,
) -> None:
    text = main_report(result)
    for name in result.methods:
        assert name in text
    assert "other albums only" in text
    assert "at least one is left" in text
    assert "80 % radius held" in text


def test_what_is_fitted_for_an_album_has_not_seen_it(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion, "FOLDS", 3)
    seen: list[set[int]] = []
    placed: list[tuple[int, object]] = []
    fit, ours = fitting.fit, completion._ours

    def watched_fit(hidings, **options):
        calibration = completion.base()
        marked = type(calibration)(calibration.modes, str(len(seen)))
        seen.append({hiding.album for hiding in hidings})
        return marked

    def watched_ours(hiding, calibration, *beside):
        placed.append((hiding.album, int(calibration.note)))
        return ours(hiding, calibration, *beside)

    monkeypatch.setattr(fitting, "fit", watched_fit)
    monkeypatch.setattr(completion, "_ours", watched_ours)
    evaluate_completion(table, table.parent, share=0.5, seeds=1)
    assert fit is not fitting.fit
    assert {album for album, _ in placed} == set(range(6))
    assert all(album not in seen[number] for album, number in placed)


def test_few_albums_are_placed_with_the_shipped_numbers_and_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "albums.csv"
    path.write_text(HEADER + _walk(1, 10) + _walk(2, 1))
    result = evaluate_completion(path, tmp_path, share=0.95, seeds=1)
    assert result.albums == 1
    assert result.hidden == 9
    assert "shipped" in result.fitted


def test_hiding_leaves_an_anchor_and_hides_one() -> None:
    rows = [KnownPhoto("a", f"{n}.jpg", when, False, 1.0, 2.0) for n, when in enumerate([NOON] * 3)]
    for share in (0.01, 0.5, 0.99):
        hiding = hide(Way.RANDOM, 0, rows, {}, share, seed=4)
        assert 1 <= len(hiding.truth) <= 2
        assert all((p.key in hiding.truth) == (p.anchor is None) for p in hiding.photos)
    again = hide(Way.RANDOM, 7, rows, {}, 0.5, seed=4)
    assert again.truth == hide(Way.RANDOM, 0, rows, {}, 0.5, seed=4).truth


def test_a_method_without_places_has_no_median_and_finite_json() -> None:
    method = MethodResult(np.array([50.0, np.inf, np.inf]))
    assert method.median_km is None
    assert method.within_km["0.1"] == pytest.approx(33.33)
    assert json.dumps(method.to_json(), allow_nan=False)


def test_calibration_is_counted_as_stated() -> None:
    error = np.array([10.0, 90.0, 500.0, 2_000.0])
    radius = np.tile([100.0, 1_000.0, 1e4], (4, 1))
    method = MethodResult(error, radius, np.full(4, 0.55), np.array([True, True, False, False]))
    assert method.radius_holds == {"0.5": 50.0, "0.8": 75.0, "0.95": 100.0}
    assert method.calibration_error == pytest.approx(0.05)
    assert len(WITHIN_KM) == 5
    assert LEVELS == (0.5, 0.8, 0.95)


class _Colour:
    """An embedder of two numbers, to see what is asked of it."""

    name, version, dimension, input_size = "colour", "1", 3, 16

    def __init__(self) -> None:
        self.seen = 0

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.seen += len(images)
        mean = images.reshape(len(images), -1, 3).mean(axis=1) + 1.0
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), np.float32)


def test_embeddings_are_computed_once_and_broken_photos_do_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    table = tmp_path / "albums.csv"
    table.write_text(HEADER + _walk(1, 6))
    (tmp_path / "1").mkdir()
    for number in range(4):
        Image.new("RGB", (40, 30), (40 * number, 90, 200)).save(tmp_path / f"1/{number}.jpg")
    (tmp_path / "1/4.jpg").write_bytes(b"\xff\xd8broken")
    cache = tmp_path / "cache"
    embedder = _Colour()
    first = evaluate_completion(table, tmp_path, share=0.5, seeds=1, embedder=embedder, cache=cache)
    assert embedder.seen == 4
    assert first.embedded == 4
    assert "nearest_lookalike" in first.methods
    again = evaluate_completion(table, tmp_path, share=0.5, seeds=1, embedder=embedder, cache=cache)
    assert embedder.seen == 4
    assert again.to_json() == first.to_json()
    (stored,) = cache.glob("*.npz")
    stored.write_bytes(b"PK\x03\x04 damaged")
    evaluate_completion(table, tmp_path, share=0.5, seeds=1, embedder=embedder, cache=cache)
    assert embedder.seen == 8


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no column"),
        ("album_id,file,taken_at,lat\n", "'lon'"),
        (HEADER, "no photos"),
        (HEADER + "1,a.jpg,yesterday,1,2\n", "Line 2"),
        (HEADER + "1,a.jpg,2022-01-01T00:00:00,95,2\n", "no place on earth"),
        (HEADER + "1,a.jpg,2022-01-01T00:00:00,nan,2\n", "no place on earth"),
        (HEADER + "1,,2022-01-01T00:00:00,1,2\n", "no file"),
    ],
)
def test_a_table_that_cannot_be_used_says_what_is_wrong(
    content: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "albums.csv"
    path.write_text(content)
    with pytest.raises(GeotaggerError, match=words) as caught:
        read_albums(path)
    assert caught.value.path == path


def test_a_table_of_single_photos_is_told(tmp_path: Path) -> None:
    path = tmp_path / "albums.csv"
    path.write_text(HEADER + _walk(1, 1) + _walk(2, 1))
    with pytest.raises(GeotaggerError, match="two photos"):
        evaluate_completion(path, tmp_path)


def test_a_table_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(GeotaggerError, match="cannot be read"):
        read_albums(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x80" * 10)
    with pytest.raises(GeotaggerError, match="no CSV"):
        read_albums(tmp_path / "b.csv")


def test_offsets_of_times_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "albums.csv"
    path.write_text(
        HEADER + "1,a.jpg,2022-01-01T12:00:00+02:00,1,2\n1,b.jpg,2022-01-01T12:00,1,2\n"
    )
    first, second = read_albums(path)["1"]
    assert first.zone_known
    assert not second.zone_known
    assert (second.when - first.when).total_seconds() == 7_200


@pytest.mark.parametrize("options", [{"share": 0.0}, {"share": 1.0}, {"seeds": 0}])
def test_impossible_options_are_refused(options: dict[str, float], table: Path) -> None:
    with pytest.raises(GeotaggerError, match="not"):
        evaluate_completion(table, table.parent, **options)


def test_an_evaluation_can_be_cancelled(table: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        evaluate_completion(table, table.parent, seeds=1, cancel=token)


def test_real_albums_are_completed_at_least_as_well_as_by_the_nearest_in_time(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without pixels and with one seed; the table of the benchmark has the whole."""
    monkeypatch.setattr(completion, "FOLDS", 2)
    result = evaluate_completion(
        shared / "photos" / "albums.csv", shared / "photos", share=0.8, seeds=1
    )
    ours, nearest = result.methods["ours"], result.methods["nearest_in_time"]
    for radius, share in ours.within_km.items():
        # One of 872 hidden photos is 0.11 per cent.
        assert share >= nearest.within_km[radius] - 0.5
    assert abs(ours.radius_holds["0.8"] - 80.0) < 8.0
