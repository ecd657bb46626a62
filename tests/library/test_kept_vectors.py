"""Vectors that are decoded once and stay right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geotagger.library.catalog import Catalog
from geotagger.library.kept_vectors import kept_vectors
from geotagger.library.vectors import decode_vector, encode_vector


def put(catalog: Catalog, model: str, names: range, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    stored = {}
    with catalog.writing() as connection:
        for number in names:
            blob = encode_vector(generator.normal(size=8).astype(np.float32))
            connection.execute(
                "REPLACE INTO embeddings VALUES (?, ?, ?)", (f"f{number}", model, blob)
            )
            stored[f"f{number}"] = decode_vector(blob)
    return stored


def test_vectors_come_in_the_order_asked_for_and_later_ones_are_fetched(catalog: Catalog) -> None:
    stored = put(catalog, "m/1", range(1200))
    asked = [f"f{number}" for number in (7, 1100, 7, 0)]
    assert np.array_equal(kept_vectors(catalog, "m/1", asked), [stored[one] for one in asked])
    stored |= put(catalog, "m/1", range(1200, 1203), seed=1)
    asked = ["f1202", "f3", "f1100"]
    assert np.array_equal(kept_vectors(catalog, "m/1", asked), [stored[one] for one in asked])


def test_models_and_catalogs_are_told_apart(catalog: Catalog, tmp_path: Path) -> None:
    first = put(catalog, "m/1", range(3))
    second = put(catalog, "m/2", range(3), seed=1)
    with Catalog.open(tmp_path / "other.sqlite") as other:
        third = put(other, "m/1", range(3), seed=2)
        for opened, model, stored in (
            (catalog, "m/1", first),
            (other, "m/1", third),
            (catalog, "m/2", second),
            (catalog, "m/1", first),
        ):
            assert np.array_equal(kept_vectors(opened, model, ["f2"])[0], stored["f2"])


def test_none_asked_for_is_none_given_and_one_that_is_not_there_is_an_error(
    catalog: Catalog,
) -> None:
    assert kept_vectors(catalog, "m/1", []).shape == (0, 0)
    with pytest.raises(KeyError):
        kept_vectors(catalog, "m/1", ["unknown"])
