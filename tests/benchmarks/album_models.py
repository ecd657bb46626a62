"""The simulation beside the real albums, then Table 2b on simulated albums.

python -m tests.benchmarks.album_models --shared ../shared --geo DIR [--table TABLE.json]

DIR is a folder with geo.safetensors and gallery.csv, as an installed GeoCLIP has them. Compared are
gaps, distances, speeds and countries per album, and how alike two photos' errors are by the time
between them: on the real photos with the shipped starter's embeddings, on simulated ones with the
simulated. The table is the one that ``geotagger evaluate album --simulated --json`` wrote.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.cells import cell_ids
from geotagger.earth.distance import haversine_m
from geotagger.earth.places import PlaceNames
from geotagger.evaluation.album_models import PAPER, RADII_KM, ROWS, within
from geotagger.evaluation.albums_csv import embeddings_of, read_albums
from geotagger.models.album.smoother import Smoother, count_moves
from geotagger.models.embedder import load_embedder
from geotagger.models.geo_space import load_geo_space
from geotagger.training.album.albums import DrawnAlbum, Simulator
from geotagger.training.album.config import find_config
from geotagger.training.album.emissions import KINDS
from geotagger.training.album.motion import Trace, fit_motion, steps_of
from geotagger.training.album.world import BLUR_LEVELS

RESULTS = Path(__file__).resolve().parent / "results"
NAME = "2026-11-21-album-models"
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
APART_S = (10.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0, 1e9)
APART = ("10 s", "1 min", "10 min", "1 h", "6 h", "1 day", "longer")
MOST_STEPS = 60
"""No album counts for more steps than these."""


def real_traces(shared: Path) -> list[Trace]:
    """Return times and places of the real albums and tracks."""
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for path in (shared / "photos" / "albums.csv", shared / "coords" / "album-traces.csv"):
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                when = datetime.fromisoformat(row["taken_at"].replace("Z", "")).timestamp()
                album = f"{path.name} {row.get('album_id', row.get('album'))}"
                place = (float(row["lat"]), float(row["lon"]))
                rows.setdefault(album, []).append((when, *place))
    traces = []
    for one in rows.values():
        seconds, lat, lon = np.array(sorted(one)).T
        traces.append((seconds, lat, lon))
    return traces


def distributions(traces: Sequence[Trace]) -> dict[str, NDArray[np.float64]]:
    """Return gaps (s), distances (m), speeds (km/h) of steps, countries and lengths of albums."""
    places = PlaceNames.load()
    gaps, distances = [], []
    countries, lengths = [], []
    rng = np.random.default_rng(0)
    for trace in traces:
        gap, distance = steps_of(trace)
        some = rng.permutation(len(gap))[:MOST_STEPS]
        gaps.append(gap[some])
        distances.append(distance[some])
        lengths.append(len(trace[0]))
        spots = {(round(a, 2), round(b, 2)) for a, b in zip(trace[1], trace[2], strict=True)}
        near = [places.nearest(*spot, max_km=100.0) for spot in sorted(spots)[:60]]
        countries.append(len({one.country_code for one in near if one is not None}))
    gap, distance = np.concatenate(gaps), np.concatenate(distances)
    moved = (gap > 0) & (distance > 100.0)
    return {
        "gap (s)": gap,
        "distance (m)": distance,
        "speed of moves (km/h)": distance[moved] / gap[moved] * 3.6,
        "countries per album": np.array(countries, np.float64),
        "photos per album": np.array(lengths, np.float64),
    }


def likeness(
    albums: Sequence[tuple[NDArray[np.float64], NDArray[np.float32]]],
) -> list[float]:
    """Return the mean cosine of two photos' residuals by the time between them.

    A residual is what an embedding differs by from the mean of all. Albums count by the square
    root of their pairs.
    """
    mean = np.concatenate([rows for _, rows in albums]).mean(axis=0)
    sums, weights = np.zeros(len(APART)), np.zeros(len(APART))
    for seconds, rows in albums:
        rest = rows - mean
        rest /= np.linalg.norm(rest, axis=1, keepdims=True)
        one, two = np.triu_indices(len(seconds), 1)
        if len(one) == 0:
            continue
        alike = (rest[one] * rest[two]).sum(axis=1)
        apart = np.digitize(np.abs(seconds[one] - seconds[two]), APART_S[:-1], right=True)
        np.add.at(sums, apart, alike / np.sqrt(len(one)))
        np.add.at(weights, apart, 1.0 / np.sqrt(len(one)))
    return [float(one) for one in sums / np.maximum(weights, 1e-12)]


def real_likeness(shared: Path) -> list[float]:
    """Return `likeness` of the real albums, by the starter's embeddings."""
    embedder = load_embedder(Path("resources/models/starter"), threads=1)
    albums = read_albums(shared / "photos" / "albums.csv")
    files = [photo.file for album in albums.values() for photo in album]
    rows = embeddings_of(files, shared / "photos", embedder)
    found = []
    for album in albums.values():
        photos = sorted((one for one in album if one.file in rows), key=lambda one: one.when)
        photos = photos[:150]
        seconds = np.array([one.when.timestamp() for one in photos])
        found.append((seconds, np.stack([rows[one.file] for one in photos])))
    return likeness(found)


