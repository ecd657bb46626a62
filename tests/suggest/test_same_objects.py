from __future__ import annotations

from geotagger.suggest.same_objects import SameObjects


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
