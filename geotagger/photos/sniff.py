"""What kind of photo a file is: by its first bytes, the name is only a hint."""

from __future__ import annotations

from pathlib import Path

from geotagger.photos.record import Kind

RAW_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "iiq", "k25", "kdc"),
        *("mef", "mos", "mrw", "nef", "nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2"),
        *("srf", "srw", "x3f"),
    )
)
_SUFFIXES = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), Kind.JPEG),
    **dict.fromkeys((".tif", ".tiff"), Kind.TIFF),
    ".png": Kind.PNG,
    ".webp": Kind.WEBP,
    **dict.fromkeys((".heic", ".heif", ".hif"), Kind.HEIF),
    ".avif": Kind.AVIF,
    **dict.fromkeys(RAW_SUFFIXES, Kind.RAW),
}

_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")
)
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_MOVIES = (b"qt  ", b"iso", b"mp4", b"M4", b"3g", b"avc1", b"MSNV", b"dash", b"f4v")
_RAW_HEADS = (
    b"IIRO",
    b"IIRS",
    b"MMOR",
    b"IIU\x00",
    b"FUJIFILMCCD-RAW",
    b"\x00MRM",
    b"FOVb",
    b"II\x1a\x00\x00\x00HEAPCCDR",
)
_TIFF_HEADS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

HEAD_SIZE = 64
"""How many first bytes `kind_of_content` wants to see."""


def kind_of_name(name: str) -> Kind | None:
    """Return the kind that the file's extension promises, None if it is no photo's extension."""
    return _SUFFIXES.get(Path(name).suffix.lower())


def kind_of_content(head: bytes, name: str) -> Kind | None:
    """Return what a file is by its first `HEAD_SIZE` bytes, None if it is no photo we know.

    The name decides only between TIFF and the RAW formats that are TIFF inside.
    """
    if head.startswith(b"\xff\xd8"):
        return Kind.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind.WEBP
    if head[4:8] == b"ftyp":
        return _kind_of_brands(head)
    if head.startswith(_RAW_HEADS):
        return Kind.RAW
    if head.startswith(_TIFF_HEADS):
        raw = head[8:10] == b"CR" or kind_of_name(name) is Kind.RAW
        return Kind.RAW if raw else Kind.TIFF
    return None


def _kind_of_brands(head: bytes) -> Kind | None:
    """Return the kind of an ISO base media file by its major and compatible brands."""
    major = head[8:12]
    if major == b"crx ":
        return Kind.RAW
    end = min(len(head), int.from_bytes(head[:4], "big"))
    brands = {major} | {head[at : at + 4] for at in range(16, end - 3, 4)}
    if brands & _AVIF_BRANDS:
        return Kind.AVIF
    # A movie may list mif1 among its brands; its major brand says what it is.
    if major in _HEIF_BRANDS or (not major.startswith(_MOVIES) and brands & _HEIF_BRANDS):
        return Kind.HEIF
    return None
