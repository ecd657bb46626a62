"""Listings: what was read once is told, chosen, counted, and renewed for what changed alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.library.catalog import Catalog
from geotagger.library.listing import Listing, plain
from geotagger.library.review import decide
from geotagger.library.rows import Decision, DecisionKind, PhotoRow, PhotoState
from geotagger.library.scan import scan_folder
from tests.support.large_library import make_library

S = PhotoState
ROOT = Path("/library")
START = datetime(2022, 5, 14, 9, tzinfo=UTC)


def row(number: int, folder: str = "a", **changes: object) -> PhotoRow:
    made = PhotoRow(
        id=number, folder=ROOT / folder, name=f"{number}.jpg",
        when=START + timedelta(minutes=number), zone_known=False, time_is_fallback=False,
        state=S.PENDING, lat=None, lon=None, place="", probability=None, radius_m=None,
        width=4, height=3, camera="", companions=0, error="",
    )  # fmt: skip
    return replace(made, **changes)


def told(listing: Listing) -> tuple[object, ...]:
    """Everything that a listing tells."""
    return (
        list(listing.rows),
        listing.counts(),
        listing.albums(),
        [listing.counts(album.id) for album in listing.albums()],
        listing.chosen(search="kyoto"),
        listing.chosen(states={S.ACCEPTED, S.MISSING}),
        {one: listing.at[one] for one in sorted(listing.at)},
    )


changes = st.lists(
    st.tuples(
        st.integers(0, 14),
        st.sampled_from(["a", "b", "b/c"]),
        st.sampled_from(list(S)),
        st.sampled_from(["", "Kyoto, Japan", "Évora, Portugal"]),
        st.sampled_from([None, 0, 3, 400]),
        st.booleans(),
    ),
    max_size=12,
)


@given(changes, st.sets(st.integers(0, 14)), st.booleans())
def test_a_patched_listing_is_the_one_that_would_be_read(
    made: list[tuple[int, str, PhotoState, str, int | None, bool]], gone: set[int], asked: bool
) -> None:
    before = Listing(ROOT, [row(number, "a" if number % 3 else "b") for number in range(10)])
    if asked:
        before.prepare_search()
        told(before)  # what was derived before must not outlive the change
    new = [
        row(
            number, folder, state=state, place=place, time_is_fallback=fallback,
            when=None if minutes is None else START + timedelta(minutes=minutes),
        )
        for number, folder, state, place, minutes, fallback in made
    ]  # fmt: skip
    gone -= {one.id for one in new}
    after = before.patched(new, gone)
    expected = {one.id: one for one in before.rows if one.id not in gone}
    expected.update((one.id, one) for one in new)
    ordered = sorted(
        expected.values(),
        key=lambda one: (one.when is None, one.when or START, str(one.path)),
    )
    assert told(after) == told(Listing(ROOT, ordered))
    assert told(before) == told(
        Listing(ROOT, [row(number, "a" if number % 3 else "b") for number in range(10)])
    )


def test_decisions_and_files_that_went_are_seen_when_renewed(
    catalog: Catalog, tmp_path: Path
) -> None:
    root = make_library(tmp_path / "photos", catalog.path, 60, per_album=20)
    before = Listing.load(catalog, root)
    assert len(before.rows) == 60
    assert [album.count for album in before.albums()] == [20, 20, 20]
    placed = before.chosen(states={S.CONFIDENT})[0]
    decide(catalog, [Decision(placed.id, DecisionKind.MOVED, 1.0, 2.0, 50.0, "Here", "by hand")])
    lost = before.rows[-1]
    lost.path.unlink()
    ids = [event.photo_id for event in scan_folder(catalog, root, workers=1)]
    assert lost.id in ids
    after = before.renewed(catalog, [placed.id, lost.id])
    assert after.rows[after.at[placed.id]].state is S.ACCEPTED
    assert after.rows[after.at[lost.id]].state is S.MISSING
    assert told(after) == told(Listing.load(catalog, root))
    assert [album.count for album in after.albums()] == [20, 20, 19]
    with catalog.writing() as connection:
        connection.execute("DELETE FROM photos WHERE id = ?", (lost.id,))
    assert told(after.renewed(catalog, [lost.id])) == told(Listing.load(catalog, root))


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("kyoto", 20),
        ("KYOTO 2010", 20),
        ("sintra img_000021", 1),
        ("canon", 12),
        ("2010-01-11", 20),
        ("kyoto sintra", 0),
        ("", 60),
    ],
)
def test_every_word_is_looked_for(
    catalog: Catalog, tmp_path: Path, search: str, found: int
) -> None:
    root = make_library(tmp_path / "photos", catalog.path, 60, per_album=20)
    assert len(Listing.load(catalog, root).chosen(search=search)) == found


def test_accents_and_case_do_not_matter() -> None:
    listing = Listing(ROOT, [row(1, "Été à Évora"), row(2, place="Straße, Köln")])
    assert [one.id for one in listing.chosen(search="ete EVORA")] == [1]
    assert [one.id for one in listing.chosen(search="strasse koln")] == [2]
    assert plain("ÀB") == plain("àb") == "ab"


def test_an_album_is_a_folder_alone_and_the_root_may_be_one() -> None:
    rows = [row(1, "."), row(2, "a"), row(3, "a/b"), row(4, "a/b", state=S.MISSING)]
    listing = Listing(ROOT, rows)
    assert [(album.title, album.count) for album in listing.albums()] == [
        ("library", 1), ("a", 1), ("a/b", 1),
    ]  # fmt: skip
    assert [one.id for one in listing.chosen(album=str(ROOT / "a"))] == [2]
    assert listing.chosen(album=str(ROOT / "none")) == []
    assert Listing(ROOT, []).albums() == [] and Listing(ROOT, []).counts() == {}
