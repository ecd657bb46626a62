"""Words of names and captions, whatever was typed there."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from geotagger.earth.gazetteer import key_of

MOST_CHARACTERS = 1_000
"""Of a longer text only the beginning is looked at."""
MOST_WORDS = 80

_TAG = re.compile(r"<[^<>]{0,300}>")
_CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
# A letter, then letters, marks and single apostrophes; digits and everything else part words.
_WORD = re.compile(r"[^\W\d_](?:['’‘`ʻʼ]?[^\W\d_])*")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_CJK_LONGEST = 8


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is looked up; ``raw`` as it stands there; ``after_comma`` if one precedes it."""

    key: str
    raw: str
    after_comma: bool


def cleaned(text: str) -> str:
    """Return a text without mark-up, control characters and invisible ones, composed, bounded.

    A soft hyphen or a mark of direction inside a word vanishes; other control characters part
    words.
    """
    text = text[: 4 * MOST_CHARACTERS]
    if "<" in text or "&" in text:
        text = html.unescape(_TAG.sub(" ", text))
    letters = []
    for letter in text[:MOST_CHARACTERS]:
        category = unicodedata.category(letter)
        if category != "Cf":
            letters.append(" " if category in {"Cc", "Cs", "Co", "Cn"} else letter)
    return unicodedata.normalize("NFC", "".join(letters))


def words_of(text: str) -> list[Word]:
    """Return the words of a text, at most `MOST_WORDS`; "NovaScotia" is two of them."""
    words: list[Word] = []
    plain = _CAMEL.sub(" ", cleaned(text))
    last = 0
    for match in _WORD.finditer(plain):
        comma = "," in plain[last : match.start()]
        last = match.end()
        for part in _parts(match[0]):
            key = key_of(part)
            # Some letters fold to several words or to none; those are no names.
            if key and " " not in key:
                words.append(Word(key, part, comma))
            comma = False
        if len(words) >= MOST_WORDS:
            break
    return words[:MOST_WORDS]


def _parts(raw: str) -> Iterator[str]:
    """Yield a word; one in a script without spaces is left whole, but not too long."""
    if _CJK.search(raw):
        yield raw[:_CJK_LONGEST]
    else:
        yield raw


def is_unspaced(word: Word) -> bool:
    """Return whether a word is in a script that writes without spaces."""
    return _CJK.search(word.raw) is not None
