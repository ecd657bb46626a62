"""The table of photos and their views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geotagger.errors import GeotaggerError
from geotagger.training.starter.photos import folds_of, read_table, views_of
from tests.training.starter.conftest import COLUMNS, table_of


def test_the_table_is_read_with_places_times_and_scenes(photos: Path) -> None:
    table = read_table(photos)
    assert len(table) == 25
    assert table.source_names == ("source-0", "source-1", "source-2")
    assert len(np.unique(table.albums)) == 3
    assert table.exact.sum() == 24
    assert np.isnan(table.seconds[-1])
    assert table.seconds[1] - table.seconds[0] == 86400.0
    np.testing.assert_allclose(table.scenes.sum(axis=1), 1.0, rtol=1e-6)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("s,a.jpg,91,0,,t,exif,0.2,0.3,0.5", "no place"),
        ("s,a.jpg,x,0,,t,exif,0.2,0.3,0.5", "damaged"),
        ("s,../a.jpg,1,0,,t,exif,0.2,0.3,0.5", "below the folder"),
        ("s,a.jpg,1,0,,t,exif,0,0,0", "probabilities"),
        ("s,a.jpg,1,0,noon,t,exif,0.2,0.3,0.5", "damaged"),
    ],
)
def test_a_damaged_line_is_refused_with_its_number(tmp_path: Path, line: str, why: str) -> None:
    (tmp_path / "index.csv").write_text(",".join(COLUMNS) + f"\n{line}\n", encoding="utf-8")
    with pytest.raises(GeotaggerError, match=why) as caught:
        read_table(tmp_path)
    assert "Line 2" in caught.value.message


def test_a_table_that_is_missing_empty_or_lacks_a_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeotaggerError, match="cannot be read"):
        read_table(tmp_path)
    (tmp_path / "index.csv").write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    with pytest.raises(GeotaggerError, match="no photos"):
        read_table(tmp_path)
    (tmp_path / "index.csv").write_text("file,lat\na.jpg,1\n", encoding="utf-8")
    with pytest.raises(GeotaggerError, match="no column"):
        read_table(tmp_path)


def test_views_are_the_same_each_time_and_differ_from_one_another(photos: Path) -> None:
    table = read_table(photos)

    def views(seed: int) -> list[np.ndarray | None]:
        return list(views_of(photos, table, views=3, side=64, seed=seed))

    first, again, other = views(0), views(0), views(1)
    assert first[-1] is None
    assert first[0] is not None
    assert first[0].shape == (3, 64, 64, 3)
    assert not np.array_equal(first[0][1], first[0][2])
    np.testing.assert_array_equal(first[0], again[0])
    assert other[0] is not None
    np.testing.assert_array_equal(first[0][0], other[0][0])
    assert not np.array_equal(first[0][1], other[0][1])


def test_folds_hold_whole_sources_and_each_photo_once() -> None:
    table = table_of(sources=7, places=2, visits=2)
    folds = folds_of(table, 3)
    assert sorted(np.concatenate(folds).tolist()) == list(range(len(table)))
    held = [set(table.sources[fold].tolist()) for fold in folds]
    assert sum(len(one) for one in held) == 7
    assert len(folds_of(table, 20)) == 7
