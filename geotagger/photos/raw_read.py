"""The metadata and previews of camera RAW files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, BinaryIO

import rawpy

from geotagger.errors import UnreadableFileError
from geotagger.photos.blocks import MAX_BLOCK, Blocks, jpeg_blocks
from geotagger.photos.exif_read import ExifTags, read_block, read_stream
from geotagger.photos.isobmff import cr3_blocks
from geotagger.photos.opening import MeteredStream, open_regular

_XMP_TAG = 0x02BC
_EXIF_WIDTH, _EXIF_HEIGHT = 0xA002, 0xA003
_MAX_RAW = 1 << 30


def read_raw(
    stream: BinaryIO, metered: MeteredStream, path: Path, size: int
) -> tuple[ExifTags, Blocks]:
    """Return the tags of a RAW file, its XMP and the size of its picture.

    Most formats are TIFF inside; Canon's CR3 is an ISO base media file, Fujifilm's RAF holds a
    JPEG with the Exif. For the rest the Exif of the embedded preview is taken.
    """
    head = metered.read_at(0, 92)
    if head[4:8] == b"ftyp":
        blocks = cr3_blocks(metered, size)
        tags = ExifTags()
        for directory, block in (blocks.exif_parts or {}).items():
            tags.adopt(read_block(block), directory)
    elif head.startswith(b"FUJIFILMCCD-RAW"):
        blocks = jpeg_blocks(metered, size, int.from_bytes(head[84:88], "big"))
        blocks.width = blocks.height = 0
        tags = read_block(blocks.exif) if blocks.exif else ExifTags()
    elif head[:2] in (b"II", b"MM") and head[6:14] != b"HEAPCCDR":
        tags = read_stream(stream)
        blocks = Blocks(xmp=tags.data("Image", _XMP_TAG, MAX_BLOCK))
    else:
        tags, blocks = _of_preview(path)
    width, height = tags.number("EXIF", _EXIF_WIDTH), tags.number("EXIF", _EXIF_HEIGHT)
    if width and height:
        blocks.width, blocks.height = int(width), int(height)
    else:
        blocks.width, blocks.height = _size(path)
    return tags, blocks


def open_raw(path: Path) -> Any:
    """Return the opened RAW file (a context manager of rawpy).

    Raises
    ------
    UnreadableFileError
        If LibRaw does not know or cannot read it.
    """
    try:
        try:
            return rawpy.imread(str(path))
        except UnicodeEncodeError:
            # LibRaw takes names in UTF-8 only; for others it gets the content.
            with open_regular(path) as stream:
                return rawpy.imread(io.BytesIO(stream.read(_MAX_RAW)))
    except rawpy.LibRawError as error:
        raise UnreadableFileError(
            f"The RAW file cannot be read ({_words(error)}).",
            path=path,
            remedy="The camera may be too new, or the file damaged.",
        ) from error


def preview_jpeg(raw: Any) -> bytes | None:
    """Return the largest JPEG that the camera put into an open RAW file, None if there is none."""
    try:
        preview = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    if preview.format is not rawpy.ThumbFormat.JPEG:
        return None
    data: bytes = bytes(preview.data)
    return data


def _of_preview(path: Path) -> tuple[ExifTags, Blocks]:
    try:
        with open_raw(path) as raw:
            data = preview_jpeg(raw)
    except UnreadableFileError:
        data = None
    if not data:
        return ExifTags(), Blocks(note="The file's metadata cannot be read.")
    blocks = jpeg_blocks(MeteredStream(io.BytesIO(data)), len(data))
    return (read_block(blocks.exif) if blocks.exif else ExifTags()), blocks


def _size(path: Path) -> tuple[int, int]:
    """Return width and height of the developed picture, zeros where LibRaw cannot tell."""
    try:
        with open_raw(path) as raw:
            sizes = raw.sizes
            return int(sizes.width), int(sizes.height)
    except UnreadableFileError:
        return 0, 0


def _words(error: Exception) -> str:
    message = error.args[0] if error.args else error
    return message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)
