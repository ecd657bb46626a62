"""Places in words, for the write preview."""

from __future__ import annotations

from geotagger.photos.gps_write import GpsFix, Position


def describe_fix(fix: GpsFix | None) -> str:
    """Return the place that will be written in words."""
    return _place(fix.lat, fix.lon, fix.radius_m, fix.altitude_m) if fix else "no place"


def describe(position: Position | None, *, present: bool) -> str:
    """Return a place in words for the write preview."""
    if position is None:
        return "incomplete place" if present else "no place"
    return _place(position.lat, position.lon, position.radius_m, position.altitude_m)


def describe_place(lat: float, lon: float) -> str:
    """Return a point in words."""
    return _place(lat, lon, None, None)


def _place(lat: float, lon: float, radius_m: float | None, altitude_m: float | None) -> str:
    """Return "52.520008° N, 13.404954° E, ±25 m, 34 m above sea level"."""
    text = f"{abs(lat):.6f}° {'S' if lat < 0 else 'N'}, {abs(lon):.6f}° {'W' if lon < 0 else 'E'}"
    if radius_m is not None:
        text += f", ±{radius_m:.0f} m" if radius_m < 10_000 else f", ±{radius_m / 1000:.0f} km"
    if altitude_m is not None:
        text += f", {abs(altitude_m):.0f} m {'below' if altitude_m < 0 else 'above'} sea level"
    return text
