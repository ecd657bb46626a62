"""GPS that disagrees with its neighbours, found in a catalog."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from geotagger.library import queries, review
from geotagger.library.catalog import Catalog
from geotagger.library.doubtful_gps import doubtful_gps
from geotagger.library.rows import Decision, DecisionKind
from geotagger.library.scan import scan_folder
from geotagger.progress import CancelledError, CancelToken
from tests.support.albums import PHONE, Shot, make_album

FIRST = Shot("p0.jpg", "town", 1, 0.0, 38.7139, -9.1335, tagged=True, camera=PHONE)


def walk(count: int, start: float = 0.0, **changed: object) -> list[Shot]:
    return [
        replace(FIRST, name=f"{start:.0f}-{n}.jpg", minutes=start + 5.0 * n, **changed)
        for n in range(count)
    ]


def test_a_stray_is_found_with_its_path_and_sentence(catalog: Catalog, tmp_path: Path) -> None:
    shots = walk(8)
    shots[3] = replace(shots[3], lat=48.2, lon=16.37)
    make_album(tmp_path / "a" / "walk", tuple(shots), size=(160, 120))
    list(scan_folder(catalog, tmp_path / "a", workers=1))
    (found,) = doubtful_gps(catalog, tmp_path / "a")
    assert found.path == tmp_path / "a" / "walk" / "0-3.jpg"
    assert found.words.startswith("This photo's GPS disagrees with its neighbours: 2,29")
    assert found.detail in found.words
    assert doubtful_gps(catalog, tmp_path / "b") == []
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(CancelledError):
        doubtful_gps(catalog, tmp_path / "a", cancel=cancel)


def test_an_accepted_place_takes_part_and_other_folders_do_not(
    catalog: Catalog, tmp_path: Path
) -> None:
    shots = [replace(one, tagged=one.name == "0-3.jpg", lat=48.2) for one in walk(8)]
    make_album(tmp_path / "one", tuple(shots), size=(160, 120))
    make_album(tmp_path / "two", tuple(walk(8)), size=(160, 120))
    list(scan_folder(catalog, tmp_path, workers=1))
    assert doubtful_gps(catalog, tmp_path) == []
    ids = {row.path: row.id for row in queries.photos(catalog, tmp_path)}
    others = [ids[tmp_path / "one" / one.name] for one in shots if not one.tagged]
    place = DecisionKind.MOVED, 38.71, -9.13, 50.0
    review.decide(catalog, [Decision(photo_id, *place) for photo_id in others])
    (found,) = doubtful_gps(catalog, tmp_path)
    assert found.photo_id == ids[tmp_path / "one" / "0-3.jpg"]
