from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QFile
from PySide6.QtWebEngineCore import QWebEngineUrlScheme

from desktop.map.page import build_page, page_html
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


def test_the_page_is_kept_and_a_damaged_one_is_written_anew(monkeypatch, tmp_path):
    monkeypatch.setenv("GEOTAGGER_CACHE", str(tmp_path / "cache"))
    assert page_html() == build_page()
    (kept,) = (tmp_path / "cache" / "map").iterdir()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "folium", None)  # not to be imported
        assert page_html() == build_page_before(kept)
    whole = kept.read_bytes()
    kept.write_bytes(whole.replace(b"leaflet.js", b"leaflet.jx"))
    assert page_html() == build_page()
    assert kept.read_bytes() == whole
    kept.write_bytes(whole[:-10])
    assert page_html() == build_page()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_that_cannot_be_written_keeps_nobody_from_the_map(monkeypatch, tmp_path):
    tmp_path.chmod(0o500)
    monkeypatch.setenv("GEOTAGGER_CACHE", str(tmp_path / "cache"))
    assert page_html() == build_page()


def test_a_cache_that_is_a_file_keeps_nobody_from_the_map(monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("")
    monkeypatch.setenv("GEOTAGGER_CACHE", str(tmp_path / "cache"))
    assert page_html() == build_page()


def build_page_before(kept):
    return kept.read_text("utf-8").rpartition("\n<!-- ")[0]


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
