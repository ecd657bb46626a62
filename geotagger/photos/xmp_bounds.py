"""How much markup any real XMP has: told by counting bytes, before a parser sees them."""

from __future__ import annotations

MAX_ATTRIBUTES = 50_000
MAX_TAGS = 200_000
"""Several times what a catalogue program writes for a photo with a long history of edits."""


def has_too_many_parts(data: bytes) -> bool:
    """Whether XMP has more attributes or tags than any real one; meant to be quick."""
    return data.count(b"=") > MAX_ATTRIBUTES or data.count(b"<") > MAX_TAGS
