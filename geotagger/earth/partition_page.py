"""A partition as a map in one HTML file that asks the network for nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from geotagger.earth.partition import Partition
from geotagger.earth.partition_drawing import coastlines, rings, shades
from geotagger.errors import PartitionError

_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
_DIGITS = 5
_MAX_LAT = 85.06
"""Where the map's projection ends."""


def write_page(partition: Partition, path: Path) -> None:
    """Write the map: cells over coasts and borders, with a tooltip each.

    Leaflet comes out of the installed package and is part of the file; there are no map tiles.

    Raises
    ------
    PartitionError
        The file cannot be written or Leaflet is not installed.
    GeotaggerError
        The base map is missing.
    """
    import folium
    from branca.element import Element

    page = folium.Map(
        location=(25.0, 10.0),
        zoom_start=2,
        tiles=None,
        prefer_canvas=True,
        world_copy_jump=False,
        attribution_control=False,
    )
    # folium asks a CDN for Leaflet, jQuery and Bootstrap: of these the map needs only Leaflet.
    page.default_js, page.default_css = [], []
    root = page.get_root()
    script, style = _leaflet()
    root.header.add_child(
        Element(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'), index=0
    )
    root.header.add_child(Element(f"<style>{style}</style>"))
    # An own block before folium's, which makes the map.
    root.header.add_child(Element(f"<script>{script}</script>"))
    title = f"{partition.name}: {partition.size:,} classes"
    root.header.add_child(Element(f"<title>{_escaped(title)}</title>"))
    _add_lines(page, folium)
    if partition.size:
        _add_cells(page, partition, folium)
    try:
        path.write_text(root.render(), encoding="utf-8")
    except OSError as error:
        raise PartitionError(
            f"The map cannot be written ({error.strerror or error}).", path=path
        ) from error


def _add_cells(page: object, partition: Partition, folium: object) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    colours = [to_hex(one) for one in colormaps["viridis"](shades(partition))]
    levels = partition.levels
    features = []
    for number, ring in enumerate(rings(partition)):
        shape = np.round(np.clip(ring, (-720.0, -_MAX_LAT), (720.0, _MAX_LAT)), _DIGITS)
        closed = [*shape.tolist(), shape[0].tolist()]
        facts = {
            "cell": number,
            "level": int(levels[number]),
            "points": int(partition.counts[number]),
            "mean": f"{partition.mean_lat[number]:.5f}, {partition.mean_lon[number]:.5f}",
            "radius": f"{partition.radius_m[number] / 1000:,.3f} km",
            "colour": colours[number],
        }
        features.append(
            {
                "type": "Feature",
                "properties": facts,
                "geometry": {"type": "Polygon", "coordinates": [closed]},
            }
        )
    folium.GeoJson(  # type: ignore[attr-defined]
        {"type": "FeatureCollection", "features": features},
        style_function=lambda feature: {
            "fillColor": feature["properties"]["colour"],
            "color": "#222222",
            "weight": 0.5,
            "fillOpacity": 0.55,
        },
        tooltip=folium.GeoJsonTooltip(  # type: ignore[attr-defined]
            fields=["cell", "level", "points", "mean", "radius"],
            aliases=["class", "level", "points", "mean place", "half within"],
        ),
    ).add_to(page)


def _add_lines(page: object, folium: object) -> None:
    coasts, borders = coastlines()
    for lines, colour, weight in ((coasts, "#333333", 1.0), (borders, "#888888", 0.7)):
        features = {
            "type": "Feature",
            "properties": {},
            "geometry": {
                "type": "MultiLineString",
                "coordinates": [np.round(line, 3).tolist() for line in lines],
            },
        }
        folium.GeoJson(  # type: ignore[attr-defined]
            {"type": "FeatureCollection", "features": [features]},
            interactive=False,
            style_function=lambda _, colour=colour, weight=weight: {
                "color": colour,
                "weight": weight,
            },
        ).add_to(page)


def _leaflet() -> tuple[str, str]:
    """Return Leaflet's script and style; the package is found, not imported."""
    spec = importlib.util.find_spec("xstatic.pkg.leaflet")
    if spec is None or spec.origin is None:
        raise PartitionError("Leaflet is not installed.", remedy="Install the program again.")
    folder = Path(spec.origin).parent / "data"
    try:
        script = (folder / "leaflet.js").read_text(encoding="utf-8")
        style = (folder / "leaflet.css").read_text(encoding="utf-8")
    except OSError as error:
        raise PartitionError(
            f"Leaflet cannot be read ({error.strerror or error}).",
            path=folder,
            remedy="Install the program again.",
        ) from error
    # The source map would be fetched, and pictures of controls that the map has not.
    return script.replace("//# sourceMappingURL=leaflet.js.map", ""), style


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
