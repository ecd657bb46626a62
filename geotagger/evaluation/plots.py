"""Pictures of an evaluation: hits by radius, errors, and what was stated beside what held.

One figure of three parts, from the results of any evaluation by method; drawn without a display and
without state that other plots share, so that threads may draw side by side.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from geotagger.evaluation.completion_result import LEVELS, WITHIN_KM, MethodResult
from geotagger.evaluation.library_words import METHODS
from geotagger.evaluation.reliability import BINS, ReliabilityBin, reliability, wilson
from geotagger.suggest.scene import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OURS, BY_TIME, ORACLE = "ours", "nearest_in_time", "best_anchor_oracle"
_BARS = (OURS, BY_TIME, ORACLE)
_CURVES = (OURS, BY_TIME, "interpolation_in_time", "nearest_lookalike", "album_mean", ORACLE)
_LEAST_KM, _MOST_KM = 0.01, 20_000.0
_TICKS_KM = (0.01, 1.0, 100.0, 10_000.0)
_POINTS = 400
"""Points of a curve: more than a screen has columns for it."""

_SOME = 10
"""Suggestions of a class that are enough to be joined with its neighbours by a line."""


@dataclass(frozen=True, slots=True)
class Style:
    """Colours of a figure, as #rrggbb: ground and ink, fine lines, and one colour per method."""

    ground: str
    ink: str
    faint: str
    line: str
    colours: Mapping[str, str]

    def colour(self, method: str) -> str:
        """Return the colour of a method."""
        return self.colours.get(method, self.faint)


LIGHT = Style(
    ground="#ffffff",
    ink="#1d2023",
    faint="#5f656c",
    line="#dcdcd8",
    colours={
        OURS: "#1f6feb",
        BY_TIME: "#c2571a",
        "interpolation_in_time": "#2f855a",
        "nearest_lookalike": "#8250a8",
        "album_mean": "#8a8f95",
        ORACLE: "#1d2023",
    },
)
DARK = Style(
    ground="#181a1c",
    ink="#e6e7e8",
    faint="#a3a8ae",
    line="#33383c",
    colours={
        OURS: "#6ea8ff",
        BY_TIME: "#f0975a",
        "interpolation_in_time": "#6cc598",
        "nearest_lookalike": "#c79be6",
        "album_mean": "#8b9096",
        ORACLE: "#e6e7e8",
    },
)


def draw(
    methods: Mapping[str, MethodResult],
    *,
    style: Style = LIGHT,
    size_px: tuple[int, int] = (1500, 560),
    scale: float = 1.0,
    title: str = "",
) -> Figure:
    """Return the figure.

    Parameters
    ----------
    methods
        Results by the names of `scoring`, "ours" among them; unknown names are not drawn.
    size_px
        Width and height in pixels of a screen with 96 of them in an inch.
    scale
        Pixels of the picture for each of those: 2 for a screen that is twice as fine.
    title
        A line above all, may be empty.
    """
    # The figure's own canvas: no window system, no state shared with other plots.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = size_px
    figure = Figure(
        figsize=(width / 96, height / 96),
        dpi=96 * scale,
        layout="constrained",
        facecolor=style.ground,
    )
    FigureCanvasAgg(figure)
    upright = width < 1.15 * height
    shape = (3, 1) if upright else (1, 3)
    ratios: dict[str, Any] = {} if upright else {"width_ratios": (1.0, 1.15, 0.95)}
    axes = figure.subplots(*shape, **ratios)
    _bars(axes[0], methods, style)
    _curves(axes[1], methods, style)
    _reliability(axes[2], methods[OURS], style)
    handles, labels = axes[1].get_legend_handles_labels()
    columns = len(labels) if width > 185 * len(labels) else 3
    legend = figure.legend(
        handles, labels, loc="outside lower center", ncols=columns, fontsize=8.5, frameon=False
    )
    for text in legend.get_texts():
        text.set_color(style.ink)
    if title:
        figure.suptitle(title, color=style.ink, fontsize=11, x=0.012, ha="left", wrap=True)
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.12, h_pad=0.10, wspace=0.04, hspace=0.06)
    return figure


def png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor=figure.get_facecolor())
    return out.getvalue()


