from __future__ import annotations

import json
from itertools import combinations

import pytest
from PySide6.QtGui import QImage

from desktop import signs
from geotagger.library.rows import PhotoState


def drawn(state: str, size: int = 32, *, dark: bool = False) -> QImage:
    image = signs.pixmap(state, size, dark=dark).toImage()
    return image.convertToFormat(QImage.Format.Format_ARGB32)


def opaque(image: QImage) -> list[tuple[int, int]]:
    return [
        (x, y)
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() > 128
    ]


def test_every_state_of_a_photo_has_a_sign_and_words():
    assert set(signs.SIGNS) == {state.value for state in PhotoState}
    assert all(one.words for one in signs.SIGNS.values())


@pytest.mark.parametrize("dark", [False, True])
def test_no_two_states_look_the_same(qapp, dark):
    for one, other in combinations(signs.SIGNS, 2):
        assert drawn(one, dark=dark) != drawn(other, dark=dark), (one, other)


@pytest.mark.parametrize("state", sorted(signs.SIGNS))
def test_signs_stay_inside_their_square_and_are_to_be_seen(qapp, state):
    image = drawn(state, 64)
    points = opaque(image)
    assert len(points) > 64
    assert all(1 <= x <= 62 and 1 <= y <= 62 for x, y in points)


def test_suggested_is_the_left_half_of_accepted(qapp):
    half = drawn("confident", 64)
    assert half.pixelColor(16, 32).alpha() == 255
    assert half.pixelColor(48, 32).alpha() == 0
    full = drawn("accepted", 64)
    assert full.pixelColor(16, 32).alpha() == full.pixelColor(48, 32).alpha() == 255


def test_an_unknown_state_gets_a_sign_all_the_same(qapp):
    assert signs.sign("no such state") is signs.UNKNOWN
    assert opaque(drawn("no such state"))


def test_pixmaps_follow_the_device_pixel_ratio(qapp):
    image = signs.pixmap("accepted", 16, dark=False, ratio=2.0)
    assert (image.width(), image.devicePixelRatio()) == (32, 2.0)


def test_icons_are_there_at_the_usual_sizes(qapp):
    assert not signs.icon("ambiguous", dark=True).isNull()
    assert {size.width() for size in signs.icon("ambiguous", dark=True).availableSizes()} >= {
        16,
        32,
    }


def test_the_table_for_the_map_is_plain_json():
    table = json.loads(json.dumps(signs.as_json_value()))
    assert set(table["signs"]) == set(signs.SIGNS)
    assert table["signs"]["confident"]["shape"][0] == ["half", 0.76]
