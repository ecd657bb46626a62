"""The map's page as folium writes it, with every script and style from the own scheme.

folium brings pandas with it, 80 MB and more than a second at each start, for a page that is always
the same. So it is written once for each version of folium and of this file, and kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from importlib import metadata
from pathlib import Path

from geotagger.cache import cache_folder

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

_SEAL = "\n<!-- "
"""What stands between the kept page and its digest."""

MIN_ZOOM = 1
MAX_ZOOM = 18


def page_html() -> str:
    """Return the HTML of the map's page, as it was kept or written anew."""
    kept = cache_folder("map") / f"{_key()}.html"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        html, _, seal = kept.read_text("utf-8").rpartition(_SEAL)
        if html and seal == hashlib.sha256(html.encode()).hexdigest():
            return html
    html = build_page()
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        for old in kept.parent.glob("*.html"):
            old.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(prefix=".unfinished-", dir=kept.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{html}{_SEAL}{hashlib.sha256(html.encode()).hexdigest()}")
        Path(name).replace(kept)
    return html


def _key() -> str:
    made_by = [Path(__file__).read_bytes()]
    made_by += [metadata.version(name).encode() for name in ("folium", "branca", "jinja2")]
    return hashlib.sha256(b"\0".join(made_by)).hexdigest()[:24]


def build_page() -> str:
    """Return the HTML of the map's page as folium writes it."""
    import folium
    from branca.element import Element

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
