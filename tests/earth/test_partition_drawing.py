from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geotagger.earth.partition import Limits, Partition
from geotagger.earth.partition_build import build_partition
from geotagger.earth.partition_drawing import coastlines, rings, shades
from geotagger.earth.partition_page import write_page
from geotagger.earth.partition_plot import plot_partition
from geotagger.errors import PartitionError


def uniform(level: int) -> Partition:
    rng = np.random.default_rng(level)
    points = np.column_stack(
        (np.degrees(np.arcsin(rng.uniform(-1, 1, 20_000))), rng.uniform(-180, 180, 20_000))
    )
    return build_partition(points, Limits(10**6, 1, min_level=level, max_level=level))


def area(ring: np.ndarray) -> float:
    x, y = ring.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


@pytest.mark.parametrize("level", [0, 1, 2, 3, 4])
def test_rings_of_cells_that_cover_the_earth_cover_the_flat_map(level: int) -> None:
    one = uniform(level)
    assert one.size == 6 * 4**level
    drawn = rings(one)
    for ring in drawn:
        steps = np.abs(np.diff(ring[:, 0]))
        assert ring[:, 0].max() - ring[:, 0].min() <= 360.0 + 1e-9
        assert np.count_nonzero(steps > 180.0) == (1 if np.ptp(ring[:, 0]) > 359.0 else 0)
    assert sum(area(ring) for ring in drawn) == pytest.approx(360 * 180, rel=0.01)


def test_rings_lie_about_the_cells_centres() -> None:
    one = uniform(3)
    for ring, lat, lon in zip(rings(one), one.centre_lat, one.centre_lon, strict=True):
        assert ring[:, 1].min() < lat < ring[:, 1].max()
        assert ring[:, 0].min() < lon < ring[:, 0].max()


def test_shades_grow_with_points_per_area() -> None:
    points = np.array([[10.0, 10.0]] * 50 + [[-40.0, -60.0]] * 5)
    one = build_partition(points, Limits(100, 1, min_level=3, max_level=3))
    assert sorted(shades(one).tolist()) == [0.0, 1.0]
    assert shades(one)[one.classes_of([10.0], [10.0])[0]] == 1.0


def test_the_base_map_has_coasts_and_borders() -> None:
    coasts, borders = coastlines()
    assert len(coasts) > 100 and len(borders) > 100
    assert all(np.abs(line[:, 1]).max() <= 90.0 for line in (*coasts, *borders))


@pytest.mark.parametrize("scheme", ["s2", "latlon"])
def test_the_picture_shows_cells_where_the_points_are(scheme: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    points = np.column_stack((rng.uniform(-20, 20, 900), rng.uniform(-60, 60, 900)))
    plot_partition(build_partition(points, Limits(30, 1), scheme=scheme), tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.size == (2400, 1290)
        pixels = np.asarray(picture.convert("RGB"), int)
    coloured = np.ptp(pixels, axis=2) > 30
    # The middle of the map is full of cells, its lower left corner is sea without any.
    assert coloured[600:700, 900:1300].mean() > 0.7
    assert coloured[1000:1100, 200:400].mean() < 0.02


def test_the_page_holds_all_that_it_needs_and_asks_the_network_for_nothing(tmp_path: Path) -> None:
    one = uniform(2)
    write_page(one, tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)\s*=", page)
    assert "default-src 'none'" in page
    assert "Leaflet" in page and "L.map(" in page
    assert page.count('"type": "Polygon"') == one.size


def test_an_empty_partition_is_drawn_as_an_empty_map(tmp_path: Path) -> None:
    none = build_partition(np.empty((0, 2)), Limits(10))
    plot_partition(none, tmp_path / "p.png")
    write_page(none, tmp_path / "p.html")
    assert (tmp_path / "p.png").stat().st_size > 10_000
    assert "L.map(" in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_names_cannot_bring_script_into_the_page(tmp_path: Path) -> None:
    one = build_partition(np.zeros((3, 2)), Limits(10), name="</title><script>alert(1)</script>")
    write_page(one, tmp_path / "p.html")
    assert "<script>alert" not in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    one = build_partition(np.zeros((3, 2)), Limits(10))
    for draw in (plot_partition, write_page):
        with pytest.raises(PartitionError, match="cannot be written"):
            draw(one, tmp_path / "missing" / "file")
