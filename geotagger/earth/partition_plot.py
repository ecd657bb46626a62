"""A partition as a picture: its cells over coasts and borders, coloured by points per area."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geotagger.earth.partition import Partition
from geotagger.earth.partition_drawing import coastlines, rings, shades
from geotagger.errors import PartitionError

_SIZE_IN = (16.0, 8.6)
_DPI = 150


def plot_partition(partition: Partition, path: Path) -> None:
    """Write a PNG of 2,400 by 1,290 pixels.

    Raises
    ------
    PartitionError
        The picture cannot be written.
    GeotaggerError
        The base map is missing.
    """
    # The figure's own canvas: no window system, no state shared with other plots.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_IN, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    coasts, borders = coastlines()
    cells, shade = rings(partition), shades(partition)
    # Cells over ±180 are drawn at both edges.
    twice = [
        (number, shift)
        for number, ring in enumerate(cells)
        for shift in (0.0, -360.0, 360.0)
        if ring[:, 0].min() + shift < 180.0 and ring[:, 0].max() + shift > -180.0
    ]
    drawn = [cells[number] + np.array([shift, 0.0]) for number, shift in twice]
    axes.add_collection(
        PolyCollection(
            drawn,
            array=shade[[number for number, _ in twice]],
            cmap="viridis",
            edgecolors=(0.1, 0.1, 0.1, 0.55),
            linewidths=0.25,
            alpha=0.75,
        )
    )
    axes.add_collection(LineCollection(coasts, colors="black", linewidths=0.6))
    axes.add_collection(LineCollection(borders, colors="0.35", linewidths=0.3))
    axes.set(xlim=(-180, 180), ylim=(-90, 90), xlabel="longitude (°)", ylabel="latitude (°)")
    axes.set_aspect("equal")
    least, most = partition.limits.min_count, partition.limits.max_count
    axes.set_title(
        f"{partition.name}: {partition.size:,} classes of {partition.points:,} points, "
        f"{least:,} to {most:,} each ({partition.scheme})"
    )
    if drawn:
        bar = figure.colorbar(axes.collections[0], ax=axes, shrink=0.7, ticks=[0.0, 1.0])
        bar.ax.set_yticklabels(["sparse", "dense"])
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise PartitionError(
            f"The plot cannot be written ({error.strerror or error}).", path=path
        ) from error
