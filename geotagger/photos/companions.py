"""Which files are one photo: RAW+JPEG pairs, live photos, edit files, sidecars."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from geotagger.photos.record import Kind
from geotagger.photos.sniff import kind_of_name

_MOVIES = frozenset((".mov", ".mp4", ".m4v"))
_EDITS = frozenset((".aae",))
_SIDECAR = ".xmp"
# Pixel phones call a pair PXL_….RAW-01.COVER.jpg and PXL_….RAW-02.ORIGINAL.dng.
_PIXEL_PAIR = re.compile(r"\.raw-\d\d(\.mp)?(\.(cover|original))?$")

_RAW_GOES_TO = (Kind.JPEG, Kind.HEIF)
_MOVIE_GOES_TO = (Kind.HEIF, Kind.JPEG, Kind.RAW)
_EDIT_GOES_TO = (Kind.HEIF, Kind.JPEG, Kind.PNG, Kind.RAW)


def is_related(name: str) -> bool:
    """Return whether a file of this name can belong to a photo: photo, movie, edit or sidecar."""
    suffix = Path(name).suffix.lower()
    return (
        kind_of_name(name) is not None
        or suffix in _MOVIES
        or suffix in _EDITS
        or suffix == _SIDECAR
    )


def group(paths: Iterable[Path]) -> dict[Path, tuple[Path, ...]]:
    """Return the photos among ``paths``, each with the other files that belong to it.

    One photo are files of one folder whose names differ only in the extension, whatever the case:

    - a RAW beside a JPEG or HEIC is a companion of it, for the JPEG can be shown and written; a
      RAW alone is a photo; a TIFF or PNG of the same name is an export and its own photo;
    - a movie beside a HEIC, JPEG or RAW makes it a live photo and is its companion;
    - Apple's ``.AAE`` edit list is a companion; ``IMG_E1234`` (the edited picture) is named
      differently and is its own photo;
    - a HEIC and a JPEG of the same name are two photos (one is a converted copy).

    Sidecars are not companions (see `sidecar_of`); a movie without a photo is left out. Both keys
    and companions are in the order of ``paths``.
    """
    families: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    order: list[Path] = []
    for path in dict.fromkeys(paths):
        families[path.parent, _stem(path)].append(path)
        order.append(path)
    found: dict[Path, tuple[Path, ...]] = {}
    for family in families.values():
        found.update(_group_family(family))
    return {path: found[path] for path in order if path in found}


def _group_family(family: list[Path]) -> dict[Path, tuple[Path, ...]]:
    photos: dict[Path, list[Path]] = {}
    kinds = {path: kind_of_name(path.name) for path in family}
    stills = [path for path in family if kinds[path] not in (None, Kind.RAW)]
    raws = [path for path in family if kinds[path] is Kind.RAW]
    host = _first(stills, kinds, _RAW_GOES_TO)
    for path in stills if host is not None else stills + raws:
        photos[path] = []
    if host is not None:
        photos[host].extend(raws)
    for path in family:
        suffix = path.suffix.lower()
        wanted = _MOVIE_GOES_TO if suffix in _MOVIES else _EDIT_GOES_TO if suffix in _EDITS else ()
        owner = _first(list(photos), kinds, wanted)
        if owner is not None:
            photos[owner].append(path)
    return {path: tuple(sorted(others, key=family.index)) for path, others in photos.items()}


def _first(
    paths: list[Path], kinds: dict[Path, Kind | None], wanted: tuple[Kind, ...]
) -> Path | None:
    for kind in wanted:
        for path in paths:
            if kinds[path] is kind:
                return path
    return None


def sidecar_of(path: Path, siblings: Iterable[Path]) -> Path | None:
    """Return the XMP sidecar of a photo among the files of its folder, None if there is none.

    ``photo.ext.xmp`` is taken before ``photo.xmp``. The latter belongs to the RAW where there is
    one: it is then also that of the JPEG or HEIC which the RAW is a companion of, but of no other
    picture of the same name.
    """
    siblings = [other for other in siblings if other.parent == path.parent]
    sidecars = [other for other in siblings if other.suffix.lower() == _SIDECAR]
    full, short = path.name.casefold(), path.stem.casefold()
    by_stem = None
    for other in sidecars:
        stem = other.stem.casefold()
        if stem == full:
            return other
        if stem == short:
            by_stem = other
    if by_stem is None:
        return None
    family = [other for other in siblings if _stem(other) == _stem(path)]
    raws = [other for other in family if kind_of_name(other.name) is Kind.RAW]
    if not raws or path in raws:
        return by_stem
    owns_raw = any(other in raws for other in group([*family, path]).get(path, ()))
    return by_stem if owns_raw else None


def family_of(path: Path, siblings: Iterable[Path]) -> tuple[Path, ...]:
    """Return the files among ``siblings`` that can belong to the photo, itself left out."""
    stem, name = _stem(path), path.name.casefold()
    return tuple(
        other
        for other in siblings
        if other.parent == path.parent
        and other != path
        and (_stem(other) == stem or other.stem.casefold() == name)
        and is_related(other.name)
    )


def _stem(path: Path) -> str:
    return _PIXEL_PAIR.sub("", path.stem.casefold())