def simulated_likeness(albums: Sequence[DrawnAlbum]) -> list[float]:
    """Return the same of simulated photos that tell nothing of their place: all is error."""
    found = []
    for album in albums:
        blind = np.flatnonzero(album.kinds == len(KINDS) - 1)
        if len(blind) > 1:
            found.append((album.photos.seconds[blind], album.photos.vectors[blind]))
    return likeness(found)


def pair_shares(traces: Sequence[Trace]) -> NDArray[np.float64]:
    """Return each album's share of pairs of photos within `RADII_KM` (A, 5), of 100 at most."""
    found = []
    for trace in traces:
        lat, lon = (one[:100] for one in trace[1:])
        metres = haversine_m(lat[:, None], lon[:, None], lat[None], lon[None])
        found.append([float((metres <= 1000.0 * radius).mean()) for radius in RADII_KM])
    return np.array(found)


def known_mates(traces: Sequence[Trace], share: float = 0.15) -> tuple[float, float, float]:
    """Return how much neighbours can tell at 1 km, as shares of all photos.

    That any other photo of the album lies within 1 km; with a share of the photos known, that the
    nearest known one in time does, and that any known one does; a known photo counts for itself.
    """
    rng = np.random.default_rng(0)
    sums, total = np.zeros(3), 0.0
    for trace in traces:
        seconds, lat, lon = (one[:100] for one in trace)
        count = len(seconds)
        near = haversine_m(lat[:, None], lon[:, None], lat[None], lon[None]) < 1000.0
        weight = min(1.0, MOST_STEPS / count)
        mates = (near.sum(axis=1) > 1).sum()
        sums += weight * np.array([mates, 0.0, 0.0])
        for _ in range(20):
            known = np.flatnonzero(rng.random(count) < share)
            if len(known):
                apart = np.abs(seconds[:, None] - seconds[known])
                apart[known, np.arange(len(known))] = -1.0
                first = near[np.arange(count), known[apart.argmin(axis=1)]].sum()
                sums += weight * np.array([0.0, first, near[:, known].any(axis=1).sum()]) / 20
        total += weight * count
    one, two, three = sums / total
    return float(one), float(two), float(three)


def oracle(simulator: Simulator, albums: Sequence[DrawnAlbum]) -> tuple[list[float], list[float]]:
    """Return per cent within `RADII_KM` if it were known what each photo knows.

    A sharp photo says its cell, one that knows an area is silent within it, and a smoother with
    the counted motion puts them together: first each photo for itself, then with the album.
    """
    cells = simulator.partition
    counted = simulator.draw(1000, (302,))
    classes, gaps = [one.classes for one in counted], [one.photos.gaps for one in counted]
    moves = count_moves(classes, gaps, cells.mean_lat, cells.mean_lon)
    smoother = Smoother(cells.mean_lat, cells.mean_lon, simulator.log_prior, moves)
    areas = [cell_ids(cells.mean_lat, cells.mean_lon, level) for level in BLUR_LEVELS]
    said = []
    for one in albums:
        rows = np.zeros((len(one.kinds), cells.size))
        for at, kind in enumerate(one.kinds):
            if kind == 0 and one.classes[at] >= 0:
                rows[at] = np.where(np.arange(cells.size) == one.classes[at], 0.0, -12.0)
            elif 0 < kind <= len(BLUR_LEVELS):
                here = cell_ids(one.lat[at], one.lon[at], BLUR_LEVELS[kind - 1])
                rows[at] = np.where(areas[kind - 1] == here, 0.0, -12.0)
        said.append(rows + simulator.log_prior)
    alone = np.concatenate([rows.argmax(axis=1) for rows in said])
    best = []
    for start in range(0, len(albums), 50):
        part = slice(start, start + 50)
        found = smoother.smooth_all(said[part], [one.photos.gaps for one in albums[part]])
        best += [rows.argmax(axis=1) for rows in found]
    return (
        list(within(simulator, albums, alone)),
        list(within(simulator, albums, np.concatenate(best))),
    )


