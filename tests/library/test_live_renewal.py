"""Suggesting anew after a decision: what is kept from before is right, and parts come in order."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from geotagger.library import analysing, queries, references, review, storing
from geotagger.library.analysing import album_photos, renew, suggest_again
from geotagger.library.catalog import Catalog
from geotagger.library.recent import Recent
from geotagger.library.references import Library, references_heard
from geotagger.library.rows import Decision, DecisionKind
from geotagger.library.vectors import encode_vector
from geotagger.photos.record import (
    FileStamp,
    Gps,
    GpsState,
    Kind,
    PhotoRecord,
    TakenAt,
    TimeSource,
)
from geotagger.progress import CancelledError, CancelToken
from geotagger.suggest import album as of_albums
from geotagger.suggest.types import Suggestion

MODEL = "made/1"
SPOTS = np.array([[38.71, -9.13], [38.72, -9.16], [38.69, -9.2], [38.75, -9.1]])


def looks(seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(len(SPOTS), 32))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def fill(
    catalog: Catalog, folder: Path, count: int, *, known: int, day: int, seed: int, kind: int = 0
) -> None:
    """Put photos of four spots into the catalog, each ``known``-th with GPS, alike by spot."""
    generator = np.random.default_rng(seed)
    base = looks(kind)
    with catalog.writing() as connection:
        for number in range(count):
            spot = number // 7 % len(SPOTS)
            vector = base[spot] + 0.08 * generator.normal(size=base.shape[1])
            when = datetime(2022, 5, day, 9, tzinfo=UTC) + timedelta(minutes=4.0 * number)
            lat, lon = SPOTS[spot] + generator.normal(0.0, 1e-3, 2)
            record = PhotoRecord(
                path=folder / f"{seed}_{number:03}.jpg",
                kind=Kind.JPEG,
                stamp=FileStamp(1000, 2000),
                fingerprint=f"{seed}-{number}",
                taken_at=TakenAt(when, False, TimeSource.EXIF_LOCAL),
                gps=Gps(GpsState.COMPLETE, lat, lon, source="exif")
                if number % known == 0
                else Gps(),
                camera="Acme One",
            )
            storing.store_record(connection, record, "")
            connection.execute(
                "REPLACE INTO embeddings VALUES (?, ?, ?)",
                (record.fingerprint, MODEL, encode_vector(vector.astype(np.float32))),
            )


@pytest.fixture
def folder(catalog: Catalog, tmp_path: Path) -> Path:
    fill(catalog, tmp_path / "trip", 60, known=6, day=14, seed=1)
    fill(catalog, tmp_path / "other", 40, known=2, day=2, seed=2)
    return tmp_path / "trip"


def accept(catalog: Catalog, folder: Path, number: int) -> int:
    row = queries.photos(catalog, folder)[number]
    lat, lon = SPOTS[number // 7 % len(SPOTS)]
    review.decide(catalog, [Decision(row.id, DecisionKind.ACCEPTED, float(lat), float(lon), 40.0)])
    return row.id


def stored(catalog: Catalog, folder: Path) -> dict[str, object]:
    return {
        row.name: (row.state, queries.details(catalog, row.id).candidates)
        for row in queries.photos(catalog, folder)
    }


def close(one: dict[str, object], other: dict[str, object]) -> None:
    """Compare stored suggestions; sums of single numbers may end on another last digit."""
    assert one.keys() == other.keys()
    for name, (state, mine) in one.items():
        assert (state, len(mine)) == (other[name][0], len(other[name][1]))
        for candidate, its in zip(mine, other[name][1], strict=True):
            assert (candidate.lat, candidate.lon) == (its.lat, its.lon)
            assert candidate.reasons == its.reasons
            assert candidate.probability == pytest.approx(its.probability, abs=1e-5)
            assert candidate.radius_m == pytest.approx(its.radius_m, rel=1e-4)


def test_after_any_decisions_the_result_is_that_of_a_program_that_kept_nothing(
    catalog: Catalog, folder: Path
) -> None:
    list(renew(catalog, str(folder), model=MODEL))
    for number in (13, 22, 41):
        near = [accept(catalog, folder, number)]
        list(renew(catalog, str(folder), model=MODEL, near=near))
    review.decide(catalog, [Decision(near[0], DecisionKind.REJECTED)])
    list(renew(catalog, str(folder), model=MODEL, near=near))
    found = stored(catalog, folder)
    with Catalog.open(catalog.path) as fresh:
        suggest_again(fresh, str(folder), model=MODEL)
    close(found, stored(catalog, folder))


def test_after_any_decisions_the_result_is_that_of_a_program_started_anew(
    catalog: Catalog, folder: Path
) -> None:
    list(renew(catalog, str(folder), model=MODEL))
    for number in (9, 33, 50):
        near = [accept(catalog, folder, number)]
        list(renew(catalog, str(folder), model=MODEL, near=near))
    found = stored(catalog, folder)
    program = (
        "import sys; from pathlib import Path; from geotagger.library.catalog import Catalog;"
        "from geotagger.library.analysing import suggest_again\n"
        "with Catalog.open(Path(sys.argv[1])) as catalog:"
        " assert suggest_again(catalog, sys.argv[2], model=sys.argv[3])"
    )
    arguments = [str(catalog.path), str(folder), MODEL]
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, timeout=300)
    close(found, stored(catalog, folder))


def test_photos_nearest_in_time_come_first_and_each_photo_comes_once(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_albums, "FIRST", 5)
    monkeypatch.setattr(of_albums, "CHUNK", 20)
    chosen = accept(catalog, folder, 31)
    parts = list(renew(catalog, str(folder), model=MODEL, near=[chosen]))
    rows = queries.photos(catalog, folder)
    at = {row.id: number for number, row in enumerate(rows)}
    assert [len(part) for part in parts] == [5, 20, 20, 4]
    away = [abs(at[one] - 31) for part in parts for one in part]
    assert away == sorted(away)
    assert len(set(at) - {one for part in parts for one in part}) == 11  # ten have GPS


def test_each_part_is_stored_when_it_comes_and_cancelling_leaves_the_rest_as_it_was(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_albums, "FIRST", 5)
    list(renew(catalog, str(folder), model=MODEL))
    before = stored(catalog, folder)
    chosen = accept(catalog, folder, 31)
    token = CancelToken()
    parts = renew(catalog, str(folder), model=MODEL, near=[chosen], cancel=token)
    first = set(next(parts))
    token.cancel()
    with pytest.raises(CancelledError):
        next(parts)
    after = stored(catalog, folder)
    names = {row.name: row.id for row in queries.photos(catalog, folder)}
    changed = {names[name] for name in after if after[name] != before[name]}
    assert changed == first | {chosen}


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count how often the whole library is read."""
    loads: list[str] = []
    load = Library.load.__func__  # type: ignore[attr-defined]

    def counting(cls: type[Library], catalog: Catalog, model: str) -> Library:
        loads.append(model)
        found: Library = load(cls, catalog, model)
        return found

    monkeypatch.setattr(Library, "load", classmethod(counting))
    return loads


