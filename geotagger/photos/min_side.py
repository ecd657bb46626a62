"""The square that published networks look at: the whole photo scaled, then its middle.

The shorter side is scaled to the square's, the longer side in proportion and rounded down, and the
middle is cut out of that, as the image processors of CLIP and its kin do. Of a picture many times
as long as wide only the pixels of the cut are computed, so that it is no bomb.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
DRAFT = 2
"""A JPEG is decoded at least this many times as large as needed: see `scaled_middle`."""

_USUAL = 4
_MIRRORS_X = (2, 3, 7, 8)
_MIRRORS_Y = (3, 4, 6, 7)
"""Exif orientations that turn the stored left, or the stored top, to the other side."""


@dataclass(frozen=True, slots=True)
class MinSide:
    """A square of ``side`` pixels, made with the filter "bilinear" or "bicubic"."""

    side: int
    resample: str = "bicubic"


def scaled_middle(
    image: Image.Image,
    rule: MinSide,
    size: tuple[int, int] | None = None,
    orientation: int = 1,
) -> Image.Image:
    """Return the square of an image, turned as the image is.

    Parameters
    ----------
    image
        The picture, or a smaller decoding of it.
    rule
        Side and filter.
    size
        Width and height of the whole picture where ``image`` is a smaller decoding, which rounds
        its own size up; None takes the image's.
    orientation
        How the square will be turned, as Exif numbers it: where the middle falls between two
        pixels, the one is cut that would be cut of the upright picture.
    """
    width, height = size or image.size
    side = rule.side
    if width <= height:
        full = (side, max(side, int(side * height / width)))
    else:
        full = (max(side, int(side * width / height)), side)
    left, top = (full[0] - side) // 2, (full[1] - side) // 2
    if orientation in _MIRRORS_X:
        left = full[0] - side - left
    if orientation in _MIRRORS_Y:
        top = full[1] - side - top
    if image.mode in ("P", "1"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    across, down = _decoded(image.size, width, height)
    if max(full) <= _USUAL * side:
        # The same calls as the image processors', for the same rounding.
        edges = (0.0, 0.0, min(image.width, across), min(image.height, down))
        scaled = image.resize(full, FILTERS[rule.resample], box=edges)
        return scaled.crop((left, top, left + side, top + side))
    box = (
        left * across / full[0],
        top * down / full[1],
        min(image.width, (left + side) * across / full[0]),
        min(image.height, (top + side) * down / full[1]),
    )
    return image.resize((side, side), FILTERS[rule.resample], box=box)


def _decoded(found: tuple[int, int], width: float, height: float) -> tuple[float, float]:
    """Return how wide and high the whole picture is in the pixels of a decoding."""
    # JPEG decoders shrink by a power of two and round up: 4,001 pixels by four are 1,001.
    scale = max(1, round(max(width / found[0], height / found[1])))
    return width / scale, height / scale
