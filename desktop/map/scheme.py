"""The map's own URL scheme: everything the page needs, and nothing from anywhere else."""

from __future__ import annotations

import importlib.resources
import importlib.util
import os
from collections import deque
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QFile, QIODevice, QObject, QUrl
from PySide6.QtWebEngineCore import (
    QWebEngineUrlRequestInfo,
    QWebEngineUrlRequestInterceptor,
    QWebEngineUrlRequestJob,
    QWebEngineUrlScheme,
    QWebEngineUrlSchemeHandler,
)

SCHEME = b"geotagger"
HOST = "map"
PAGE_URL = QUrl("geotagger://map/index.html")

_MIME = {
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".json": b"application/json",
    ".gz": b"application/gzip",
    ".png": b"image/png",
    ".map": b"application/json",
}


def prepare_environment() -> None:
    """Set what QtWebEngine reads when it starts; to be called before the application exists.

    Chromium refuses to start its sandbox as root, so it is switched off there, and only there.
    """
    geteuid = getattr(os, "geteuid", None)
    if geteuid is not None and geteuid() == 0:
        os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")


def register_scheme() -> None:
    """Make the scheme known to QtWebEngine; must come before the application is made."""
    if QWebEngineUrlScheme.schemeByName(SCHEME).name():
        return
    scheme = QWebEngineUrlScheme(SCHEME)
    scheme.setSyntax(QWebEngineUrlScheme.Syntax.Host)
    scheme.setFlags(
        QWebEngineUrlScheme.Flag.SecureScheme
        | QWebEngineUrlScheme.Flag.CorsEnabled
        | QWebEngineUrlScheme.Flag.FetchApiAllowed
    )
    QWebEngineUrlScheme.registerScheme(scheme)


def served_files() -> dict[str, Path | str]:
    """Return every path that the scheme serves, with the file (or Qt resource) behind it.

    The table is the whole of what can be asked for, so there is no path to climb out of.
    """
    table: dict[str, Path | str] = {"/qwebchannel.js": ":/qtwebchannel/qwebchannel.js"}
    leaflet = _package_folder("xstatic.pkg.leaflet") / "data"
    folders = (
        ("/leaflet", leaflet, ("leaflet.js", "leaflet.css")),
        ("/leaflet/images", leaflet / "images", None),
        ("/js", Path(__file__).parent / "js", None),
        ("/data", Path(str(importlib.resources.files("resources") / "basemap")), None),
    )
    for prefix, folder, names in folders:
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        for file in files:
            if file.suffix in _MIME and (names is None or file.name in names):
                table[f"{prefix}/{file.name}"] = file
    return table


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"The package {name} is not installed.", name=name)
    return Path(spec.origin).parent


class MapSchemeHandler(QWebEngineUrlSchemeHandler):
    """Answers the page's requests from the table of files.

    Parameters
    ----------
    html
        The page itself, served as ``/index.html``.
    """

    def __init__(self, html: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._html = html.encode("utf-8")
        self._files = served_files()
        self.refused: deque[str] = deque(maxlen=100)
        """The last addresses that were asked for and are not in the table."""

    def requestStarted(self, job: QWebEngineUrlRequestJob) -> None:
        path = job.requestUrl().path()
        device = self._device(path, job)
        if job.requestUrl().host() != HOST or bytes(job.requestMethod().data()) != b"GET":
            device = None
        if device is None or not device.open(QIODevice.OpenModeFlag.ReadOnly):
            self.refused.append(job.requestUrl().toString())
            job.fail(QWebEngineUrlRequestJob.Error.UrlNotFound)
            return
        mime = _MIME[Path(path).suffix]
        job.reply(QByteArray(mime), device)

    def _device(self, path: str, job: QWebEngineUrlRequestJob) -> QIODevice | None:
        # The job owns the device, which has to live until the reply has been read.
        if path == PAGE_URL.path():
            buffer = QBuffer(job)
            buffer.setData(QByteArray(self._html))
            return buffer
        file = self._files.get(path)
        return None if file is None else QFile(str(file), job)


class OnlyOwnScheme(QWebEngineUrlRequestInterceptor):
    """Lets requests of the own scheme pass and blocks every other."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.passed: deque[str] = deque(maxlen=1000)
        self.blocked: deque[str] = deque(maxlen=1000)

    def interceptRequest(self, info: QWebEngineUrlRequestInfo) -> None:
        url = info.requestUrl()
        if url.scheme() == SCHEME.decode() and url.host() == HOST:
            self.passed.append(url.toString())
            return
        self.blocked.append(url.toString())
        info.block(True)
