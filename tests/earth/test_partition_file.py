from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geotagger.earth.hierarchy import Hierarchy
from geotagger.earth.partition import Limits, Partition
from geotagger.earth.partition_build import build_hierarchy, build_partition
from geotagger.earth.partition_file import (
    FORMAT_VERSION,
    load,
    load_hierarchy,
    load_partition,
    save,
)
from geotagger.errors import PartitionError

COLUMNS = ("ids", "counts", "mean_lat", "mean_lon", "radius_m")


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    rng = np.random.default_rng(5)
    middles = rng.uniform((-60, -180), (70, 180), (30, 2))
    spread = middles[rng.integers(0, 30, 4000)] + rng.normal(0, 2, (4000, 2))
    return np.clip(spread, (-90, -180), (90, 180))


@pytest.fixture
def file(points: np.ndarray, tmp_path: Path) -> Path:
    path = tmp_path / "cells.npz"
    save(build_partition(points, Limits(200, 5), name="middle"), path)
    return path


def same(one: Partition, other: Partition) -> bool:
    plain = all(
        getattr(one, name) == getattr(other, name)
        for name in ("name", "scheme", "points", "limits", "size", "digest")
    )
    return plain and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in (*COLUMNS, "centre_lat", "centre_lon")
    )


def members(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def rewrite(path: Path, **changes: Any) -> None:
    """Write the file again with other members; None leaves one out."""
    kept = members(path) | changes
    np.savez(path, allow_pickle=True, **{k: v for k, v in kept.items() if v is not None})


def about(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(members(path)["about"].tobytes())
    return found


def as_bytes(value: object) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


@pytest.mark.parametrize("scheme", ["s2", "latlon"])
def test_a_partition_comes_back_as_it_was(scheme: str, points: np.ndarray, tmp_path: Path) -> None:
    limits = Limits(300, 7, min_level=2, max_level=20, min_area_km2=1.5, keep_small=True)
    one = build_partition(points, limits, name="größer", scheme=scheme)
    save(one, tmp_path / "one.npz")
    back = load(tmp_path / "one.npz")
    assert isinstance(back, Partition)
    assert same(one, back)
    assert same(load_partition(tmp_path / "one.npz"), one)
    assert load_hierarchy(tmp_path / "one.npz").finest.size == one.size


def test_a_hierarchy_comes_back_with_its_parents(points: np.ndarray, tmp_path: Path) -> None:
    one = build_hierarchy(
        points, [Limits(most, 5) for most in (400, 150, 60)], names=["coarse", "middle", "fine"]
    )
    save(one, tmp_path / "all.npz")
    back = load(tmp_path / "all.npz")
    assert isinstance(back, Hierarchy)
    assert all(same(a, b) for a, b in zip(one.partitions, back.partitions, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(one.parents, back.parents, strict=True))
    assert same(load_partition(tmp_path / "all.npz"), one.finest)


def test_equal_partitions_make_equal_files_and_nothing_is_left_beside_them(
    file: Path, points: np.ndarray
) -> None:
    other = file.with_name("again.npz")
    save(build_partition(points, Limits(200, 5), name="middle"), other)
    assert file.read_bytes() == other.read_bytes()
    assert sorted(path.name for path in file.parent.iterdir()) == ["again.npz", "cells.npz"]


def test_an_empty_partition_is_kept_too(tmp_path: Path) -> None:
    save(build_partition(np.empty((0, 2)), Limits(10)), tmp_path / "none.npz")
    assert load_partition(tmp_path / "none.npz").size == 0


def test_a_folder_that_cannot_be_written_is_told(points: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(PartitionError) as told:
        save(build_partition(points, Limits(200)), tmp_path / "missing" / "x.npz")
    assert told.value.path == tmp_path / "missing" / "x.npz"


def refused(path: Path, words: str) -> None:
    with pytest.raises(PartitionError, match=words) as told:
        load(path)
    assert told.value.path == path


def test_a_newer_format_asks_for_an_update(file: Path) -> None:
    rewrite(file, format_version=np.array([FORMAT_VERSION + 1]))
    refused(file, "newer.*Update the program")


def test_an_unknown_format_is_refused(file: Path) -> None:
    rewrite(file, format_version=np.array([0]))
    refused(file, "no format 0")


@pytest.mark.parametrize("cut", [0, 1, 100, 0.5, -1])
def test_a_cut_file_is_refused(file: Path, cut: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * cut) if 0 < cut < 1 else int(cut)])
    refused(file, "damaged")


def test_flipped_bytes_never_give_anything_but_a_partition_or_a_typed_error(file: Path) -> None:
    whole = file.read_bytes()
    rng = np.random.default_rng(3)
    refusals = 0
    for at in rng.integers(0, len(whole), 400):
        spoilt = bytearray(whole)
        spoilt[at] ^= int(rng.integers(1, 256))
        file.write_bytes(spoilt)
        try:
            assert isinstance(load(file), Partition | Hierarchy)
        except PartitionError as error:
            refusals += 1
            assert error.path == file
    assert refusals > 200


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    refused(tmp_path / "none.npz", "cannot be read")
    refused(tmp_path, "cannot be read")


def test_a_compressed_bomb_is_refused_before_it_is_unpacked(file: Path) -> None:
    bomb = io.BytesIO()
    np.lib.format.write_array(bomb, np.zeros(20_000_000, np.uint64))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0/ids.npy", bomb.getvalue())
    refused(file, "compressed")


def test_a_header_that_promises_more_than_there_is_is_refused(file: Path) -> None:
    content = io.BytesIO()
    header = {"descr": "<u8", "fortran_order": False, "shape": (1 << 60,)}
    np.lib.format.write_array_header_1_0(content, header)
    kept = members(file)
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("format_version", "about"):
            part = io.BytesIO()
            np.lib.format.write_array(part, kept[name])
            archive.writestr(f"{name}.npy", part.getvalue())
        archive.writestr("0/ids.npy", content.getvalue())
    refused(file, "cut off")


def test_too_many_members_are_refused(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(500):
            archive.writestr(f"{number}.npy", b"")
    refused(file, "too many")


def test_pickles_are_never_opened(file: Path) -> None:
    rewrite(file, **{"0/ids": np.array([{"a": 1}], object)})
    refused(file, "type <u8")


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_or_short_column_is_refused(file: Path, column: str) -> None:
    whole = file.read_bytes()
    rewrite(file, **{f"0/{column}": None})
    refused(file, column)
    file.write_bytes(whole)
    rewrite(file, **{f"0/{column}": members(file)[column := f"0/{column}"][:-1]})
    refused(file, "shape")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("mean_lat", np.nan),
        ("mean_lat", 91.0),
        ("mean_lon", np.inf),
        ("radius_m", np.nan),
        ("radius_m", -1.0),
        ("counts", 0),
        ("counts", 1 << 62),
        ("ids", 0),
        ("ids", (1 << 64) - 1),
    ],
)
def test_values_out_of_range_are_refused(file: Path, column: str, value: float) -> None:
    values = members(file)[f"0/{column}"].copy()
    values[3] = value
    rewrite(file, **{f"0/{column}": values})
    refused(file, "(?i)range|counts|cell|order")


def test_unsorted_and_doubled_cells_are_refused(file: Path) -> None:
    whole, ids = file.read_bytes(), members(file)["0/ids"]
    rewrite(file, **{"0/ids": ids[::-1]})
    refused(file, "out of order or overlap")
    file.write_bytes(whole)
    doubled = ids.copy()
    doubled[4] = doubled[3]
    rewrite(file, **{"0/ids": doubled})
    refused(file, "out of order or overlap")


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "model"},
        {"partitions": []},
        {"partitions": "all"},
        {"partitions": [{}]},
        {"kind": None},
    ],
)
def test_a_file_that_says_it_is_something_else_is_refused(
    file: Path, change: dict[str, Any]
) -> None:
    rewrite(file, about=as_bytes(about(file) | change))
    refused(file, "partition")


@pytest.mark.parametrize(
    "change",
    [
        {"scheme": "h3"},
        {"name": 3},
        {"points": True},
        {"points": 1},
        {"limits": {}},
        {"limits": None},
    ],
)
def test_wrong_facts_about_a_partition_are_refused(file: Path, change: dict[str, Any]) -> None:
    facts = about(file)
    facts["partitions"][0] |= change
    rewrite(file, about=as_bytes(facts))
    refused(file, "partition|counts")


def test_text_that_is_no_json_is_refused(file: Path) -> None:
    rewrite(file, about=np.frombuffer(b"\xff\xfe{", np.uint8))
    refused(file, "damaged")


def test_a_hierarchy_of_strangers_is_refused(file: Path, points: np.ndarray) -> None:
    one = build_hierarchy(points, [Limits(400, 5), Limits(60, 5)], names=["coarse", "fine"])
    save(one, file)
    kept = members(file)
    rewrite(file, **{f"0/{name}": kept[f"0/{name}"][1:] for name in COLUMNS})
    refused(file, "no parent")
