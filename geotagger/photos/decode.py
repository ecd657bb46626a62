"""The pixels of a photo as upright sRGB, as small as wanted and no larger."""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from geotagger.errors import UnreadableFileError
from geotagger.photos.min_side import DRAFT, MinSide, scaled_middle
from geotagger.photos.opening import explain_os_error, open_regular
from geotagger.photos.raw_read import open_raw, preview_jpeg
from geotagger.photos.record import Kind
from geotagger.photos.sniff import HEAD_SIZE, kind_of_content

MAX_PIXELS = 300_000_000
"""More than any camera gives; a file that promises more is refused before it is decoded."""

_FORMATS = {
    Kind.JPEG: ("JPEG",),
    Kind.TIFF: ("TIFF",),
    Kind.PNG: ("PNG",),
    Kind.WEBP: ("WEBP",),
    Kind.HEIF: ("HEIF", "AVIF"),
    Kind.AVIF: ("AVIF", "HEIF"),
}
_PLUGINS = (AvifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
"""Named so that they are loaded: else the first unknown file makes Pillow load all it has."""
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FLIPS = {3: 3, 5: 8, 6: 6}
"""LibRaw's flip as an Exif orientation."""
_DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    EOFError,
    RuntimeError,
    AssertionError,
)
"""What Pillow and its plugins raise on damaged files."""
_pillow_settings = threading.Lock()

pillow_heif.register_heif_opener(decode_threads=2)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What `load_rgb` was asked for."""

    max_side: int
    square: int | None = None
    rule: MinSide | None = None

    @property
    def is_square(self) -> bool:
        return self.square is not None or self.rule is not None

    @property
    def side(self) -> int:
        if self.rule is not None:
            return self.rule.side
        return self.square if self.square is not None else self.max_side


def load_rgb(
    path: Path, max_side: int, *, square: int | None = None, rule: MinSide | None = None
) -> NDArray[np.uint8]:
    """Return the picture as (H, W, 3) uint8 sRGB, upright, its longer side at most ``max_side``.

    Small pictures are not enlarged. JPEGs are decoded at the smallest sufficient scale, HEIC from
    its thumbnail if that is large enough, RAW from the preview inside. Transparency is laid over
    white, deep grey values are scaled down, colour profiles other than sRGB are converted. Of a
    truncated file what there is comes back, the rest grey or black. Meant to run in a worker: a
    hostile file may want much memory.

    Parameters
    ----------
    path
        The photo.
    max_side
        Longest side of the result in pixels.
    square
        If given, the result is (square, square, 3) instead: the shorter side is scaled to it, up
        or down, and the middle is cut out; ``max_side`` does not count then.
    rule
        If given, the result is the square that published networks are shown; see
        `geotagger.photos.min_side`. The other two do not count then.

    Raises
    ------
    UnreadableFileError
        With path and remedy: not a photo, damaged, or more than `MAX_PIXELS` pixels.
    """
    with _explained(path):
        image, orientation = _small(path, _Wanted(max_side, square, rule))
        image = _to_srgb(image)
        if orientation in _TURNS:
            image = image.transpose(_TURNS[orientation])
        if square is not None and rule is None:
            image = _cut_square(image, square)
        return np.asarray(image, dtype=np.uint8)


def load_jpeg_bytes(path: Path, max_side: int, quality: int = 85) -> bytes:
    """Return the picture as the bytes of an upright sRGB JPEG without metadata; see `load_rgb`."""
    buffer = io.BytesIO()
    Image.fromarray(load_rgb(path, max_side)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _small(path: Path, wanted: _Wanted) -> tuple[Image.Image, int]:
    """Return the picture in its own colours at its final size, and its orientation."""
    with open_regular(path) as stream:
        kind = kind_of_content(stream.read(HEAD_SIZE), path.name)
        if kind is None:
            raise UnreadableFileError(
                "The content is not that of a photo.",
                path=path,
                remedy="Open it in another program to see what it is.",
            )
        if kind is Kind.RAW:
            return _small_raw(path, wanted)
        return _decode(stream, kind, path, wanted)


def _decode(stream: BinaryIO, kind: Kind, path: Path, wanted: _Wanted) -> tuple[Image.Image, int]:
    try:
        return _decode_once(stream, kind, path, wanted)
    except OSError as error:
        if error.errno is not None or isinstance(error, UnidentifiedImageError):
            raise
        # Cut short or damaged in the middle: take what there is. The switch is Pillow's and
        # global, hence the lock; a worker has one thread anyway.
        with _pillow_settings:
            ImageFile.LOAD_TRUNCATED_IMAGES = True
            try:
                return _decode_once(stream, kind, path, wanted)
            finally:
                ImageFile.LOAD_TRUNCATED_IMAGES = False


def _decode_once(
    stream: BinaryIO, kind: Kind, path: Path, wanted: _Wanted
) -> tuple[Image.Image, int]:
    stream.seek(0)
    with _open_image(stream, kind) as image:
        if image.width * image.height > MAX_PIXELS:
            raise UnreadableFileError(
                f"The picture has {image.width} × {image.height} pixels, which is too many.",
                path=path,
                remedy=f"Pictures of up to {MAX_PIXELS // 1_000_000} megapixels are read.",
            )
        if image.width < 1 or image.height < 1:
            raise ValueError("the picture has no pixels")
        whole = image.size
        image.draft(image.mode, _target(whole, wanted, DRAFT if wanted.rule is not None else 1))
        profile = image.info.get("icc_profile")
        image.load()
        orientation = _orientation(image)
        if wanted.rule is not None:
            small = scaled_middle(_eight_bit(image), wanted.rule, whole, orientation)
        else:
            small = _resize(_eight_bit(image), wanted)
        if profile:
            small.info["icc_profile"] = profile
        return small, orientation


@contextlib.contextmanager
def _open_image(stream: BinaryIO | io.BytesIO, kind: Kind) -> Iterator[Image.Image]:
    """Open with the plugins of this kind only; Pillow's limit on pixels gives way to ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _pillow_settings_of_open():
            image = Image.open(stream, formats=_FORMATS[kind])
        with image:
            yield image


