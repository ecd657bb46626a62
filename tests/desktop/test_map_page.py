from __future__ import annotations

import os
import re
from pathlib import Path

from PySide6.QtCore import QFile
from PySide6.QtWebEngineCore import QWebEngineUrlScheme

from desktop.map.page import build_page
from desktop.map.scheme import SCHEME, prepare_environment, register_scheme, served_files


def test_the_page_names_no_address_outside():
    html = build_page()
    assert re.findall(r"(?:src|href)=\"([a-z]+:)?//", html) == []
    assert "http://" not in html
    assert "https://" not in html


def test_the_page_is_foliums_with_leaflet_and_our_scripts():
    html = build_page()
    assert "L.map(" in html
    assert 'src="leaflet/leaflet.js"' in html
    assert 'src="js/app.js"' in html
    assert "Content-Security-Policy" in html


def test_every_file_that_the_page_names_is_served_and_there():
    table = served_files()
    wanted = re.findall(r"(?:src|href)=\"([^\"]+)\"", build_page())
    assert len(wanted) > 10
    for name in wanted:
        assert f"/{name}" in table
    for file in table.values():
        assert file.is_file() if isinstance(file, Path) else QFile.exists(file)


def test_the_base_map_and_its_names_are_served():
    names = {Path(path).name for path in served_files() if path.startswith("/data/")}
    assert names >= {
        "outlines-110m.json.gz",
        "outlines-50m.json.gz",
        "outlines-10m.json.gz",
        "labels.json.gz",
        "cities.json.gz",
        "villages.json.gz",
    }


def test_nothing_but_data_scripts_and_styles_is_served():
    suffixes = {Path(path).suffix for path in served_files()}
    assert suffixes <= {".js", ".css", ".png", ".gz"}


def test_registering_the_scheme_again_changes_nothing():
    register_scheme()
    assert QWebEngineUrlScheme.schemeByName(SCHEME).flags() & QWebEngineUrlScheme.Flag.SecureScheme


def test_the_sandbox_is_switched_off_for_root_only(monkeypatch):
    monkeypatch.delenv("QTWEBENGINE_DISABLE_SANDBOX", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1000, raising=False)
    prepare_environment()
    assert "QTWEBENGINE_DISABLE_SANDBOX" not in os.environ
    monkeypatch.setattr("os.geteuid", lambda: 0, raising=False)
    prepare_environment()
    assert os.environ["QTWEBENGINE_DISABLE_SANDBOX"] == "1"
