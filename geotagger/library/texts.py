"""What the catalog knows of a photo in words: names of folders, its own, captions, keywords."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from geotagger.library.storing import decode_path, decode_words
from geotagger.suggest.types import PhotoText, TextKind

LEVELS = 3
"""Folders above the photo's own that are looked at."""


def opened_roots(connection: sqlite3.Connection) -> tuple[Path, ...]:
    """Return the folders that were opened."""
    return tuple(decode_path(row["path"]) for row in connection.execute("SELECT path FROM roots"))


def folder_texts(
    folder: Path, roots: tuple[Path, ...], home: Path | None = None
) -> tuple[PhotoText, ...]:
    """Return the names of a folder and those above it as texts, the folder's own first.

    Nothing above an opened folder is looked at, nor the user's home and what is above it: the name
    of a person or of a disk is no evidence. ``home`` defaults to the user's.
    """
    above = [root for root in roots if folder.is_relative_to(root)]
    if not above:
        return ()
    top = min(above, key=lambda root: len(root.parts))
    own = _home() if home is None else home
    texts: list[PhotoText] = []
    for level, one in enumerate([folder, *folder.parents][: LEVELS + 1]):
        if not one.is_relative_to(top) or own.is_relative_to(one):
            break
        texts.append(PhotoText(TextKind.PARENT if level else TextKind.FOLDER, one.name))
    return tuple(texts)


def texts_of(row: sqlite3.Row, folders: tuple[PhotoText, ...]) -> tuple[PhotoText, ...]:
    """Return the texts of a photo from its row in the catalog and those of its folder."""
    words = decode_words(row["words"])
    texts = [*folders, PhotoText(TextKind.FILE, decode_path(row["path"]).name)]
    texts += [PhotoText(TextKind.CAPTION, text) for text in words.captions]
    texts += [PhotoText(TextKind.KEYWORD, text) for text in words.keywords]
    if words.place:
        texts.append(PhotoText(TextKind.PLACE, words.place))
    return tuple(texts)


def _home() -> Path:
    try:
        return Path(os.path.abspath(Path.home()))  # noqa: PTH100 - resolve() would follow links
    except RuntimeError:
        return Path(os.devnull)
