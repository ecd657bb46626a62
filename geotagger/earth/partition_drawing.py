"""How the cells of a partition are drawn on a map: outlines that do not jump, and colours."""

from __future__ import annotations

import gzip
import importlib.resources
import json
import zlib

import numpy as np

from geotagger.earth.cells import Floats
from geotagger.earth.partition import Partition
from geotagger.earth.scheme import scheme_of
from geotagger.errors import GeotaggerError

_POLE = 90.0 - 1e-9
_STEPS_BELOW_LEVEL = {"s2": 6, "latlon": 0}
_STEPS = 16


def rings(partition: Partition) -> list[Floats]:
    """Return a ring (K, 2) for each cell, longitude and latitude, for a flat map.

    Longitudes run on without a jump and may leave ±180 by the width of the cell; edges of large S2
    cells, which are great circles, are bent. A cell with a pole in it or at its corner is drawn up
    to the edge of the map.
    """
    found: list[Floats] = [np.empty((0, 2))] * partition.size
    large = partition.levels < _STEPS_BELOW_LEVEL[partition.scheme]
    for classes, steps in ((np.flatnonzero(large), _STEPS), (np.flatnonzero(~large), 1)):
        around = partition.outlines(classes, steps=steps)
        lat, lon = around[..., 0], around[..., 1]
        jumps = np.diff(lon, axis=1, append=lon[:, :1])
        odd = (np.abs(lat) > _POLE).any(axis=1) | (np.abs(jumps) > 180.0).any(axis=1)
        for row in np.flatnonzero(~odd):
            found[int(classes[row])] = np.column_stack((lon[row], lat[row]))
        for row in np.flatnonzero(odd):
            ring = _run_on(lat[row], lon[row])
            middle = float(partition.centre_lon[classes[row]])
            # The copy about the cell's own centre, so that neighbours lie beside each other.
            ring[:, 0] += 360.0 * np.round((middle - ring[:, 0].mean()) / 360.0)
            found[int(classes[row])] = ring
    return found


def _run_on(lat: Floats, lon: Floats) -> Floats:
    """Return one ring without jumps of longitude."""
    polar = np.flatnonzero(np.abs(lat) > _POLE)
    if len(polar) == 1:
        # A pole has every longitude: the edge of the map between those of its neighbours.
        at = int(polar[0])
        lat, lon = np.roll(lat, -at), np.roll(lon, -at)
        lat = np.append(lat, lat[0])
        lon = np.append(lon, lon[-1])
        lon[0] = lon[1]
    run = np.degrees(np.unwrap(np.radians(lon)))
    turn = run[-1] + ((lon[0] - lon[-1] + 180.0) % 360.0 - 180.0) - run[0]
    ring = np.column_stack((run, lat))
    if len(polar) != 1 and abs(turn) > 180.0:
        # Round a pole: close along the edge of the map.
        edge = 90.0 if lat.mean() > 0 else -90.0
        end = run[0] + np.copysign(360.0, turn)
        ring = np.vstack((ring, (end, lat[0]), (end, edge), (run[0], edge)))
    return ring


def shades(partition: Partition) -> Floats:
    """Return a shade from 0 to 1 for each cell (C): the logarithm of its points per area."""
    if partition.size == 0:
        return np.empty(0)
    areas = scheme_of(partition.scheme).areas_m2(partition.ids)
    density = np.log(partition.counts / areas)
    low, high = float(density.min()), float(density.max())
    return np.asarray((density - low) / max(high - low, 1e-12), np.float64)


def coastlines(name: str = "outlines-110m") -> tuple[list[Floats], list[Floats]]:
    """Return the base map's coasts and borders, each line (K, 2): longitude and latitude.

    Raises
    ------
    GeotaggerError
        The base map is missing or damaged.
    """
    source = importlib.resources.files("resources") / "basemap" / f"{name}.json.gz"
    try:
        data = json.loads(gzip.decompress(source.read_bytes()))
        coasts = [_line(ring, data["scale"]) for polygon in data["land"] for ring in polygon]
        return coasts, [_line(line, data["scale"]) for line in data["borders"]]
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise GeotaggerError(
            f"The base map cannot be read ({error}).", remedy="Install the program again."
        ) from error


def _line(steps: list[int], scale: float) -> Floats:
    return np.asarray(np.cumsum(np.reshape(steps, (-1, 2)), axis=0) * scale, np.float64)
