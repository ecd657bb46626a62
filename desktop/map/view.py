"""The map as a widget."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QPoint, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent
from PySide6.QtWebChannel import QWebChannel
from PySide6.QtWebEngineCore import QWebEnginePage, QWebEngineProfile, QWebEngineSettings
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop import signs
from desktop.dragging import dragged_photos
from desktop.map.bridge import MapBridge
from desktop.map.page import page_html
from desktop.map.scheme import PAGE_URL, SCHEME, MapSchemeHandler, OnlyOwnScheme
from desktop.map.values import (
    MapCandidate,
    MapPhoto,
    PreparedPhotos,
    plain_text,
    prepare,
    wrap_lon,
)

__all__ = ["MapCandidate", "MapPhoto", "MapView", "PreparedPhotos", "prepare"]

_PAPER = {False: QColor("#cfdde6"), True: QColor("#171d24")}
"""What is seen before the page has painted: the sea."""

_STATE = {
    "setSigns": "signs",
    "setDark": "dark",
    "setReducedMotion": "motion",
    "highlightPhotos": "selected",
    "setCandidates": "candidates",
    "highlightCandidate": "chosen",
    "setMarker": "marker",
    "clearMarker": "marker",
    "flyTo": "where",
    "fit": "where",
}
"""What each command sets: the last of each kind is said again to a page that is loaded anew."""


class _Page(QWebEnginePage):
    """Shows the map's page and goes nowhere else; tells what its scripts complain of."""

    complained = Signal(str)

    def acceptNavigationRequest(
        self, url: QUrl | str, kind: QWebEnginePage.NavigationType, is_main_frame: bool
    ) -> bool:
        del kind, is_main_frame
        return QUrl(url) == PAGE_URL

    def createWindow(self, kind: QWebEnginePage.WebWindowType) -> QWebEnginePage | None:
        del kind
        return None

    def javaScriptConsoleMessage(
        self,
        level: QWebEnginePage.JavaScriptConsoleMessageLevel,
        message: str,
        line: int,
        source: str,
    ) -> None:
        if level == QWebEnginePage.JavaScriptConsoleMessageLevel.ErrorMessageLevel:
            self.complained.emit(f"{source}:{line}: {message}")


