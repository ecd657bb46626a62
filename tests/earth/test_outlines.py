from __future__ import annotations

import gzip

import pytest

from geotagger.earth.outlines import Outlines
from geotagger.errors import GeotaggerError


@pytest.fixture(scope="module")
def outlines() -> Outlines:
    return Outlines.load()


@pytest.mark.parametrize(
    ("lat", "lon", "name"),
    [
        (52.5, 13.4, "Germany"),
        (15.0, 18.0, "Chad"),
        (67.0, 179.0, "Russia"),
        (67.0, -178.0, "Russia"),
        (67.0, 182.0, "Russia"),
        (-17.8, 178.0, "Fiji"),
        (-29.6, 28.2, "Lesotho"),
        (-85.0, 100.0, "Antarctica"),
        (39.0, -98.0, "United States"),
    ],
)
def test_points_on_land_lie_in_their_country(outlines, lat, lon, name):
    assert outlines.country_at(lat, lon).name == name


@pytest.mark.parametrize(("lat", "lon"), [(0, -30), (90, 0), (-40, 180), (35, 18)])
def test_points_at_sea_lie_in_no_country(outlines, lat, lon):
    assert outlines.country_at(lat, lon) is None


def test_a_country_carries_its_number(outlines):
    assert outlines.country_at(52.5, 13.4).iso_number == "276"


@pytest.mark.parametrize(
    "content",
    [b"", b"text", gzip.compress(b"{}"), gzip.compress(b"[1]"), b"\x1f\x8b\x08broken"],
    ids=["empty", "text", "object", "list", "broken"],
)
def test_a_damaged_file_is_told_with_its_path(tmp_path, content):
    file = tmp_path / "countries.json.gz"
    file.write_bytes(content)
    with pytest.raises(GeotaggerError, match=r"countries\.json\.gz"):
        Outlines.load(file)
