"""What in a photo's texts is a name, and how much each one looks as if it were meant."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from geotagger.earth.gazetteer import Entry, Gazetteer, KeyFlag, SpotKind
from geotagger.suggest.names.text import Word, is_unspaced, words_of
from geotagger.suggest.types import PhotoText, TextKind

MOST_MATCHES = 8
"""Names weighed for one text; of more, those that look most like it."""

FEATURES = (
    "one",
    "parent",
    "file",
    "caption",
    "keyword",
    "place",
    "coverage",
    "stop",
    "everyday",
    "unusual",
    "person",
    "several_words",
    "size",
    "other_name",
    "short",
    "lower_case",
    "log_words",
    "area",
)
"""What tells whether a name is meant, in the order of `Match.features`."""

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{2,5}$")
_SHORT = 4
_TINY_WEIGHT = 1e-5
"""Share of the world of a town of some 10,000 inhabitants."""


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase in a text that is a name.

    ``phrase`` is as it stands there; ``features`` are in the order of `FEATURES`.
    """

    kind: TextKind
    phrase: str
    entry: Entry
    features: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    first: int
    count: int
    entry: Entry


def matches_in(text: PhotoText, gazetteer: Gazetteer) -> tuple[Match, ...]:
    """Return the names in a text, longest first where they overlap; cached by text."""
    return _cached(text.kind, text.text, gazetteer)


@lru_cache(maxsize=100_000)
def _cached(kind: TextKind, text: str, gazetteer: Gazetteer) -> tuple[Match, ...]:
    if kind is TextKind.FILE:
        text = _EXTENSION.sub("", text)
    words = words_of(text)
    prose = kind in {TextKind.CAPTION, TextKind.KEYWORD, TextKind.PLACE}
    found = _found(words, gazetteer, prose)
    if not found:
        return ()
    meant = _letters(words, _taken(found))
    whole = _letters(words, _worth_matching(words, found, gazetteer))
    mixed = any(word.raw[0].isupper() for word in words)
    matches = [_match(kind, one, words, meant / max(whole, meant), mixed) for one in found]
    if len(matches) > MOST_MATCHES:
        # The largest; a list of five thousand keywords is no better evidence than its best.
        best = sorted(matches, key=lambda one: -_size(one.entry))[:MOST_MATCHES]
        matches = [one for one in matches if one in best]
    return tuple(matches)


def _found(words: Sequence[Word], gazetteer: Gazetteer, prose: bool) -> list[_Found]:
    found: list[_Found] = []
    at = 0
    while at < len(words):
        one = _abbreviation(words, at, gazetteer) or _name(words, at, gazetteer, prose)
        if one is None:
            at += 1
        else:
            found.append(one)
            at = one.first + one.count
    return found


def _name(words: Sequence[Word], at: int, gazetteer: Gazetteer, prose: bool) -> _Found | None:
    if is_unspaced(words[at]):
        key = words[at].key
        for end in range(len(key), 1, -1):
            entry = gazetteer.find(key[:end])
            if entry is not None:
                return _Found(at, 1, entry)
        return None
    longest = gazetteer.longest(word.key for word in words[at:])
    if longest is None:
        return None
    count, entry = longest
    if count == 1 and len(entry.key) < 3 and entry.key.isascii():
        return None
    if count == 1 and KeyFlag.STOP in entry.flags and not prose:
        return None
    if count > 1 and all(_is_stop(word, gazetteer) for word in words[at : at + count]):
        return None
    return _Found(at, count, entry)


def _is_stop(word: Word, gazetteer: Gazetteer) -> bool:
    entry = gazetteer.find(word.key)
    return entry is not None and KeyFlag.STOP in entry.flags


def _abbreviation(words: Sequence[Word], at: int, gazetteer: Gazetteer) -> _Found | None:
    """Return what letters behind a comma, or alone in a text, stand for: "Moab, UT"."""
    word = words[at]
    if not 2 <= len(word.raw) <= 3 or not word.raw.isupper():
        return None
    if not word.after_comma and len(words) > 1:
        return None
    entry = gazetteer.find(f"={word.key}")
    if entry is None or (len(words) == 1 and len(word.raw) < 3):
        return None
    return _Found(at, 1, entry)


def _taken(found: Sequence[_Found]) -> set[int]:
    return {one.first + step for one in found for step in range(one.count)}


def _worth_matching(
    words: Sequence[Word], found: Sequence[_Found], gazetteer: Gazetteer
) -> set[int]:
    """Return the words that say something: names, and others that are no filling."""
    taken = _taken(found)
    return {
        number
        for number, word in enumerate(words)
        if number in taken or (len(word.key) > 2 and not _is_stop(word, gazetteer))
    }


def _letters(words: Sequence[Word], numbers: set[int]) -> int:
    return sum(len(words[number].key) for number in numbers)


def _size(entry: Entry) -> float:
    return max(meaning.spot.weight for meaning in entry.meanings)


def _match(
    kind: TextKind, found: _Found, words: Sequence[Word], coverage: float, mixed: bool
) -> Match:
    mine = words[found.first : found.first + found.count]
    entry = found.entry
    largest = max(entry.meanings, key=lambda meaning: meaning.spot.weight)
    short = len(entry.key) <= _SHORT and entry.key.isascii() and not entry.key.startswith("=")
    values = {
        "one": True,
        **{name: kind.value == name for name in ("parent", "file", "caption", "keyword", "place")},
        "coverage": coverage,
        "stop": KeyFlag.STOP in entry.flags,
        "everyday": KeyFlag.EVERYDAY in entry.flags,
        "unusual": KeyFlag.UNUSUAL in entry.flags and KeyFlag.EVERYDAY not in entry.flags,
        "person": KeyFlag.PERSON in entry.flags,
        "several_words": found.count > 1,
        "size": min(math.log10(largest.spot.weight / _TINY_WEIGHT), 2.5),
        "other_name": all(meaning.other for meaning in entry.meanings),
        "short": short,
        "lower_case": mixed and not mine[0].raw[0].isupper(),
        "log_words": math.log(len(words)),
        "area": largest.spot.kind is not SpotKind.PLACE,
    }
    return Match(
        kind=kind,
        phrase=" ".join(word.raw for word in mine),
        entry=entry,
        features=tuple(float(values[name]) for name in FEATURES),
    )
