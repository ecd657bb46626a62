from __future__ import annotations

import numpy as np
import pytest

from geotagger.suggest.motion import SCALES_M, log_density, mass_within, uniform_within


@pytest.mark.parametrize("away", [0.0, 30.0, 100.0, 1_000.0])
@pytest.mark.parametrize("radius", [10.0, 100.0, 1_000.0])
def test_the_mass_in_a_disc_is_that_of_the_drawn_points(away: float, radius: float) -> None:
    scale = 80.0
    generator = np.random.default_rng(4)
    share, angle = generator.random(200_000), generator.random(200_000) * 2 * np.pi
    distance = scale * np.sqrt(share / (1 - share))
    x, y = distance * np.cos(angle) - away, distance * np.sin(angle)
    drawn = float((np.hypot(x, y) <= radius).mean())
    assert float(mass_within(away, radius, scale)) == pytest.approx(drawn, abs=0.005)


@pytest.mark.parametrize("scale", SCALES_M)
def test_the_density_adds_up_to_the_mass(scale: float) -> None:
    radius = np.linspace(0.0, 5 * scale, 20_001)
    ring = np.exp(log_density(radius, scale)) * 2 * np.pi * radius
    total = np.trapezoid(ring, radius)
    assert total == pytest.approx(float(mass_within(0.0, 5 * scale, scale)), abs=1e-4)


def test_mass_grows_with_the_radius_to_all() -> None:
    radius = np.geomspace(1, 1e9, 200)
    for away in (0.0, 500.0, 1e6):
        mass = mass_within(away, radius, 300.0)
        assert (np.diff(mass) >= -1e-12).all()
        assert mass[-1] == pytest.approx(1.0, abs=1e-6)


def test_half_of_the_earth_is_within_a_quarter_of_its_circumference() -> None:
    assert float(uniform_within(np.pi / 2 * 6_371_008.8)) == pytest.approx(0.5)
    assert float(uniform_within(1e9)) == pytest.approx(1.0)
