"""Drawn scenes that stand in for photos: sea, hills, town, forest and night, never the same twice.

Made by this project, so that tests and the documentation's screenshots need nobody else's photos.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]


def scene(kind: str, seed: int, size: tuple[int, int] = (1200, 900)) -> Image.Image:
    """Return a picture of a kind in `KINDS`; the same seed gives the same picture."""
    rng = np.random.default_rng([sum(kind.encode()), seed])
    image = KINDS[kind](rng, size)
    grain = rng.normal(0, 4, (size[1], size[0], 1))
    pixels = np.clip(np.asarray(image, np.float32) + grain, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)


def _sky(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    ramp = np.linspace(0, 1, size[1])[:, None, None]
    pixels = (1 - ramp) * np.array(top) + ramp * np.array(bottom)
    return Image.fromarray(np.broadcast_to(pixels, (size[1], size[0], 3)).astype(np.uint8))


def _ridge(
    rng: np.random.Generator, size: tuple[int, int], level: float, height: float, rough: float
) -> list[tuple[float, float]]:
    x = np.linspace(0, 1, 120)
    y = np.zeros_like(x)
    for octave in range(1, 7):
        y += np.sin(x * rng.uniform(2, 4) * octave * 2 + rng.uniform(0, 6)) / octave**rough
    y = level - height * (y - y.min()) / (np.ptp(y) + 1e-9)
    points = [(float(a * size[0]), float(b * size[1])) for a, b in zip(x, y, strict=True)]
    return [(0.0, float(size[1])), *points, (float(size[0]), float(size[1]))]


def _tint(colour: Colour, rng: np.random.Generator, spread: int = 14) -> Colour:
    shift = rng.integers(-spread, spread + 1, 3)
    red, green, blue = (int(np.clip(c + s, 0, 255)) for c, s in zip(colour, shift, strict=True))
    return red, green, blue


def _sun(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: tuple[int, int]) -> None:
    x, y = rng.uniform(0.1, 0.9) * size[0], rng.uniform(0.08, 0.3) * size[1]
    radius = rng.uniform(0.03, 0.05) * size[0]
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 244, 214))


def _hills(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    image = _sky(size, _tint((120, 170, 220), rng), (238, 226, 205))
    draw = ImageDraw.Draw(image)
    _sun(draw, rng, size)
    far, near = np.array((150, 165, 180)), np.array((60, 98, 52))
    for step in np.linspace(0, 1, 5):
        shade = tuple(int(c) for c in far * (1 - step) + near * step)
        ridge = _ridge(rng, size, 0.5 + 0.42 * step, 0.24 - 0.1 * step, 1.2)
        draw.polygon(ridge, fill=_tint((shade[0], shade[1], shade[2]), rng, 8))
    return image.filter(ImageFilter.GaussianBlur(1.2))


def _sea(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    image = _sky(size, _tint((96, 160, 214), rng), (226, 236, 240))
    draw = ImageDraw.Draw(image)
    _sun(draw, rng, size)
    horizon = rng.uniform(0.45, 0.58)
    blue = _tint((38, 104, 146), rng)
    draw.rectangle((0, horizon * size[1], *size), fill=blue)
    for _ in range(220):
        y = rng.uniform(horizon, 0.92) * size[1]
        x, width = rng.uniform(0, 1) * size[0], rng.uniform(0.01, 0.06) * size[0]
        light = tuple(min(255, c + int(rng.integers(14, 70))) for c in blue)
        draw.line((x, y, x + width, y), fill=(light[0], light[1], light[2]), width=2)
    draw.polygon(_ridge(rng, size, 0.98, 0.14, 1.6), fill=_tint((222, 200, 156), rng))
    if rng.random() < 0.6:
        x, y = rng.uniform(0.2, 0.8) * size[0], (horizon + 0.02) * size[1]
        mast = 0.12 * size[1]
        draw.polygon(((x, y - mast), (x, y), (x + mast * 0.6, y)), fill=(250, 250, 246))
        draw.polygon(
            ((x - 40, y), (x + 70, y), (x + 45, y + 18), (x - 20, y + 18)), fill=(92, 50, 40)
        )
    return image.filter(ImageFilter.GaussianBlur(0.8))


def _houses(
    rng: np.random.Generator,
    size: tuple[int, int],
    image: Image.Image,
    walls: list[Colour],
    lit: float,
) -> None:
    draw = ImageDraw.Draw(image)
    for row, base in enumerate((0.72, 0.9)):
        x = -0.05 * size[0]
        while x < size[0]:
            width = rng.uniform(0.08, 0.17) * size[0]
            top = (base - rng.uniform(0.22, 0.45)) * size[1]
            wall = _tint(walls[int(rng.integers(len(walls)))], rng)
            draw.rectangle((x, top, x + width, size[1]), fill=wall)
            roof = top - rng.uniform(0.03, 0.09) * size[1]
            draw.polygon(
                ((x - 6, top), (x + width / 2, roof), (x + width + 6, top)),
                fill=_tint((150, 74, 52) if lit < 0.5 else (38, 34, 48), rng),
            )
            step = width / 4
            for floor in np.arange(top + step * 0.6, base * size[1] + 40, step * 1.3):
                for column in range(3):
                    left = x + step * (0.7 + column)
                    on = rng.random() < lit
                    glass = (255, 214, 120) if on else _tint((70, 84, 100), rng, 10)
                    draw.rectangle(
                        (left, floor, left + step * 0.5, floor + step * 0.75), fill=glass
                    )
            x += width + rng.uniform(-4, 10 + row)
    draw.rectangle((0, 0.93 * size[1], *size), fill=(120, 114, 108) if lit < 0.5 else (30, 30, 38))


def _town(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    image = _sky(size, _tint((130, 178, 224), rng), (232, 232, 226))
    _houses(
        rng, size, image, [(226, 208, 170), (206, 176, 150), (234, 226, 210), (196, 160, 120)], 0.05
    )
    return image.filter(ImageFilter.GaussianBlur(0.7))


def _night(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    image = _sky(size, (12, 14, 34), _tint((60, 48, 84), rng))
    draw = ImageDraw.Draw(image)
    for x, y in rng.uniform(0, 1, (90, 2)):
        draw.point((x * size[0], y * 0.5 * size[1]), fill=(230, 230, 255))
    _houses(rng, size, image, [(40, 38, 54), (52, 46, 60)], 0.55)
    return image.filter(ImageFilter.GaussianBlur(1.0))


def _forest(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    image = _sky(size, _tint((186, 208, 196), rng), (96, 124, 82))
    draw = ImageDraw.Draw(image)
    for depth in np.linspace(0.25, 1, 5):
        for x in rng.uniform(-0.05, 1.05, int(22 * (1.4 - depth))):
            height = depth * rng.uniform(0.5, 0.8) * size[1]
            foot, half = (0.6 + 0.36 * depth) * size[1], height * 0.2
            green = _tint(
                (int(120 - 90 * depth), int(150 - 80 * depth), int(110 - 80 * depth)), rng
            )
            centre = x * size[0]
            draw.rectangle(
                (centre - 4 * depth, foot - 20, centre + 4 * depth, foot + 24), fill=(70, 52, 38)
            )
            for tier in range(3):
                top = foot - height + tier * height * 0.25
                wide = half * (0.5 + 0.25 * tier)
                draw.polygon(
                    (
                        (centre, top),
                        (centre - wide, top + height * 0.45),
                        (centre + wide, top + height * 0.45),
                    ),
                    fill=green,
                )
    return image.filter(ImageFilter.GaussianBlur(0.9))


KINDS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Image.Image]] = {
    "hills": _hills,
    "sea": _sea,
    "town": _town,
    "night": _night,
    "forest": _forest,
}
