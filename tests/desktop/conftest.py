"""Qt for the tests of the window: no screen, the web engine and its scheme before any application.

This has to happen when the module is imported: pytest-qt makes the application for the first test.
"""

from __future__ import annotations

import functools
import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")

import pytest
import shiboken6
from PySide6 import QtWebEngineWidgets  # noqa: F401
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.map.scheme import prepare_environment, register_scheme

prepare_environment()
register_scheme()

LONG = 180_000
"""Milliseconds to wait for what has to come. The five seconds that pytest-qt waits are too few for
a page and its processes on a machine that has other work as well."""


class PatientBot(QtBot):
    """Waits long for what has to come; what must not come is not waited for."""

    waitSignal = functools.partialmethod(QtBot.waitSignal, timeout=LONG)  # noqa: N815
    waitUntil = functools.partialmethod(QtBot.waitUntil, timeout=LONG)  # noqa: N815
    waitCallback = functools.partialmethod(QtBot.waitCallback, timeout=LONG)  # noqa: N815
    waitExposed = functools.partialmethod(QtBot.waitExposed, timeout=LONG)  # noqa: N815


@pytest.fixture
def qtbot(qapp, request):
    return PatientBot(request)


@pytest.fixture(autouse=True)
def no_window_outlives_its_test():
    """Delete what windows a test leaves.

    Left to Python's collector, a model loses its attributes while its view still asks it, in the
    middle of some later test, to which the errors would be put down.
    """
    yield
    if QApplication.instance() is None:
        return
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    for widget in QApplication.topLevelWidgets():
        if shiboken6.isValid(widget) and widget.parent() is None:
            shiboken6.delete(widget)
