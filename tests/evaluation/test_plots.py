"""The pictures of an evaluation, and the page: what is drawn is what was found."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from geotagger.evaluation.completion_result import MethodResult
from geotagger.evaluation.hidings import Way
from geotagger.evaluation.library_page import page
from geotagger.evaluation.library_score import AlbumScore, LibraryScore
from geotagger.evaluation.library_words import (
    album_rows,
    bound,
    cautions,
    distance,
    headline,
    method,
    method_rows,
    percent,
)
from geotagger.evaluation.plots import DARK, LIGHT, draw, error_curve, png, svg
from geotagger.evaluation.reliability import reliability, wilson


def results(count: int = 200) -> dict[str, MethodResult]:
    generator = np.random.default_rng(3)
    error = 10.0 ** generator.uniform(1.0, 6.0, count)
    stated = generator.uniform(0.05, 1.0, count)
    held = generator.uniform(size=count) < stated
    radii = error[:, None] * np.array([0.5, 1.5, 4.0])
    worse = error * 1.5
    worse[:20] = np.inf
    return {
        "ours": MethodResult(error, radii, stated, held),
        "nearest_in_time": MethodResult(worse),
        "best_anchor_oracle": MethodResult(error * 0.5),
    }


def score(methods: dict[str, MethodResult], title: str = "2022/Lisbon") -> LibraryScore:
    album = AlbumScore(title, 250, methods)
    return LibraryScore((album,), methods, Way.RANDOM, 0.8, 1, 0, 250, "colours/1")


@pytest.mark.parametrize("style", [LIGHT, DARK])
@pytest.mark.parametrize(("size", "scale"), [((900, 400), 1.0), ((420, 900), 2.0)])
def test_a_picture_has_the_size_that_was_asked_for_and_its_ground(style, size, scale) -> None:
    data = png(draw(results(), style=style, size_px=size, scale=scale))
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (size[0] * scale, size[1] * scale)
        corner = "#{:02x}{:02x}{:02x}".format(*picture.convert("RGB").getpixel((1, 1)))
        assert corner == style.ground
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 100


def test_the_bars_are_the_hits_and_the_diagram_has_all_classes() -> None:
    methods = results()
    bars, curves, diagram = draw(methods).axes
    heights = [patch.get_height() for patch in bars.patches]
    hits = [hit for one in methods.values() for hit in one.within_km.values()]
    assert heights == pytest.approx(hits)
    assert len(curves.lines) == 3
    counts = {text.get_text() for text in diagram.texts}
    assert counts == {f"{one.count}" for one in reliability(methods["ours"])}


def test_no_other_plot_of_the_program_is_touched_and_no_display_is_asked_for() -> None:
    import sys

    before = "matplotlib.pyplot" in sys.modules
    png(draw(results()))
    assert ("matplotlib.pyplot" in sys.modules) is before


def test_the_curve_is_the_share_within_each_distance() -> None:
    errors = np.array([5.0, 100.0, 2_000.0, np.inf])
    km, share = error_curve(errors)
    assert km.tolist() == [0.01, 0.1, 2.0, 20_000.0]
    assert share.tolist() == [0.25, 0.5, 0.75, 0.75]
    km, share = error_curve(10.0 ** np.random.default_rng(0).uniform(1, 6, 50_000))
    assert len(km) < 500 and share[-1] == 1.0 and (np.diff(share) >= 0.0).all()
    nowhere = error_curve(np.full(3, np.inf))
    assert nowhere[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("count", [1, 2, 15])
def test_few_photos_are_drawn_too(count: int) -> None:
    some = {
        name: MethodResult(
            one.error_m[:count],
            None if one.radius_m is None else one.radius_m[:count],
            None if one.stated is None else one.stated[:count],
            None if one.held is None else one.held[:count],
        )
        for name, one in results().items()
    }
    assert png(draw(some)).startswith(b"\x89PNG")


def test_an_interval_of_few_is_wide_and_stays_between_0_and_1() -> None:
    assert wilson(1.0, 1)[0] < 0.3
    assert wilson(0.5, 10_000) == pytest.approx((0.4902, 0.5098), abs=1e-4)
    assert wilson(0.0, 0) == (0.0, 1.0)
    low, high = wilson(0.0, 5)
    assert low == 0.0 and high < 1.0


def test_the_headline_says_what_the_table_says() -> None:
    found = score(results())
    within = found.ours.within_km
    assert headline(found).startswith(
        f"Of 200 hidden photos {percent(within['1'])} were put within 1 km"
    )
    assert f"held {percent(found.ours.radius_holds['0.8'])}." in headline(found)
    assert method_rows(found)[0][0] == "This program"
    assert method_rows(found)[0][2] == f"{within['1']:.1f} %"
    assert album_rows(found)[0][:2] == ("2022/Lisbon", "200")
    assert method(found).endswith("single photos, at random, 80 % of them, once.")
    assert len(cautions(found)) == 1


def test_distances_and_shares_are_rounded_honestly() -> None:
    shown = [distance(km) for km in (0.0001, 0.0052, 0.314, 0.9996, 1.24, 14.2, 2345.0)]
    assert shown == ["1 m", "5 m", "310 m", "1.0 km", "1.2 km", "14 km", "2,300 km"]
    assert [percent(one) for one in (0.0, 0.2, 50.4, 99.9, 100.0)] == [
        *("0 %", "1 %", "50 %", "99 %", "100 %")
    ]


def test_a_number_stays_with_its_unit() -> None:
    assert bound("within 1 km: 80 % of 3 kmh") == "within 1\xa0km: 80\xa0% of 3 kmh"


def test_the_page_stands_alone_and_takes_names_literally() -> None:
    text = page(score(results(), "<script>alert(1)</script>\udcff"), "Photos & more")
    assert "<script" not in text and "&lt;script&gt;" in text and "\\xff" in text
    assert "Photos &amp; more" in text
    assert "<svg" in text and "Nearest photo in time" in text
    for outside in ("src=", "url(http", "<link", "@import"):
        assert outside not in text
    text.encode("utf-8")


def test_an_svg_is_an_element() -> None:
    text = svg(draw(results()))
    assert text.startswith("<svg") and text.rstrip().endswith("</svg>")
