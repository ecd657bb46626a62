"""The vectors of a catalog's photos, decoded once: a decision on one place changes none of them.

An embedding belongs to the content of a photo and to a version of a model, so what was read of the
catalog stays right. Only what is asked for and was not read before is fetched.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from geotagger.library.catalog import Catalog
from geotagger.library.vectors import decode_vector

_PAGE = 500


class _Kept:
    """Rows (N, D) of one model, and where each photo's is."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.row_of: dict[str, int] = {}
        self.rows: NDArray[np.float32] = np.zeros((0, 0), np.float32)


_KEPT: WeakKeyDictionary[Catalog, _Kept] = WeakKeyDictionary()
_LOCK = threading.Lock()


def kept_vectors(catalog: Catalog, model: str, fingerprints: Sequence[str]) -> NDArray[np.float32]:
    """Return the vectors (N, D) of photos that have one, in the order of the fingerprints.

    Vectors of one model at a time are kept for each open catalog.

    Raises
    ------
    KeyError
        The catalog holds no embedding of one of them.
    """
    with _LOCK:
        kept = _KEPT.get(catalog)
        if kept is None or kept.model != model:
            kept = _KEPT[catalog] = _Kept(model)
        missing = [one for one in dict.fromkeys(fingerprints) if one not in kept.row_of]
        if missing:
            _fetch(catalog, kept, missing)
        if not fingerprints:
            return np.zeros((0, 0), np.float32)
        return kept.rows[[kept.row_of[one] for one in fingerprints]]


def _fetch(catalog: Catalog, kept: _Kept, missing: Sequence[str]) -> None:
    names: list[str] = []
    rows: list[NDArray[np.float32]] = []
    with catalog.reading() as connection:
        for start in range(0, len(missing), _PAGE):
            part = missing[start : start + _PAGE]
            marks = ", ".join("?" * len(part))
            for row in connection.execute(
                "SELECT fingerprint, vector FROM embeddings"
                f" WHERE model = ? AND fingerprint IN ({marks})",
                (kept.model, *part),
            ):
                names.append(row["fingerprint"])
                rows.append(decode_vector(row["vector"]))
    if not rows:
        return
    fresh = np.stack(rows)
    count = len(kept.row_of)
    kept.rows = np.concatenate([kept.rows, fresh]) if count else fresh
    kept.row_of |= {name: count + number for number, name in enumerate(names)}
