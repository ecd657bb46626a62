"""The map's page can neither leave the program nor read more of it than it is given."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QUrl

from desktop.map.view import MapView
from tests.desktop.map_helpers import ask


def test_a_script_that_wants_to_leave_is_blocked(qtbot):
    widget = MapView()
    qtbot.addWidget(widget)
    with qtbot.waitSignal(widget.ready):
        widget.show()
    # The page's own policy refuses it first, and says so; the interceptor is behind that.
    with qtbot.waitSignal(widget.script_error):
        widget.page().runJavaScript("fetch('https://example.org/x').catch(() => 0); 0")
    assert not any("example.org" in url for url in widget.passed_requests)
    widget.page().load(QUrl("https://example.org/y"))
    assert widget.page().url() == QUrl("geotagger://map/index.html")


@pytest.mark.parametrize(
    "path",
    [
        "/js/../view.py",
        "/js/%2e%2e/view.py",
        "/data/..%2f..%2fpyproject.toml",
        "//etc/passwd",
        "/js/",
        "/leaflet/leaflet-src.js",
    ],
)
def test_paths_that_are_not_in_the_table_are_not_served(qtbot, path):
    widget = MapView()
    qtbot.addWidget(widget)
    with qtbot.waitSignal(widget.ready):
        widget.show()
    answer = "undefined"
    script = (
        f"window.found = null; fetch('geotagger://map{path}')"
        ".then(r => r.ok ? 'served' : 'refused', () => 'refused').then(t => window.found = t); 0"
    )
    widget.page().runJavaScript(script)

    def answered() -> bool:
        nonlocal answer
        answer = ask(qtbot, widget, "JSON.stringify(window.found)")
        return answer is not None

    qtbot.waitUntil(answered)
    assert answer == "refused"
