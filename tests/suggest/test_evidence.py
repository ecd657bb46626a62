from __future__ import annotations

import numpy as np
import pytest

from geotagger.suggest import terms
from geotagger.suggest.anchors import far_in_time
from geotagger.suggest.evidence import Evidence, register, sources
from geotagger.suggest.fusion import propose
from geotagger.suggest.scene import PlaceTable, View, scene_of, view_of
from tests.suggest.making import look, photo


@pytest.fixture
def view() -> View:
    photos = [
        photo(
            f"{n}.jpg",
            None if n == 7 else n * 13.0,
            (38.7 + n / 300, -9.1) if n % 2 == 0 else None,
            look=None if n == 5 else look(n),
        )
        for n in range(14)
    ]
    scene = scene_of(photos, None)
    return view_of(scene, scene.targets)


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_every_source_gives_finite_terms_and_none_for_absent_places(
    source: Evidence, view: View
) -> None:
    table = propose(view)
    score = source.score(view, table)
    assert score.shape == (*table.lat.shape, len(source.terms))
    assert np.isfinite(score).all()


def test_places_are_proposed_once(view: View) -> None:
    table = propose(view)
    for row in range(len(view.rows)):
        anchors = table.index[row][table.is_anchor[row]].tolist()
        assert len(anchors) == len(set(anchors))
        assert anchors


def test_terms_have_one_name_each(view: View) -> None:
    names = terms.names()
    assert len(names) == len(set(names))
    assert terms.terms_of(view, propose(view)).shape[-1] == len(names)


def test_a_second_source_of_the_same_name_is_refused() -> None:
    class Twin:
        name = "anchors"
        order = 9
        terms = ()

        def propose(self, view: View, table: PlaceTable) -> None: ...

    with pytest.raises(ValueError, match="registered already"):
        register(Twin)


def test_how_far_a_photo_is_in_time_goes_from_minutes_to_hours_and_never() -> None:
    photos = [photo("anchor", 0, (38.7, -9.1))]
    photos += [photo(f"{minutes}", minutes) for minutes in (1, 70, 600)]
    photos += [photo("none", None)]
    scene = scene_of(photos, None)
    far = far_in_time(view_of(scene, scene.targets))
    assert far[0] == 0.0
    assert 0.0 < far[1] < 1.0
    assert far[2] == 1.0
    assert far[3] == 1.0
