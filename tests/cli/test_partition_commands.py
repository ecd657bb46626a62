from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geotagger.earth.hierarchy import Hierarchy
from geotagger.earth.partition import Partition
from geotagger.earth.partition_file import load

Run = Callable[..., Any]


@pytest.fixture
def coords(tmp_path: Path) -> Path:
    rng = np.random.default_rng(8)
    path = tmp_path / "coords.csv"
    points = rng.normal((45, 10), (8, 15), (2000, 2))
    path.write_text("LAT,LON\n" + "".join(f"{lat},{lon}\n" for lat, lon in points.tolist()))
    return path


def test_build_says_how_many_classes_there_are_and_writes_them(
    run: Run, coords: Path, tmp_path: Path
) -> None:
    out = tmp_path / "cells.npz"
    ran = run("partition", "build", "--coords", coords, "--max", 100, "--min", 5, "--out", out)
    assert ran.code == 0
    one = load(out)
    assert isinstance(one, Partition) and one.name == "cells"
    assert f"cells: {one.size:,} classes of 2,000 points" in ran.out
    assert one.counts.max() <= 100 and one.counts.min() >= 5


@pytest.mark.parametrize("scheme", ["s2", "latlon"])
def test_several_thresholds_build_a_hierarchy_from_coarse_to_fine(
    run: Run, coords: Path, tmp_path: Path, scheme: str
) -> None:
    out = tmp_path / "cells.npz"
    build = ["partition", "build", "--coords", coords, "--out", out, "--min", 3]
    mosts = ["--max", 50, "--max", 300, "--max", 120]
    ran = run(*build, *mosts, "--scheme", scheme, "--json", "--quiet")
    assert ran.code == 0
    one = load(out)
    assert isinstance(one, Hierarchy)
    assert [part.limits.max_count for part in one.partitions] == [300, 120, 50]
    told = ran.json["partitions"]
    assert [part["name"] for part in told] == ["coarse", "middle", "fine"]
    assert [part["classes"] for part in told] == [part.size for part in one.partitions]
    assert {part["scheme"] for part in told} == {scheme}


def test_levels_bound_the_cells(run: Run, coords: Path, tmp_path: Path) -> None:
    out = tmp_path / "cells.npz"
    build = ["partition", "build", "--coords", coords, "--max", 10, "--out", out]
    assert run(*build, "--min-level", 4, "--max-level", 6, "--quiet").code == 0
    one = load(out)
    assert isinstance(one, Partition)
    assert set(one.levels.tolist()) <= {4, 5, 6}


def test_bad_rows_are_counted_and_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("latitude,longitude\n1,2\nwest,3\n95,0\n3,4\n")
    out = tmp_path / "o.npz"
    ran = run("partition", "build", "--coords", path, "--max", 10, "--out", out, "--quiet")
    assert ran.code == 0
    assert "row 3 is left out: no numbers" in ran.err and "row 4 is left out" in ran.err
    assert "2 bad rows" in ran.out and "of 2 points" in ran.out


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("lat,lon\n", [], "no place"),
        ("lat,lon\nx,y\n", [], "no place"),
        ("a,b\n1,2\n", [], "no columns"),
        ("lat,lon\n1,2\n", ["--min", 50], "limits"),
        ("lat,lon\n1,2\n", ["--min-level", 31], "limits"),
    ],
)
def test_what_cannot_be_built_is_told_in_a_line(
    run: Run, tmp_path: Path, content: str, options: list[object], words: str
) -> None:
    path, out = tmp_path / "c.csv", tmp_path / "o.npz"
    path.write_text(content)
    ran = run("partition", "build", "--coords", path, "--max", 10, "--out", out, *options)
    assert ran.code == 1 and words in ran.err
    assert not out.exists()


def test_show_draws_every_partition_of_a_hierarchy(run: Run, coords: Path, tmp_path: Path) -> None:
    out = tmp_path / "cells.npz"
    build = ["partition", "build", "--coords", coords, "--out", out]
    assert run(*build, "--max", 900, "--max", 200, "--quiet").code == 0
    ran = run("partition", "show", out, "--out", tmp_path / "maps" / "world", "--json")
    assert ran.code == 0
    names = [f"world-{name}.{kind}" for name in ("coarse", "fine") for kind in ("png", "html")]
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == sorted(names)
    assert [Path(file).name for file in ran.json["written"]] == names


def test_show_tells_what_is_no_partition(run: Run, coords: Path, tmp_path: Path) -> None:
    ran = run("partition", "show", coords, "--out", tmp_path / "x")
    assert ran.code == 1 and str(coords) in ran.err
