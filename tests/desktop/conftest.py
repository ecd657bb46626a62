"""Qt for the tests of the window: no screen, the web engine and its scheme before any application.

This has to happen when the module is imported: pytest-qt makes the application for the first test.
"""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")

from PySide6 import QtWebEngineWidgets  # noqa: F401

from desktop.map.scheme import prepare_environment, register_scheme

prepare_environment()
register_scheme()