def test_the_library_is_read_again_only_when_something_outside_the_album_changed(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = counted(monkeypatch)
    list(renew(catalog, str(folder), model=MODEL))
    assert len(loads) == 1
    for number in (13, 22):
        list(renew(catalog, str(folder), model=MODEL, near=[accept(catalog, folder, number)]))
    assert len(loads) == 1
    accept(catalog, folder.with_name("other"), 1)
    list(renew(catalog, str(folder), model=MODEL))
    assert len(loads) == 2
    fill(catalog, folder.with_name("third"), 3, known=1, day=3, seed=3)
    list(renew(catalog, str(folder), model=MODEL))
    assert len(loads) == 3


def test_what_another_program_writes_is_seen(catalog: Catalog, folder: Path) -> None:
    def names() -> set[str]:
        found = references_heard(
            catalog, MODEL, str(folder), (), album_photos(catalog, str(folder), MODEL)
        )
        assert found is not None
        return set(found.names)

    assert len(album_photos(catalog, str(folder), MODEL)) == 60
    before = names()
    with Catalog.open(catalog.path) as other:
        fill(other, folder.with_name("third"), 30, known=1, day=3, seed=3)
        fill(other, folder, 4, known=2, day=15, seed=4)
    assert len(album_photos(catalog, str(folder), MODEL)) == 64
    assert any(name.startswith("3_") for name in names() - before)


def test_suggestions_from_the_references_that_may_be_heard_are_those_from_all(
    catalog: Catalog, folder: Path
) -> None:
    fill(catalog, folder.with_name("strange"), 30, known=1, day=3, seed=3, kind=9)
    photos = album_photos(catalog, str(folder), MODEL)
    everything = Library.load(catalog, MODEL)
    some = everything.heard(str(folder), (), photos)
    all_of = everything.without(str(folder))
    assert some is not None and all_of is not None
    assert 0 < len(some.names) < len(all_of.names)

    def said(found: references.References | None) -> list[Suggestion]:
        return of_albums.suggest_album(photos, references=found, clock_seconds={})

    for mine, whole in zip(said(some), said(all_of), strict=True):
        assert (mine.key, mine.state) == (whole.key, whole.state)
        for one, other in zip(mine.candidates, whole.candidates, strict=True):
            assert (one.lat, one.lon, one.reasons) == (other.lat, other.lon, other.reasons)
            assert one.probability == pytest.approx(other.probability, abs=1e-5)


def test_a_decision_gives_a_photo_its_place_though_the_rest_is_kept(
    catalog: Catalog, folder: Path
) -> None:
    album_photos(catalog, str(folder), MODEL)
    chosen = accept(catalog, folder, 13)
    photos = {photo.key: photo for photo in album_photos(catalog, str(folder), MODEL)}
    anchor = photos[str(chosen)].anchor
    assert anchor is not None and anchor.radius_m == 40.0
    review.decide(catalog, [Decision(chosen, DecisionKind.LATER)])
    photos = {photo.key: photo for photo in album_photos(catalog, str(folder), MODEL)}
    assert photos[str(chosen)].anchor is None


def test_the_stamp_tells_of_all_writing_but_what_is_set_aside(
    catalog: Catalog, folder: Path
) -> None:
    stamps = [catalog.stamp()]
    with catalog.writing(aside=True) as connection:
        connection.execute("DELETE FROM suggestions")
    stamps.append(catalog.stamp())
    catalog.set_setting("some", 1)
    stamps.append(catalog.stamp())
    with Catalog.open(catalog.path) as other:
        other.set_setting("some", 2)
        assert other.stamp() == catalog.stamp()
    stamps.append(catalog.stamp())
    with pytest.raises(ValueError, match="no"), catalog.writing() as connection:
        connection.execute("DELETE FROM photos")
        raise ValueError("no")
    stamps.append(catalog.stamp())
    assert stamps[0] == stamps[1] and stamps[3] == stamps[4]
    assert len(set(stamps)) == 3


def test_recent_answers_hold_while_their_state_does_and_the_oldest_makes_room(
    catalog: Catalog,
) -> None:
    asked: list[str] = []

    def answer(name: str) -> Callable[[], str]:
        def found() -> str:
            asked.append(name)
            return name.upper()

        return found

    recent: Recent[str] = Recent(2)

    def gets(names: str, state: int) -> Iterator[str]:
        for name in names:
            yield recent.get(catalog, name, state, answer(name))

    assert list(gets("aaba", 1)) == ["A", "A", "B", "A"]
    assert asked == ["a", "b"]
    assert list(gets("cab", 1)) == ["C", "A", "B"]  # b made room, a was asked for later
    assert asked == ["a", "b", "c", "b"]
    assert list(gets("b", 2)) == ["B"]
    assert asked[-1] == "b" and len(asked) == 5


def test_placed_photos_keep_no_suggestion(catalog: Catalog, folder: Path) -> None:
    list(renew(catalog, str(folder), model=MODEL))
    chosen = accept(catalog, folder, 13)
    assert chosen not in analysing.suggest_again(catalog, str(folder), model=MODEL)
    with catalog.reading() as connection:
        left = connection.execute(
            "SELECT count(*) FROM suggestions WHERE photo_id = ?", (chosen,)
        ).fetchone()[0]
    assert left == 0