def draw(real: dict[str, NDArray[np.float64]], made: dict[str, NDArray[np.float64]]) -> None:
    """Write the plot: cumulated shares, real and simulated."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 4, figsize=(14, 3.2), layout="constrained")
    for axis, name in zip(axes, list(real)[:4], strict=True):
        for values, label in ((real[name], "real"), (made[name], "simulated")):
            ordered = np.sort(np.maximum(values, 1.0))
            axis.step(ordered, np.linspace(0, 1, len(ordered)), label=label, where="post")
        if name != "countries per album":
            axis.set_xscale("log")
        axis.set_title(name)
        axis.set_ylim(0, 1)
    axes[0].legend()
    figure.savefig(RESULTS / f"{NAME}.png", dpi=70)
    pyplot.close(figure)


def draw_table(path: Path) -> None:
    """Write the plot of the table: ours and the paper's figures at each radius."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    ours = json.loads(path.read_text(encoding="utf-8"))["ours"]
    names = [one for one in ROWS if one in ours]
    figure, axes = pyplot.subplots(1, 3, figsize=(12, 4.2), sharey=True, layout="constrained")
    for axis, number in zip(axes, (0, 2, 3), strict=True):
        for row, name in enumerate(names):
            values = [seed[number] for seed in ours[name]]
            axis.plot(values, [row] * len(values), "o", color="C0", label="ours, by seed")
            if name in PAPER:
                axis.plot(PAPER[name][number], row, "x", color="C1", label="PlaNet, Table 2b")
        axis.set_title(f"% within {RADII_KM[number]:g} km")
        axis.grid(axis="y", alpha=0.3)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    handles, labels = axes[0].get_legend_handles_labels()
    known = dict(zip(labels, handles, strict=True))
    axes[0].legend(known.values(), known.keys(), fontsize=8)
    figure.savefig(RESULTS / f"{NAME}-table.png", dpi=70)
    pyplot.close(figure)


def table_lines(path: Path) -> list[str]:
    """Return Table 2b as Markdown."""
    table = json.loads(path.read_text(encoding="utf-8"))
    radii = " / ".join(f"{one:g}" for one in RADII_KM)
    lines = [
        f"Seeds: {len(table['ours']['single'])}, {table['albums']} test albums each "
        f"(last seed: {table['photos']:,} photos), {table['cells']:,} cells. "
        f"Per cent of photos within {radii} km; ± is half the range over the seeds at 1 km.",
        "",
        "| system | ours | ± | gain at 1 km | PlaNet, Table 2b |",
        "|---|---|---|---|---|",
    ]
    base = np.array([row[0] for row in table["ours"]["single"]])
    for system in [one for one in ROWS if one in table["ours"]]:
        rows = np.array(table["ours"][system])
        paper = PAPER.get(system)
        # A system that lacks a seed gains over the single image of those that it has.
        seeds = f" ({len(rows)} seeds)" if len(rows) < len(base) else ""
        lines.append(
            f"| {system}{seeds} | {' / '.join(f'{one:.1f}' for one in rows.mean(axis=0))} "
            f"| {f'{np.ptp(rows[:, 0]) / 2:.1f}' if len(rows) > 1 else '–'} "
            f"| {100 * (rows[:, 0].mean() / base[: len(rows)].mean() - 1):+.0f} % "
            f"| {' / '.join(f'{one:.1f}' for one in paper) if paper else '–'} |"
        )
    weights = table.get("smoother_weights", {})
    for name, found in weights.items():
        words = "; ".join(f"{fresh:g} and {burst:g}" for fresh, burst in found)
        lines += ["", f"Fitted weights of {name} (after a pause, within a minute): {words}."]
    return lines