class MapView(QWidget):
    """An offline map with photos, numbered candidates and one marker that can be dragged.

    Every method may be called before the page is ready; it is then carried out as soon as it is.
    Longitudes that come out are in [-180, 180).
    """

    ready = Signal()
    marker_dragged = Signal(float, float)
    """Latitude and longitude where the marker was let go."""
    map_clicked = Signal(float, float)
    """Latitude and longitude of a click on the map itself."""
    candidate_chosen = Signal(int)
    """The ``index`` of a candidate whose marker was clicked."""
    photo_chosen = Signal(int)
    """The ``id`` of a photo whose sign was clicked."""
    moved = Signal(float, float, float)
    """The map came to rest: latitude, longitude of its middle, and zoom."""
    photos_dropped = Signal(list, float, float)
    """Ids of photos that were let go on the map, latitude and longitude there."""
    script_error = Signal(str)
    """A script of the page failed; for the log and for tests."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Map"))
        self._asked: dict[int, Callable[[float, float], None]] = {}
        self._dark = False
        self._web = QWebEngineView(self)
        # Off the record: nothing of the map is kept on disk.
        self._profile = QWebEngineProfile(self)
        self._interceptor = OnlyOwnScheme(self._profile)
        self._handler = MapSchemeHandler(page_html(), self._profile)
        self._profile.setUrlRequestInterceptor(self._interceptor)
        self._profile.installUrlSchemeHandler(SCHEME, self._handler)
        self._page = _Page(self._profile, self._web)
        self._bridge = MapBridge(self)
        self._channel = QWebChannel(self)
        self._channel.registerObject("bridge", self._bridge)
        self._page.setWebChannel(self._channel)
        self._page.setBackgroundColor(_PAPER[False])
        settings = self._page.settings()
        for attribute in (
            QWebEngineSettings.WebAttribute.LocalStorageEnabled,
            QWebEngineSettings.WebAttribute.PluginsEnabled,
            QWebEngineSettings.WebAttribute.LocalContentCanAccessRemoteUrls,
            QWebEngineSettings.WebAttribute.JavascriptCanOpenWindows,
            QWebEngineSettings.WebAttribute.NavigateOnDropEnabled,
        ):
            settings.setAttribute(attribute, False)
        self.setAcceptDrops(True)
        self._page.loadFinished.connect(self._take_drops)
        self._web.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self._web.setPage(self._page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._web)
        self.setFocusProxy(self._web)

        self._bridge.received.connect(self._take)
        self._bridge.damaged.connect(self.script_error)
        self._page.complained.connect(self.script_error)
        self._page.renderProcessTerminated.connect(self._page_died)
        self._state: dict[str, tuple[str, tuple[object, ...]]] = {}
        self._photos = PreparedPhotos()
        self._parts: list[tuple[int, str]] = []
        self._next_part = QTimer(self, singleShot=True, interval=0)
        self._next_part.timeout.connect(self._send_part)
        self._lives = 3
        self._send("setSigns", signs.as_json_value())
        self._web.load(PAGE_URL)

    # What the window asks for ------------------------------------------------------------------

    def set_photos(self, photos: Iterable[MapPhoto]) -> None:
        """Show these photos, and no others; many that lie close together become one cluster."""
        self.show_prepared(prepare(photos))

    def show_prepared(self, photos: PreparedPhotos) -> None:
        """Show photos that `prepare` made ready; many go part by part, not to stall anything."""
        self._photos = photos
        self._parts = list(enumerate(photos.parts))
        self._send_part()

    def _send_part(self) -> None:
        if self._parts:
            at, part = self._parts.pop(0)
            self._bridge.send_text(
                "takePhotos", f"[{part}, {json.dumps(at == 0)}, {json.dumps(not self._parts)}]"
            )
        if self._parts:
            self._next_part.start()

    def set_candidates(self, candidates: Iterable[MapCandidate]) -> None:
        """Show these candidates as numbered markers with the circles of their radii."""
        rows = [
            {
                "index": one.index,
                "lat": one.lat,
                "lon": wrap_lon(one.lon),
                "radius": one.radius_m,
                "probability": one.probability,
                "label": plain_text(one.label),
            }
            for one in candidates
            if math.isfinite(one.lat) and math.isfinite(one.lon) and math.isfinite(one.radius_m)
        ]
        self._send("setCandidates", rows)

    def highlight_candidate(self, index: int | None) -> None:
        """Show one candidate as the chosen one, or none."""
        self._send("highlightCandidate", index)

    def highlight_photos(self, ids: Iterable[int]) -> None:
        """Show these photos as selected: drawn larger, above the others, never in a cluster."""
        self._send("highlightPhotos", list(ids))

    def set_marker(self, lat: float, lon: float, draggable: bool = True) -> None:
        """Put the marker to a place."""
        self._send("setMarker", lat, wrap_lon(lon), draggable)

    def clear_marker(self) -> None:
        """Take the marker away."""
        self._send("clearMarker")

    def fly_to(self, lat: float, lon: float, zoom: float | None = None) -> None:
        """Bring a place to the middle; at most 300 ms on the way, at once with reduced motion."""
        self._send("flyTo", lat, wrap_lon(lon), zoom)

    def fit(self, points: Sequence[tuple[float, float]], max_zoom: float = 14.0) -> None:
        """Show all these (latitude, longitude) places, the short way round the earth."""
        if points:
            self._send("fit", [(lat, wrap_lon(lon)) for lat, lon in points], max_zoom)

    def center(self, callback: Callable[[float, float], None]) -> None:
        """Call back with latitude and longitude of the middle of the map."""
        self._ask("tellCenter", callback)

    def place_of(self, point: QPoint, callback: Callable[[float, float], None]) -> None:
        """Call back with latitude and longitude of a point of this widget."""
        self._ask("tellPlace", callback, point.x(), point.y())

    def _ask(self, name: str, callback: Callable[[float, float], None], *arguments: object) -> None:
        number = max(self._asked, default=0) + 1
        self._asked[number] = callback
        self._send(name, number, *arguments)

    def set_dark(self, dark: bool) -> None:
        """Choose the palette."""
        self._dark = dark
        self._page.setBackgroundColor(_PAPER[dark])
        self._send("setDark", dark)

    def set_reduced_motion(self, reduced: bool) -> None:
        """Choose whether the map may move by itself."""
        self._send("setReducedMotion", reduced)

    # For tests and the log -----------------------------------------------------------------------

    @property
    def blocked_requests(self) -> tuple[str, ...]:
        """The addresses that the page wanted and did not get."""
        return (*self._interceptor.blocked, *self._handler.refused)

    @property
    def passed_requests(self) -> tuple[str, ...]:
        """The addresses that the page got."""
        return tuple(self._interceptor.passed)

    def page(self) -> QWebEnginePage:
        """Return the page, to run scripts in it."""
        return self._page

    def mouse_target(self) -> QWidget:
        """Return the widget that takes mouse and key events for the page."""
        target = self._web.focusProxy()
        return target if target is not None else self._web

    # What Qt tells -------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dragged_photos(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        photos = dragged_photos(event.mimeData())
        if photos:
            event.acceptProposedAction()
            self.place_of(
                event.position().toPoint(),
                lambda lat, lon: self.photos_dropped.emit(photos, lat, lon),
            )

    # Inside --------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        return QSize(480, 480)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 120)

    def _take_drops(self) -> None:
        """Have drags come to this widget instead of the page, whose view is made with it."""
        for widget in self.findChildren(QWidget):
            widget.setAcceptDrops(False)

    def _send(self, name: str, *args: object) -> None:
        if name in _STATE:
            # The newest last, so that a page that had to be loaded anew gets them in order.
            self._state.pop(_STATE[name], None)
            self._state[_STATE[name]] = (name, args)
        self._bridge.send(name, *args)

    def _take(self, name: str, args: list[object]) -> None:
        """Turn an event of the page into a signal; what does not fit is told, never raised."""
        try:
            match name, args:
                case "ready", []:
                    self.ready.emit()
                case "markerDragged", [lat, lon]:
                    self.marker_dragged.emit(*_place(lat, lon))
                case "mapClicked", [lat, lon]:
                    self.map_clicked.emit(*_place(lat, lon))
                case "candidateChosen", [index]:
                    self.candidate_chosen.emit(int(index))
                case "photoChosen", [number]:
                    self.photo_chosen.emit(int(number))
                case "moved", [lat, lon, zoom]:
                    self.moved.emit(*_place(lat, lon), float(zoom))
                case "place", [number, lat, lon]:
                    callback = self._asked.pop(int(number), None)
                    if callback is not None:
                        callback(*_place(lat, lon))
                case "error", [message]:
                    self.script_error.emit(str(message))
                case _:
                    self.script_error.emit(f"an event that is not known: {name} {args!r:.200}")
        except (TypeError, ValueError) as error:
            self.script_error.emit(f"an event with wrong values: {name} {args!r:.200} ({error})")

    def _page_died(self, status: QWebEnginePage.RenderProcessTerminationStatus, code: int) -> None:
        """Load the page anew, as it was, if its process ended by itself."""
        if status == QWebEnginePage.RenderProcessTerminationStatus.NormalTerminationStatus:
            return
        self.script_error.emit(f"the map's process ended ({status.name}, {code})")
        if self._lives == 0:
            return
        self._lives -= 1
        self._bridge.restart()
        for name, args in self._state.values():
            self._bridge.send(name, *args)
        self.show_prepared(self._photos)
        self._web.load(PAGE_URL)


def _place(lat: object, lon: object) -> tuple[float, float]:
    north, east = float(lat), float(lon)  # type: ignore[arg-type]
    if not (math.isfinite(north) and math.isfinite(east)):
        raise ValueError("a place that is not a number")
    return min(max(north, -90.0), 90.0), wrap_lon(east)
