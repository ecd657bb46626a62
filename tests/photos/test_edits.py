"""Edits of a file, forwards and backwards."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.photos.edits import Edit, apply, content_hash, decode, encode, invert, narrow


def applied(edits: list[Edit], data: bytes) -> bytes:
    target = io.BytesIO()
    apply(edits, io.BytesIO(data), target)
    return target.getvalue()


@st.composite
def changes(draw: st.DrawFn) -> tuple[bytes, list[Edit]]:
    data = draw(st.binary(max_size=900))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    edits = []
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        old = data[start:end]
        flips = bytes(b ^ draw(st.sampled_from([0, 0, 0, 1])) for b in old)
        new = draw(st.sampled_from([old, flips, b"", flips + b"more", old[:3]]))
        edits.append(Edit(start, end, new))
    return data, edits


@given(changes())
def test_the_inverse_gives_the_identical_bytes_back(change: tuple[bytes, list[Edit]]) -> None:
    data, edits = change
    new = applied(edits, data)
    small = narrow(edits, io.BytesIO(data))
    assert applied(small, data) == new
    back = decode(encode(invert(small, io.BytesIO(data))))
    assert applied(back, new) == data


@given(changes())
def test_hashes_of_both_contents_come_with_applying(change: tuple[bytes, list[Edit]]) -> None:
    data, edits = change
    target = io.BytesIO()
    old, new = apply(edits, io.BytesIO(data), target)
    assert old == content_hash(io.BytesIO(data))
    assert new == content_hash(target)
    assert (old == new) == (data == target.getvalue())


def test_narrowing_leaves_out_what_stays_equal() -> None:
    data = bytes(range(256)) * 100
    changed = data[:500] + b"\xff\xff" + data[502:] + b"tail"
    small = narrow([Edit(0, len(data), changed)], io.BytesIO(data))
    assert small == [Edit(500, 502, b"\xff\xff"), Edit(len(data), len(data), b"tail")]


@pytest.mark.parametrize(
    "edits", [[Edit(5, 3, b"")], [Edit(2, 4, b""), Edit(3, 5, b"")], [Edit(8, 20, b"")]]
)
def test_edits_that_cannot_be_applied_are_refused(edits: list[Edit]) -> None:
    with pytest.raises(ValueError, match="edit"):
        applied(edits, bytes(10))


def test_damaged_undo_data_is_refused() -> None:
    blob = encode([Edit(1, 2, b"abc")])
    for damaged in (blob[:-1], blob + b"x", blob[:5]):
        with pytest.raises(ValueError, match="damaged"):
            decode(damaged)
