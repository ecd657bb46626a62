"""The map's page as folium writes it, with every script and style from the own scheme."""

from __future__ import annotations

import folium
from branca.element import Element

_SCRIPTS = (
    "leaflet/leaflet.js",
    "qwebchannel.js",
    "js/geometry.js",
    "js/canvas_layer.js",
    "js/palette.js",
    "js/signs.js",
    "js/basemap.js",
    "js/labels.js",
    "js/photos.js",
    "js/candidates.js",
    "js/app.js",
)
_STYLES = ("leaflet/leaflet.css", "js/map.css")

_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'"
)

MIN_ZOOM = 1
MAX_ZOOM = 18


def build_page() -> str:
    """Return the HTML of the map's page."""
    page = folium.Map(
        location=(25.0, 10.0),
        zoom_start=2,
        tiles=None,
        prefer_canvas=True,
        zoom_snap=0.25,
        zoom_delta=1,
        wheel_px_per_zoom_level=90,
        attribution_control=True,
        world_copy_jump=False,
    )
    page._id = "geotagger"
    # folium asks a CDN for Leaflet, jQuery and Bootstrap: ours come with the program.
    page.default_js = [(name, name) for name in _SCRIPTS]
    page.default_css = [(name, name) for name in _STYLES]
    root = page.get_root()
    root.header.add_child(
        Element(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'), index=0
    )
    start = f"geotagger.start({page.get_name()}, {{minZoom: {MIN_ZOOM}, maxZoom: {MAX_ZOOM}}})"
    # folium's own script, which makes the map, comes after this one.
    root.script.add_child(Element(f'window.addEventListener("DOMContentLoaded", () => {start});'))
    return root.render()
