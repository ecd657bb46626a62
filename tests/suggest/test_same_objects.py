from __future__ import annotations

from weakref import ref

import numpy as np

from geotagger.suggest.same_objects import SameArrays, SameObjects


def test_an_answer_is_kept_for_the_same_objects_and_not_for_equal_ones() -> None:
    made: list[str] = []

    def answer(name: str) -> str:
        made.append(name)
        return name

    kept: SameObjects[str] = SameObjects(2)
    one, other, twin = [1], [2], [1]
    assert kept.get((one, other), lambda: answer("first")) == "first"
    assert kept.get((one, other), lambda: answer("again")) == "first"
    assert kept.get((twin, other), lambda: answer("twin")) == "twin"
    assert kept.get((one,), lambda: answer("shorter")) == "shorter"
    assert made == ["first", "twin", "shorter"]


def test_the_oldest_answers_make_room() -> None:
    kept: SameObjects[int] = SameObjects(2)
    objects = [[0], [1], [2]]
    for number, one in enumerate(objects):
        kept.get((one,), lambda number=number: number)  # type: ignore[misc]
    assert kept.get((objects[2],), lambda: -1) == 2
    assert kept.get((objects[1],), lambda: -1) == 1
    assert kept.get((objects[0],), lambda: -1) == -1


def test_what_was_made_of_arrays_is_kept_while_they_are_there_and_keeps_none_of_them() -> None:
    kept: SameArrays[str] = SameArrays()
    one, other = np.zeros(3), np.zeros(3)
    assert kept.get((one, other), lambda: "first") == "first"
    assert kept.get((one, other), lambda: "again") == "first"
    assert kept.get((other, one), lambda: "turned") == "turned"
    assert kept.get((one, other[:]), lambda: "a view") == "a view"
    gone = ref(one)
    del one
    assert gone() is None
