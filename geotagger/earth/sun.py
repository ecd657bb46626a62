"""Where the sun stands."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_J2000_DAY = 10_957.5
"""Days from 1970-01-01T00:00 UTC to 2000-01-01T12:00, from which the formulas count."""


def elevation_deg(seconds: ArrayLike, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float64]:
    """Return the sun's height over the horizon in degrees, without refraction.

    ``seconds`` are those since 1970 in UTC, ``lat`` and ``lon`` degrees; the arguments broadcast.
    The low-precision formulas of the Astronomical Almanac (as in NOAA's calculator), good to a
    hundredth of a degree between 1950 and 2050.
    """
    day = np.asarray(seconds, np.float64) / 86_400.0 - _J2000_DAY
    anomaly = np.radians((357.529 + 0.98560028 * day) % 360.0)
    mean = 280.459 + 0.98564736 * day
    ecliptic = np.radians((mean + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2.0 * anomaly)) % 360.0)
    tilt = np.radians(23.439 - 3.6e-7 * day)
    ascension = np.arctan2(np.cos(tilt) * np.sin(ecliptic), np.cos(ecliptic))
    declination = np.arcsin(np.sin(tilt) * np.sin(ecliptic))
    turned = np.radians((280.46061837 + 360.98564736629 * day + np.asarray(lon)) % 360.0)
    hour = turned - ascension
    across = np.radians(np.asarray(lat, np.float64))
    height = np.sin(across) * np.sin(declination)
    height = height + np.cos(across) * np.cos(declination) * np.cos(hour)
    return np.asarray(np.degrees(np.arcsin(np.clip(height, -1.0, 1.0))), np.float64)