@contextlib.contextmanager
def _pillow_settings_of_open() -> Iterator[None]:
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _orientation(image: Image.Image) -> int:
    """Return the orientation that is still to be applied, 1 if its Exif is damaged."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except _DECODE_ERRORS:
        return 1
    return value if isinstance(value, int) else 1


def _target(size: tuple[int, int], wanted: _Wanted, times: int = 1) -> tuple[int, int]:
    """Return width and height after scaling, ``times`` as large for a square."""
    width, height = size
    if wanted.is_square:
        scale = times * wanted.side / min(width, height)
    else:
        scale = min(1.0, wanted.max_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resize(image: Image.Image, wanted: _Wanted) -> Image.Image:
    if wanted.is_square:
        # The middle is cut before scaling: a picture a hundred times as long as wide is no bomb.
        image = _middle(image)
    target = _target(image.size, wanted)
    if target == image.size:
        return image.copy()
    if image.mode in ("P", "1"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image.resize(target, Image.Resampling.BICUBIC, reducing_gap=3.0)


def _middle(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _cut_square(image: Image.Image, side: int) -> Image.Image:
    if image.size == (side, side):
        return image
    return _middle(image).resize((side, side), Image.Resampling.BICUBIC)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Return an image of eight bits per channel; deep grey and float values are scaled."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image, dtype=np.float32)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if image.mode == "F":
        low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
    else:
        low, high = (0.0, 65535.0) if low >= 0 and high <= 65535 else (low, high)
    scale = 255.0 / (high - low) if high > low else 0.0
    return Image.fromarray(((values - low) * scale + 0.5).clip(0, 255).astype(np.uint8))


def _to_srgb(image: Image.Image) -> Image.Image:
    """Return the image in mode RGB, transparency over white, its colour profile applied."""
    profile = image.info.get("icc_profile")
    if image.mode in ("LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=image.getchannel("A"))
        image = white
    converted = _by_profile(image, profile) if profile else None
    if converted is not None:
        return converted
    return image if image.mode == "RGB" else image.convert("RGB")


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Return the image converted to sRGB by its profile, None if it is sRGB or useless."""
    if image.mode not in ("RGB", "CMYK", "L", "LAB") or b"sRGB" in profile[:4096]:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted: Any = ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return converted if isinstance(converted, Image.Image) else None


def _small_raw(path: Path, wanted: _Wanted) -> tuple[Image.Image, int]:
    """Return a RAW file's preview, or the developed picture at half size where it has none."""
    with open_raw(path) as raw:
        data = preview_jpeg(raw)
        if data:
            image = _of_preview(data, path, wanted, raw.sizes.flip)
            if image is not None:
                return image
        if raw.sizes.raw_width * raw.sizes.raw_height > MAX_PIXELS:
            raise UnreadableFileError("The picture has too many pixels.", path=path)
        pixels = raw.postprocess(half_size=True, use_camera_wb=True, output_bps=8)
    developed = Image.fromarray(pixels)
    if wanted.rule is not None:
        return scaled_middle(developed, wanted.rule), 1
    return _resize(developed, wanted), 1


def _of_preview(
    data: bytes, path: Path, wanted: _Wanted, flip: int
) -> tuple[Image.Image, int] | None:
    """Return the preview at its final size, None if it is damaged or much too small."""
    try:
        with _open_image(io.BytesIO(data), Kind.JPEG) as preview:
            side = min(preview.size) if wanted.is_square else max(preview.size)
        if side < min(wanted.side, 600):
            return None
        image, orientation = _decode(io.BytesIO(data), Kind.JPEG, path, wanted)
    except (*_DECODE_ERRORS, UnreadableFileError):
        return None
    return image, orientation if orientation != 1 else _FLIPS.get(flip, 1)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what decoders raise into an error that names the file and says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise explain_os_error(error, path) from error
        raise _damaged(path, error) from error
    except UnreadableFileError:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableFileError(
            "The picture has too many pixels.",
            path=path,
            remedy=f"Pictures of up to {MAX_PIXELS // 1_000_000} megapixels are read.",
        ) from error
    except MemoryError:
        raise
    except Exception as error:
        # Every decoder has errors of its own.
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UnreadableFileError:
    words = str(error).strip() or type(error).__name__
    if isinstance(error, UnidentifiedImageError):
        words = "no decoder knows it"
    return UnreadableFileError(
        f"The picture cannot be decoded ({words}).",
        path=path,
        remedy="The file is damaged or of a rare kind; its place can still be set by hand.",
    )