def svg(figure: Figure) -> str:
    """Return a figure as an SVG element to stand in a page, its letters drawn as shapes."""
    out = io.StringIO()
    figure.savefig(out, format="svg", facecolor=figure.get_facecolor(), metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


def _bars(axes: Axes, methods: Mapping[str, MethodResult], style: Style) -> None:
    """Draw how many per cent each method put within each radius."""
    names = [name for name in _BARS if name in methods]
    width = 0.84 / len(names)
    at = np.arange(len(WITHIN_KM), dtype=float)
    for number, name in enumerate(names):
        hits = list(methods[name].within_km.values())
        where = at + (number - (len(names) - 1) / 2) * width
        colour = style.colour(name)
        hollow = name == ORACLE
        axes.bar(
            where,
            hits,
            width * 0.92,
            color="none" if hollow else colour,
            edgecolor=colour,
            linewidth=0.9,
        )
        if name == OURS:
            for x, hit in zip(where, hits, strict=True):
                axes.annotate(
                    f"{hit:.0f}",
                    (x, hit),
                    (0, 2),
                    textcoords="offset points",
                    ha="center",
                    fontsize=8.5,
                    color=colour,
                )
    axes.set_xticks(at, [f"{km:g}" for km in WITHIN_KM])
    axes.set_ylim(0, 106)
    axes.set_yticks(range(0, 101, 20))
    _dress(axes, style, "Photos within a distance", "within … km", "per cent of photos", grid="y")


def _curves(axes: Axes, methods: Mapping[str, MethodResult], style: Style) -> None:
    """Draw the share of photos within each distance."""
    for name in _CURVES:
        if name not in methods:
            continue
        km, share = error_curve(methods[name].error_m)
        mine = name == OURS
        axes.plot(
            km,
            100.0 * share,
            color=style.colour(name),
            linewidth=2.4 if mine else 1.2,
            linestyle=(0, (4, 2)) if name == ORACLE else "-",
            zorder=3 if mine else 2,
            label=METHODS[name].rstrip("*"),
        )
    axes.set_xscale("log")
    axes.set_xlim(_LEAST_KM, _MOST_KM)
    axes.set_ylim(0, 102)
    axes.set_xticks(_TICKS_KM, [_km(km) for km in _TICKS_KM])
    axes.set_xticks([10.0 * km for km in _TICKS_KM], minor=True, labels=[""] * len(_TICKS_KM))
    axes.grid(True, which="minor", color=style.line, linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    axes.set_yticks(range(0, 101, 20))
    _dress(axes, style, "How far off", "distance to the truth", "per cent within it")


def error_curve(error_m: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return distances (P,) in km and the share (P,) of photos within them.

    The distances are those of the photos, thinned out to some hundred, and the ends of the axis.
    Photos without a place are within no distance.
    """
    errors = np.sort(error_m[np.isfinite(error_m)]) / 1e3
    at = np.unique(np.linspace(0, len(errors) - 1, min(len(errors), _POINTS)).astype(np.intp))
    least = float((errors <= _LEAST_KM).sum())
    found = errors[at]
    inside = found > _LEAST_KM
    km = np.concatenate([[_LEAST_KM], found[inside], [_MOST_KM]])
    reached = np.concatenate([[least], (at + 1.0)[inside], [float(len(errors))]])
    return km, reached / max(1, len(error_m))


def _reliability(axes: Axes, ours: MethodResult, style: Style) -> None:
    """Draw stated probabilities beside what held, and under them how many there were."""
    bins = reliability(ours)
    accent = style.colour(OURS)
    axes.plot([0, 100], [0, 100], color=style.faint, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    most = max((one.count for one in bins), default=1)
    for one in bins:
        _bin(axes, one, most, accent, style)
    some = [one for one in bins if one.count >= _SOME]
    axes.plot(
        [100 * one.stated for one in some],
        [100 * one.held for one in some],
        color=accent,
        linewidth=1.6,
        marker="o",
        markersize=5,
        label="best candidates",
    )
    held = list(ours.radius_holds.values())
    if held:
        axes.plot(
            [100 * level for level in LEVELS],
            held,
            linestyle="none",
            marker="D",
            markersize=6,
            markerfacecolor=style.ground,
            markeredgecolor=style.colour(BY_TIME),
            markeredgewidth=1.6,
            label="50, 80, 95 % radii",
            zorder=4,
        )
    axes.set_xlim(-2, 102)
    axes.set_ylim(-12, 102)
    axes.set_xticks(range(0, 101, 20))
    axes.set_yticks(range(0, 101, 20))
    _dress(axes, style, "Kept its word", "per cent stated", "per cent that held")
    if bins or held:
        legend = axes.legend(
            loc="best", fontsize=8.5, framealpha=0.85, facecolor=style.ground, edgecolor="none"
        )
        for text in legend.get_texts():
            text.set_color(style.ink)


def _bin(axes: Axes, one: ReliabilityBin, most: int, accent: str, style: Style) -> None:
    """Draw the range that the share may be in, and a column for the count."""
    low, high = wilson(one.held, one.count)
    x = 100 * one.stated
    if one.count < _SOME:
        axes.plot(x, 100 * one.held, "o", markersize=4, color=accent, alpha=0.35)
    axes.plot(
        [x, x],
        [100 * low, 100 * high],
        color=accent,
        linewidth=1.0,
        alpha=0.55 if one.count >= _SOME else 0.25,
    )
    left = min(int(one.stated * BINS), BINS - 1) * 100 / BINS
    axes.bar(
        left + 50 / BINS,
        7.5 * one.count / most,
        90 / BINS,
        bottom=-12,
        color=style.line,
        zorder=0,
    )
    axes.annotate(
        f"{one.count:,}",
        (left + 50 / BINS, -12 + 7.5 * one.count / most),
        (0, 1),
        textcoords="offset points",
        ha="center",
        fontsize=7,
        color=style.faint,
    )


def _dress(
    axes: Axes,
    style: Style,
    title: str,
    across: str,
    up: str,
    *,
    grid: Literal["both", "y"] = "both",
) -> None:
    """Give a part its words and lines in the colours of the style."""
    axes.set_facecolor(style.ground)
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=style.ink)
    axes.set_xlabel(across, fontsize=9.5, color=style.faint)
    axes.set_ylabel(up, fontsize=9.5, color=style.faint)
    axes.tick_params(colors=style.faint, labelsize=9, length=0)
    axes.grid(True, axis=grid, color=style.line, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(style.line)


def _km(km: float) -> str:
    if km < 1.0:
        return f"{km * 1000:g} m"
    return f"{km:,.0f} km"
