"""One sign for each state of a photo: shape and colour together, the same in every place.

The signs are drawn from a few primitives in a box from -1 to 1 (x to the right, y downward), by
QPainter here and by the map's JavaScript from the same table (`as_json_value`). Primitives:

- ``("ring", radius)`` and ``("disc", radius)``: a circle around the middle, stroked or filled;
- ``("hole", radius)``: a disc in the colour of the paper, to be seen on a filled shape;
- ``("half", radius)``: the left half of a disc; ``("dashes", radius)``: a broken ring;
- ``("area", points)`` and ``("outline", points)``: a closed polygon, filled or stroked;
- ``("line", points)``: a stroked line; ``("mark", points)``: the same in the paper's colour,
  to be seen on a filled shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

Points = tuple[tuple[float, float], ...]
Primitive = tuple[str, float | Points]

STROKE = 0.24
"""Width of lines, in units of the box."""

_CHECK: Points = ((-0.42, 0.02), (-0.12, 0.34), (0.44, -0.32))
_CROSS: tuple[Points, Points] = (((-0.36, -0.36), (0.36, 0.36)), ((-0.36, 0.36), (0.36, -0.36)))
_SQUARE: Points = ((-0.72, -0.72), (0.72, -0.72), (0.72, 0.72), (-0.72, 0.72))
_TRIANGLE: Points = ((0.0, -0.86), (0.94, 0.78), (-0.94, 0.78))


@dataclass(frozen=True, slots=True)
class Sign:
    """How a state looks: its words, its colours on light and on dark ground, its shape."""

    words: str
    light: str
    dark: str
    shape: tuple[Primitive, ...]


_GREY = ("#6a7280", "#9aa3b2")
_BLUE = ("#2563c9", "#7fb0ff")
_GREEN = ("#2c7a4b", "#6fcf97")
_AMBER = ("#b26a00", "#f2b84b")
_RED = ("#c0362c", "#ff8a80")

SIGNS: dict[str, Sign] = {
    "pending": Sign("No GPS yet", *_GREY, (("ring", 0.76),)),
    "confident": Sign("Suggested", *_BLUE, (("half", 0.76), ("ring", 0.76))),
    "accepted": Sign("Accepted", *_BLUE, (("disc", 0.88),)),
    "ambiguous": Sign(
        "Ambiguous",
        *_AMBER,
        (
            ("area", _TRIANGLE),
            ("mark", ((0.0, -0.28), (0.0, 0.22))),
            ("mark", ((0, 0.5), (0, 0.51))),
        ),
    ),
    "insufficient": Sign("Too little evidence", *_GREY, (("ring", 0.76), ("disc", 0.24))),
    "has_gps": Sign("Has GPS", *_GREEN, (("disc", 0.88), ("hole", 0.34))),
    "written": Sign("Written", *_GREEN, (("disc", 0.88), ("mark", _CHECK))),
    "rejected": Sign(
        "Rejected", *_GREY, (("ring", 0.76), ("line", ((-0.53, 0.53), (0.53, -0.53))))
    ),
    "later": Sign(
        "Left for later",
        *_GREY,
        (("ring", 0.76), ("line", ((0.0, -0.44), (0.0, 0.06), (0.34, 0.06)))),
    ),
    "failed": Sign(
        "Write failed", *_RED, (("area", _SQUARE), ("mark", _CROSS[0]), ("mark", _CROSS[1]))
    ),
    "unreadable": Sign("Unreadable", *_RED, (("line", _CROSS[0]), ("line", _CROSS[1]))),
    "excluded": Sign("Left out", *_GREY, (("outline", _SQUARE),)),
    "missing": Sign("Missing", *_GREY, (("dashes", 0.76),)),
}
"""By the value of `geotagger.library.rows.PhotoState`."""

UNKNOWN = Sign("Unknown", *_GREY, (("ring", 0.76),))


def sign(state: str) -> Sign:
    """Return the sign of a state; an unknown state gets a grey ring."""
    return SIGNS.get(str(state), UNKNOWN)


def as_json_value() -> dict[str, object]:
    """Return the table in the form that the map's script draws from."""
    table = {
        state: {
            "words": one.words,
            "light": one.light,
            "dark": one.dark,
            "shape": [[kind, value] for kind, value in one.shape],
        }
        for state, one in SIGNS.items()
    }
    return {"stroke": STROKE, "signs": table}


def paint(
    painter: QPainter, rect: QRectF, state: str, *, dark: bool, paper: QColor | None = None
) -> None:
    """Draw the sign of a state into the square in the middle of ``rect``.

    ``paper`` is the colour of the ground, for the marks on filled shapes; by default white or
    near black after ``dark``.
    """
    one = sign(state)
    colour = QColor(one.dark if dark else one.light)
    ground = paper or QColor("#16191d" if dark else "#ffffff")
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.center())
    half = min(rect.width(), rect.height()) / 2.0
    painter.scale(half, half)
    for kind, value in one.shape:
        filled = kind in {"disc", "hole", "half", "area"}
        pen = QPen(ground if kind == "mark" else colour, STROKE)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        if kind == "dashes":
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            pen.setDashPattern([2.2, 1.8])
        painter.setPen(Qt.PenStyle.NoPen if filled and kind != "area" else pen)
        fill = ground if kind == "hole" else colour
        painter.setBrush(fill if filled else Qt.BrushStyle.NoBrush)
        painter.drawPath(_path(kind, value))
    painter.restore()


def _path(kind: str, value: float | Points) -> QPainterPath:
    path = QPainterPath()
    if isinstance(value, tuple):
        # A filled polygon is stroked too, for round corners: keep it inside the box.
        shrink = 1.0 - STROKE / 2.0 if kind == "area" else 1.0
        polygon = QPolygonF([QPointF(x * shrink, y * shrink) for x, y in value])
        path.addPolygon(polygon)
        if kind in {"area", "outline"}:
            path.closeSubpath()
        return path
    box = QRectF(-value, -value, 2 * value, 2 * value)
    if kind == "half":
        path.moveTo(0.0, 0.0)
        path.arcTo(box, 90.0, 180.0)
        path.closeSubpath()
    else:
        path.addEllipse(box)
    return path


@lru_cache(maxsize=256)
def pixmap(state: str, size: int, *, dark: bool, ratio: float = 1.0) -> QPixmap:
    """Return the sign as a pixmap of ``size`` logical pixels at a device pixel ratio."""
    image = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    paint(painter, QRectF(0, 0, size, size), state, dark=dark)
    painter.end()
    return image


def icon(state: str, *, dark: bool) -> QIcon:
    """Return the sign as an icon, sharp at the usual sizes."""
    result = QIcon()
    for size in (12, 16, 24, 32, 48):
        result.addPixmap(pixmap(state, size, dark=dark))
    return result
