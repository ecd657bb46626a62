"""The sun's height against what the almanac says."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from geotagger.earth.sun import elevation_deg


@pytest.mark.parametrize(
    ("when", "lat", "lon", "height"),
    [
        # At noon of an equinox the sun stands over the equator; at solstices over the tropics.
        (datetime(2022, 3, 20, 12, 7, tzinfo=UTC), 0.0, 0.0, 90.0),
        (datetime(2022, 6, 21, 12, 2, tzinfo=UTC), 23.44, 0.0, 90.0),
        (datetime(2022, 12, 21, 11, 58, tzinfo=UTC), -23.44, 0.0, 90.0),
        # Midnight sun and polar night.
        (datetime(2022, 6, 21, 0, 2, tzinfo=UTC), 80.0, 0.0, 13.44),
        (datetime(2022, 12, 21, 11, 58, tzinfo=UTC), 80.0, 0.0, -13.44),
        # Noon of Sydney is two in the night in London.
        (datetime(2022, 6, 21, 1, 57, tzinfo=UTC), -33.87, 151.21, 32.7),
    ],
)
def test_known_heights(when: datetime, lat: float, lon: float, height: float) -> None:
    assert float(elevation_deg(when.timestamp(), lat, lon)) == pytest.approx(height, abs=0.35)


def test_sunrise_in_lisbon_is_at_the_printed_minute() -> None:
    """15 May 2022: 06:24 by Lisbon's clocks (UTC+1), the upper rim with refraction at -0.83°."""
    rise = datetime(2022, 5, 15, 5, 24, tzinfo=UTC).timestamp()
    assert float(elevation_deg(rise, 38.7139, -9.1335)) == pytest.approx(-0.83, abs=0.4)


def test_arrays_broadcast_and_poles_are_fine() -> None:
    times = np.linspace(0, 2e9, 7)[:, None]
    found = elevation_deg(times, np.array([-90.0, 0.0, 90.0]), np.array([0.0, 180.0, -180.0]))
    assert found.shape == (7, 3)
    assert np.isfinite(found).all() and (np.abs(found) <= 90.0).all()