def mates_lines(real: Sequence[Trace], made: Sequence[Trace]) -> list[str]:
    """Return rows on how albums dwell, real beside simulated."""
    lines = []
    for number, radius in enumerate(RADII_KM):
        one, two = (100 * pair_shares(traces)[:, number].mean() for traces in (real, made))
        lines.append(f"| pairs of an album within {radius:g} km | {one:.0f} % | {two:.0f} % |")
    quantiles = [
        " / ".join(f"{100 * one:.0f}" for one in np.quantile(pair_shares(traces)[:, 0], QUANTILES))
        for traces in (real, made)
    ]
    lines.append(f"| the first of these by album, % | {quantiles[0]} | {quantiles[1]} |")
    one, two = known_mates(real), known_mates(made)
    for number, what in enumerate(
        (
            "photos with another of the album within 1 km",
            "15 % known: the nearest known in time is within 1 km",
            "15 % known: any known one is within 1 km",
        )
    ):
        lines.append(f"| {what} | {100 * one[number]:.0f} % | {100 * two[number]:.0f} % |")
    return lines


def _figures(row: Sequence[float]) -> str:
    return " / ".join(f"{one:.1f}" for one in row)


def report(options: argparse.Namespace) -> list[str]:
    """Return the lines of the result, and write the plot."""
    space = load_geo_space(options.geo)
    simulator = Simulator.build(space.encoder, space.gallery, find_config("single").simulation)
    albums = simulator.draw(options.albums, (301,))
    traces = real_traces(options.shared)
    drawn = [(one.photos.seconds, one.lat, one.lon) for one in albums]
    real, made = distributions(traces), distributions(drawn)
    draw(real, made)
    lines = [
        "# Simulated albums beside real ones, and the album systems on them",
        "",
        f"Two x86-64 cores, Debian 12, shared with other work. {len(traces)} real albums and "
        f"tracks, {len(drawn)} simulated. No album counts for more than {MOST_STEPS} steps.",
        "",
        "| | quantiles 10 / 25 / 50 / 75 / 90 %, real | simulated |",
        "|---|---|---|",
    ]
    for name in real:
        figures = [
            " / ".join(f"{one:,.0f}" for one in np.quantile(values[name], QUANTILES))
            for values in (real, made)
        ]
        lines.append(f"| {name} | {figures[0]} | {figures[1]} |")
    one, two = fit_motion(traces), fit_motion(drawn)
    lines += [
        f"| spread between albums of the mean class of gap | {one.album_spread:.2f} "
        f"| {two.album_spread:.2f} |",
        f"| moves beyond 1 km that return to an earlier place | {100 * one.returns:.0f} % "
        f"| {100 * two.returns:.0f} % |",
        *mates_lines(traces, drawn),
        "",
        f"![gaps, distances, speeds, countries]({NAME}.png)",
        "",
        "How alike two photos' residuals are (mean cosine) by the time between them: real albums "
        "by the starter's embeddings, simulated ones by what photos say that tell nothing of "
        "their place.",
        "",
        "| up to | " + " | ".join(APART) + " |",
        "|---" * (len(APART) + 1) + "|",
    ]
    for what, values in (
        ("real", real_likeness(options.shared)),
        ("simulated", simulated_likeness(albums)),
    ):
        lines.append(f"| {what} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
    for what, row in zip(
        ("each photo for itself", "with the album"), oracle(simulator, albums), strict=True
    ):
        lines += ["", f"If it were known what each photo knows, {what}: {_figures(row)}."]
    if options.table is not None:
        lines += ["", "## PlaNet's Table 2b", "", *table_lines(options.table)]
        lines += ["", f"![the table]({NAME}-table.png)"]
        draw_table(options.table)
    return lines


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--geo", type=Path, required=True)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--albums", type=int, default=400)
    lines = report(parser.parse_args())
    (RESULTS / f"{NAME}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
