"""Captions, keywords and place names that a photo carries in Exif, IPTC and XMP.

They are evidence for the place, never written back. IPTC-IIM version 4, record 2; Exif 2.32 with
the tags of Windows Explorer; XMP specification part 2. Everything is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from geotagger.photos.exif_read import ExifTags
from geotagger.photos.record import Words
from geotagger.photos.xmp_read import (
    CITY,
    COUNTRY,
    DESCRIPTION,
    HEADLINE,
    LOCATION,
    STATE,
    SUBJECT,
    TITLE,
    USER_COMMENT,
)

MOST_CHARACTERS = 1_000
"""Of each text; captions are sentences, not books."""
MOST_KEYWORDS = 50

_DESCRIPTION, _IPTC_IN_TIFF = 0x010E, 0x83BB
_XP = (0x9C9B, 0x9C9C, 0x9C9F)
"""Title, comment and subject as Windows writes them, in UTF-16."""
_XP_KEYWORDS = 0x9C9E
_MAX_IPTC = 1 << 20

_RECORD = 2
_UTF8 = b"\x1b%G"
_IPTC_TITLE, _IPTC_HEADLINE, _IPTC_CAPTION, _IPTC_KEYWORD = 5, 105, 120, 25
_IPTC_PLACE = (92, 90, 95, 101)
"""Sublocation, city, state, country."""

# What cameras put where a caption belongs.
_BOILERPLATE = re.compile(
    r"^(olympus|sony|minolta|samsung|kodak|konica|dcim|screenshot|default|untitled|created|exif)\b",
    re.IGNORECASE,
)


def read_words(tags: ExifTags, xmp: Mapping[str, str], iptc: bytes, comment: str = "") -> Words:
    """Return the words of a photo.

    Parameters
    ----------
    tags, xmp
        What Exif and XMP say, as `exif_read` and `xmp_read` give them.
    iptc
        The IPTC datasets of the container, empty where there are none.
    comment
        The readable part of Exif's user comment.
    """
    data = iptc or tags.data("Image", _IPTC_IN_TIFF, _MAX_IPTC)
    found = iptc_texts(data)
    captions = [
        *(xmp.get(name, "") for name in (TITLE, HEADLINE, DESCRIPTION, USER_COMMENT)),
        *(
            text
            for number in (_IPTC_TITLE, _IPTC_HEADLINE, _IPTC_CAPTION)
            for text in found.get(number, [])
        ),
        _repaired(tags.text("Image", _DESCRIPTION)),
        *(_windows(tags, tag) for tag in _XP),
        comment,
    ]
    keywords = [
        *xmp.get(SUBJECT, "").split("\n"),
        *found.get(_IPTC_KEYWORD, []),
        *_windows(tags, _XP_KEYWORDS).split(";"),
    ]
    place = _joined(xmp.get(name, "") for name in (LOCATION, CITY, STATE, COUNTRY))
    if not place:
        place = _joined(text for number in _IPTC_PLACE for text in found.get(number, [])[:1])
    return Words(
        captions=tuple(text for text in _distinct(captions) if not _BOILERPLATE.match(text)),
        keywords=tuple(_distinct(keywords)[:MOST_KEYWORDS]),
        place=place,
    )


def iptc_texts(data: bytes) -> dict[int, list[str]]:
    """Return the texts of record 2 by dataset number; what is damaged ends the reading."""
    found: dict[int, list[str]] = {}
    raw: list[tuple[int, bytes]] = []
    utf8 = False
    at = data.find(b"\x1c")
    while 0 <= at <= len(data) - 5 and data[at] == 0x1C and len(raw) < 2_000:
        record, number = data[at + 1], data[at + 2]
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        if length >= 0x8000:
            break  # extended datasets hold pictures, not words
        value = data[at + 5 : at + 5 + length]
        if (record, number) == (1, 90):
            utf8 = value == _UTF8
        elif record == _RECORD:
            raw.append((number, value))
        at += 5 + length
    for number, value in raw:
        found.setdefault(number, []).append(_decoded(value, utf8))
    return found


def iptc_of_photoshop(block: bytes) -> bytes:
    """Return the IPTC datasets in Photoshop's image resources, empty if there are none."""
    at = 0
    while at + 12 <= len(block) and block[at : at + 4] in (b"8BIM", b"MeSa", b"PHUT"):
        number = int.from_bytes(block[at + 4 : at + 6], "big")
        name = block[at + 6] + 1
        at += 6 + name + (name & 1)
        size = int.from_bytes(block[at : at + 4], "big")
        if number == 0x0404:
            return block[at + 4 : at + 4 + size]
        at += 4 + size + (size & 1)
    return b""


def _decoded(value: bytes, utf8: bool) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("utf-8" if utf8 else "latin-1", "replace")


def _repaired(text: str) -> str:
    """Return a text that was read byte by byte as the UTF-8 that it is, if it is."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _windows(tags: ExifTags, tag: int) -> str:
    data = tags.data("Image", tag, 2 * MOST_CHARACTERS)
    return data[: len(data) & ~1].decode("utf-16-le", "replace").split("\0", 1)[0]


def _distinct(texts: Iterable[str]) -> list[str]:
    tidy = (" ".join(text[:MOST_CHARACTERS].split()) for text in texts)
    return list(dict.fromkeys(text for text in tidy if text))


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(_distinct(parts))
