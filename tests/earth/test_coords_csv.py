from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geotagger.earth.coords_csv import MAX_NAMED, BadRows, read_places
from geotagger.errors import PartitionError
from geotagger.progress import CancelledError, CancelToken


def read(path: Path, bad: BadRows | None = None) -> np.ndarray:
    return np.concatenate([np.empty((0, 2)), *read_places(path, bad or BadRows())])


@pytest.mark.parametrize(
    "header",
    [
        "LAT,LON",
        "lat,lon",
        "Lat, Lon ",
        "latitude,longitude",
        "LATITUDE,Longitude",
        "lat,lng",
        "\ufefflat,lon",
    ],
)
def test_columns_are_found_by_their_usual_names(header: str, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(f"{header}\n1.5,-2\n\n3,180\n", encoding="utf-8")
    assert read(path).tolist() == [[1.5, -2.0], [3.0, 180.0]]


def test_other_columns_and_another_order_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text('name,LON,x,LAT\n"a, b",5,,6\n')
    assert read(path).tolist() == [[6.0, 5.0]]


def test_bad_rows_are_left_out_counted_and_named_by_row(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("lat,lon\n1,2\nx,3\n91,0\n0,181\nnan,0\n4\n5,inf\n,\n6,7\n")
    bad = BadRows()
    assert read(path, bad).tolist() == [[1.0, 2.0], [6.0, 7.0]]
    assert bad.count == 6
    assert [row for row, _ in bad.named] == [3, 4, 5, 6, 7, 8]
    assert "numbers" in bad.named[0][1] and "range" in bad.named[1][1]


def test_of_very_many_bad_rows_only_the_first_are_named(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("lat,lon\n" + "x,y\n" * 100)
    bad = BadRows()
    assert len(read(path, bad)) == 0
    assert bad.count == 100 and len(bad.named) == MAX_NAMED


def test_a_long_file_comes_in_chunks(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("lat,lon\n" + "1,2\n" * 300_000)
    assert [len(part) for part in read_places(path, BadRows())] == [1 << 18, 300_000 - (1 << 18)]
    stop = CancelToken()
    stop.cancel()
    with pytest.raises(CancelledError):
        list(read_places(path, BadRows(), cancel=stop))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "nothing"),
        (b"a,b\n1,2\n", "no columns lat and lon"),
        (b"lat,lon\n\xff\xfe1,2\n", "no CSV text"),
        (b'lat,lon\n"' + b"1" * 200_000, "no CSV text"),
    ],
)
def test_what_is_no_table_of_places_is_told(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(content)
    with pytest.raises(PartitionError, match=words) as told:
        read(path)
    assert told.value.path == path


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(PartitionError, match="cannot be read"):
        read(tmp_path / "none.csv")
